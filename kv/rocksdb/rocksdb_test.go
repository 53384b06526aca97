//go:build rocksdb

package rocksdb_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/rocksdb"
)

func TestStore(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: filepath.Join(t.TempDir(), "kv"), Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		return s, clock.Advance
	})
}

// at opens the directory with a clock of its own.
func at(t testing.TB, path string, clock *kvtest.Clock) *rocksdb.Store {
	t.Helper()
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: path, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func key(name string) kv.Key { return kv.Key{Prefix: kv.Script, Name: name} }

// fill writes n rows with this ttl in large commits.
func fill(t testing.TB, s *rocksdb.Store, name string, n int, ttl time.Duration, v []byte) {
	t.Helper()
	var changes []kv.Change
	exp := time.Time{}
	if ttl > 0 {
		exp = time.UnixMilli(s.Clock().Milli()).Add(ttl)
	}
	for i := range n {
		changes = append(changes, kv.Change{Key: key(fmt.Sprintf("%s%08d", name, i)), Value: kv.Value{Bytes: v, Expires: exp}})
		if len(changes) == 1000 || i == n-1 {
			if err := s.Apply(t.Context(), changes); err != nil {
				t.Fatal(err)
			}
			changes = nil
		}
	}
}

func purgeAll(t testing.TB, s *rocksdb.Store) (removed int) {
	t.Helper()
	for more := true; more; {
		n, m, err := s.Purge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		removed, more = removed+n, m
	}
	return removed
}

func TestAClockSetBackBetweenRunsRevivesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	for name, ttl := range map[string]time.Duration{"a": time.Minute, "b": 3 * time.Minute} {
		if err := s.Set(t.Context(), key(name), []byte("1"), ttl); err != nil {
			t.Fatal(err)
		}
	}
	rule := kv.Rule{Limit: 1, Per: time.Minute}
	if _, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Minute)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(-24 * time.Hour)
	s = at(t, path, clock)
	if _, err := s.Get(t.Context(), key("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("an expired row came back: %v", err)
	}
	if d, err := s.Rate(t.Context(), key("r"), rule, 1, false); err != nil || !d.Allowed {
		t.Errorf("a limit is frozen: %+v, %v", d, err)
	}
	clock.Advance(time.Minute)
	if _, err := s.Get(t.Context(), key("b")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("time stands still: %v", err)
	}
}

