package mysql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
)

// spread sends each call to one of several stores, as machines would. Purges stay with one, which has a place.
type spread struct {
	*Store
	others []*Store
}

func (s spread) any() *Store {
	if i := rand.IntN(len(s.others) + 1); i < len(s.others) {
		return s.others[i]
	}
	return s.Store
}

func (s spread) Get(ctx context.Context, k kv.Key) (kv.Value, error) { return s.any().Get(ctx, k) }
func (s spread) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	return s.any().Set(ctx, k, v, ttl)
}
func (s spread) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	return s.any().Add(ctx, k, v, ttl)
}
func (s spread) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	return s.any().CompareAndSwap(ctx, k, old, next, ttl)
}
func (s spread) Delete(ctx context.Context, k kv.Key) (bool, error) { return s.any().Delete(ctx, k) }
func (s spread) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	return s.any().DeletePrefix(ctx, p, name)
}
func (s spread) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	return s.any().Incr(ctx, k, by, ttl)
}
func (s spread) Rate(ctx context.Context, k kv.Key, r kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	return s.any().Rate(ctx, k, r, cost, peek)
}
func (s spread) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	return s.any().Lock(ctx, k, ttl, durable)
}
func (s spread) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	return s.any().Renew(ctx, l, ttl)
}
func (s spread) Unlock(ctx context.Context, l kv.Lease) error { return s.any().Unlock(ctx, l) }

// One clock for all, that never goes back: as the server's is.
func TestHistoriesOfManyMachinesHaveAnOrder(t *testing.T) {
	clock := kvtest.NewClock()
	o := Options{Namespace: namespace(), Now: clock.Now, Pool: 4}
	s := spread{try(t, o), []*Store{try(t, o), try(t, o)}}
	s.others[0].tries, s.others[1].tries = 0, 1
	n := 100
	if kvtest.Proof() {
		n = 200
	}
	seed := uint64(time.Now().UnixNano())
	if illegal, example := kvtest.Histories(t, s, clock.Advance, n, seed); illegal > 0 {
		t.Errorf("seed %d: %d of %d have none, for example:\n%s", seed, illegal, n, example)
	}
}

