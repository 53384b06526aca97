package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/sluice-mail/sluice/kv"
)

// shape is what a history is made of: short enough that porcupine always comes to an end.
type shape struct {
	clients, calls int
	keys           int // 1 or 2
	acts           []act
}

var (
	// mixed uses everything that a store can do.
	mixed = shape{clients: 4, calls: 7, keys: 2, acts: everything()}
	// crowd is many callers who mostly write values.
	crowd = shape{clients: 8, calls: 4, keys: 1, acts: []act{
		opGet, opGet, opGetMany, opSet, opSet, opSet, opAdd, opSwap, opSwap, opFenced, opFenced, opDelete, opDeletePrefix, opAdvance, opPurge,
	}}
)

// everything has each act, those of values more often.
func everything() []act {
	all := []act{opSet, opSet, opSet, opAdd, opSwap, opDelete}
	for a := range acts {
		all = append(all, a)
	}
	return all
}

// Histories runs n histories of concurrent calls, each on keys of its own, and returns
// how many of them no order of the calls explains, with one of those as text. The seed
// decides which calls are made, though not how they interleave.
func Histories(t *testing.T, s kv.Store, advance func(time.Duration), n int, seed uint64) (illegal int, example string) {
	t.Helper()
	return Suite{}.histories(t, s, advance, mixed, n, seed)
}

// CrowdedHistories is Histories with eight callers who write to the same keys: one, or two of
// which a store may believe that they are one.
func CrowdedHistories(t *testing.T, s kv.Store, advance func(time.Duration), keys, n int, seed uint64) (illegal int, example string) {
	t.Helper()
	sh := crowd
	sh.keys = min(keys, 2)
	return Suite{}.histories(t, s, advance, sh, n, seed)
}

func (suite Suite) histories(t *testing.T, s kv.Store, advance func(time.Duration), sh shape, n int, seed uint64) (illegal int, example string) {
	t.Helper()
	var other *noise
	if !suite.Remote {
		other = startNoise(t.Context(), s)
		defer other.stop()
	}
	for i := range n {
		h := &history{ctx: t.Context(), kv: s, advance: advance, shape: sh, noise: other, name: fmt.Sprintf("history %d/", i), lacks: suite.Lacks}
		if err := h.findBase(); err != nil {
			t.Fatal(err)
		}
		ops := h.run(seed, uint64(i))
		switch porcupine.CheckOperationsTimeout(model, ops, 20*time.Second) {
		case porcupine.Illegal:
			if illegal++; example == "" {
				example = text(ops)
			}
		case porcupine.Unknown:
			t.Errorf("history %d is too long to be checked", i)
		}
	}
	if illegal > 0 {
		t.Logf("seed %d", seed)
	}
	return illegal, example
}

// noiseKeys are more than a small cache holds.
const noiseKeys = 5000

// noisyCalls is how many calls of noise go with one of a history.
const noisyCalls = 16

// noise reads and writes other keys, so that the buffers of a cache are busy and its evictions
// go on. It does a little with each call of a history, which asks for it by wanted.
type noise struct {
	wanted chan struct{}
	wg     sync.WaitGroup
}

func startNoise(ctx context.Context, s kv.Store) *noise {
	n := &noise{wanted: make(chan struct{}, 64)}
	for w := range 2 {
		n.wg.Go(func() {
			i := w * noiseKeys / 2
			for range n.wanted {
				for range noisyCalls {
					i++
					k := value(fmt.Sprintf("noise %d", i%noiseKeys))
					if i%8 == 0 {
						_ = s.Set(ctx, k, digit(i%3+1), 0)
					} else {
						_, _ = s.Get(ctx, k)
					}
				}
				goruntime.Gosched()
			}
		})
	}
	return n
}

// more asks for some noise, unless enough is under way.
func (n *noise) more() {
	if n == nil {
		return
	}
	select {
	case n.wanted <- struct{}{}:
	default:
	}
}

func (n *noise) stop() {
	close(n.wanted)
	n.wg.Wait()
}

// history makes one history.
type history struct {
	ctx     context.Context
	kv      kv.Store
	advance func(time.Duration)
	shape   shape
	noise   *noise // nil if there is none
	name    string
	base    time.Time // the store's time when the history began
	began   time.Time // the machine's
	moved   atomic.Int64
	lacks   Feature
}

