package kvtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sluice-mail/sluice/kv"
	"pgregory.net/rapid"
)

// runLength is how many calls a random run has: enough to come back to the same keys, and few enough for
// rapid to find out which of them matter.
const runLength = 100

// randomTest makes random calls and compares every answer with the reference's. One store is used
// for all runs, each of which begins by emptying it, or by another store if it cannot be emptied.
var randomTest = test{"long random runs agree with a map", 0, func(e *env) {
	var before *reference
	defer func() { e.ok(e.kv.Close()) }()
	for made := 0; made < e.suite.steps(); {
		wrong := false // then what follows makes the run smaller, and is not counted
		rapid.Check(e.T, func(t *rapid.T) {
			if !wrong && made >= e.suite.steps() {
				return
			}
			fine := false
			defer func() { wrong = wrong || !fine }()
			r := &random{T: t, env: e}
			r.reset(before)
			before = r.ref
			for range runLength {
				r.call(drawCall.Draw(t, "call"))
				made++
			}
			fine = true
		})
	}
}}

// steps is how many random calls there are: a tenth of the full count, or all of it.
func (s Suite) steps() int {
	n := 10_000
	if s.Remote {
		n = 1000
	}
	if Proof() {
		n *= 10
	}
	return n
}

// random is one run. Errors go to rapid, which looks for a shorter run with the same end.
type random struct {
	*rapid.T
	env *env
	ref *reference
}

// ok ends the run if err is an error that nothing explains.
func (r *random) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// reset empties the store and asks for its time.
func (r *random) reset(before *reference) {
	if r.env.suite.Lacks&Lists != 0 && before != nil {
		r.ok(r.env.kv.Close())
		r.env.kv, r.env.advance = r.env.suite.Open(r.env.T)
		before = nil
	}
	s, ctx := r.env.kv, r.env.ctx
	if r.env.suite.Lacks&Lists == 0 {
		for _, p := range places {
			_, err := s.DeletePrefix(ctx, p, "")
			r.ok(err)
		}
	}
	k := kv.Key{Prefix: kv.Script, Name: "time"}
	r.ok(s.Set(ctx, k, nil, time.Hour))
	v, err := s.Get(ctx, k)
	r.ok(err)
	_, err = s.Delete(ctx, k)
	r.ok(err)
	r.ref = newReference(v.Expires.Add(-time.Hour))
	if before != nil {
		r.ref.fences = before.fences // which grow for ever
	}
}

// agree compares an answer.
func (r *random) agree(c randomCall, got, want any, err, wantErr error) {
	if !same(err, wantErr) {
		r.Fatalf("%#v: error %v, want %v", c, err, wantErr)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.Fatalf("%#v: -want +got %s", c, diff)
	}
}

