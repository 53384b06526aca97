package mailbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The child of a crash test: what it does, to which mailbox, and at which step it dies.
const childEnv = "MAILBOX_CRASH_CHILD"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(childEnv)); len(args) == 3 {
		n, _ := strconv.Atoi(args[2])
		at := func(string) {
			if n--; n == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		var err error
		switch args[0] {
		case "run":
			err = runAll(args[1], at)
		case "undo":
			var u *Undone
			if u, err = undo(args[1], nil, at); err == nil && len(u.Failures) > 0 {
				err = u.Failures[0].Err
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child runs the test program as a child and says whether it was killed.
func child(t *testing.T, what, path string, dieAt int) (killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", childEnv, what, path, dieAt))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
	return true
}

// crashMessages is how many messages the mailboxes of crash tests have; kinds how many things may
// become of one.
const (
	crashMessages = 18
	kinds         = 9
)

func crashText(n int) string {
	return fmt.Sprintf("Subject: %d\n\nthis is message %d\n%s", n, n, strings.Repeat("text\n", 10*n))
}

// numberOf returns the number of a message.
func numberOf(m *Message) int {
	n, _ := strconv.Atoi(m.Mail.Header().Values("Subject")[0])
	return n
}

const editedPrefix = "X-Edited: yes\n"

// deedOf is what shall become of a message; it depends on the message alone.
func deedOf(src Source, index, n int, raw []byte) Deed {
	a, _ := src.Resolve("A", "/")
	b, _ := src.Resolve("B/C", "/")
	edited := append([]byte(editedPrefix), raw...)
	here := Store{Folder: src.Here()}
	d := Deed{Index: index, Remove: true}
	switch n % kinds {
	case 0:
		d.Stores = []Store{here}
	case 1:
		d.Stores = []Store{{Folder: a, Create: true}}
	case 2:
		d.Stores = []Store{{Folder: a, Create: true}, here}
	case 3:
		d.Stores = []Store{{Folder: here.Folder, Flags: []string{`\Seen`, "$k"}}}
	case 4:
		d.Stores = []Store{{Folder: b, Create: true, Flags: []string{"$k", "$l"}}, {Folder: a, Create: true, Flags: []string{`\Flagged`, "$l"}}}
	case 5: // laid aside
	case 6:
		d.Stores = []Store{{Folder: here.Folder, Raw: edited}}
	case 7:
		d.Stores = []Store{{Folder: b, Create: true, Raw: edited, Flags: []string{"$k"}}}
	case 8:
		d.Stores = []Store{{Folder: b, Create: true, Raw: edited}, {Folder: a, Create: true}, here}
	}
	if n%4 == 1 {
		d.Extra = json.RawMessage(strconv.Itoa(n))
	}
	return d
}

// wanted is what is in which folder when all deeds are done: "folder: number edited? flags".
func wanted(src Source) []string {
	out := []string{}
	for n := range crashMessages {
		d := deedOf(src, n, n, nil)
		for _, s := range d.Stores {
			flags := slices.Clone(s.Flags)
			if n%2 == 1 {
				flags = append(flags, missingFlags(flags, []string{`\Answered`, "$old"})...)
			}
			slices.Sort(flags)
			out = append(out, fmt.Sprintf("%s: %d %v %v", s.Folder, n, s.Raw != nil, flags))
		}
	}
	slices.Sort(out)
	return out
}

// runAll does the deeds of all messages, as far as they are left.
func runAll(path string, at func(string)) error {
	src, err := Open(path)
	if err != nil {
		return err
	}
	extra := func(id string, d Deed) error {
		at("before an extra")
		f, err := os.OpenFile(path+".extra", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		fmt.Fprintf(f, "%s %s\n", id, d.Extra)
		return f.Close()
	}
	ch, err := Begin(src, Options{What: "test", step: at, Extra: extra})
	if err != nil {
		return err
	}
	commit := func(next int) error {
		failed, err := ch.Commit(next)
		if len(failed) > 0 {
			return fmt.Errorf("%s: %w", failed[0].Label, failed[0].Err)
		}
		return err
	}
	for i := ch.Next(); i < src.Len(); i++ {
		m, err := src.Read(i)
		if err != nil {
			return fmt.Errorf("%s: %w", src.Label(i), err)
		}
		d := deedOf(src, i, numberOf(m), m.Mail.Raw())
		m.Close()
		if err := ch.Do(d); err != nil {
			return err
		}
		if i%4 == 3 {
			if err := commit(i + 1); err != nil {
				return err
			}
		}
	}
	if err := commit(src.Len()); err != nil {
		return err
	}
	if err := ch.Finish(); err != nil {
		return err
	}
	if err := commit(src.Len()); err != nil {
		return err
	}
	if err := ch.Close(); err != nil {
		return err
	}
	return src.Close()
}

// crashMaildir makes a Maildir for a crash test.
func crashMaildir(t *testing.T) string {
	files := map[string]string{keywordsPath: "2 $old\n", ".A/cur/1.there:2,S": "Subject: 1000\n\nwas there\n", ".A/new/x": "", ".A/tmp/x": ""}
	for n := range crashMessages {
		name := fmt.Sprintf("new/%d.M1.host,S=%d", 1000+n, n)
		if n%2 == 1 {
			name = fmt.Sprintf("%d.M1.host,S=%d:2,Rc", 1000+n, n)
		}
		files[name] = crashText(n)
	}
	root := newMaildir(t, files)
	for _, name := range []string{".A/new/x", ".A/tmp/x"} {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// crashMbox makes an mbox for a crash test.
func crashMbox(t *testing.T) string {
	var b strings.Builder
	for n := range crashMessages {
		text := crashText(n)
		if n%2 == 1 {
			text = "X-Status: A\nX-Keywords: $old\n" + text
		}
		b.WriteString(fromLine + text + "\n")
	}
	path := writeMbox(t, b.String())
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "A"), []byte(fromLine+"Subject: 1000\n\nwas there"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tree returns the files below a folder with what is in them, without those of runs.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasSuffix(d.Name(), StateDir) {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(dir, path)
		if d.IsDir() || err != nil {
			out[rel+"/"] = ""
			return err
		}
		if strings.HasSuffix(rel, ".extra") {
			return nil
		}
		raw, err := os.ReadFile(path)
		out[rel] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// found returns what is in which folder, in the way of wanted.
func whatIsThere(t *testing.T, path string) []string {
	t.Helper()
	src := open(t, path)
	out := []string{}
	for _, name := range []string{"INBOX", "A", "B/C"} {
		folder, err := src.Resolve(name, "/")
		if err != nil {
			t.Fatal(err)
		}
		if !src.HasFolder(folder) {
			continue
		}
		at := filepath.Join(path, folder)
		if _, ok := src.(*Mbox); ok {
			at = filepath.Join(filepath.Dir(path), folder)
		}
		box := open(t, at)
		for i := range box.Len() {
			m, err := box.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			n := numberOf(m)
			flags := m.Flags()
			slices.Sort(flags)
			raw, edited := bytes.CutPrefix(m.Mail.Raw(), []byte(editedPrefix))
			text := string(raw)
			for _, f := range []string{"Status: ", "X-Status: ", "X-Keywords: "} {
				if a, b, ok := strings.Cut("\n"+text, "\n"+f); ok {
					_, b, _ = strings.Cut(b, "\n")
					text = strings.TrimPrefix(a+"\n"+b, "\n")
				}
			}
			if n < crashMessages && text != crashText(n) {
				t.Errorf("message %d in %s is %q", n, name, text)
			}
			if n < crashMessages {
				out = append(out, fmt.Sprintf("%s: %d %v %v", folder, n, edited, flags))
			} else {
				out = append(out, fmt.Sprintf("%s: %d", folder, n))
			}
			m.Close()
		}
	}
	slices.Sort(out)
	return out
}

// journals returns the journals of runs over a mailbox.
func journals(t *testing.T, path string) []string {
	t.Helper()
	src := open(t, path)
	dir := filepath.Join(path, StateDir)
	if b, ok := src.(*Mbox); ok {
		dir = b.stateDir()
	}
	list, err := filepath.Glob(filepath.Join(dir, "*", journalName))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestKilledAtAnyStep(t *testing.T) {
	for name, box := range map[string]func(*testing.T) string{"Maildir": crashMaildir, "mbox": crashMbox} {
		t.Run(name, func(t *testing.T) {
			steps, stride := 0, 1
			if os.Getenv("SLUICE_PROOF") == "" {
				stride = 6 // each of them costs a dozen fsyncs
			}
			for dieAt := 1 + rand.IntN(stride); ; dieAt += stride {
				path := box(t)
				top := path
				if name == "mbox" {
					top = filepath.Dir(path)
				}
				before := tree(t, top)
				killed := child(t, "run", path, dieAt)
				if killed {
					steps++
					// once more, a little later
					if child(t, "run", path, 1+dieAt%5) {
						child(t, "run", path, 0)
					}
				}
				src := open(t, path)
				a, _ := src.Resolve("A", "/")
				want := append(wanted(src), a+": 1000")
				slices.Sort(want)
				if diff := cmp.Diff(want, whatIsThere(t, path)); diff != "" {
					t.Fatalf("killed at step %d (-want +got):\n%s", dieAt, diff)
				}
				extra, err := os.ReadFile(path + ".extra")
				if err != nil {
					t.Fatal(err)
				}
				for n := 1; n < crashMessages; n += 4 {
					if !strings.Contains(string(extra), fmt.Sprintf(" %d\n", n)) {
						t.Errorf("killed at step %d: the extra of message %d was not done:\n%s", dieAt, n, extra)
					}
				}
				list := journals(t, path)
				if len(list) != 1 {
					t.Fatalf("killed at step %d: journals %v", dieAt, list)
				}
				// and everything back, killed on the way
				child(t, "undo", list[0], dieAt)
				child(t, "undo", list[0], 0)
				if diff := cmp.Diff(before, tree(t, top)); diff != "" {
					t.Fatalf("killed at step %d, and taken back (-want +got):\n%s", dieAt, diff)
				}
				if u, err := Undo(list[0], nil); err != nil || !u.Already {
					t.Errorf("undone once more: %+v, %v", u, err)
				}
				if !killed {
					break
				}
			}
			if steps == 0 {
				t.Errorf("only %d steps", steps)
			}
			t.Logf("killed at %d steps", steps)
		})
	}
}
