package sqlite_test

import (
	"path/filepath"
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
