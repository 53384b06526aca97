//go:build rocksdb

package rocksdb_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/rocksdb"
)

func TestStore(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: filepath.Join(t.TempDir(), "kv"), Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		return s, clock.Advance
	})
}

// at opens the directory with a clock of its own.
func at(t testing.TB, path string, clock *kvtest.Clock) *rocksdb.Store {
	t.Helper()
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path, Now: clock.Now})
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