func TestAPurgeGoesOnWhereItStoppedAlsoAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	const rows = 20_000
	fill(t, s, "", rows, time.Minute, []byte("x"))
	if n, err := s.Due(t.Context()); n != 0 || err != nil {
		t.Errorf("%d rows are due too early, %v", n, err)
	}
	clock.Advance(time.Hour)
	if n, err := s.Due(t.Context()); n != rows || err != nil {
		t.Errorf("%d rows are due, want %d, %v", n, rows, err)
	}
	total, more, err := s.Purge(t.Context())
	if err != nil || !more || total == 0 || total > 8192 {
		t.Fatalf("first step: %d, %v, %v", total, more, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = at(t, path, clock)
	// Behind the place where the purge stopped nothing is looked at again in this round.
	if err := s.Set(t.Context(), key("00000000"), nil, time.Second); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	if total += purgeAll(t, s); total != rows {
		t.Errorf("removed %d in this round, want %d", total, rows)
	}
	if n := purgeAll(t, s); n != 1 {
		t.Errorf("removed %d in the next round, want 1", n)
	}
	if n := s.Rows(); n != 0 {
		t.Errorf("%d rows are stored", n)
	}
}

func TestTheFilterDropsWhatNobodyCanReadAndNothingElse(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv"), clock)
	ctx := t.Context()
	rule := kv.Rule{Limit: 2, Per: time.Minute}
	fill(t, s, "short", 100, time.Minute, []byte("x"))
	fill(t, s, "long", 100, time.Hour, []byte("x"))
	fill(t, s, "ever", 100, 0, []byte("x"))
	if _, err := s.Rate(ctx, key("r"), rule, 1, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(ctx, key("l"), time.Minute, true); err != nil {
		t.Fatal(err)
	}
	// The clock has passed the expiry, but after a crash the store may believe an earlier one, and then the
	// rows are there: they may not go yet.
	clock.Advance(10 * time.Minute)
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	if n := s.Rows(); n != 302 {
		t.Errorf("%d rows are stored, want 302", n)
	}
	if err := s.Set(ctx, key("tick"), nil, 0); err != nil { // writes the time
		t.Fatal(err)
	}
	if s.SavedClock() != clock.Now().UnixMilli() {
		t.Fatalf("the time on disk is %d", s.SavedClock())
	}
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	if n := s.Rows(); n != 201 {
		t.Errorf("%d rows are stored, want 201", n)
	}
	stats, err := s.Stats(ctx)
	if diff := cmp.Diff([]kv.PrefixStats{{Prefix: kv.Script, Rows: 201, Octets: 200*(12+1) + 4}}, stats); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
	l, err := s.Lock(ctx, key("l"), time.Minute, true)
	if err != nil || l.Fence < 2 {
		t.Errorf("fence %d, %v", l.Fence, err)
	}
}

// The contract holds while files are rewritten all the time.
func TestHistoriesWithCompactions(t *testing.T) {
	clock := kvtest.NewClock()
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: filepath.Join(t.TempDir(), "kv"), Now: clock.Now, Buffer: 64 << 10, Cache: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := s.Compact(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	illegal, example := kvtest.Histories(t, s, clock.Advance, 50, uint64(time.Now().UnixNano()))
	close(done)
	wg.Wait()
	if illegal > 0 {
		t.Errorf("%d histories have no order that explains them, for example:\n%s", illegal, example)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFencesGrowAcrossRestartsAndReservations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	last := uint64(0)
	larger := func(n uint64, err error) {
		t.Helper()
		if err != nil || n <= last {
			t.Errorf("%d after %d, %v", n, last, err)
		}
		last = n
	}
	for range 3 {
		s := at(t, path, kvtest.NewClock())
		for range 3 {
			l, err := s.Lock(t.Context(), key("a"), time.Minute, false)
			larger(l.Fence, err)
			if err := s.Unlock(t.Context(), l); err != nil {
				t.Error(err)
			}
			after, err := s.ReserveFences(t.Context(), 10)
			larger(after+1, err)
			last = after + 10
		}
		if _, err := s.ReserveFences(t.Context(), 1<<63); !errors.Is(err, kv.ErrOverflow) {
			t.Errorf("too many: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSavedLeasesAreKeptUnlessALaterOneIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	clock := kvtest.NewClock()
	s := at(t, path, clock)
	l := kv.Lease{Key: key("a"), Owner: kv.NewOwner(), Fence: 7, Expires: clock.Now().Add(time.Minute)}
	older := kv.Lease{Key: key("a"), Owner: kv.NewOwner(), Fence: 6}
	ever := kv.Lease{Key: key("b\x00"), Owner: kv.NewOwner(), Fence: 8}
	for _, save := range []kv.Lease{l, older, ever} {
		if err := s.SaveLease(t.Context(), save); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = at(t, path, clock)
	all, err := s.Leases(t.Context())
	if diff := cmp.Diff([]kv.Lease{l, ever}, all); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	clock.Advance(time.Minute)
	if all, err := s.Leases(t.Context()); len(all) != 1 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	if err := s.SaveLease(t.Context(), kv.Lease{Key: key(strings.Repeat("x", 2000))}); !errors.Is(err, kv.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestApplyMakesAllChangesOrNone(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv"), clock)
	ctx := t.Context()
	if err := s.Set(ctx, key("old"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	exp := time.UnixMilli(clock.Now().Add(time.Minute).UnixMilli())
	want := kv.Value{Bytes: []byte("2"), Expires: exp, Fence: 9}
	if err := s.Apply(ctx, []kv.Change{{Key: key("old")}, {Key: key("new"), Value: want}, {Key: key("empty"), Value: kv.Value{Bytes: []byte{}}}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.GetMany(ctx, []kv.Key{key("old"), key("new"), key("empty")})
	if diff := cmp.Diff([]kv.Value{{}, want, {Bytes: []byte{}}}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []kv.Change{{Key: key(strings.Repeat("x", 2000))}, {Key: key("x"), Value: kv.Value{Bytes: make([]byte, kv.MaxValue+1)}}} {
		if err := s.Apply(ctx, []kv.Change{{Key: key("new")}, bad}); !errors.Is(err, kv.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	}
	if v, err := s.Get(ctx, key("new")); err != nil || v.Fence != 9 {
		t.Errorf("%v, %v", v, err)
	}
	if err := s.Apply(ctx, nil); err != nil {
		t.Error(err)
	}
}

// Many keys at once and one at a time, in any order, never wait for each other for ever.
func TestBatchesAndSingleWritesGoOnTogether(t *testing.T) {
	s := at(t, filepath.Join(t.TempDir(), "kv"), kvtest.NewClock())
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				var err error
				switch w % 4 {
				case 0, 1:
					var changes []kv.Change
					for j := range 100 {
						changes = append(changes, kv.Change{Key: key(fmt.Sprint((j*(w+7) + i) % 100)), Value: kv.Value{Bytes: []byte("x")}})
					}
					err = s.Apply(t.Context(), changes)
				case 2:
					_, err = s.CompareAndSwap(t.Context(), key(fmt.Sprint(i)), []byte("x"), []byte("y"), 0)
				case 3:
					_, err = s.DeletePrefix(t.Context(), kv.Script, fmt.Sprint(i))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseWaitsForCallsUnderWay(t *testing.T) {
	for range 5 {
		s := at(t, filepath.Join(t.TempDir(), "kv"), kvtest.NewClock())
		var wg sync.WaitGroup
		begun := make(chan struct{}, 64)
		for w := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					var err error
					switch k := key(fmt.Sprint(w, i%10)); i % 5 {
					case 0:
						err = s.Set(t.Context(), k, []byte("x"), 0)
					case 1:
						_, err = s.Get(t.Context(), key(fmt.Sprint(w, 0)))
					case 2:
						_, _, err = s.List(t.Context(), kv.Script, "", "", 100)
					case 3:
						_, _, err = s.Purge(t.Context())
					case 4:
						_, err = s.Stats(t.Context())
					}
					if errors.Is(err, kv.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 40 {
			<-begun
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []rocksdb.Options{{}, {Path: "a\x00b"}, {Path: "x", Cache: -1}, {Path: "x", Buffer: 1}} {
		if s, err := rocksdb.Open(t.Context(), o); s != nil || !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestErrorsSayWhoIsTheReason(t *testing.T) {
	s := at(t, filepath.Join(t.TempDir(), "kv"), kvtest.NewClock())
	for text, want := range map[string]error{
		"IO error: No space left on device: While appending to file: /x/000004.log": kv.ErrFull,
		"IO error: While fsync: /x/000004.log: Input/output error":                  kv.ErrUnavailable,
		"Corruption: block checksum mismatch":                                       kv.ErrUnavailable,
	} {
		if err := s.Fail("set", errors.New(text)); !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "kv/rocksdb: set: ") || !strings.HasSuffix(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
