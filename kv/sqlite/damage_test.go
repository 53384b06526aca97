package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

const pageSize = 4096

// filled makes a file with rows of every kind, values beside their keys and in big, and
// returns its octets and what was written.
func filled(t *testing.T) ([]byte, map[string][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kv.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: kvtest.NewClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rows := map[string][]byte{}
	var changes []kv.Change
	for i := range 900 {
		v := make([]byte, 40+i%60)
		if i%40 == 0 {
			v = make([]byte, 1500+i*10)
		}
		for j := range v {
			v[j] = byte(rng.Uint32())
		}
		name := fmt.Sprintf("%05d", i*7919%100_000)
		rows[name] = v
		changes = append(changes, kv.Change{Key: key(name), Value: kv.Value{Bytes: v}})
	}
	err = s.Apply(t.Context(), changes)
	for i := range 60 {
		if err == nil {
			_, err = s.Rate(t.Context(), key(fmt.Sprint("rate", i)), kv.Rule{Limit: 10, Per: time.Hour}, 1, false)
		}
	}
	if err == nil {
		_, err = s.Lock(t.Context(), key("lock"), time.Hour, true)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return octets, rows
}

// honest opens a file and compares every answer with what was written: it has to be that, or an
// error that names the file; with lost it may also be absent. It returns how many answers were
// errors.
func honest(t *testing.T, octets []byte, rows map[string][]byte, lost bool) (failed int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kv.db")
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	told := func(act string, err error) {
		t.Helper()
		failed++
		if !errors.Is(err, kv.ErrUnavailable) && !strings.HasPrefix(act, "open") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: an error that does not say what happened: %v", act, err)
		}
	}
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: kvtest.NewClock().Now, Readers: 1})
	if err != nil {
		told("open", err)
		return failed
	}
	defer func() { _ = s.Close() }()
	for name, want := range rows {
		v, err := s.Get(t.Context(), key(name))
		switch {
		case lost && errors.Is(err, kv.ErrNotFound):
		case err != nil:
			told("get", err)
		case !bytes.Equal(v.Bytes, want) || !v.Expires.IsZero():
			t.Errorf("get %s: a wrong answer", name)
		}
	}
	seen := 0
	for cursor, more := "", true; more; {
		items, next, err := s.List(t.Context(), kv.Script, "", cursor, 300)
		if err != nil {
			told("list", err)
			return failed
		}
		for _, it := range items {
			seen++
			if want, ok := rows[it.Key.Name]; (!ok && !lost) || ok && !bytes.Equal(it.Value.Bytes, want) {
				t.Errorf("list: a wrong answer for %q", it.Key.Name)
			}
		}
		cursor, more = next, next != ""
	}
	if seen != len(rows) && !lost {
		t.Errorf("list: %d rows, want %d", seen, len(rows))
	}
	return failed
}

// skips leaves out most pages where not the whole proof is asked for.
func skips(page int) bool { return !kvtest.Proof() && page > 4 && page%4 != 0 }

// Whatever page is damaged, an answer is what was written or an error, and what is on other pages
// can be read.
func TestADamagedPageNeverMakesAWrongAnswer(t *testing.T) {
	octets, rows := filled(t)
	if n := honest(t, octets, rows, false); n != 0 {
		t.Fatalf("%d errors in a good file", n)
	}
	pages := len(octets) / pageSize
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, pageSize)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, damage := range map[string]func(p []byte){
		"zeros": func(p []byte) { clear(p) },
		"noise": func(p []byte) { copy(p, noise) },
		"ones":  func(p []byte) { copy(p, bytes.Repeat([]byte{0xff}, pageSize)) },
	} {
		t.Run(name, func(t *testing.T) {
			whole := 0
			for n := range pages {
				if skips(n) {
					continue
				}
				bad := bytes.Clone(octets)
				damage(bad[n*pageSize : (n+1)*pageSize])
				failed := honest(t, bad, rows, false)
				if t.Failed() {
					t.Fatalf("page %d of %d", n+1, pages)
				}
				if failed < len(rows)/2 {
					whole++
				}
			}
			if whole == 0 {
				t.Error("one bad page keeps most rows from being read")
			}
		})
	}
}

// Where a part of a page is damaged, SQLite may look for a key in the wrong place and not find it; but
// what is found is what was written.
func TestADamagedPartOfAPageNeverMakesAWrongValue(t *testing.T) {
	octets, rows := filled(t)
	pages := len(octets) / pageSize
	rng := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, pageSize)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, damage := range map[string]func(p []byte){
		"noise in one half":    func(p []byte) { copy(p[pageSize/2:], noise) },
		"zeros in one half":    func(p []byte) { clear(p[pageSize/2:]) },
		"noise in one sector":  func(p []byte) { n := 512 * (1 + rng.IntN(7)); copy(p[n:n+512], noise) },
		"an octet of contents": func(p []byte) { p[pageSize-1-rng.IntN(2000)] ^= 1 << rng.IntN(8) },
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < pages; n++ { // the first page holds the schema: damage there is seen by Open, or is text
				if skips(n) {
					continue
				}
				bad := bytes.Clone(octets)
				damage(bad[n*pageSize : (n+1)*pageSize])
				if honest(t, bad, rows, true); t.Failed() {
					t.Fatalf("page %d of %d", n+1, pages)
				}
			}
		})
	}
}