// call makes a call of store and reference.
func (r *random) call(c randomCall) {
	if randomNeeds[c.act]&r.env.suite.Lacks != 0 {
		return
	}
	s, ctx, ref := r.env.kv, r.env.ctx, r.ref
	switch c.act {
	case doNothing:
	case doGet:
		row, there := ref.get(c.key())
		v, err := s.Get(ctx, c.key())
		if !there {
			r.agree(c, nil, nil, err, kv.ErrNotFound)
			return
		}
		r.agree(c, clean(v), clean(ref.value(row)), err, nil)
	case doGetMany:
		r.getMany(c)
	case doSet:
		ref.set(c.key(), c.v, c.ttl, 0)
		r.ok(s.Set(ctx, c.key(), []byte(c.v), c.ttl))
	case doFenced:
		want := ref.fenced(c.key(), c.v, c.ttl, uint64(c.by))
		r.agree(c, nil, nil, s.SetFenced(ctx, c.key(), []byte(c.v), c.ttl, uint64(c.by)), want)
	case doAdd:
		_, there := ref.get(c.key())
		if !there {
			ref.set(c.key(), c.v, c.ttl, 0)
		}
		ok, err := s.Add(ctx, c.key(), []byte(c.v), c.ttl)
		r.agree(c, ok, !there, err, nil)
	case doSwap:
		r.swap(c)
	case doDelete, doDeletePrefix:
		r.remove(c)
	case doList:
		r.agree(c, r.list(c), ref.list(c.key().Prefix, c.key().Name), nil, nil)
	case doIncr:
		want, wantErr := ref.incr(c.key(), c.by, c.ttl)
		n, err := s.Incr(ctx, c.key(), c.by, c.ttl)
		r.agree(c, n, want, err, wantErr)
	case doIncrMany:
		r.incrMany(c)
	case doCounter:
		row, there := ref.get(c.key())
		want, wantErr := int64(0), error(nil)
		if there {
			want, wantErr = kv.ParseCounter([]byte(row.v))
		}
		n, err := s.Counter(ctx, c.key())
		r.agree(c, n, want, err, wantErr)
	case doRate:
		want := ref.rate(c.key(), c.rule, c.by, c.peek)
		d, err := s.Rate(ctx, c.key(), c.rule, c.by, c.peek)
		r.agree(c, d, want, err, nil)
	case doAdvance:
		ref.now += c.ttl
		r.env.advance(c.ttl)
	case doPurge:
		_, _, err := s.Purge(ctx)
		r.ok(err)
	case doStats:
		r.stats(c)
	default:
		r.lock(c)
	}
}

// clean makes values of different stores comparable: a moment has no place, and no octets are no octets.
func clean(v kv.Value) kv.Value {
	v.Expires = v.Expires.UTC()
	if v.Bytes == nil {
		return kv.Value{}
	}
	v.Bytes = append([]byte{}, v.Bytes...)
	return v
}

func (r *random) getMany(c randomCall) {
	want := make([]kv.Value, len(c.keys))
	for i, k := range c.keys {
		if row, there := r.ref.get(k); there {
			want[i] = clean(r.ref.value(row))
		}
	}
	got, err := r.env.kv.GetMany(r.env.ctx, c.keys)
	cleaned := make([]kv.Value, len(got))
	for i, v := range got {
		cleaned[i] = clean(v)
	}
	r.agree(c, cleaned, want, err, nil)
}

// incrMany adds to each key another number.
func (r *random) incrMany(c randomCall) {
	adds := make([]kv.Addition, len(c.keys))
	want, wantErr := make([]int64, len(c.keys)), false
	for i, k := range c.keys {
		adds[i] = kv.Addition{Key: k, By: c.by/8 + int64(i)}
		if i == 0 {
			adds[i].By = c.by
		}
		var err error
		want[i], err = r.ref.incr(k, adds[i].By, c.ttl)
		wantErr = wantErr || err != nil
	}
	got, err := kv.IncrMany(r.env.ctx, r.env.kv, adds, c.ttl)
	if err != nil != wantErr || err != nil && !kv.OfCounter(err) {
		r.Fatalf("%#v: error %v, want one: %v", c, err, wantErr)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("%#v: -want +got %s", c, diff)
	}
}

func (r *random) swap(c randomCall) {
	was, there := r.ref.get(c.key())
	var old []byte
	switch {
	case c.old == 0 && there:
		old = append([]byte{}, was.v...)
	case c.old == 1:
		old = []byte(was.v + "!")
	}
	match := there == (old != nil) && string(old) == was.v
	if match {
		r.ref.set(c.key(), c.v, c.ttl, 0)
	}
	ok, err := r.env.kv.CompareAndSwap(r.env.ctx, c.key(), old, []byte(c.v), c.ttl)
	r.agree(c, ok, match, err, nil)
}

// remove deletes one key or all that begin so. What counts is what anybody could see.
func (r *random) remove(c randomCall) {
	k := c.key()
	match := func(o kv.Key) bool { return o == k }
	if c.act == doDeletePrefix {
		match = func(o kv.Key) bool { return o.Prefix == k.Prefix && strings.HasPrefix(o.Name, k.Name) }
	}
	is := r.ref.count(match)
	r.ref.remove(match)
	if c.act == doDeletePrefix {
		n, err := r.env.kv.DeletePrefix(r.env.ctx, k.Prefix, k.Name)
		r.agree(c, int64(n), is.all, err, nil)
		return
	}
	ok, err := r.env.kv.Delete(r.env.ctx, k)
	r.agree(c, ok, is.all > 0, err, nil)
}

