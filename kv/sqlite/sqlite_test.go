package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

func TestStore(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kv.db"), sqlite.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		return s, clock.Advance
	})
}

// at opens the file at path with a clock of its own.
func at(t testing.TB, path string, clock *kvtest.Clock) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func key(name string) kv.Key { return kv.Key{Prefix: kv.Script, Name: name} }

func TestAClockSetBackBetweenRunsRevivesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	if err := s.Set(t.Context(), key("a"), []byte("1"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), key("b"), []byte("1"), 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	rule := kv.Rule{Limit: 1, Per: time.Minute}
	if _, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Minute)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(-24 * time.Hour)
	s = at(t, path, clock)
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("an expired row came back: %v", err)
	}
	if d, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil || !d.Allowed {
		t.Errorf("a limit is frozen: %+v, %v", d, err)
	}
	clock.Advance(time.Minute)
	if _, err := s.Get(t.Context(), key("b")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("time stands still: %v", err)
	}
}

func TestAPurgeGoesOnWhereItStoppedAlsoAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	const rows = 6000
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < rows; i += 64 {
				if err := s.Set(t.Context(), key(fmt.Sprintf("%05d", i)), []byte("x"), time.Minute); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	clock.Advance(time.Hour)
	removed, more, err := s.Purge(t.Context())
	if err != nil || !more || removed == 0 || removed > 2000 {
		t.Fatalf("first step: %d, %v, %v", removed, more, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = at(t, path, clock)
	// Behind the place where the purge stopped nothing is looked at again in this round.
	if err := s.Set(t.Context(), key("00000"), nil, time.Second); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	total := removed
	for more {
		if removed, more, err = s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		total += removed
	}
	if total != rows {
		t.Errorf("removed %d in this round, want %d", total, rows)
	}
	for more = true; more; {
		if removed, more, err = s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		total += removed
	}
	if total != rows+1 {
		t.Errorf("removed %d in two rounds, want %d", total, rows+1)
	}
}

func TestWhatIsNoDatabaseIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestABackupIsAStore(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), clock)
	big := bytes.Repeat([]byte("x"), 10_000)
	if err := s.Set(t.Context(), key("a"), big, 0); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := s.BackupTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if v, err := at(t, copied, clock).Get(t.Context(), key("a")); err != nil || !bytes.Equal(v.Bytes, big) {
		t.Errorf("%d octets, %v", len(v.Bytes), err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// BenchmarkPurge reports rows a second, half of them expired.
func BenchmarkPurge(b *testing.B) {
	const rows = 200_000
	for b.Loop() {
		b.StopTimer()
		clock := kvtest.NewClock()
		s := at(b, filepath.Join(b.TempDir(), "kv.db"), clock)
		var wg sync.WaitGroup
		for w := range 256 {
			wg.Go(func() {
				for i := w; i < rows; i += 256 {
					if err := s.Set(b.Context(), key(fmt.Sprintf("%08d", i)), make([]byte, 64), time.Duration(i%2)*time.Hour); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		clock.Advance(2 * time.Hour)
		longest := time.Duration(0)
		b.StartTimer()
		for more := true; more; {
			began := time.Now()
			var err error
			if _, more, err = s.Purge(b.Context()); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(began))
		}
		b.ReportMetric(float64(longest.Microseconds()), "longest-step-µs")
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
