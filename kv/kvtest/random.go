package kvtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

// reference is a store that is too simple to be wrong: a map and a clock, for one caller.
type reference struct {
	now  time.Duration
	rows map[kv.Key]refRow
}

type refRow struct {
	v       string
	expires time.Duration // 0 is never
}

func (r *reference) get(k kv.Key) (refRow, bool) {
	row, ok := r.rows[k]
	return row, ok && (row.expires == 0 || row.expires > r.now)
}

func (r *reference) set(k kv.Key, v string, ttl time.Duration) {
	row := refRow{v: v}
	if ttl > 0 {
		row.expires = r.now + ttl
	}
	r.rows[k] = row
}

// list returns the names below name in byte order.
func (r *reference) list(p kv.Prefix, name string) []string {
	names := []string{}
	for k := range r.rows {
		if _, ok := r.get(k); ok && k.Prefix == p && strings.HasPrefix(k.Name, name) {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return names
}

// randomTest makes random calls and compares every answer with the reference's.
var randomTest = test{"long random runs agree with a map", 0, func(e *env) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	ref := &reference{rows: map[kv.Key]refRow{}}
	for i := range e.suite.steps() {
		if act := e.randomStep(rng, ref); e.Failed() {
			e.Fatalf("seed %d, step %d: %s", seed, i, act)
		}
	}
}}

// steps is how long random runs are: a tenth of the full count, or all of it.
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

func (e *env) randomStep(rng *rand.Rand, ref *reference) string {
	k := kv.Key{Prefix: []kv.Prefix{kv.Script, kv.Greylist, 255}[rng.IntN(3)], Name: odd[rng.IntN(len(odd))]}
	v := strings.Repeat(fmt.Sprint(rng.IntN(5)), 1+rng.IntN(2)*rng.IntN(2000))
	ttl := time.Duration(rng.IntN(3)) * time.Second
	was, there := ref.get(k)
	same := func(what string, got, want any, err error) {
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			e.Errorf("%s: %v %s", what, err, diff)
		}
	}
	act := rng.IntN(12)
	if e.suite.Lacks&Lists != 0 && (act == 5 || act == 6) {
		return "nothing"
	}
	switch act {
	case 0, 1:
		ref.set(k, v, ttl)
		e.set(k, v, ttl)
		return fmt.Sprintf("set %v", k)
	case 2:
		if !there {
			ref.set(k, v, ttl)
		}
		ok, err := e.kv.Add(e.ctx, k, []byte(v), ttl)
		same("Add", ok, !there, err)
	case 3:
		old := []byte(was.v)
		if rng.IntN(3) == 0 {
			old = append(old, '!')
		} else if !there {
			old = nil
		}
		match := there && string(old) == was.v || !there && old == nil
		if match {
			ref.set(k, v, ttl)
		}
		ok, err := e.kv.CompareAndSwap(e.ctx, k, old, []byte(v), ttl)
		same("CompareAndSwap", ok, match, err)
	case 4:
		delete(ref.rows, k)
		ok, err := e.kv.Delete(e.ctx, k)
		same("Delete", ok, there, err)
	case 5:
		if rng.IntN(4) > 0 {
			return "nothing"
		}
		names := ref.list(k.Prefix, k.Name)
		for _, name := range names {
			delete(ref.rows, kv.Key{Prefix: k.Prefix, Name: name})
		}
		n, err := e.kv.DeletePrefix(e.ctx, k.Prefix, k.Name)
		same(fmt.Sprintf("DeletePrefix %q", k.Name), n, len(names), err)
	case 6:
		same(fmt.Sprintf("List %q", k.Name), e.names(k.Prefix, k.Name, 1+rng.IntN(5)), ref.list(k.Prefix, k.Name), nil)
	case 7:
		n, old := int64(0), kv.ErrNotFound
		if there {
			n, old = kv.ParseCounter([]byte(was.v))
		}
		got, err := e.kv.Incr(e.ctx, k, 3, ttl)
		switch {
		case errors.Is(old, kv.ErrNotCounter):
			e.is(err, kv.ErrNotCounter)
		case there:
			ref.rows[k] = refRow{fmt.Sprint(n + 3), was.expires}
			same("Incr", got, n+3, err)
		default:
			ref.set(k, "3", ttl)
			same("Incr", got, int64(3), err)
		}
	case 8:
		d := time.Duration(rng.IntN(1500)) * time.Millisecond
		ref.now += d
		e.advance(d)
	case 9:
		_, _, err := e.kv.Purge(e.ctx)
		e.ok(err)
	default:
		if there {
			e.has(k, was.v)
		} else {
			e.lacks(k)
		}
		return fmt.Sprintf("get %v", k)
	}
	return fmt.Sprintf("%v", k)
}
