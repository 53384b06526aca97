package kvtest

import (
	"time"

	"github.com/sluice-mail/sluice/kv"
)

func (e *env) lock(k kv.Key, ttl time.Duration, durable bool) kv.Lease {
	e.Helper()
	l, err := e.kv.Lock(e.ctx, k, ttl, durable)
	e.ok(err)
	if l.Key != k || len(l.Owner) != 32 || l.Fence == 0 || l.Expires.IsZero() != (ttl == 0) {
		e.Errorf("odd lease %+v", l)
	}
	return l
}

func (e *env) locked(k kv.Key) {
	e.Helper()
	for _, durable := range []bool{false, true} {
		l, err := e.kv.Lock(e.ctx, k, time.Minute, durable)
		e.is(err, kv.ErrLocked)
		if l != (kv.Lease{}) {
			e.Errorf("a refused lock gave %+v", l)
		}
	}
}

var lockTests = []test{
	{"a lease keeps others away until it is given up", Locks, func(e *env) {
		for _, durable := range []bool{false, true} {
			l := e.lock(lock("a"), time.Minute, durable)
			e.locked(lock("a"))
			e.lock(lock("b"), time.Minute, durable)
			e.ok(e.kv.Unlock(e.ctx, l))
			e.is(e.kv.Unlock(e.ctx, l), kv.ErrNotOwner)
			_, err := e.kv.Renew(e.ctx, l, time.Minute)
			e.is(err, kv.ErrNotOwner)
			_, err = e.kv.DeletePrefix(e.ctx, kv.ScriptLock, "b")
			e.ok(err)
		}
	}},
	{"a lease ends in its millisecond", Locks, func(e *env) {
		for _, durable := range []bool{false, true} {
			old := e.lock(lock("a"), time.Minute, durable)
			e.advance(time.Minute - time.Millisecond)
			e.locked(lock("a"))
			e.advance(time.Millisecond)
			_, err := e.kv.Renew(e.ctx, old, time.Minute)
			e.is(err, kv.ErrNotOwner)
			e.is(e.kv.Unlock(e.ctx, old), kv.ErrNotOwner)
			next := e.lock(lock("a"), time.Minute, durable)
			_, err = e.kv.Renew(e.ctx, old, time.Hour)
			e.is(err, kv.ErrNotOwner)
			e.is(e.kv.Unlock(e.ctx, old), kv.ErrNotOwner)
			e.locked(lock("a"))
			e.ok(e.kv.Unlock(e.ctx, next))
		}
	}},
	{"a lease without ttl is held for ever", Locks, func(e *env) {
		l := e.lock(lock("a"), 0, false)
		e.advance(1000 * time.Hour)
		e.locked(lock("a"))
		e.purgeAll()
		e.locked(lock("a"))
		e.ok(e.kv.Unlock(e.ctx, l))
	}},
	{"Renew counts from now, may shorten, and keeps owner and fence", Locks, func(e *env) {
		for _, durable := range []bool{false, true} {
			l := e.lock(lock("a"), time.Minute, durable)
			e.advance(30 * time.Second)
			longer, err := e.kv.Renew(e.ctx, l, time.Minute)
			e.ok(err)
			if longer.Owner != l.Owner || longer.Fence != l.Fence || longer.Key != l.Key || longer.Expires.Sub(l.Expires) != 30*time.Second {
				e.Errorf("%+v became %+v", l, longer)
			}
			e.advance(59 * time.Second)
			e.locked(lock("a"))
			shorter, err := e.kv.Renew(e.ctx, l, time.Second)
			e.ok(err)
			e.advance(time.Second)
			_, err = e.kv.Renew(e.ctx, shorter, time.Minute)
			e.is(err, kv.ErrNotOwner)
		}
	}},
	{"a fence is larger than all before it, whatever became of them", Locks, func(e *env) {
		var last uint64
		take := func(durable bool) kv.Lease {
			e.Helper()
			l := e.lock(lock("a"), time.Second, durable)
			if l.Fence <= last {
				e.Errorf("fence %d after %d", l.Fence, last)
			}
			last = l.Fence
			return l
		}
		for _, durable := range []bool{false, true, false, true} {
			e.ok(e.kv.Unlock(e.ctx, take(durable))) // given up
			take(durable)                           // expired
			e.advance(time.Second)
			take(durable) // expired and purged
			e.advance(time.Minute)
			e.purgeAll()
			take(durable) // deleted
			_, err := e.kv.Delete(e.ctx, lock("a"))
			e.ok(err)
			take(durable)
			_, err = e.kv.DeletePrefix(e.ctx, kv.ScriptLock, "")
			e.ok(err)
		}
	}},
	{"a lease is held by owner and fence together", Locks, func(e *env) {
		l := e.lock(lock("a"), time.Minute, false)
		for _, thief := range []kv.Lease{
			{Key: l.Key, Owner: kv.NewOwner(), Fence: l.Fence},
			{Key: l.Key, Owner: l.Owner, Fence: l.Fence + 1},
			{Key: l.Key, Owner: "", Fence: l.Fence},
			{Key: lock("b"), Owner: l.Owner, Fence: l.Fence},
			{},
		} {
			e.is(e.kv.Unlock(e.ctx, thief), kv.ErrNotOwner)
			_, err := e.kv.Renew(e.ctx, thief, time.Hour)
			e.is(err, kv.ErrNotOwner)
		}
		_, err := e.kv.Renew(e.ctx, l, -1)
		e.is(err, kv.ErrInvalid)
		e.locked(lock("a"))
		e.ok(e.kv.Unlock(e.ctx, l))
	}},
	{"what a later owner wrote is never overwritten by an earlier one", Locks, func(e *env) {
		k := value("guarded")
		old := e.lock(lock("a"), time.Second, false)
		e.ok(kv.SetOwned(e.ctx, e.kv, old, k, []byte("old"), 0))
		if v, err := e.kv.Get(e.ctx, k); err != nil || v.Fence != old.Fence {
			e.Errorf("fence %d, %v, want %d", v.Fence, err, old.Fence)
		}
		e.advance(time.Second)
		// Nobody has the lock, and the old owner has lost it all the same.
		e.is(kv.SetOwned(e.ctx, e.kv, old, k, []byte("late"), 0), kv.ErrNotOwner)
		next := e.lock(lock("a"), time.Minute, false)
		e.is(kv.SetOwned(e.ctx, e.kv, old, k, []byte("late"), 0), kv.ErrNotOwner)
		e.ok(kv.SetOwned(e.ctx, e.kv, next, k, []byte("next"), 0))
		// A write that was under way when the lease ran out arrives now.
		e.is(e.kv.SetFenced(e.ctx, k, []byte("late"), 0, old.Fence), kv.ErrNotOwner)
		e.has(k, "next")
		e.ok(e.kv.Unlock(e.ctx, next))
		e.is(kv.SetOwned(e.ctx, e.kv, next, k, []byte("late"), 0), kv.ErrNotOwner)
		e.has(k, "next")
	}},
	{"a row remembers its fence as long as it lives", Locks, func(e *env) {
		k := value("guarded")
		fenced := func(fence uint64, want error) {
			e.Helper()
			e.is(e.kv.SetFenced(e.ctx, k, []byte("1"), time.Minute, fence), want)
		}
		fenced(5, nil)
		fenced(5, nil)
		fenced(4, kv.ErrNotOwner)
		e.set(k, "2", 0)
		fenced(4, kv.ErrNotOwner)
		_, err := e.kv.CompareAndSwap(e.ctx, k, []byte("2"), []byte("3"), 0)
		e.ok(err)
		_, err = e.kv.Incr(e.ctx, k, 1, 0)
		e.ok(err)
		fenced(4, kv.ErrNotOwner)
		e.has(k, "4")
		fenced(6, nil)
		e.advance(time.Minute)
		fenced(4, nil) // the row of fence 6 is over
		_, err = e.kv.Delete(e.ctx, k)
		e.ok(err)
		fenced(1, nil)
		e.set(k, "", time.Second)
		e.advance(time.Second)
		e.set(k, "again", 0)
		fenced(0, nil)
		e.is(e.kv.SetFenced(e.ctx, k, make([]byte, kv.MaxValue+1), 0, 9), kv.ErrTooLarge)
		e.is(e.kv.SetFenced(e.ctx, k, nil, -1, 9), kv.ErrInvalid)
	}},
	{"a lease and a value under one key do not touch", Locks, func(e *env) {
		l := e.lock(lock("a"), time.Minute, false)
		e.lacks(lock("a"))
		e.set(lock("a"), "1", 0)
		e.locked(lock("a"))
		e.ok(e.kv.Unlock(e.ctx, l))
		e.has(lock("a"), "1")
	}},
}
