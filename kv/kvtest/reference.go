package kvtest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// reference is a store that is too simple to be wrong: maps and a clock, for one caller.
type reference struct {
	base   time.Time // the store's time when now was 0
	now    time.Duration
	rows   map[kv.Key]refRow
	rates  map[refRate]kv.RateState
	resets map[refRate]int64 // unix ms at which the allowance means nothing more
	leases map[kv.Key]refLease
	fences map[kv.Key]uint64 // the last that was given out
	given  []kv.Lease
}

type refRow struct {
	v       string
	expires time.Duration // 0 is never
	fence   uint64
}

type refRate struct {
	key  kv.Key
	rule kv.Rule
}

type refLease struct {
	kv.Lease
	expires time.Duration
}

func newReference(base time.Time) *reference {
	return &reference{
		base: base, rows: map[kv.Key]refRow{}, rates: map[refRate]kv.RateState{}, resets: map[refRate]int64{},
		leases: map[kv.Key]refLease{}, fences: map[kv.Key]uint64{},
	}
}

func (r *reference) live(expires time.Duration) bool { return expires == 0 || expires > r.now }

// after is the deadline that a ttl makes.
func (r *reference) after(ttl time.Duration) time.Duration {
	if ttl == 0 {
		return 0
	}
	return r.now + ttl
}

// moment is a deadline in the store's time.
func (r *reference) moment(expires time.Duration) time.Time {
	if expires == 0 {
		return time.Time{}
	}
	return r.base.Add(expires)
}

func (r *reference) get(k kv.Key) (refRow, bool) {
	row, ok := r.rows[k]
	if !ok || !r.live(row.expires) {
		return refRow{}, false
	}
	return row, true
}

// set writes a row; it keeps the fence of the one that is there.
func (r *reference) set(k kv.Key, v string, ttl time.Duration, fence uint64) {
	was, _ := r.get(k)
	r.rows[k] = refRow{v, r.after(ttl), max(was.fence, fence)}
}

// fenced says whether a write with this fence is late.
func (r *reference) fenced(k kv.Key, v string, ttl time.Duration, fence uint64) error {
	if was, _ := r.get(k); was.fence > fence {
		return kv.ErrNotOwner
	}
	r.set(k, v, ttl, fence)
	return nil
}

// list returns the rows below name in byte order.
func (r *reference) list(p kv.Prefix, name string) []kv.Item {
	items := []kv.Item{}
	for k := range r.rows {
		if row, ok := r.get(k); ok && k.Prefix == p && strings.HasPrefix(k.Name, name) {
			items = append(items, kv.Item{Key: k, Value: r.value(row)})
		}
	}
	slices.SortFunc(items, func(a, b kv.Item) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	return items
}

func (r *reference) value(row refRow) kv.Value {
	return kv.Value{Bytes: []byte(row.v), Expires: r.moment(row.expires), Fence: row.fence}
}

func (r *reference) incr(k kv.Key, by int64, ttl time.Duration) (int64, error) {
	row, there := r.get(k)
	n, err := int64(0), error(nil)
	if there {
		n, err = kv.ParseCounter([]byte(row.v))
	} else {
		row = refRow{expires: r.after(ttl)}
	}
	if err == nil {
		n, err = kv.AddCounter(n, by)
	}
	if err != nil {
		return 0, err
	}
	row.v = string(kv.FormatCounter(n))
	r.rows[k] = row
	return n, nil
}

func (r *reference) rate(k kv.Key, rule kv.Rule, cost int64, peek bool) kv.Decision {
	at := refRate{k, rule}
	next, reset, d := rule.Take(r.rates[at], r.base.Add(r.now).UnixNano(), cost)
	if d.Allowed && !peek {
		r.rates[at], r.resets[at] = next, reset
	}
	return d
}

// lease returns the running lease of k.
func (r *reference) lease(k kv.Key) (refLease, bool) {
	l, ok := r.leases[k]
	return l, ok && r.live(l.expires)
}

// holds says whether l is the running lease of its key.
func (r *reference) holds(l kv.Lease) bool {
	is, ok := r.lease(l.Key)
	return ok && l.Holds(is.Lease)
}

func (r *reference) setOwned(l kv.Lease, k kv.Key, v string, ttl time.Duration) error {
	if !r.holds(l) {
		return kv.ErrNotOwner
	}
	return r.fenced(k, v, ttl, l.Fence)
}

// lastGiven returns one of the leases that were given out, the youngest being 0.
func (r *reference) lastGiven(i int) kv.Lease {
	if len(r.given) == 0 {
		return kv.Lease{}
	}
	return r.given[max(len(r.given)-1-i, 0)]
}

// part is what of a store is looked at together.
type part struct {
	rows, all, octets int64
}

// count returns what lives under the keys that match: values alone, and with allowances and leases.
func (r *reference) count(match func(kv.Key) bool) (p part) {
	for k := range r.rows {
		if row, ok := r.get(k); ok && match(k) {
			p.rows++
			p.octets += int64(len(k.Name) + len(row.v))
		}
	}
	p.all = p.rows
	now := r.base.Add(r.now).UnixMilli()
	for at, reset := range r.resets {
		if match(at.key) && kv.Live(reset, now) {
			p.all++
		}
	}
	for k := range r.leases {
		if _, ok := r.lease(k); ok && match(k) {
			p.all++
		}
	}
	return p
}

// remove forgets everything under the keys that match.
func (r *reference) remove(match func(kv.Key) bool) {
	for k := range r.rows {
		if match(k) {
			delete(r.rows, k)
		}
	}
	for at := range r.rates {
		if match(at.key) {
			delete(r.rates, at)
			delete(r.resets, at)
		}
	}
	for k := range r.leases {
		if match(k) {
			delete(r.leases, k)
		}
	}
}

// same reports whether err is the one that was expected.
func same(err, want error) bool {
	return want == nil && err == nil || want != nil && errors.Is(err, want)
}
