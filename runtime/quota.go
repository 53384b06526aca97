package runtime

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// QuotaLimits is what the scripts of one account may keep in one store. 0 is no bound.
type QuotaLimits struct {
	Keys   int64 // values, counters, allowances of rate limits and locks
	Octets int64 // of their names and what they hold; a counter's number counts as 20, an allowance or lock as 64
}

// DefaultQuota is for a server that does not say.
var DefaultQuota = QuotaLimits{Keys: 10_000, Octets: 16 << 20}

// QuotaError says that an account keeps as much as it may. A script can catch it.
type QuotaError struct {
	Quota string // max-keys or max-octets
	Max   int64
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("quota %s of %d is used up", e.Quota, e.Max)
}

// Unwrap makes errors.Is(err, kv.ErrFull) true.
func (e *QuotaError) Unwrap() error { return kv.ErrFull }

// Quotas bounds what users' scripts keep. It counts in memory:
//
//	write ──> what was there before? ──> claim the difference ──> store
//	             │ over, or not counted for a minute
//	             ▼
//	          count the rows of the account again, at most once a second
//
// The count follows every write of this process to the octet. What it cannot see, the next one finds: rows that
// expired, and what other machines or administrators wrote and removed. So a script may be refused for
// up to a second after a row expired, and several machines may together be over by what they wrote within a
// minute. Allowances and locks cannot be listed: they are remembered here until they must be over, and forgotten when
// the process ends, as they are themselves in an embedded store.
//
// Its methods may be called from many goroutines.
type Quotas struct {
	limits func() QuotaLimits
	seed   maphash.Seed

	mu    sync.Mutex
	usage map[usageOf]*usage
}

const (
	countEvery = time.Minute // a count is at most so old
	countAgain = time.Second // and at least so old before it is made again because it is full
	// maxUsage is of how many accounts there are counts; beyond it some that nobody uses now are forgotten.
	maxUsage = 20_000
	// What a number, an allowance or a lock counts as, beside its name.
	counterOctets = 20
	otherOctets   = 64
)

// NewQuotas returns quotas whose limits may change while they are used.
func NewQuotas(limits func() QuotaLimits) *Quotas {
	return &Quotas{limits: limits, seed: maphash.MakeSeed(), usage: map[usageOf]*usage{}}
}

// usageOf names an account's keys in one store.
type usageOf struct {
	store     any
	namespace string
}

// usage is what an account keeps. Who has turn may look at it.
type usage struct {
	turn    chan struct{}
	size    size      // of values and counters
	claimed size      // of it, what is not written yet
	counted time.Time // zero: never
	others  map[uint64]time.Time
	octets  int64 // of others
}

// size is a number of rows and their octets.
type size struct{ keys, octets int64 }

func (s *size) add(o size) { s.keys, s.octets = s.keys+o.keys, s.octets+o.octets }

func (s size) minus() size { return size{-s.keys, -s.octets} }