// list reads all pages.
func (r *random) list(c randomCall) []kv.Item {
	all := []kv.Item{}
	for cursor := ""; ; {
		items, next, err := r.env.kv.List(r.env.ctx, c.key().Prefix, c.key().Name, cursor, c.page)
		r.ok(err)
		if len(items) > c.page {
			r.Fatalf("a page of %d has %d rows", c.page, len(items))
		}
		for _, it := range items {
			all = append(all, kv.Item{Key: it.Key, Value: clean(it.Value)})
		}
		if next == "" {
			break
		}
		if len(items) == 0 || len(all) > 10_000 {
			r.Fatal("listing goes on without getting anywhere")
		}
		cursor = next
	}
	return all
}

// stats compares rows, and octets where only values are counted.
func (r *random) stats(c randomCall) {
	stats, err := r.env.kv.Stats(r.env.ctx)
	r.ok(err)
	for _, p := range places {
		want := r.ref.count(func(k kv.Key) bool { return k.Prefix == p })
		var got kv.PrefixStats
		if i := slices.IndexFunc(stats, func(s kv.PrefixStats) bool { return s.Prefix == p }); i >= 0 {
			got = stats[i]
		}
		r.agree(c, fmt.Sprint(p, " rows ", got.Rows), fmt.Sprint(p, " rows ", want.all), nil, nil)
		if want.all == want.rows {
			r.agree(c, fmt.Sprint(p, " octets ", got.Octets), fmt.Sprint(p, " octets ", want.octets), nil, nil)
		}
	}
}

// lock does what leases are about.
func (r *random) lock(c randomCall) {
	s, ctx, ref := r.env.kv, r.env.ctx, r.ref
	l := ref.lastGiven(c.lease)
	switch c.act {
	case doLock:
		_, held := ref.lease(c.key())
		got, err := s.Lock(ctx, c.key(), c.ttl, c.durable)
		if held {
			r.agree(c, nil, nil, err, kv.ErrLocked)
			return
		}
		r.ok(err)
		if got.Key != c.key() || len(got.Owner) != 32 || got.Fence <= ref.fences[c.key()] || !got.Expires.Equal(ref.moment(ref.after(c.ttl))) {
			r.Fatalf("%#v: lease %+v after fence %d", c, got, ref.fences[c.key()])
		}
		ref.fences[c.key()] = got.Fence
		ref.leases[c.key()] = refLease{got, ref.after(c.ttl)}
		ref.given = append(ref.given, got)
	case doRenew:
		var want error
		if !ref.holds(l) {
			want = kv.ErrNotOwner
		}
		got, err := s.Renew(ctx, l, c.ttl)
		r.agree(c, nil, nil, err, want)
		if want == nil {
			ref.leases[l.Key] = refLease{l, ref.after(c.ttl)}
			if !l.Holds(got) || !got.Expires.Equal(ref.moment(ref.after(c.ttl))) {
				r.Fatalf("%#v: %+v became %+v", c, l, got)
			}
		}
	case doUnlock:
		want := kv.ErrNotOwner
		if ref.holds(l) {
			want = nil
			delete(ref.leases, l.Key)
		}
		err := s.Unlock(ctx, l)
		r.agree(c, nil, nil, err, want)
	case doOwned:
		want := ref.setOwned(l, c.key(), c.v, c.ttl)
		err := kv.SetOwned(ctx, s, l, c.key(), []byte(c.v), c.ttl)
		if want != nil && errors.Is(want, kv.ErrNotOwner) {
			r.agree(c, nil, nil, err, kv.ErrNotOwner)
			return
		}
		r.ok(err)
	}
}