// findBase asks the store for its time: it may not be the test's clock's.
func (h *history) findBase() error {
	k := value(h.name + "~")
	if err := h.kv.Set(h.ctx, k, nil, time.Hour); err != nil {
		return err
	}
	v, err := h.kv.Get(h.ctx, k)
	h.base = v.Expires.Add(-time.Hour)
	h.began = time.Now()
	return err
}

func (h *history) run(seed, number uint64) []porcupine.Operation {
	var wg sync.WaitGroup
	var start sync.WaitGroup
	start.Add(h.shape.clients)
	ops := make([][]porcupine.Operation, h.shape.clients)
	for c := range h.shape.clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, number*uint64(h.shape.clients)+uint64(c)))
			var lease kv.Lease
			start.Done()
			start.Wait()
			for range h.shape.calls {
				in := h.shape.pick(rng, lease)
				if needs[in.act]&h.lacks != 0 {
					in.act = opGet
				}
				if rng.IntN(3) == 0 {
					goruntime.Gosched()
				}
				h.noise.more()
				in.from = time.Duration(h.moved.Load())
				call := time.Since(h.began)
				outs := h.do(in, &lease)
				back := time.Since(h.began)
				for key, out := range outs {
					if len(outs) > 1 {
						in.key = key
					}
					ops[c] = append(ops[c], porcupine.Operation{ClientId: c, Input: in, Call: int64(call), Output: out, Return: int64(back)})
				}
			}
		})
	}
	wg.Wait()
	return append(slices.Concat(ops...), h.last()...)
}

// last reads every key a few times when all is over: a store that kept an old row keeps it now.
func (h *history) last() (ops []porcupine.Operation) {
	for i := range 6 * h.shape.keys {
		goruntime.Gosched()
		in := input{act: opGet, key: i % h.shape.keys, from: time.Duration(h.moved.Load())}
		call := time.Since(h.began)
		out := h.doOne(in, nil)
		ops = append(ops, porcupine.Operation{ClientId: h.shape.clients, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(h.began))})
	}
	return ops
}

// pick makes up a call.
func (sh shape) pick(rng *rand.Rand, lease kv.Lease) input {
	ms := func(n int) time.Duration { return time.Duration(rng.IntN(n)) * time.Millisecond }
	in := input{key: min(rng.IntN(4), sh.keys-1), old: rng.IntN(4), new: 1 + rng.IntN(3), ttl: max(ms(6)-time.Millisecond, 0)}
	in.act = sh.acts[rng.IntN(len(sh.acts))]
	if rng.IntN(3) == 0 {
		in.act = opGet // what caches lie about
	}
	switch in.act {
	case opAdvance:
		in.ttl = ms(4) + time.Millisecond
	case opRate:
		in.new, in.peek = rng.IntN(3), rng.IntN(4) == 0
	case opLock, opRenew:
		in.ttl += 3 * time.Millisecond
	case opFenced:
		in.fence = uint64(rng.IntN(4))
	}
	if in.act == opRenew || in.act == opUnlock {
		in.fence = lease.Fence
	}
	return in
}

func (h *history) key(n int) kv.Key { return value(h.name + string(rune('a'+n))) }

// do makes the call and returns its answer, one for each key if it reads several, with times since
// the beginning.
func (h *history) do(in input, lease *kv.Lease) []output {
	if in.act != opGetMany {
		return []output{h.doOne(in, lease)}
	}
	values, err := h.kv.GetMany(h.ctx, []kv.Key{h.key(0), h.key(1)})
	outs := make([]output, h.shape.keys)
	for i := range outs {
		switch {
		case err != nil:
			outs[i].failed = err.Error()
		case len(values) != 2:
			outs[i].failed = "wrong number of values"
		case values[i].Bytes != nil:
			outs[i] = h.row(values[i], nil)
		}
	}
	return outs
}

