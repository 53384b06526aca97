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
	kept  bool // it stays when the run ends
}

var (
	lockTTL   = Param{Name: "ttl", Kind: Duration, Doc: "seconds or text such as `\"30s\"`, at least 1 ms, at most a day"}
	lockParam = Param{Name: "lock", Kind: Map, Optional: true, Doc: "what `lock_try` returned, for a lock that another run has kept; left out: that of this run"}
)

func init() {
	register(Function{
		Name:   "lock_try",
		Family: "lock",
		Doc: "Takes the lock of key, or returns null at once if somebody else has it. It is a lease: over after " +
			"its time, and given back when the run ends, however it ends, unless it is kept. The map holds `owner` (text) and `fence`, a " +
			"number that grows with every time that this lock is taken. Who stores the map of a kept lock can renew or release it in another run.",
		Params: []Param{storeParam, keyParam, lockTTL,
			{Name: "keep", Kind: Bool, Optional: true, Default: false, Doc: "whether it stays, until its time is over, when the run ends"}},
		Result: Map, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `lock_try("", "k", "30s") != null`, Want: `true`},
			{Setup: []string{`lock_try("", "k", "30s")`}, Code: `lock_try("", "k", "30s")`, Want: `null`},
			{Setup: []string{`lock_try("", "k", "30s")`}, Code: `lock_try("", "other", "30s") != null`, Want: `true`},
			{Setup: []string{`lock_try("", "k", "30s", true)`}, Code: `lock_try("", "k", "30s")`, Want: `null`},
			{Code: `lock_try("", "k", "2d")`, Error: `lock_try: ttl of 48h0m0s; a lock lasts 1ms to 24h`},
			{Code: `lock_try("", "k", 0)`, Error: `lock_try: ttl of 0s; a lock lasts 1ms to 24h`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ttl, err := checkLease(a.Duration(2))
			if err != nil {
				return nil, err
			}
			s, k, err := e.key(kv.ScriptLock, a)
			if err != nil {
				return nil, err
			}
			began, q := false, e.quotas()
			if q != nil {
				now := e.Clock()
				if began, err = q.claimOther(e.Context, s, k, "", e.View.Namespace, now, now.Add(ttl)); err != nil {
					return nil, err
				}
			}
			l, err := s.Lock(e.Context, k, ttl, false)
			if errors.Is(err, kv.ErrLocked) {
				if began {
					q.dropOther(e.Context, s, k, "", e.View.Namespace)
				}
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			e.hold(heldLock{a.String(0), a.String(1)}, heldLease{s, l, a.Bool(3)})
			return map[string]Value{"owner": l.Owner, "fence": int64(l.Fence)}, nil
		},
	})
	register(Function{
		Name:   "lock_renew",
		Family: "lock",
		Doc:    "Gives a lock that this run holds, or that was kept, another time, from now on. Returns false if it is not held any more.",
		Params: []Param{storeParam, keyParam, lockTTL, lockParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `lock_renew("", "absent", 30)`, Want: `false`},
			{Setup: []string{`lock_try("", "k", 30)`}, Code: `lock_renew("", "k", "1m")`, Want: `true`},
			{Setup: []string{`key_set("", "l", lock_try("", "k", 30, true))`}, Code: `lock_renew("", "k", "1m", key_get("", "l"))`, Want: `true`},
			{Setup: []string{`lock_try("", "k", 30)`}, Code: `lock_renew("", "k", "1m", {"owner": "me", "fence": 1})`, Want: `false`},
			{Code: `lock_renew("", "k", "1m", {"owner": "me"})`, Error: `lock_renew: lock is not what lock_try returned: owner and fence are wanted`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			ttl, err := checkLease(a.Duration(2))
			if err != nil {
				return nil, err
			}
			name, held, ok, err := e.held(a, 3)
			if err != nil || !ok {
				return false, err
			}
			l, err := held.store.Renew(e.Context, held.lease, ttl)
			if errors.Is(err, kv.ErrNotOwner) {
				e.lost(name, held)
				return false, nil
			}
			if err != nil {
				return nil, err
			}
			if q := e.quotas(); q != nil {
				now := e.Clock() // it may be longer now; a lock that is held is never refused room
				_, _ = q.claimOther(e.Context, held.store, held.lease.Key, "", e.View.Namespace, now, now.Add(ttl))
			}
			if mine, ok := e.run.locks[name]; ok && mine.lease.Holds(l) {
				e.run.locks[name] = heldLease{held.store, l, mine.kept}
			}
			return true, nil
		},
	})
	register(Function{
		Name:   "lock_release",
		Family: "lock",
		Doc:    "Gives a lock of this run back before the run ends, or one that was kept. Returns false if it is not held any more.",
		Params: []Param{storeParam, keyParam, lockParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `lock_release("", "absent")`, Want: `false`},
			{Setup: []string{`lock_try("", "k", 30)`}, Code: `lock_release("", "k")`, Want: `true`},
			{Setup: []string{`lock_try("", "k", 30)`, `lock_release("", "k")`}, Code: `lock_try("", "k", 30) != null`, Want: `true`},
			{Setup: []string{`key_set("", "l", lock_try("", "k", 30, true))`}, Code: `lock_release("", "k", key_get("", "l"))`, Want: `true`},
			{Setup: []string{`key_set("", "l", lock_try("", "k", 30, true))`}, Code: `lock_release("", "other", key_get("", "l"))`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			name, held, ok, err := e.held(a, 2)
			if err != nil || !ok {
				return false, err
			}
			err = held.store.Unlock(e.Context, held.lease)
			if err == nil || errors.Is(err, kv.ErrNotOwner) {
				e.lost(name, held)
			}
			if errors.Is(err, kv.ErrNotOwner) {
				return false, nil
			}
			return bools(err == nil, err)
		},
	})
}

