package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

// programs makes a folder of programs, which are shell scripts that see the folder $OUT.
func programs(t *testing.T, scripts map[string]string) (folder, out string) {
	t.Helper()
	out, folder = t.TempDir(), filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\nOUT='"+out+"'\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder, out
}

// piping is a script that pipes to programs.
func piping(actions ...runtime.Action) func(*runtime.Task) error {
	return func(t *runtime.Task) error {
		for _, a := range actions {
			if a.Program != "" {
				a.Kind = runtime.Pipe
			}
			if err := t.Act(a); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestMessagesArePiped(t *testing.T) {
	inbox := []string{"id-anna:INBOX"}
	for _, tt := range []struct {
		name    string
		actions []runtime.Action
		none    bool // no folder is configured
		want    []string
		ran     string
	}{
		{"a program that takes the message has it alone", []runtime.Action{{Program: "take"}}, false, []string{}, "take "},
		{"a copy is kept too", []runtime.Action{{Program: "take", Copy: true}}, false, inbox, "take "},
		{"arguments stay whole", []runtime.Action{{Program: "take", Args: []string{"a b", "$(c)"}}}, false, []string{}, "take a b|$(c) "},
		{"mail that a program refuses is kept", []runtime.Action{{Program: "refuse"}}, false, inbox, "refuse "},
		{"with try too", []runtime.Action{{Program: "refuse", Try: true}}, false, inbox, "refuse "},
		{"a program that is not there keeps the mail", []runtime.Action{{Program: "missing"}}, false, inbox, ""},
		{"mail that is kept already is not kept twice", []runtime.Action{{Program: "refuse"}, {Kind: runtime.Keep}}, false, inbox, "refuse "},
		{"a failure keeps mail that was to be discarded", []runtime.Action{{Program: "refuse"}, {Kind: runtime.Discard}}, false, inbox, "refuse "},
		{"with try it is discarded", []runtime.Action{{Program: "refuse", Try: true}, {Kind: runtime.Discard}}, false, []string{}, "refuse "},
		{"a program that hangs is ended, and the mail kept", []runtime.Action{{Program: "hang"}}, false, inbox, "hang "},
		{"of two programs one fails", []runtime.Action{{Program: "take"}, {Program: "refuse", Try: true}}, false, inbox, "take refuse "},
		{"without a folder mail is kept", []runtime.Action{{Program: "take"}}, true, inbox, ""},
		{"stores are done before programs", []runtime.Action{{Program: "take"}, {Kind: runtime.FileInto, Mailbox: "A", Create: true}}, false, []string{"id-anna:A"}, "take "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			note := `IFS='|'; printf '%s ' "$0 $*" | sed "s|^$OUT||; s|^[^ ]*/||; s| *$| |" >>"$OUT/ran"; `
			folder, out := programs(t, map[string]string{"take": note + `cat >"$OUT/message"`, "refuse": note + "exit 1", "hang": note + "sleep 600"})
			if tt.none {
				folder = ""
			}
			p := startWith(t, w, t.TempDir(), funcs{"pipe": piping(tt.actions...)}, func(o *Options) {
				o.PipeFolder = folder
				if strings.HasPrefix(tt.ran, "hang") {
					o.PipeOptions.Time = 300 * time.Millisecond
				}
			}, script("pipe"))
			if got := codes(p.give(t, plain, "a@remote.example", "anna@example.org")); got != "250" {
				t.Fatal(got)
			}
			if diff := cmp.Diff(tt.want, w.in()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			ran, _ := os.ReadFile(filepath.Join(out, "ran"))
			if string(ran) != tt.ran {
				t.Errorf("ran %q, want %q", ran, tt.ran)
			}
			if strings.HasPrefix(tt.ran, "take") {
				if got, _ := os.ReadFile(filepath.Join(out, "message")); string(got) != plain {
					t.Errorf("the program got %q", got)
				}
			}
		})
	}
}

func TestDataScriptPipesOnceForAllRecipients(t *testing.T) {
	w := newWorld()
	folder, out := programs(t, map[string]string{"take": `echo >>"$OUT/ran"`})
	s := script("pipe")
	s.Stage = string(runtime.StageData)
	p := startWith(t, w, t.TempDir(), funcs{"pipe": piping(runtime.Action{Program: "take"})}, func(o *Options) { o.PipeFolder = folder }, s)
	p.give(t, plain, "a@remote.example", "anna@example.org", "bert@example.org")
	if ran, _ := os.ReadFile(filepath.Join(out, "ran")); string(ran) != "\n" || len(w.in()) != 0 {
		t.Errorf("ran %q, stored %v", ran, w.in())
	}
}

// TestProgramsWaitForStores fails a store: the program is run when the store is done, and not
// again when something else behind it fails.
func TestProgramsWaitForStores(t *testing.T) {
	w := newWorld()
	folder, out := programs(t, map[string]string{"take": `echo "$SLUICE_KEY" >>"$OUT/ran"`})
	p := startWith(t, w, t.TempDir(), funcs{"pipe": both(
		piping(runtime.Action{Program: "take"}, runtime.Action{Kind: runtime.Keep}), call("mark", "", "k", "v", "1h"))},
		func(o *Options) { o.PipeFolder = folder }, script("pipe"))
	failing := "import"
	w.failing(func(op string) error {
		if op == failing {
			return errors.New("the disk is slow")
		}
		return nil
	})
	ran := func() int {
		b, _ := os.ReadFile(filepath.Join(out, "ran"))
		return strings.Count(string(b), "/0/")
	}
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if ran() != 0 {
		t.Error("the program was run before the store was done")
	}
	failing = "mark"
	p.recover(t.Context())
	p.recover(t.Context())
	if ran() != 1 {
		t.Errorf("the program was run %d times", ran())
	}
	failing = ""
	p.recover(t.Context())
	p.piped.Range(func(key, _ any) bool {
		t.Errorf("%v is not forgotten", key)
		return true
	})
	if ran() != 1 || len(w.marks) != 1 {
		t.Errorf("ran %d times, marks %v", ran(), w.marks)
	}
}