// of returns the usage of a namespace, which is the caller's until it calls done.
func (q *Quotas) of(ctx context.Context, s kv.Store, namespace string) (u *usage, done func(), err error) {
	at := usageOf{s, namespace}
	if r, ok := s.(interface{ StoreOf(kv.Prefix) kv.Store }); ok { // one store by two names
		at.store = r.StoreOf(kv.Script)
	}
	q.mu.Lock()
	u = q.usage[at]
	if u == nil {
		q.forget()
		u = &usage{turn: make(chan struct{}, 1), others: map[uint64]time.Time{}}
		q.usage[at] = u
	}
	q.mu.Unlock()
	select {
	case u.turn <- struct{}{}:
		return u, func() { <-u.turn }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// forget makes room for one more usage. mu is held.
func (q *Quotas) forget() {
	left := 64
	for at, u := range q.usage {
		if left--; left < 0 || len(q.usage) < maxUsage {
			return
		}
		select {
		case u.turn <- struct{}{}:
			if u.claimed == (size{}) {
				delete(q.usage, at)
			}
			<-u.turn
		default:
		}
	}
}

// claim takes room for a change of rows, and returns what has to be told whether it was made. It returns a
// QuotaError if there is no room. What makes nothing larger is always taken.
func (q *Quotas) claim(ctx context.Context, s kv.Store, namespace string, now time.Time, change size) (made func(bool), err error) {
	u, done, err := q.of(ctx, s, namespace)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := u.fit(ctx, s, namespace, now, q.limits(), change); err != nil {
		return nil, err
	}
	u.size.add(change)
	u.claimed.add(change)
	return func(was bool) {
		u.turn <- struct{}{} // nobody has it for longer than a count takes
		u.claimed.add(change.minus())
		if !was {
			u.size.add(change.minus())
		}
		<-u.turn
	}, nil
}

// fit returns nil if change has room.
func (u *usage) fit(ctx context.Context, s kv.Store, namespace string, now time.Time, l QuotaLimits, change size) error {
	if change.keys <= 0 && change.octets <= 0 {
		return nil
	}
	if u.counted.IsZero() || now.Sub(u.counted) >= countEvery || now.Before(u.counted) {
		if err := u.count(ctx, s, namespace, now, l); err != nil {
			return err
		}
	}
	err := u.over(l, change)
	if err == nil {
		return nil
	}
	if u.sweep(now); u.over(l, change) != nil && now.Sub(u.counted) >= countAgain {
		if err := u.count(ctx, s, namespace, now, l); err != nil {
			return err
		}
	}
	return u.over(l, change)
}

// over returns the error if change has no room.
func (u *usage) over(l QuotaLimits, change size) error {
	if change.keys > 0 && l.Keys > 0 && u.size.keys+int64(len(u.others))+change.keys > l.Keys {
		return &QuotaError{"max-keys", l.Keys}
	}
	if change.octets > 0 && l.Octets > 0 && u.size.octets+u.octets+change.octets > l.Octets {
		return &QuotaError{"max-octets", l.Octets}
	}
	return nil
}

// count counts the rows of a namespace, and stops where there are more than there may be.
func (u *usage) count(ctx context.Context, s kv.Store, namespace string, now time.Time, l QuotaLimits) error {
	var is size
	begin := namespace + "\x00"
	for _, p := range [...]kv.Prefix{kv.Script, kv.ScriptCounter} {
		for cursor := ""; ; {
			items, next, err := s.List(ctx, p, begin, cursor, MaxManyKeys)
			if errors.Is(err, kv.ErrUnsupported) {
				break // what this process writes is counted
			}
			if err != nil {
				return err
			}
			for _, item := range items {
				is.add(rowSize(p, len(item.Key.Name)-len(begin), item.Value.Bytes))
			}
			if cursor = next; next == "" || l.Keys > 0 && is.keys > l.Keys || l.Octets > 0 && is.octets > l.Octets {
				break
			}
		}
	}
	// What is claimed may be among them already: then it counts twice until the next time.
	is.add(size{max(u.claimed.keys, 0), max(u.claimed.octets, 0)})
	u.size, u.counted = is, now
	return nil
}

// rowSize is what a row counts as whose name has so many octets behind the namespace.
func rowSize(p kv.Prefix, name int, v []byte) size {
	if p == kv.ScriptCounter {
		return size{1, int64(name + counterOctets)}
	}
	return size{1, int64(name + len(v))}
}

// claimOther takes room for an allowance or a lock that is over at until, unless it has some already, and says
// whether it did.
func (q *Quotas) claimOther(ctx context.Context, s kv.Store, k kv.Key, what, namespace string, now, until time.Time) (bool, error) {
	u, done, err := q.of(ctx, s, namespace)
	if err != nil {
		return false, err
	}
	defer done()
	id := q.id(k, what)
	if _, ok := u.others[id]; ok {
		u.others[id] = until
		return false, nil
	}
	if q.limits().Keys <= 0 {
		return false, nil // what has no bound is not remembered
	}
	change := size{1, otherSize(k, namespace)}
	if err := u.fit(ctx, s, namespace, now, q.limits(), change); err != nil {
		return false, err
	}
	u.others[id] = until
	u.octets += change.octets
	return true, nil
}

// dropOther gives the room of an allowance or a lock back.
func (q *Quotas) dropOther(ctx context.Context, s kv.Store, k kv.Key, what, namespace string) {
	u, done, err := q.of(ctx, s, namespace)
	if err != nil {
		return // it is over by itself
	}
	defer done()
	if id := q.id(k, what); !u.others[id].IsZero() {
		delete(u.others, id)
		u.octets -= otherSize(k, namespace)
	}
}

func (q *Quotas) id(k kv.Key, what string) uint64 {
	return maphash.String(q.seed, string([]byte{byte(k.Prefix)})+k.Name+"\x00"+what)
}

func otherSize(k kv.Key, namespace string) int64 {
	return int64(len(k.Name) - len(namespace) - 1 + otherOctets)
}

// sweep forgets what is over. Octets are brought down in proportion: which went with whom is not kept.
func (u *usage) sweep(now time.Time) {
	before := int64(len(u.others))
	for id, until := range u.others {
		if !until.After(now) {
			delete(u.others, id)
		}
	}
	if left := int64(len(u.others)); left < before {
		u.octets = u.octets * left / before
	}
}

// removed says that rows of a namespace went, and of how many octets is not known: they are counted again.
func (q *Quotas) removed(ctx context.Context, s kv.Store, namespace string) {
	u, done, err := q.of(ctx, s, namespace)
	if err != nil {
		return // the next count finds it
	}
	u.counted = time.Time{}
	done()
}

// Set is kv.Store's Set of a value under a script's key, within the quota.
func (q *Quotas) Set(ctx context.Context, s kv.Store, namespace, key string, v []byte, ttl time.Duration, now time.Time) error {
	k := ScriptKey(kv.Script, namespace, key)
	_, err := q.write(ctx, s, namespace, k, rowSize(k.Prefix, len(key), v), now, func() (bool, error) {
		err := s.Set(ctx, k, v, ttl)
		return err == nil, err
	})
	return err
}

// write does a write that leaves a row of this size under k, if there is room. do says whether it wrote.
func (q *Quotas) write(ctx context.Context, s kv.Store, namespace string, k kv.Key, is size, now time.Time, do func() (bool, error)) (bool, error) {
	was, err := sizeUnder(ctx, s, namespace, k)
	if err != nil {
		return false, err
	}
	is.add(was.minus())
	made, err := q.claim(ctx, s, namespace, now, is)
	if err != nil {
		return false, err
	}
	ok, err := do()
	made(ok || err != nil) // after an error it may have been written
	return ok, err
}

// sizeUnder returns what the row under k counts as; nothing if there is none.
func sizeUnder(ctx context.Context, s kv.Store, namespace string, k kv.Key) (size, error) {
	row, err := s.Get(ctx, k)
	if errors.Is(err, kv.ErrNotFound) {
		return size{}, nil
	}
	return rowSize(k.Prefix, len(k.Name)-len(namespace)-1, row.Bytes), err
}

// quotas returns the quotas of the run, nil if it has none.
func (e *Env) quotas() *Quotas {
	if e.View.Trust != User || e.live == nil {
		return nil
	}
	return e.live.Quotas
}

// within does a write that leaves a value or counter under k, if the account has room for it.
func (e *Env) within(s kv.Store, k kv.Key, v []byte, do func() (bool, error)) (bool, error) {
	q := e.quotas()
	if q == nil {
		return do()
	}
	is := rowSize(k.Prefix, len(k.Name)-len(e.View.Namespace)-1, v)
	return q.write(e.Context, s, e.View.Namespace, k, is, e.Clock(), do)
}

// remove deletes k and gives its room back.
func (e *Env) remove(s kv.Store, k kv.Key) (bool, error) {
	q := e.quotas()
	if q == nil {
		return s.Delete(e.Context, k)
	}
	ns := e.View.Namespace
	was, err := sizeUnder(e.Context, s, ns, k)
	if err != nil || was == (size{}) {
		return false, err
	}
	ok, err := s.Delete(e.Context, k)
	if ok && err == nil {
		made, bad := q.claim(e.Context, s, ns, e.Clock(), was.minus())
		if bad == nil {
			made(true)
		}
	}
	return ok, err
}
