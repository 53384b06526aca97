package mailbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// begin begins a run over a mailbox.
func begin(t *testing.T, path string, o Options) (Source, Changer) {
	t.Helper()
	src := open(t, path)
	ch, err := Begin(src, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ch.Close(); err != nil {
			t.Error(err)
		}
	})
	return src, ch
}

// do does deeds and ends the run.
func do(t *testing.T, ch Changer, deeds ...Deed) {
	t.Helper()
	for _, d := range deeds {
		if err := ch.Do(d); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, ch)
}

func finish(t *testing.T, ch Changer) {
	t.Helper()
	failed, err := ch.Commit(ch.Next())
	if err == nil {
		err = ch.Finish()
	}
	for _, f := range failed {
		t.Errorf("%s: %v", f.Label, f.Err)
	}
	if err == nil {
		err = ch.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// names are the files in cur and new of a folder.
func names(t *testing.T, root, folder string) []string {
	t.Helper()
	all, err := list(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		out = append(out, e.Path())
	}
	return out
}

func TestRunThatChangesNothingLeavesNoJournal(t *testing.T) {
	root := newMaildir(t, map[string]string{"1.a:2,S": small})
	_, ch := begin(t, root, Options{})
	do(t, ch, Deed{Index: 0, Stores: []Store{{Flags: []string{`\seen`}}}})
	if ch.Journal() != "" || len(journals(t, root)) != 0 {
		t.Errorf("journal %q", ch.Journal())
	}
}

func TestFlagsOfMessages(t *testing.T) {
	tests := []struct {
		name, file string
		flags      []string
		want       string
	}{
		{"none", "1.a:2,RS", nil, "cur/1.a:2,RS"},
		{"more", "1.a:2,R", []string{`\Seen`, `\FLAGGED`}, "cur/1.a:2,FRS"},
		{"a message in new comes to cur", "new/1.a", []string{`\Seen`}, "cur/1.a:2,S"},
		{"letters that say nothing stay", "1.a:2,Xz", []string{`\Seen`}, "cur/1.a:2,SXz"},
		{"a keyword that is known", "1.a:2,", []string{"$OLD"}, "cur/1.a:2,c"},
		{"a keyword that is new", "1.a:2,c", []string{"work"}, "cur/1.a:2,ac"},
		{"forwarded", "1.a:2,", []string{"$Forwarded"}, "cur/1.a:2,P"},
		{"an odd name", "odd \xff\n:2,", []string{`\Seen`}, "cur/odd \xff\n:2,S"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := newMaildir(t, map[string]string{tt.file: small, keywordsPath: "2 $old\n"})
			before := tree(t, root)
			_, ch := begin(t, root, Options{})
			do(t, ch, Deed{Index: 0, Stores: []Store{{Flags: tt.flags}}})
			if diff := cmp.Diff([]string{tt.want}, names(t, root, "")); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if j := ch.Journal(); j != "" {
				if u, err := Undo(filepath.Dir(j), nil); err != nil || len(u.Failures) > 0 {
					t.Errorf("undo: %+v, %v", u, err)
				}
			}
			if diff := cmp.Diff(before, tree(t, root)); diff != "" {
				t.Errorf("after undo (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageThatMovesKeepsItsFlagsAndItsTime(t *testing.T) {
	root := newMaildir(t, map[string]string{"1700000000.M1.host,S=20,W=22:2,Rc": small, keywordsPath: "2 $old\n", ".A/cur/x": "", ".A/new/x": "", "cur/../.A/" + keywordsFile: "0 other\n"})
	when := time.Unix(1700000000, 0)
	if err := os.Chtimes(filepath.Join(root, "cur/1700000000.M1.host,S=20,W=22:2,Rc"), when, when); err != nil {
		t.Fatal(err)
	}
	_, ch := begin(t, root, Options{})
	do(t, ch, Deed{Index: 0, Remove: true, Stores: []Store{{Folder: ".A", Flags: []string{`\Flagged`}}}})
	got := names(t, root, ".A")
	i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, "cur/1700000000.") })
	if i < 0 || !strings.HasSuffix(got[i], ",S=20,W=22:2,FRb") {
		t.Fatalf("files %q", got)
	}
	if info, err := os.Stat(filepath.Join(root, ".A", got[i])); err != nil || !info.ModTime().Equal(when) {
		t.Errorf("time %v, %v", info.ModTime(), err)
	}
	if raw, err := os.ReadFile(filepath.Join(root, ".A", keywordsFile)); string(raw) != "0 other\n1 $old\n" {
		t.Errorf("keywords %q, %v", raw, err)
	}
}

func TestUndoKeepsFlagsThatWereGivenSince(t *testing.T) {
	root := newMaildir(t, map[string]string{"1.a:2,RS": small, "2.a:2,": small, "3.a:2,": small, "new/4.a": small})
	_, ch := begin(t, root, Options{})
	move := []Store{{Folder: ".A", Create: true, Flags: []string{`\Flagged`}}}
	do(t, ch, Deed{Index: 0, Remove: true, Stores: move}, Deed{Index: 1, Remove: true, Stores: move}, Deed{Index: 2, Remove: true, Stores: move}, Deed{Index: 3, Remove: true, Stores: []Store{{Folder: ".A"}}})
	got := names(t, root, ".A")
	a := func(name string) string { return filepath.Join(root, ".A", name) }
	base, _ := SplitName(filepath.Base(got[0]))
	fresh, _ := SplitName(filepath.Base(got[3]))
	if err := errors.Join(
		os.Rename(a(got[0]), a("cur/"+base+":2,DF")), // no longer answered and seen, now a draft
		os.Remove(a(got[1])),
		os.Rename(a(got[3]), a("cur/"+fresh+":2,S")),
	); err != nil {
		t.Fatal(err)
	}
	u, err := Undo(ch.Journal(), nil)
	if err != nil || u.Messages != 3 || len(u.Failures) != 1 || u.Failures[0].Label != "cur/2.a:2," {
		t.Errorf("undo: %+v, %v", u, err)
	}
	if diff := cmp.Diff([]string{"cur/1.a:2,D", "cur/3.a:2,", "cur/4.a:2,S"}, names(t, root, "")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestDeedThatCannotBeDoneChangesNothing(t *testing.T) {
	full := ""
	for i := range maxKeywords {
		full += fmt.Sprintf("%d k%d\n", i, i)
	}
	root := newMaildir(t, map[string]string{"1.a:2,": small, "2.a:2,": small, "3.a:2,": small, keywordsPath: full})
	before := tree(t, root)
	_, ch := begin(t, root, Options{})
	if err := ch.Do(Deed{Index: 0, Remove: true, Stores: []Store{{Folder: ".A"}}}); err == nil || !strings.Contains(err.Error(), `no mailbox "A"`) {
		t.Errorf("a mailbox that is not there: %v", err)
	}
	if err := ch.Do(Deed{Index: 1, Stores: []Store{{Folder: ".B", Create: true, Flags: []string{"x"}}, {Flags: []string{"one", "more"}}}}); !errors.Is(err, ErrKeywords) {
		t.Errorf("27 keywords: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "cur/3.a:2,")); err != nil {
		t.Fatal(err)
	}
	delete(before, "cur/3.a:2,")
	if err := ch.Do(Deed{Index: 2, Remove: true}); !errors.Is(err, ErrVanished) {
		t.Errorf("a message that is gone: %v", err)
	}
	finish(t, ch)
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMessageThatChangesBetweenItsDeedAndTheCommit(t *testing.T) {
	root := newMaildir(t, map[string]string{"1.a:2,": small, "2.a:2,": small, "3.a:2,": small})
	_, ch := begin(t, root, Options{})
	for i := range 3 {
		if err := ch.Do(Deed{Index: i, Remove: true, Stores: []Store{{Folder: ".A", Create: true}}}); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(root, name) }
	if err := errors.Join(os.Rename(at("cur/1.a:2,"), at("cur/1.a:2,S")), os.Remove(at("cur/2.a:2,"))); err != nil {
		t.Fatal(err)
	}
	failed, err := ch.Commit(3)
	if err != nil || len(failed) != 1 || failed[0].Index != 1 || !errors.Is(failed[0].Err, ErrVanished) {
		t.Errorf("failed %+v, %v", failed, err)
	}
	finish(t, ch)
	got := names(t, root, ".A")
	if len(got) != 2 || !strings.HasSuffix(got[0], ":2,S") || !strings.HasSuffix(got[1], ":2,") {
		t.Errorf("files %q", got)
	}
}

func TestOneRunAtATime(t *testing.T) {
	root := newMaildir(t, map[string]string{"1.a:2,": small, "2.a:2,": small})
	src, ch := begin(t, root, Options{What: "one"})
	if _, err := Begin(src, Options{What: "one"}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second run: %v", err)
	}
	if err := ch.Do(Deed{Index: 0, Remove: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Commit(1); err != nil {
		t.Fatal(err)
	}
	if _, err := Undo(ch.Journal(), nil); !errors.Is(err, ErrBusy) {
		t.Errorf("undo of a run that goes on: %v", err)
	}
	if err := ch.Close(); err != nil {
		t.Fatal(err)
	}
	var other *OtherRunError
	if _, err := Begin(open(t, root), Options{What: "two"}); !errors.As(err, &other) || other.Journal != ch.Journal() {
		t.Errorf("another run: %v", err)
	}
	_, again := begin(t, root, Options{What: "one"})
	if again.Next() != 1 || again.Journal() != ch.Journal() {
		t.Errorf("the same run goes on at %d with %s", again.Next(), again.Journal())
	}
	do(t, again)
	if _, err := Begin(open(t, root), Options{What: "two"}); err != nil {
		t.Errorf("another run, when the first is over: %v", err)
	}
}

func TestTornAndDamagedJournals(t *testing.T) {
	write := func(change func([]byte) []byte) (string, string) {
		root := newMaildir(t, map[string]string{"1.a:2,": small, "2.a:2,": small})
		_, ch := begin(t, root, Options{})
		if err := ch.Do(Deed{Index: 0, Remove: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := ch.Commit(1); err != nil {
			t.Fatal(err)
		}
		if err := ch.Close(); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(ch.Journal())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ch.Journal(), change(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		return root, ch.Journal()
	}
	for name, change := range map[string]func([]byte) []byte{
		"half a line":          func(b []byte) []byte { return b[:len(b)-7] },
		"octets never written": func(b []byte) []byte { return append(b[:len(b)-7], "\x00\x00\x00\n\x00\x00"...) },
	} {
		t.Run(name, func(t *testing.T) {
			root, _ := write(change)
			_, ch := begin(t, root, Options{})
			if ch.Next() != 1 {
				t.Errorf("goes on at %d", ch.Next())
			}
			do(t, ch)
			if u, err := Undo(ch.Journal(), nil); err != nil || u.Messages != 1 || len(names(t, root, "")) != 2 {
				t.Errorf("undo: %+v, %v", u, err)
			}
		})
	}
	t.Run("damaged in the middle", func(t *testing.T) {
		root, journal := write(func(b []byte) []byte { b[12] ^= 1; return b })
		if _, err := Begin(open(t, root), Options{}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("begin: %v", err)
		}
		if _, err := Undo(journal, nil); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("undo: %v", err)
		}
	})
	t.Run("something else", func(t *testing.T) {
		for _, text := range []string{"", "hello\n", "00000000 {}\n"} {
			path := filepath.Join(t.TempDir(), "journal")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Undo(path, nil); err == nil {
				t.Errorf("%q is taken for a journal", text)
			}
		}
	})
}

// What is read of any octets is written again in the same way, and nothing panics.
func FuzzJournal(f *testing.F) {
	raw, _ := json.Marshal(record{Kind: "do", Steps: []step{{Op: stepMove, From: "a\xff%", To: "b"}}})
	f.Add(fmt.Appendf(nil, "00000000 %s\n", raw), "x%41\xff\"\\ ")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = readJournal(path, func(record) error { return nil })
		_, _ = isOver(path)
		raw, err := json.Marshal(octets(name))
		if err != nil {
			t.Fatal(err)
		}
		var back octets
		if err := json.Unmarshal(raw, &back); err != nil || string(back) != name {
			t.Fatalf("%q comes back as %q from %s, %v", name, back, raw, err)
		}
	})
}
