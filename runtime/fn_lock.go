package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// heldLock names a lock that a run holds.
type heldLock struct{ store, key string }

// heldLease is such a lock and where it lies.
type heldLease struct {
	store kv.Store
	lease kv.Lease
}

var lockTTL = Param{Name: "ttl", Kind: Duration, Doc: "seconds or text such as `\"30s\"`, at least 1 ms, at most a day"}

func init() {
	register(Function{
		Name:   "lock_try",
		Family: "lock",
		Doc: "Takes the lock of key, or returns null at once if somebody else has it. It is a lease: over after " +
			"its time, and given back when the run ends, however it ends. The map holds `owner` (text) and `fence`, a " +
			"number that grows with every time that this lock is taken.",
		Params: []Param{storeParam, keyParam, lockTTL},
		Result: Map, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `lock_try("", "k", "30s") != null`, Want: `true`},
			{Setup: []string{`lock_try("", "k", "30s")`}, Code: `lock_try("", "k", "30s")`, Want: `null`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ttl, err := checkLease(a.Duration(2))
			if err != nil {
				return nil, fmt.Errorf("lock_try: %w", err)
			}
			s, k, err := e.key(kv.ScriptLock, a)
			if err != nil {
				return nil, err
			}
			l, err := s.Lock(e.Context, k, ttl, false)
			if errors.Is(err, kv.ErrLocked) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			e.hold(heldLock{a.String(0), a.String(1)}, s, l)
			return map[string]Value{"owner": l.Owner, "fence": int64(l.Fence)}, nil
		},
	})
	register(Function{
		Name:   "lock_renew",
		Family: "lock",
		Doc:    "Gives a lock that this run holds another time, from now on. Returns false if the run does not hold it any more.",
		Params: []Param{storeParam, keyParam, lockTTL},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `lock_renew("", "absent", 30)`, Want: `false`},
			{Setup: []string{`lock_try("", "k", 30)`}, Code: `lock_renew("", "k", "1m")`, Want: `true`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ttl, err := checkLease(a.Duration(2))
			if err != nil {
				return nil, fmt.Errorf("lock_renew: %w", err)
			}
			name := heldLock{a.String(0), a.String(1)}
			held, ok := e.run.locks[name]
			if !ok {
				return false, nil
			}
			l, err := held.store.Renew(e.Context, held.lease, ttl)
			if errors.Is(err, kv.ErrNotOwner) {
				delete(e.run.locks, name)
				return false, nil
			}
			if err != nil {
				return nil, err
			}
			e.run.locks[name] = heldLease{held.store, l}
			return true, nil
		},
	})
	register(Function{
		Name:   "lock_release",
		Family: "lock",
		Doc:    "Gives a lock of this run back before the run ends. Returns false if the run does not hold it any more.",
		Params: []Param{storeParam, keyParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `lock_release("", "absent")`, Want: `false`},
			{Setup: []string{`lock_try("", "k", 30)`}, Code: `lock_release("", "k")`, Want: `true`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			name := heldLock{a.String(0), a.String(1)}
			held, ok := e.run.locks[name]
			if !ok {
				return false, nil
			}
			delete(e.run.locks, name)
			err := held.store.Unlock(e.Context, held.lease)
			if errors.Is(err, kv.ErrNotOwner) {
				return false, nil
			}
			return bools(err == nil, err)
		},
	})
}

// hold notes a lock of the run and gives it back at the end.
func (e *Env) hold(name heldLock, s kv.Store, l kv.Lease) {
	r := e.run
	if r.locks == nil {
		r.locks = map[heldLock]heldLease{}
		e.AtEnd(func(ctx context.Context) {
			for _, held := range r.locks {
				// If it fails, the lease ends by itself.
				_ = held.store.Unlock(ctx, held.lease)
			}
		})
	}
	r.locks[name] = heldLease{s, l}
}

func checkLease(d time.Duration) (time.Duration, error) {
	if d < time.Millisecond || d > 24*time.Hour {
		return 0, fmt.Errorf("ttl of %s; a lock lasts 1ms to 24h", d)
	}
	return d, nil
}
