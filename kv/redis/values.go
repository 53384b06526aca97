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

// clockTries is how often a read is made again because the test's clock moved over an expiry meanwhile.
const clockTries = 16

// row is a value with its expiry in unix milliseconds.
type row struct {
	v     []byte
	exp   int64
	fence uint64
}

func (r row) value() kv.Value { return kv.Value{Bytes: r.v, Expires: kv.Moment(r.exp), Fence: r.fence} }

// parseRow reads the fields v, e and f; there is false if the row is absent.
func parseRow(v, e, f any) (r row, there bool, err error) {
	text, ok := v.(string)
	if !ok {
		return row{}, false, nil
	}
	r.v = []byte(text)
	exp, _ := e.(string)
	if r.exp, err = strconv.ParseInt(exp, 10, 64); err != nil {
		return row{}, false, errFormat
	}
	if fence, ok := f.(string); ok {
		if r.fence, err = strconv.ParseUint(fence, 10, 64); err != nil {
			return row{}, false, errFormat
		}
	}
	return r, true, nil
}

// errFormat says that somebody else wrote to our keys.
var errFormat = errors.New("what is stored is not of this store's form")

// look runs read, which fills rows, and drops those that are over. The server does that by itself by its own
// clock. A clock of our own has to say the same before and after, or nobody knows which holds for the row.
func (s *Store) look(read func() error, each func(judge func(exp int64) bool)) error {
	if s.clock == nil {
		if err := read(); err != nil {
			return err
		}
		each(func(int64) bool { return true })
		return nil
	}
	for range clockTries {
		before := s.clock.Milli()
		if err := read(); err != nil {
			return err
		}
		after, sure := s.clock.Milli(), true
		each(func(exp int64) bool {
			is := kv.Live(exp, before)
			sure = sure && is == kv.Live(exp, after)
			return is
		})
		if sure {
			break
		}
	}
	return nil
}

// Get returns the value under k, or kv.ErrNotFound.
func (s *Store) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Value{}, err
	}
	if err := k.Check(); err != nil {
		return kv.Value{}, err
	}
	key := s.key(k, "v")
	var r row
	var there bool
	err := s.look(func() error {
		inner, cancel := s.bound(ctx)
		defer cancel()
		f, err := s.client.HMGet(inner, key, "v", "e", "f").Result()
		if err == nil && len(f) == 3 {
			r, there, err = parseRow(f[0], f[1], f[2])
		}
		return err
	}, func(judge func(int64) bool) { there = there && judge(r.exp) })
	if err != nil {
		return kv.Value{}, fail(ctx, "get", err)
	}
	if !there {
		return kv.Value{}, kv.ErrNotFound
	}
	return r.value(), nil
}

// GetMany returns one value per key, from one pipeline for each server; an absent one has nil Bytes.
func (s *Store) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if err := kv.CheckMany(ks); err != nil {
		return nil, err
	}
	if len(ks) == 0 {
		return nil, nil
	}
	values := make([]kv.Value, len(ks))
	rows := make([]row, len(ks))
	err := s.look(func() error {
		inner, cancel := s.bound(ctx)
		defer cancel()
		pipe := s.client.Pipeline()
		cmds := make([]*redis.SliceCmd, len(ks))
		for i, k := range ks {
			cmds[i] = pipe.HMGet(inner, s.key(k, "v"), "v", "e", "f")
		}
		if _, err := pipe.Exec(inner); err != nil {
			return err
		}
		for i, c := range cmds {
			f := c.Val()
			if len(f) != 3 {
				return errFormat
			}
			var err error
			if rows[i], _, err = parseRow(f[0], f[1], f[2]); err != nil {
				return err
			}
		}
		return nil
	}, func(judge func(int64) bool) {
		for i, r := range rows {
			values[i] = kv.Value{}
			if r.v != nil && judge(r.exp) {
				values[i] = r.value()
			}
		}
	})
	if err != nil {
		return nil, fail(ctx, "get", err)
	}
	return values, nil
}

// ttlText is a ttl for a script, in milliseconds; "0" is for ever.
func ttlText(ttl time.Duration) (string, error) {
	ms, err := kv.Deadline(0, ttl)
	return strconv.FormatInt(ms, 10), err
}

// put runs the script that writes values, and says whether it wrote.
func (s *Store) put(ctx context.Context, act string, k kv.Key, v []byte, ttl time.Duration, how string, what any) (bool, error) {
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	if err := k.Check(); err != nil {
		return false, err
	}
	if err := kv.CheckValue(v); err != nil {
		return false, err
	}
	life, err := ttlText(ttl)
	if err != nil {
		return false, err
	}
	if v == nil {
		v = []byte{}
	}
	done, err := s.run(ctx, putScript, call{bucketOf(k), []string{"v" + k.Name}, []any{k.Name, v, life, how, what}})
	if err != nil {
		return false, fail(ctx, act, err)
	}
	return done == int64(1), nil
}

// Set writes the value.
func (s *Store) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	_, err := s.put(ctx, "set", k, v, ttl, "set", "")
	return err
}

// SetFenced writes the value unless a larger fence has written the row.
func (s *Store) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	done, err := s.put(ctx, "set fenced", k, v, ttl, "fenced", strconv.FormatUint(fence, 10))
	if err == nil && !done {
		return kv.ErrNotOwner
	}
	return err
}

// Add writes the value only if the key is absent.
func (s *Store) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return s.put(ctx, "add", k, v, ttl, "add", "")
}

// CompareAndSwap writes next only if the key holds old.
func (s *Store) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	if old == nil {
		return s.put(ctx, "compare and swap", k, next, ttl, "add", "")
	}
	return s.put(ctx, "compare and swap", k, next, ttl, "swap", old)
}

// Incr adds to a counter. Only a new counter takes its expiry from ttl. The sum is the server's: it counts in 64
// bits, which a script cannot.
func (s *Store) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	if err := k.Check(); err != nil {
		return 0, err
	}
	life, err := ttlText(ttl)
	if err != nil {
		return 0, err
	}
	v, err := s.run(ctx, incrScript, call{bucketOf(k), []string{"v" + k.Name}, []any{k.Name, strconv.FormatInt(by, 10), life}})
	if err != nil {
		return 0, fail(ctx, "increment", err)
	}
	text, _ := v.(string)
	n, err := kv.ParseCounter([]byte(text))
	if err != nil {
		return 0, fmt.Errorf("kv/redis: increment: %w", errFormat)
	}
	return n, nil
}

// Counter returns the number under k; absent is 0.
func (s *Store) Counter(ctx context.Context, k kv.Key) (int64, error) {
	return kv.CounterOf(s.Get(ctx, k))
}

// Delete removes what is under the key and says whether there was something.
func (s *Store) Delete(ctx context.Context, k kv.Key) (bool, error) {
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	if err := k.Check(); err != nil {
		return false, err
	}
	n, err := s.run(ctx, deleteScript, call{bucketOf(k), []string{"v" + k.Name, "r" + k.Name, "l"}, []any{k.Name}})
	if err != nil {
		return false, fail(ctx, "delete", err)
	}
	return n != int64(0), nil
}
