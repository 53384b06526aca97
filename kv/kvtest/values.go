package kvtest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

var valueTests = []test{
	{"a value is read back as it was written, any bytes and sizes", 0, func(e *env) {
		for _, name := range []string{"", "a", "\x00", "\xff\xfe", strings.Repeat("k", kv.MaxName)} {
			for _, size := range []int{0, 1, 1023, 1024, 1025, 70_000, kv.MaxValue} {
				v := bytes.Repeat([]byte{0, 0xff, 'x'}, size/3+1)[:size]
				e.ok(e.kv.Set(e.ctx, value(name), v, 0))
				got, err := e.kv.Get(e.ctx, value(name))
				if err != nil || !bytes.Equal(got.Bytes, v) || got.Bytes == nil || !got.Expires.IsZero() {
					e.Errorf("%d octets under %.10q: got %d, expires %v, %v", size, name, len(got.Bytes), got.Expires, err)
				}
			}
		}
		e.lacks(value("other"))
		e.ok(e.kv.Set(e.ctx, value("nil"), nil, 0))
		e.has(value("nil"), "")
	}},
	{"keys of different prefixes are different", 0, func(e *env) {
		e.set(value("a"), "1", 0)
		e.set(kv.Key{Prefix: kv.Greylist, Name: "a"}, "2", 0)
		e.has(value("a"), "1")
		e.has(kv.Key{Prefix: kv.Greylist, Name: "a"}, "2")
		e.lacks(kv.Key{Prefix: kv.OAuth, Name: "a"})
	}},
	{"what is too large is refused and changes nothing", 0, func(e *env) {
		long := strings.Repeat("k", kv.MaxName+1)
		fat := make([]byte, kv.MaxValue+1)
		e.set(value("a"), "1", 0)
		e.is(e.kv.Set(e.ctx, value("a"), fat, 0), kv.ErrTooLarge)
		_, err := e.kv.CompareAndSwap(e.ctx, value("a"), []byte("1"), fat, 0)
		e.is(err, kv.ErrTooLarge)
		_, err = e.kv.Add(e.ctx, value("new"), fat, 0)
		e.is(err, kv.ErrTooLarge)
		e.has(value("a"), "1")
		e.lacks(value("new"))
		for name, call := range map[string]func() error{
			"Get":     func() error { _, err := e.kv.Get(e.ctx, value(long)); return err },
			"GetMany": func() error { _, err := e.kv.GetMany(e.ctx, []kv.Key{value("a"), value(long)}); return err },
			"Set":     func() error { return e.kv.Set(e.ctx, value(long), nil, 0) },
			"Add":     func() error { _, err := e.kv.Add(e.ctx, value(long), nil, 0); return err },
			"Delete":  func() error { _, err := e.kv.Delete(e.ctx, value(long)); return err },
			"Incr":    func() error { _, err := e.kv.Incr(e.ctx, counter(long), 1, 0); return err },
			"Counter": func() error { _, err := e.kv.Counter(e.ctx, counter(long)); return err },
			"Rate":    func() error { _, err := e.kv.Rate(e.ctx, allow(long), perMinute, 1, false); return err },
			"Lock":    func() error { _, err := e.kv.Lock(e.ctx, lock(long), time.Minute, false); return err },
			"a batch": func() error { _, err := e.kv.GetMany(e.ctx, make([]kv.Key, kv.MaxMany+1)); return err },
		} {
			if err := call(); !errors.Is(err, kv.ErrTooLarge) {
				e.Errorf("%s: %v, want ErrTooLarge", name, err)
			}
		}
	}},
	{"a negative ttl is refused and changes nothing", 0, func(e *env) {
		e.is(e.kv.Set(e.ctx, value("a"), nil, -1), kv.ErrInvalid)
		_, err := e.kv.Add(e.ctx, value("a"), nil, -time.Hour)
		e.is(err, kv.ErrInvalid)
		_, err = e.kv.Incr(e.ctx, counter("a"), 1, -1)
		e.is(err, kv.ErrInvalid)
		_, err = e.kv.Lock(e.ctx, lock("a"), -1, false)
		e.is(err, kv.ErrInvalid)
		e.lacks(value("a"))
		e.lacks(counter("a"))
	}},
	{"a row is gone in the millisecond it expires, not before and not later", 0, func(e *env) {
		e.set(value("a"), "1", 5*time.Second)
		first, err := e.kv.Get(e.ctx, value("a"))
		e.ok(err)
		e.advance(4999 * time.Millisecond)
		e.has(value("a"), "1")
		again, err := e.kv.Get(e.ctx, value("a"))
		e.ok(err)
		if !again.Expires.Equal(first.Expires) {
			e.Errorf("the expiry moved from %v to %v by reading", first.Expires, again.Expires)
		}
		e.advance(time.Millisecond)
		e.lacks(value("a"))
		if there, err := e.kv.Delete(e.ctx, value("a")); there || err != nil {
			e.Errorf("deleting an expired row: %v, %v", there, err)
		}
		e.set(value("b"), "1", time.Nanosecond)
		e.has(value("b"), "1")
		e.advance(time.Millisecond)
		e.lacks(value("b"))
	}},
	{"Expires is ttl after the write", 0, func(e *env) {
		e.set(value("a"), "1", time.Minute)
		e.advance(time.Second)
		e.set(value("b"), "1", time.Minute)
		a, err := e.kv.Get(e.ctx, value("a"))
		e.ok(err)
		many, err := e.kv.GetMany(e.ctx, []kv.Key{value("b")})
		e.ok(err)
		if got := many[0].Expires.Sub(a.Expires); got != time.Second {
			e.Errorf("written a second apart, they expire %v apart", got)
		}
	}},
	{"Set replaces the value and its expiry", 0, func(e *env) {
		e.set(value("a"), "1", time.Second)
		e.set(value("a"), "2", 0)
		e.advance(time.Hour)
		e.has(value("a"), "2")
		e.set(value("a"), "3", time.Second)
		e.advance(time.Second)
		e.lacks(value("a"))
		e.set(value("big"), strings.Repeat("x", 5000), 0)
		e.set(value("big"), "small", time.Second)
		e.has(value("big"), "small")
		e.advance(time.Second)
		e.lacks(value("big"))
	}},
	{"Add writes only where nothing is, or nothing any more", 0, func(e *env) {
		add := func(v string, ttl time.Duration, want bool) {
			e.Helper()
			got, err := e.kv.Add(e.ctx, value("a"), []byte(v), ttl)
			if got != want || err != nil {
				e.Errorf("Add %s: %v, %v, want %v", v, got, err, want)
			}
		}
		add("1", time.Minute, true)
		add("2", time.Hour, false)
		e.has(value("a"), "1")
		e.advance(time.Minute)
		add("3", 0, true)
		e.has(value("a"), "3")
		e.set(value("a"), "", 0)
		add("4", 0, false)
	}},
	{"CompareAndSwap writes only over what was named, nil being absent", 0, func(e *env) {
		cas := func(old, next []byte, ttl time.Duration, want bool) {
			e.Helper()
			got, err := e.kv.CompareAndSwap(e.ctx, value("a"), old, next, ttl)
			if got != want || err != nil {
				e.Errorf("%q to %q: %v, %v, want %v", old, next, got, err, want)
			}
		}
		cas([]byte("x"), []byte("1"), 0, false)
		cas([]byte{}, []byte("1"), 0, false)
		cas(nil, []byte("1"), time.Minute, true)
		cas(nil, []byte("2"), 0, false)
		cas([]byte("2"), []byte("3"), 0, false)
		e.has(value("a"), "1")
		e.advance(30 * time.Second)
		cas([]byte("1"), []byte{}, time.Minute, true)
		e.advance(59 * time.Second)
		e.has(value("a"), "")
		cas([]byte{}, []byte("4"), time.Second, true)
		e.advance(time.Second)
		e.lacks(value("a"))
		cas([]byte("4"), []byte("5"), 0, false)
		cas(nil, []byte("6"), 0, true)
		big := bytes.Repeat([]byte("x"), 5000)
		cas([]byte("6"), big, 0, true)
		cas(big[1:], []byte("7"), 0, false)
		cas(big, []byte("7"), 0, true)
		e.has(value("a"), "7")
	}},
	{"Delete says whether something was there", 0, func(e *env) {
		for _, v := range []string{"1", strings.Repeat("x", 5000)} {
			e.set(value("a"), v, 0)
			for _, want := range []bool{true, false} {
				if got, err := e.kv.Delete(e.ctx, value("a")); got != want || err != nil {
					e.Errorf("%v, %v, want %v", got, err, want)
				}
				e.lacks(value("a"))
			}
		}
	}},
	{"Delete takes the key's allowances, and nobody else's", 0, func(e *env) {
		for _, k := range []kv.Key{value("a"), value("a\x00b"), allow("a")} {
			for _, r := range []kv.Rule{perMinute, bursty} {
				_, err := e.kv.Rate(e.ctx, k, r, 3, false)
				e.ok(err)
			}
		}
		e.set(value("a"), "1", 0)
		for _, want := range []bool{true, false} {
			if got, err := e.kv.Delete(e.ctx, value("a")); got != want || err != nil {
				e.Errorf("%v, %v, want %v", got, err, want)
			}
		}
		left := func(k kv.Key, r kv.Rule, want int64) {
			e.Helper()
			if d, err := e.kv.Rate(e.ctx, k, r, 0, true); d.Remaining != want || err != nil {
				e.Errorf("%q: %+v, %v, want %d left", k.Name, d, err, want)
			}
		}
		left(value("a"), perMinute, 10)
		left(value("a"), bursty, 5)
		left(value("a\x00b"), perMinute, 7)
		left(allow("a"), perMinute, 7)
		if got, err := e.kv.Delete(e.ctx, allow("a")); !got || err != nil {
			e.Errorf("deleting allowances: %v, %v", got, err)
		}
		left(allow("a"), bursty, 5)
	}},
	{"GetMany keeps the order, repeats and gaps", 0, func(e *env) {
		e.set(value("a"), "1", 0)
		e.set(value("b"), "", time.Second)
		e.set(counter("a"), "7", 0)
		ks := []kv.Key{value("b"), value("x"), value("a"), counter("a"), value("a")}
		check := func(want ...string) {
			e.Helper()
			got, err := e.kv.GetMany(e.ctx, ks)
			e.ok(err)
			for i, w := range want {
				v := "absent"
				if got[i].Bytes != nil {
					v = string(got[i].Bytes)
				}
				if v != w {
					e.Errorf("value %d is %q, want %q", i, v, w)
				}
			}
		}
		check("", "absent", "1", "7", "1")
		e.advance(time.Second)
		check("absent", "absent", "1", "7", "1")
		if got, err := e.kv.GetMany(e.ctx, nil); len(got) != 0 || err != nil {
			e.Errorf("no keys: %v, %v", got, err)
		}
	}},
	{"a call whose context is over changes nothing", 0, func(e *env) {
		over, cancel := context.WithCancel(e.ctx)
		cancel()
		e.is(e.kv.Set(over, value("a"), nil, 0), context.Canceled)
		_, err := e.kv.Incr(over, counter("a"), 1, 0)
		e.is(err, context.Canceled)
		_, err = e.kv.Lock(over, lock("a"), time.Minute, false)
		e.is(err, context.Canceled)
		_, err = e.kv.Rate(over, allow("a"), perMinute, 1, false)
		e.is(err, context.Canceled)
		e.lacks(value("a"))
		e.lacks(counter("a"))
		if d, err := e.kv.Rate(e.ctx, allow("a"), perMinute, 0, true); d.Remaining != perMinute.Limit || err != nil {
			e.Errorf("%+v, %v", d, err)
		}
		if e.suite.Lacks&Locks == 0 {
			_, err = e.kv.Lock(e.ctx, lock("a"), time.Minute, false)
			e.ok(err)
		}
	}},
	{"after Close every call fails, and Close may be called again", 0, func(e *env) {
		e.set(value("a"), "1", 0)
		e.ok(e.kv.Close())
		if _, err := e.kv.Get(e.ctx, value("a")); !errors.Is(err, kv.ErrClosed) {
			e.Errorf("Get: %v", err)
		}
		e.is(e.kv.Set(e.ctx, value("a"), nil, 0), kv.ErrClosed)
		_, err := e.kv.Incr(e.ctx, counter("a"), 1, 0)
		e.is(err, kv.ErrClosed)
		_, err = e.kv.Lock(e.ctx, lock("a"), 0, false)
		e.is(err, kv.ErrClosed)
		e.ok(e.kv.Close())
	}},
	{"Flush works at any time", 0, func(e *env) {
		e.ok(e.kv.Flush(e.ctx))
		e.set(value("a"), "1", 0)
		_, err := e.kv.Incr(e.ctx, counter("a"), 1, 0)
		e.ok(err)
		e.ok(e.kv.Flush(e.ctx))
		e.has(value("a"), "1")
		e.has(counter("a"), "1")
	}},
}
