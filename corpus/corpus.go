// Package corpus gives tests real and hostile messages: the SpamAssassin public mail
// corpus, which .ci/corpus fetches, and messages of our own that have what that one
// has lost. Only tests import it.
//
// Every message is as it would be between DATA and the final dot, after
// dot-unstuffing: it is empty or ends with CRLF.
package corpus

import (
	"bytes"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Count is how many messages the SpamAssassin corpus has.
const Count = 6046

// Messages returns the messages of the SpamAssassin corpus, in the order of their
// names ("spam-1/00001.7848dde1"): mbox's From_ line taken off, line ends made CRLF,
// bare CRs kept. Each is read when its turn comes.
//
// The folder is SLUICE_CORPUS, or ~/.cache/sluice/corpus. Where it is missing the
// test is skipped, and fails if CI is "true".
func Messages(t testing.TB) iter.Seq2[string, []byte] {
	t.Helper()
	dir, files := find(t)
	return func(yield func(string, []byte) bool) {
		for _, file := range files {
			raw, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatalf("corpus: %v", err)
			}
			name := strings.TrimSuffix(file, ".txt")
			if !yield(name[:min(len(name), len(filepath.Dir(name))+len("/00001.00000000"))], onTheWire(raw)) {
				return
			}
		}
	}
}

// find returns the folder of the corpus and the files in it.
func find(t testing.TB) (dir string, files []string) {
	t.Helper()
	dir = os.Getenv("SLUICE_CORPUS")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatalf("corpus: %v", err)
		}
		dir = filepath.Join(home, ".cache", "sluice", "corpus")
	}
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if _, err := os.Stat(filepath.Join(dir, ".complete")); err != nil {
		missing("SKIPPED, NOT TESTED ON REAL MAIL: no corpus in %s; run .ci/corpus", dir)
		return "", nil
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".txt" {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatalf("corpus: %v", err)
	}
	if len(files) != Count {
		t.Fatalf("corpus: %s has %d messages, expected %d", dir, len(files), Count)
	}
	slices.Sort(files)
	return dir, files
}

// onTheWire returns a message from a Unix file as SMTP carries it.
func onTheWire(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte{'\n'})
	}
	out := make([]byte, 0, len(raw)+bytes.Count(raw, []byte{'\n'})+2)
	for line := range bytes.Lines(raw) {
		text, ended := bytes.CutSuffix(line, []byte{'\n'})
		out = append(out, text...)
		if !ended || !bytes.HasSuffix(text, []byte{'\r'}) {
			out = append(out, '\r')
		}
		out = append(out, '\n')
	}
	return out
}
