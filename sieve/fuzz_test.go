package sieve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// caseScripts returns the scripts and messages of testdata/cases as seeds.
func caseScripts(f *testing.F) (scripts, messages []string) {
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(data).Files {
			switch {
			case part.Name == "message":
				messages = append(messages, string(part.Data))
			case strings.HasPrefix(part.Name, "script: "):
				scripts = append(scripts, string(part.Data))
			}
		}
	}
	return scripts, messages
}

func FuzzCompile(f *testing.F) {
	scripts, _ := caseScripts(f)
	for _, s := range scripts {
		f.Add(s)
	}
	l := testLanguage()
	f.Fuzz(func(t *testing.T, src string) {
		p, err := l.Compile("t", []byte(src), runtime.CompileOptions{Stage: runtime.StageDeliver})
		if (p == nil) == (err == nil) {
			t.Fatal("neither a program nor an error, or both")
		}
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if line == "\n" {
					t.Fatalf("an empty line in %q", err)
				}
			}
			return
		}
		// What is printed compiles too, and to as many places.
		tree, _ := Parse("t", []byte(src))
		again, err := l.Compile("t", Print(tree), runtime.CompileOptions{Stage: runtime.StageDeliver})
		if err != nil {
			t.Fatalf("printed: %v", err)
		}
		if len(again.Sites()) != len(p.Sites()) {
			t.Fatal("printed script differs")
		}
	})
}

func FuzzRun(f *testing.F) {
	scripts, messages := caseScripts(f)
	for i, s := range scripts {
		f.Add(s, messages[i%len(messages)])
	}
	l := New(Options{Expressions: fakeExpressions{}})
	engine := runtime.NewEngine(l)
	limits := runtime.Limits{Time: time.Second, Steps: 10_000, Output: 1 << 16, Actions: 10}
	f.Fuzz(func(t *testing.T, src, message string) {
		p, err := l.Compile("t", []byte(src), runtime.CompileOptions{})
		if err != nil {
			return
		}
		tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: runtime.Path{Address: "a@example.org"}, Message: mail.New([]byte(message))}
		tx.Rcpt.Address = "b+c@example.net"
		res := engine.Run(t.Context(), p, tx, runtime.RunOptions{Host: &runtime.Live{}, Limits: limits, Seed: 1})
		if res.Err == nil {
			return
		}
		if strings.Contains(res.Err.Error(), "internal error") {
			t.Fatal(res.Err)
		}
		if !strings.HasPrefix(res.Err.Error(), "t:") {
			t.Fatalf("no place: %v", res.Err)
		}
	})
}