func (h *history) doOne(in input, lease *kv.Lease) (out output) {
	k := h.key(in.key)
	n := counter(h.name)
	var err error
	switch in.act {
	case opGet:
		var v kv.Value
		v, err = h.kv.Get(h.ctx, k)
		out = h.row(v, err)
		if errors.Is(err, kv.ErrNotFound) {
			err = nil
		}
	case opList:
		var items []kv.Item
		items, _, err = h.kv.List(h.ctx, k.Prefix, k.Name, "", 10)
		if len(items) > 0 {
			out = h.row(items[0].Value, err)
		}
	case opSet:
		err = h.kv.Set(h.ctx, k, digit(in.new), in.ttl)
	case opFenced:
		err = h.kv.SetFenced(h.ctx, k, digit(in.new), in.ttl, in.fence)
		if out.ok = err == nil; errors.Is(err, kv.ErrNotOwner) {
			err = nil
		}
	case opAdd:
		out.ok, err = h.kv.Add(h.ctx, k, digit(in.new), in.ttl)
	case opSwap:
		out.ok, err = h.kv.CompareAndSwap(h.ctx, k, digit(in.old), digit(in.new), in.ttl)
	case opDelete:
		out.ok, err = h.kv.Delete(h.ctx, k)
	case opDeletePrefix:
		var removed int
		removed, err = h.kv.DeletePrefix(h.ctx, k.Prefix, k.Name)
		out.ok = removed > 0
	case opIncr:
		out.v, err = h.kv.Incr(h.ctx, n, 1, in.ttl)
	case opIncrMany:
		var numbers []int64
		numbers, err = kv.IncrMany(h.ctx, h.kv, []kv.Addition{{Key: counter(h.name + "+"), By: 2}, {Key: n, By: 1}, {Key: value(h.name + "+"), By: 1}}, in.ttl)
		if err == nil {
			out.v = numbers[1]
		}
	case opCounter:
		out.v, err = h.kv.Counter(h.ctx, n)
	case opRate:
		var d kv.Decision
		d, err = h.kv.Rate(h.ctx, allow(h.name), testRule, int64(in.new), in.peek)
		out.ok, out.v, out.retry = d.Allowed, d.Remaining, d.RetryAfter
	case opAdvance:
		h.advance(in.ttl)
		h.moved.Add(int64(in.ttl))
	case opPurge:
		_, _, err = h.kv.Purge(h.ctx)
	default:
		out, err = h.doLock(in, lease)
	}
	if err != nil {
		out.failed = err.Error()
	}
	return out
}

func (h *history) doLock(in input, lease *kv.Lease) (out output, err error) {
	k := lock(h.name)
	switch in.act {
	case opLock:
		var l kv.Lease
		l, err = h.kv.Lock(h.ctx, k, in.ttl, in.key == 0)
		if err == nil {
			*lease = l
			out.ok, out.fence, out.expires = true, l.Fence, l.Expires.Sub(h.base)
		}
	case opRenew:
		var l kv.Lease
		l, err = h.kv.Renew(h.ctx, kv.Lease{Key: k, Owner: lease.Owner, Fence: in.fence}, in.ttl)
		if err == nil {
			out.ok, out.expires = true, l.Expires.Sub(h.base)
		}
	case opUnlock:
		err = h.kv.Unlock(h.ctx, kv.Lease{Key: k, Owner: lease.Owner, Fence: in.fence})
		out.ok = err == nil
	}
	if errors.Is(err, kv.ErrLocked) || errors.Is(err, kv.ErrNotOwner) {
		err = nil
	}
	return out, err
}

// row is the answer that a value makes.
func (h *history) row(v kv.Value, err error) (out output) {
	if err != nil {
		return out
	}
	out.ok, out.fence = true, v.Fence
	if len(v.Bytes) == 1 {
		out.v = int64(v.Bytes[0] - '0')
	}
	if !v.Expires.IsZero() {
		out.expires = v.Expires.Sub(h.base)
	}
	return out
}

// digit is the value n; 0 is nil, which means absent.
func digit(n int) []byte {
	if n == 0 {
		return nil
	}
	return []byte{'0' + byte(n)}
}

// text writes a history one call a line, in order of their beginnings.
func text(ops []porcupine.Operation) string {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%9v %9v  client %d: %s\n", time.Duration(op.Call), time.Duration(op.Return), op.ClientId, describe(op.Input.(input), op.Output.(output)))
	}
	return b.String()
}
