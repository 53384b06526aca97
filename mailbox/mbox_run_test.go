package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func threeMessages() string {
	return fromLine + "Subject: 0\n\nzero\n\n" + fromLine + "Subject: 1\n\none\n>From x\n\n" + fromLine + "Subject: 2\n\ntwo\n\n"
}

func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestMailThatComesWhileAnMboxIsFiltered(t *testing.T) {
	path := writeMbox(t, threeMessages())
	late := fromLine + "Subject: 3\n\nlate\n\n"
	later := fromLine + "Subject: 4\n\nlater\n\n"
	src, ch := begin(t, path, Options{})
	if src.Len() != 3 {
		t.Fatalf("%d messages", src.Len())
	}
	appendTo(t, path, late)
	do(t, ch, Deed{Index: 0, Remove: true}, Deed{Index: 1, Remove: true, Stores: []Store{{Folder: "Sub/A", Create: true}}})
	want := fromLine + "Subject: 2\n\ntwo\n\n" + late
	if diff := cmp.Diff(want, content(t, path)); diff != "" {
		t.Errorf("mailbox (-want +got):\n%s", diff)
	}
	a := filepath.Join(filepath.Dir(path), "Sub/A")
	if diff := cmp.Diff(fromLine+"Subject: 1\n\none\n>From x\n\n", content(t, a)); diff != "" {
		t.Errorf("Sub/A (-want +got):\n%s", diff)
	}
	appendTo(t, path, later)
	appendTo(t, a, later)
	if u, err := Undo(ch.Journal(), nil); err != nil || len(u.Failures) > 0 || u.Messages != 2 {
		t.Errorf("undo: %+v, %v", u, err)
	}
	if diff := cmp.Diff(threeMessages()+late+later, content(t, path)); diff != "" {
		t.Errorf("mailbox after undo (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(later, content(t, a)); diff != "" {
		t.Errorf("Sub/A after undo (-want +got):\n%s", diff)
	}
}

func TestMboxThatAnotherProgramChanges(t *testing.T) {
	changed := strings.Replace(threeMessages(), "one\n", "another text\n", 1)
	t.Run("before the run ends", func(t *testing.T) {
		path := writeMbox(t, threeMessages())
		_, ch := begin(t, path, Options{})
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(ch.Do(Deed{Index: 0, Remove: true}), ch.Finish())
		if err == nil || !strings.Contains(err.Error(), "run the filter again") || content(t, path) != changed {
			t.Errorf("error %v, mailbox %q", err, content(t, path))
		}
	})
	t.Run("by another file", func(t *testing.T) {
		path := writeMbox(t, threeMessages())
		_, ch := begin(t, path, Options{})
		if err := errors.Join(os.WriteFile(path+".new", []byte(changed), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(ch.Do(Deed{Index: 0, Remove: true}), ch.Finish())
		if err == nil || content(t, path) != changed {
			t.Errorf("error %v", err)
		}
	})
	t.Run("before it is undone", func(t *testing.T) {
		path := writeMbox(t, threeMessages())
		_, ch := begin(t, path, Options{})
		do(t, ch, Deed{Index: 0, Remove: true})
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		u, err := Undo(ch.Journal(), nil)
		if err != nil || len(u.Failures) != 1 || content(t, path) != changed {
			t.Errorf("undo: %+v, %v", u, err)
		}
	})
}

func TestFlagsAndLengthsThatAreWritten(t *testing.T) {
	tests := []struct {
		name, text, there string
		deed              Deed
		want, target      string
	}{
		{"flags take the place of others", fromLine + "Status: O\nX-Status: A\nSubject: x\n\nbody\n", "",
			Deed{Stores: []Store{{Folder: "in", Flags: []string{`\Seen`, `\Flagged`, "$a", "b"}}}},
			fromLine + "Subject: x\nStatus: RO\nX-Keywords: $a b\nX-Status: AF\n\nbody\n\n", ""},
		{"flags that are there change nothing", fromLine + "Status: R\n\nbody", "", Deed{Stores: []Store{{Folder: "in", Flags: []string{`\Seen`}}}}, fromLine + "Status: R\n\nbody", ""},
		{"lines that end with CRLF", strings.TrimSpace(fromLine) + "\r\nA: b\r\n\r\nbody\r\n", "", Deed{Stores: []Store{{Folder: "in", Flags: []string{`\Seen`}}}},
			strings.TrimSpace(fromLine) + "\r\nA: b\r\nStatus: R\r\n\r\nbody\r\n\n", ""},
		{"an edited message is quoted", fromLine + "A: b\n\nbody\n", "", Deed{Remove: true, Stores: []Store{{Folder: "to", Create: true, Raw: []byte("B: c\n\nFrom me\n>From you\nend")}}},
			"", fromLine + "B: c\n\n>From me\n>>From you\nend\n\n"},
		{"a mailbox with lengths gets one", fromLine + "A: b\n\nbody\n", fromLine + "Content-Length: 2\n\nx\n\n", Deed{Remove: true, Stores: []Store{{Folder: "to"}}},
			"", fromLine + "Content-Length: 2\n\nx\n\n" + fromLine + "A: b\nContent-Length: 5\n\nbody\n\n"},
		{"a mailbox without quotes gets none", fromLine + "A: b\n\n>From a\n", fromLine + fmt.Sprintf("Content-Length: %d\n\n\n%s\n", 1+len(fromLine), fromLine), Deed{Remove: true, Stores: []Store{{Folder: "to"}}},
			"", fromLine + fmt.Sprintf("Content-Length: %d\n\n\n%s\n", 1+len(fromLine), fromLine) + fromLine + "A: b\nContent-Length: 7\n\nFrom a\n\n"},
		{"a mailbox that ends early", fromLine + "A: b\n\nbody", fromLine + "X: y\n\nhalf", Deed{Remove: true, Stores: []Store{{Folder: "to"}}},
			"", fromLine + "X: y\n\nhalf\n\n" + fromLine + "A: b\n\nbody\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := writeMbox(t, tt.text)
			to := filepath.Join(filepath.Dir(path), "to")
			if tt.there != "" {
				if err := os.WriteFile(to, []byte(tt.there), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			_, ch := begin(t, path, Options{})
			do(t, ch, tt.deed)
			if diff := cmp.Diff(tt.want, content(t, path)); diff != "" {
				t.Errorf("mailbox (-want +got):\n%s", diff)
			}
			if tt.target != "" {
				if diff := cmp.Diff(tt.target, content(t, to)); diff != "" {
					t.Errorf("target (-want +got):\n%s", diff)
				}
			}
			if info, err := os.Stat(to); tt.there != "" && (err != nil || info.Mode().Perm() != 0o640) {
				t.Errorf("rights %v, %v", info.Mode(), err)
			}
			if j := ch.Journal(); j != "" {
				if u, err := Undo(j, nil); err != nil || len(u.Failures) > 0 || content(t, path) != tt.text {
					t.Errorf("undo: %+v, %v: %q", u, err, content(t, path))
				}
			}
		})
	}
}

func TestLocksOfOtherPrograms(t *testing.T) {
	lockTime = 20 * time.Millisecond
	t.Cleanup(func() { lockTime = 10 * time.Second })
	path := writeMbox(t, threeMessages())
	lock := path + ".lock"
	if err := os.WriteFile(lock, []byte("1:elsewhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, ch := begin(t, path, Options{})
	if err := errors.Join(ch.Do(Deed{Index: 0, Remove: true}), ch.Finish()); err == nil || !strings.Contains(err.Error(), "held by another program") {
		t.Errorf("a lock file: %v", err)
	}
	if err := errors.Join(ch.Close(), os.Remove(lock)); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockMbox(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lock); err != nil {
		t.Error(err)
	}
	if err := os.Remove(lock); err != nil { // a program that knows fcntl locks only
		t.Fatal(err)
	}
	if _, err := lockMbox(path); err == nil || !strings.Contains(err.Error(), "locked by another program") {
		t.Errorf("a lock by fcntl: %v", err)
	}
	unlock()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d:%s", 1<<22+1, host), 0o600); err != nil {
		t.Fatal(err)
	}
	unlock, err = lockMbox(path)
	if err != nil {
		t.Fatalf("a lock of a process that has ended: %v", err)
	}
	unlock()
	if _, err := os.Stat(lock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file stays: %v", err)
	}
}
