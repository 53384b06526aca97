//go:build !rocksdb

package rocksdb

import (
	"context"
	"fmt"

	"github.com/sluice-mail/sluice/kv"
)

// Store is the store of programs that were built with the tag rocksdb. Here there never is one.
type Store struct {
	kv.Store
	kv.LeaseKeeper
	kv.Batcher
}

// Open returns ErrNotBuilt.
func Open(context.Context, Options) (*Store, error) {
	return nil, fmt.Errorf("kv/rocksdb: open: %w", ErrNotBuilt)
}

// Clock returns nil.
func (s *Store) Clock() *kv.Clock { return nil }

// BackupTo returns ErrNotBuilt.
func (s *Store) BackupTo(context.Context, string) error {
	return fmt.Errorf("kv/rocksdb: backup: %w", ErrNotBuilt)
}

// Check returns ErrNotBuilt.
func (s *Store) Check(context.Context) error {
	return fmt.Errorf("kv/rocksdb: check: %w", ErrNotBuilt)
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseKeeper = (*Store)(nil)
	_ kv.Batcher     = (*Store)(nil)
)