// Leases of one key follow each other while everything is done to their rows that removes them.
func TestFencesGrowWhileRowsArePurgedAndDeleted(t *testing.T) {
	ns := namespace()
	ctx := t.Context()
	k := value("a")
	var mu sync.Mutex
	var last uint64
	var taken int
	const enough = 40
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		s := try(t, Options{Namespace: ns, Pool: 4})
		wg.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				l, err := s.Lock(ctx, k, time.Hour, true)
				if errors.Is(err, kv.ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					over.Store(true)
					return
				}
				mu.Lock()
				if l.Fence <= last {
					t.Errorf("fence %d after %d", l.Fence, last)
				}
				last = l.Fence
				taken++
				way := taken % 3
				over.Store(taken >= enough)
				mu.Unlock()
				switch way {
				case 0:
					_, err = s.Delete(ctx, k)
				case 1:
					_, err = s.DeletePrefix(ctx, k.Prefix, "")
				default:
					err = s.Unlock(ctx, l)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				if _, _, err := s.Purge(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestStoresOnOneServerShareWhatTheyNameAlike(t *testing.T) {
	ns := namespace()
	a, b, c := try(t, Options{Namespace: ns}), try(t, Options{Namespace: ns}), try(t, Options{})
	ctx, k := t.Context(), value("a")
	if err := a.Set(ctx, k, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Incr(ctx, k, 1, 0); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	l, err := a.Lock(ctx, k, time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lock(ctx, k, time.Hour, false); !errors.Is(err, kv.ErrLocked) {
		t.Error(err)
	}
	if seen, err := b.Lease(ctx, k); err != nil || !seen.Holds(l) || !seen.Expires.Equal(l.Expires) {
		t.Errorf("%+v, %v, want %+v", seen, err, l)
	}
	if err := kv.SetOwned(ctx, b, l, k, []byte("3"), 0); err != nil {
		t.Error(err)
	}
	if err := b.Unlock(ctx, l); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(ctx, k); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("another namespace: %v", err)
	}
}

// What padded or folded comparisons take for one key.
func TestNamesThatLookAlikeAreDifferent(t *testing.T) {
	s := try(t, Options{})
	ctx := t.Context()
	names := []string{"a", "a ", "a  ", "a\x00", "a\x00\x00", "A", "á", "a\u0301", "", " ", "\x00", strings.Repeat("a", kv.MaxName), strings.Repeat("a", kv.MaxName-1) + " ", "\\", "'", "\xff"}
	for i, name := range names {
		if added, err := s.Add(ctx, value(name), []byte(name), 0); !added || err != nil {
			t.Errorf("%.10q: %v, %v", name, added, err)
		}
		if d, err := s.Rate(ctx, value(name), kv.Rule{Limit: 1, Per: time.Hour}, 1, false); !d.Allowed || err != nil {
			t.Errorf("%.10q: %+v, %v", name, d, err)
		}
		if _, err := s.Lock(ctx, value(name), 0, true); err != nil {
			t.Errorf("%.10q: %v", name, err)
		}
		if swapped, err := s.CompareAndSwap(ctx, value(name), []byte(name+" "), nil, 0); swapped || err != nil {
			t.Errorf("%.10q: a value with a blank behind it matched: %v, %v", name, swapped, err)
		}
		if swapped, err := s.CompareAndSwap(ctx, value(name), []byte(name), fmt.Append(nil, i), 0); !swapped || err != nil {
			t.Errorf("%.10q: %v, %v", name, swapped, err)
		}
	}
	for i, name := range names {
		if v, err := s.Get(ctx, value(name)); err != nil || string(v.Bytes) != fmt.Sprint(i) {
			t.Errorf("%.10q holds %q, %v, want %d", name, v.Bytes, err, i)
		}
	}
}

func TestGetManyOfAnyNumber(t *testing.T) {
	s := try(t, Options{})
	ctx := t.Context()
	var ks []kv.Key
	for i := range kv.MaxMany {
		ks = append(ks, value(fmt.Sprint(i)))
		if i%100 == 0 {
			if err := s.Set(ctx, ks[i], fmt.Append(nil, "v", i), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range []int{1, 7, 8, 9, 64, 65, 499, 500, 501, 1000} {
		got, err := s.GetMany(ctx, ks[:n])
		if err != nil || len(got) != n {
			t.Fatalf("%d keys: %d values, %v", n, len(got), err)
		}
		for i, v := range got {
			if want := i%100 == 0; (v.Bytes != nil) != want || want && string(v.Bytes) != fmt.Sprint("v", i) {
				t.Errorf("%d keys: value %d is %q", n, i, v.Bytes)
			}
		}
	}
}

func TestDeletedRowsAreRemovedTogether(t *testing.T) {
	s := try(t, Options{})
	ctx := t.Context()
	rows := func() (n int) {
		t.Helper()
		if err := s.db.QueryRowContext(ctx, s.tables.in("SELECT COUNT(*) FROM {rows}")).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range trashKeys {
		k := value(fmt.Sprint(i))
		if err := s.Set(ctx, k, []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		if i == 5 { // written anew: stays
			defer func() {
				if _, err := s.Get(ctx, k); err != nil {
					t.Error(err)
				}
			}()
		}
		if there, err := s.Delete(ctx, k); !there || err != nil {
			t.Fatalf("%v, %v", there, err)
		}
		if i == 5 {
			if err := s.Set(ctx, k, []byte("2"), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows are left, want 1", n)
	}
}

func TestAPageThatChangesWhileItIsReadIsStillAPage(t *testing.T) {
	item := func(name string) kv.Item { return kv.Item{Key: value(name)} }
	p := page{items: []kv.Item{item("a"), item("b"), item("c")}, large: [][]byte{[]byte("a"), []byte("c")}, at: map[int]int{0: 0, 2: 1}}
	p.fill(map[string]row{"c": {v: []byte("new")}})
	var got []string
	for _, it := range p.items {
		got = append(got, it.Key.Name+"="+string(it.Value.Bytes))
	}
	if diff := cmp.Diff([]string{"b=", "c=new"}, got); diff != "" {
		t.Error(diff)
	}
	p = page{items: []kv.Item{item("a"), item("b")}, large: [][]byte{[]byte("a"), []byte("b")}, at: map[int]int{0: 0, 1: 1}}
	p.fill(map[string]row{"a": {v: make([]byte, kv.MaxPageOctets)}, "b": {v: []byte("x")}})
	if len(p.items) != 1 || p.next != kv.Cursor("a") {
		t.Errorf("%d items, next %q", len(p.items), p.next)
	}
}

func TestALeasesRowIsMadeOnlyAboveTheFloorOfItsMoment(t *testing.T) {
	s := try(t, Options{})
	ctx := t.Context()
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	row := func(name string, floor uint64) args {
		return args{"k": value(name).Octets(), "owner": []byte(kv.NewOwner()), "expires": int64(0), "fence": floor + 1, "floor": floor}
	}
	// A lease that is being made keeps the floor where it is.
	st, err := s.prepare(ctx, leaseInsert)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := result(tx.StmtContext(ctx, st.Stmt).ExecContext(ctx, s.bind(st, row("a", 0))...)); d.rows != 1 || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := s.exec(short, purgeFloor, args{"fence": 7}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the floor was raised: %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	// One that was reckoned from a floor that has risen is not made.
	if _, err := s.exec(ctx, purgeFloor, args{"fence": 7}); err != nil {
		t.Fatal(err)
	}
	if d, err := s.exec(ctx, leaseInsert, row("b", 0)); d.rows != 0 || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if l, err := s.Lock(ctx, value("b"), 0, true); l.Fence != 8 || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
}
