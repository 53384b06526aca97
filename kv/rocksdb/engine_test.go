//go:build rocksdb

package rocksdb_test

import (
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/rocksdb"
)

// Behind the engine, with its cache and its relaxed rows, the contract is the same.
func TestBehindTheEngine(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: t.TempDir(), Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.New(s, engine.Options{Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		return e, clock.Advance
	})
}
