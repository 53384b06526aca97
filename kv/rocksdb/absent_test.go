//go:build !rocksdb

package rocksdb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/kv/rocksdb"
)

func TestWithoutTheTagOpenSaysWhatToDo(t *testing.T) {
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: t.TempDir()})
	if s != nil || !errors.Is(err, rocksdb.ErrNotBuilt) || !strings.Contains(err.Error(), "-tags rocksdb") {
		t.Errorf("got %v", err)
	}
}