// held returns the lock that arguments 0 and 1 name: that of argument lock, or the one of this run.
func (e *Env) held(a Args, lock int) (name heldLock, l heldLease, ok bool, err error) {
	name = heldLock{a.String(0), a.String(1)}
	if a[lock] == nil {
		l, ok = e.run.locks[name]
		return name, l, ok, nil
	}
	m := a.Map(lock)
	owner, isText := m["owner"].(string)
	fence, err := convert(m["fence"], Int)
	n, isInt := fence.(int64)
	if !isText || err != nil || !isInt || n < 0 {
		return name, l, false, errors.New("lock is not what lock_try returned: owner and fence are wanted")
	}
	s, k, err := e.key(kv.ScriptLock, a)
	return name, heldLease{store: s, lease: kv.Lease{Key: k, Owner: owner, Fence: uint64(n)}}, err == nil, err
}

// lost forgets a lock that is given back, or somebody else's.
func (e *Env) lost(name heldLock, l heldLease) {
	if mine, ok := e.run.locks[name]; ok && mine.lease.Holds(l.lease) {
		delete(e.run.locks, name)
	}
	if q := e.quotas(); q != nil {
		q.dropOther(e.Context, l.store, l.lease.Key, "", e.View.Namespace)
	}
}

// hold notes a lock of the run and gives it back at the end.
func (e *Env) hold(name heldLock, l heldLease) {
	r := e.run
	if r.locks == nil {
		r.locks = map[heldLock]heldLease{}
		q, namespace := e.quotas(), e.View.Namespace
		e.AtEnd(func(ctx context.Context) {
			for _, held := range r.locks {
				if held.kept {
					continue
				}
				// If it fails, the lease ends by itself.
				if held.store.Unlock(ctx, held.lease) == nil && q != nil {
					q.dropOther(ctx, held.store, held.lease.Key, "", namespace)
				}
			}
		})
	}
	r.locks[name] = l
}

func checkLease(d time.Duration) (time.Duration, error) {
	if d < time.Millisecond || d > 24*time.Hour {
		return 0, fmt.Errorf("ttl of %s; a lock lasts 1ms to 24h", d)
	}
	return d, nil
}
