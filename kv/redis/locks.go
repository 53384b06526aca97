package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
)

// Lock takes the lease of k, or returns kv.ErrLocked. It is as durable as the server is. After kv.ErrUnavailable
// the lease may have been taken all the same; it is then nobody's until its ttl is over.
func (s *Store) Lock(ctx context.Context, k kv.Key, ttl time.Duration, _ bool) (kv.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Lease{}, err
	}
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	life, err := ttlText(ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	l := kv.Lease{Key: k, Owner: kv.NewOwner()}
	reply, err := s.run(ctx, lockScript, call{bucketOf(k), []string{"l", "f"}, []any{k.Name, l.Owner, life}})
	if err != nil {
		return kv.Lease{}, fail(ctx, "lock", err)
	}
	switch is, _ := reply.([]any); {
	case len(is) == 2 && is[0] == int64(0):
		if l.Expires, err = moment(is[1]); err == nil {
			return kv.Lease{}, kv.Lease{Key: k, Expires: l.Expires}.Held()
		}
	case len(is) == 3:
		if l.Fence, l.Expires, err = fenceUntil(is[1], is[2]); err == nil {
			return l, nil
		}
	}
	return kv.Lease{}, fmt.Errorf("kv/redis: lock: %w", errFormat)
}

// moment reads a deadline that a script returned.
func moment(v any) (time.Time, error) {
	text, _ := v.(string)
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, errFormat
	}
	return kv.Moment(ms), nil
}

func fenceUntil(fence, until any) (uint64, time.Time, error) {
	text, _ := fence.(string)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, time.Time{}, errFormat
	}
	t, err := moment(until)
	return n, t, err
}

// Renew extends the lease to ttl from now, or returns kv.ErrNotOwner.
func (s *Store) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Lease{}, err
	}
	if err := l.Key.Check(); err != nil {
		return kv.Lease{}, err
	}
	life, err := ttlText(ttl)
	if err != nil {
		return kv.Lease{}, err
	}
	until, err := s.run(ctx, renewScript, call{bucketOf(l.Key), []string{"l"}, []any{l.Key.Name, l.Owner, strconv.FormatUint(l.Fence, 10), life}})
	if errors.Is(err, redis.Nil) {
		return kv.Lease{}, kv.ErrNotOwner
	}
	if err == nil {
		l.Expires, err = moment(until)
	}
	if err != nil {
		return kv.Lease{}, fail(ctx, "renew", err)
	}
	return l, nil
}

// Unlock gives the lease up, or returns kv.ErrNotOwner.
func (s *Store) Unlock(ctx context.Context, l kv.Lease) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := l.Key.Check(); err != nil {
		return err
	}
	done, err := s.run(ctx, unlockScript, call{bucketOf(l.Key), []string{"l"}, []any{l.Key.Name, l.Owner, strconv.FormatUint(l.Fence, 10)}})
	if err != nil {
		return fail(ctx, "unlock", err)
	}
	if done != int64(1) {
		return kv.ErrNotOwner
	}
	return nil
}

// Lease returns the running lease of k, or kv.ErrNotFound.
func (s *Store) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Lease{}, err
	}
	if err := k.Check(); err != nil {
		return kv.Lease{}, err
	}
	reply, err := s.run(ctx, showScript, call{bucketOf(k), []string{"l"}, []any{k.Name}})
	if errors.Is(err, redis.Nil) {
		return kv.Lease{}, kv.ErrNotFound
	}
	if err != nil {
		return kv.Lease{}, fail(ctx, "lease", err)
	}
	l := kv.Lease{Key: k}
	is, _ := reply.([]any)
	if len(is) != 3 {
		return kv.Lease{}, fmt.Errorf("kv/redis: lease: %w", errFormat)
	}
	l.Owner, _ = is[0].(string)
	if l.Fence, l.Expires, err = fenceUntil(is[1], is[2]); err != nil {
		return kv.Lease{}, fmt.Errorf("kv/redis: lease: %w", err)
	}
	return l, nil
}
