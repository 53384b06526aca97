package local_test

import (
	"testing"

	"github.com/sluice-mail/sluice/imapbridge"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/mailstore/local"
	"github.com/sluice-mail/sluice/mailstore/storetest"
)

var _ imapbridge.Backend = (*local.Backend)(nil)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mailstore.Store {
		s, err := local.Open(t.Context(), t.TempDir(), local.Options{MaxChangelogEntries: 100})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}
