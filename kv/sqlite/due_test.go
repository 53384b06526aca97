package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv/kvtest"
)

// What a dry run says is what a round of purges then removes.
func TestDueIsWhatAPurgeRemoves(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), clock)
	for name, ttl := range map[string]time.Duration{"a": time.Minute, "b": 2 * time.Minute, "c": time.Hour, "d": 0} {
		if err := s.Set(t.Context(), key(name), []byte("1"), ttl); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Due(t.Context()); err != nil || n != 0 {
		t.Errorf("%d rows are due too early, %v", n, err)
	}
	clock.Advance(2 * time.Minute)
	if n, err := s.Due(t.Context()); err != nil || n != 2 {
		t.Errorf("%d rows are due, want 2, %v", n, err)
	}
	removed := 0
	for more := true; more; {
		var n int
		var err error
		if n, more, err = s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		removed += n
	}
	if n, err := s.Due(t.Context()); err != nil || n != 0 || removed != 2 {
		t.Errorf("%d rows were purged, %d are due then, %v", removed, n, err)
	}
}
