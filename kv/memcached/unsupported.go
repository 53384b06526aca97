package memcached

import (
	"context"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

const (
	noLocks = "memcached may forget a lease while somebody holds it"
	noLists = "memcached cannot list its rows"
)

func checkTTL(ttl time.Duration) error {
	_, err := kv.Deadline(0, ttl)
	return err
}

// SetFenced returns kv.ErrUnsupported.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, _ uint64) error {
	return s.unsupported(ctx, "set fenced", "memcached may forget which fencing number wrote a row", k.Check(), kv.CheckValue(v), checkTTL(ttl))
}

// Lock returns kv.ErrUnsupported.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, _ bool) (kv.Lease, error) {
	return kv.Lease{}, s.unsupported(ctx, "lock", noLocks, k.Check(), checkTTL(ttl))
}

// Renew returns kv.ErrUnsupported.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	return kv.Lease{}, s.unsupported(ctx, "renew", noLocks, l.Key.Check(), checkTTL(ttl))
}

// Unlock returns kv.ErrUnsupported.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	return s.unsupported(ctx, "unlock", noLocks, l.Key.Check())
}

// Lease returns kv.ErrUnsupported.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	return kv.Lease{}, s.unsupported(ctx, "lease", noLocks, k.Check())
}

// DeletePrefix returns kv.ErrUnsupported.
func (s *Store) DeletePrefix(ctx context.Context, _ kv.Prefix, name string) (int, error) {
	return 0, s.unsupported(ctx, "delete prefix", noLists, kv.CheckName(name))
}

// List returns kv.ErrUnsupported.
func (s *Store) List(ctx context.Context, _ kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	_, pageErr := kv.CheckPage(limit)
	_, _, cursorErr := kv.ParseCursor(cursor)
	return nil, "", s.unsupported(ctx, "list", noLists, kv.CheckName(name), pageErr, cursorErr)
}

// Stats returns kv.ErrUnsupported.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	return nil, s.unsupported(ctx, "stats", noLists)
}

// Purge does nothing: servers use the memory of expired rows again by themselves.
func (s *Store) Purge(ctx context.Context) (int, bool, error) { return 0, false, s.begin(ctx) }
