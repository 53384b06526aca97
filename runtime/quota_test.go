package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
)

// tenantStore is a store with a clock of the test, and a host with quotas over it.
type tenantStore struct {
	t     *testing.T
	store *listCounter
	host  *Live
	now   atomic.Int64
}

// listCounter counts pages.
type listCounter struct {
	*memory.Store
	lists atomic.Int64
}

func (l *listCounter) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	l.lists.Add(1)
	return l.Store.List(ctx, p, name, cursor, limit)
}

func newTenantStore(t *testing.T, l QuotaLimits) *tenantStore {
	s := &tenantStore{t: t}
	s.now.Store(time.Unix(1_800_000_000, 0).UnixNano())
	s.store = &listCounter{Store: memory.New(memory.Options{Now: s.clock})}
	t.Cleanup(func() { _ = s.store.Close() })
	s.host = &Live{Stores: func(string) (kv.Store, error) { return s.store, nil }, Quotas: NewQuotas(func() QuotaLimits { return l })}
	return s
}

func (s *tenantStore) clock() time.Time        { return time.Unix(0, s.now.Load()) }
func (s *tenantStore) advance(d time.Duration) { s.now.Add(int64(d)) }

// run does one call as a script of an account, or as an administrator's.
func (s *tenantStore) run(trust Trust, account, function string, args ...Value) (Value, error) {
	r := &run{ctx: s.t.Context(), host: s.host, limits: Limits{Ops: 1 << 30, Writes: 1 << 30}.withDefaults(), record: &Record{}, now: s.clock,
		view: &View{Transaction: *ExampleTransaction(), Trust: trust, Namespace: "u:" + account}}
	return r.Invoke(function, args)
}

func (s *tenantStore) user(function string, args ...Value) (Value, error) {
	return s.run(User, "a", function, args...)
}

// wants does a call that the quota refuses, or "" does not.
func (s *tenantStore) wants(quota string, function string, args ...Value) {
	s.t.Helper()
	_, err := s.user(function, args...)
	var q *QuotaError
	switch {
	case quota == "" && err != nil:
		s.t.Errorf("%s %.60v: %v", function, args, err)
	case quota != "" && (!errors.As(err, &q) || q.Quota != quota || !strings.Contains(err.Error(), quota)):
		s.t.Errorf("%s %.60v: got %v, want the quota %s", function, args, err, quota)
	}
}

func TestAnAccountKeepsNoMoreKeysThanItsQuota(t *testing.T) {
	s := newTenantStore(t, QuotaLimits{Keys: 5, Octets: 1 << 20})
	s.wants("", "key_set", "", "a", int64(1))
	s.wants("", "key_add", "", "b", int64(1))
	s.wants("", "key_cas", "", "c", nil, int64(1))
	s.wants("", "counter_incr", "", "n")
	s.wants("", "counter_add_many", "", []Value{"n", "m", "m"})
	for _, call := range [][]Value{
		{"key_set", "", "d", int64(1)}, {"key_add", "", "d", int64(1)}, {"key_cas", "", "d", nil, int64(1)}, {"counter_incr", "", "d"},
		{"counter_add_many", "", []Value{"n", "d"}}, {"counter_add_many", "", map[string]Value{"d": int64(1)}},
		{"rate_limit", "", "d", "1/1h"}, {"lock_try", "", "d", "1h", true}, {"lock_try", "", "d", "1h"},
	} {
		s.wants("max-keys", call[0].(string), call[1:]...)
	}
	// What is there may be changed, read and asked.
	s.wants("", "key_set", "", "a", "another")
	s.wants("", "counter_incr", "", "n")
	s.wants("", "counter_add_many", "", []Value{"n", "m"})
	s.wants("", "rate_peek", "", "d", "1/1h")
	s.wants("", "key_get", "", "d")
	if v, err := s.user("key_add", "", "a", int64(2)); v != false || err != nil {
		t.Errorf("key_add of what is there: %v, %v", v, err)
	}
	// What goes makes room at once.
	s.wants("", "key_delete", "", "a")
	s.wants("", "rate_limit", "", "d", "1/1h")
	s.wants("max-keys", "rate_limit", "", "d", "2/1h") // another rule is another allowance
	s.wants("", "counter_delete", "", "n")
	s.wants("", "lock_try", "", "d", "1h", true)
	s.wants("max-keys", "key_set", "", "e", int64(1))
	s.wants("", "key_delete_prefix", "", "b")
	s.wants("", "key_set", "", "e", int64(1))
	// The others have theirs, and administrators none.
	if _, err := s.run(User, "b", "key_set", "", "d", int64(1)); err != nil {
		t.Error(err)
	}
	for i := range 20 {
		if _, err := s.run(Admin, "admin", "key_set", "", fmt.Sprint(i), int64(1)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAccountKeepsNoMoreOctetsThanItsQuota(t *testing.T) {
	s := newTenantStore(t, QuotaLimits{Keys: 1000, Octets: 3000})
	s.wants("", "key_set", "", "a", strings.Repeat("x", 2000))
	s.wants("max-octets", "key_set", "", "b", strings.Repeat("x", 1000))
	s.wants("", "key_set", "", "b", strings.Repeat("x", 900))
	s.wants("max-octets", "key_set", "", "b", strings.Repeat("x", 1000))
	s.wants("", "key_set", "", "a", strings.Repeat("x", 1900))
	s.wants("", "key_set", "", "b", strings.Repeat("x", 1000))
	// Names count wherever they are.
	long := strings.Repeat("k", 900)
	for _, call := range [][]Value{{"key_set", "", long, nil}, {"counter_incr", "", long}, {"rate_limit", "", long, "1/1h"}, {"lock_try", "", long, "1h", true}} {
		s.wants("max-octets", call[0].(string), call[1:]...)
	}
	s.wants("", "key_delete", "", "a")
	s.wants("", "rate_limit", "", long, "1/1h")
}

func TestWhatHasExpiredIsNoPartOfAQuota(t *testing.T) {
	s := newTenantStore(t, QuotaLimits{Keys: 4})
	s.wants("", "key_set", "", "a", int64(1), "10s")
	s.wants("", "counter_incr", "", "n", int64(1), "10s")
	s.wants("", "rate_limit", "", "r", "1/5s")
	s.wants("", "lock_try", "", "l", "10s", true)
	s.wants("max-keys", "key_set", "", "b", int64(1))
	s.advance(10 * time.Second)
	for i := range 4 {
		s.wants("", "key_set", "", fmt.Sprint(i), int64(1))
	}
	s.wants("max-keys", "key_set", "", "b", int64(1))
}

func TestCountingAgainIsBounded(t *testing.T) {
	s := newTenantStore(t, QuotaLimits{Keys: 50})
	for i := range 50 {
		s.wants("", "key_set", "", fmt.Sprint(i), int64(1))
	}
	before := s.store.lists.Load()
	for i := range 100 { // an account that is full asks again and again
		s.wants("max-keys", "key_set", "", fmt.Sprint("more", i), int64(1))
		s.wants("", "key_set", "", "7", int64(i))
		s.advance(10 * time.Millisecond)
	}
	if n := s.store.lists.Load() - before; n > 4 { // two prefixes, once a second
		t.Errorf("%d pages were read in one second", n)
	}
	// Another machine's rows are found within a minute.
	s = newTenantStore(t, QuotaLimits{Keys: 3})
	s.wants("", "key_set", "", "a", int64(1))
	for _, k := range []string{"x", "y"} {
		if err := s.store.Set(t.Context(), ScriptKey(kv.Script, "u:a", k), []byte{1}, 0); err != nil {
			t.Fatal(err)
		}
	}
	s.advance(time.Minute)
	s.wants("max-keys", "key_set", "", "b", int64(1))
}

func TestManyRunsOfAnAccountAtOnceStayWithinItsQuota(t *testing.T) {
	const most = 40
	s := newTenantStore(t, QuotaLimits{Keys: most})
	var all sync.WaitGroup
	var made atomic.Int64
	for w := range 8 {
		all.Go(func() {
			for i := range 50 {
				name := fmt.Sprint(w, " ", i)
				var err error
				switch i % 4 {
				case 0:
					_, err = s.user("key_set", "", name, int64(1))
				case 1:
					_, err = s.user("counter_incr", "", name)
				case 2:
					_, err = s.user("counter_add_many", "", []Value{name, name + "+"})
					if err == nil {
						made.Add(1)
					}
				case 3:
					_, err = s.user("rate_limit", "", name, "5/1h")
				}
				var q *QuotaError
				if err == nil {
					made.Add(1)
				} else if !errors.As(err, &q) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := made.Load(); n > most || n < most-1 {
		t.Errorf("%d keys were made, %d are allowed", n, most)
	}
}

func TestLocksAreGivenBackAtTheEndUnlessTheyAreKept(t *testing.T) {
	s := newTenantStore(t, QuotaLimits{Keys: 3})
	end := func(keep bool) error {
		r := &run{ctx: t.Context(), host: s.host, limits: Limits{}.withDefaults(), record: &Record{}, now: s.clock,
			view: &View{Transaction: *ExampleTransaction(), Trust: User, Namespace: "u:a"}}
		_, err := r.Invoke("lock_try", []Value{"", "k", "1h", keep})
		r.end()
		return err
	}
	for range 10 {
		if err := end(false); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(true); err != nil {
		t.Fatal(err)
	}
	if v, err := s.user("lock_try", "", "k", "1h"); v != nil || err != nil {
		t.Errorf("a kept lock is taken again: %v, %v", v, err)
	}
	s.wants("", "key_set", "", "a", int64(1))
	s.wants("", "key_set", "", "b", int64(1))
	s.wants("max-keys", "key_set", "", "c", int64(1))
	s.advance(time.Hour)
	s.wants("", "key_set", "", "c", int64(1))
}

func TestCallsWithManyKeysCost(t *testing.T) {
	s := newTenantStore(t, QuotaLimits{})
	list := func(n int) []Value {
		out := make([]Value, n)
		for i := range out {
			out[i] = fmt.Sprintf("k%04d", i)
		}
		return out
	}
	for _, tt := range []struct {
		name        string
		n           int
		ops, writes int
		function    string
		limit       string
	}{
		{"100 keys are one operation", 100, 1, 1, "counter_add_many", ""},
		{"101 are two", 101, 1, 2, "counter_add_many", "ops"},
		{"and two writes", 101, 2, 1, "counter_add_many", "writes"},
		{"which reads are not", 101, 2, 1, "key_get_many", ""},
		{"1000 are ten", 1000, 10, 10, "counter_add_many", ""},
		{"counters that are read", 1000, 9, 10, "counter_get_many", "ops"},
		{"more are too many", 1001, 100, 100, "counter_add_many", "keys"},
		{"more to read are too many", 1001, 100, 100, "key_get_many", "keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &run{ctx: t.Context(), host: s.host, limits: Limits{Ops: tt.ops, Writes: tt.writes}.withDefaults(), record: &Record{}, now: s.clock,
				view: &View{Transaction: *ExampleTransaction(), Trust: User, Namespace: "u:a"}}
			_, err := r.Invoke(tt.function, []Value{"", list(tt.n)})
			var l *LimitError
			if tt.limit == "" && err != nil || tt.limit != "" && (!errors.As(err, &l) || l.Limit != tt.limit) {
				t.Errorf("got %v, want the limit %q", err, tt.limit)
			}
		})
	}
	for i := range 80 { // 5 MB
		s.wants("", "key_set", "", fmt.Sprintf("k%04d", i), strings.Repeat("x", 65_000))
	}
	var l *LimitError
	if _, err := s.user("key_get_many", "", list(80)); !errors.As(err, &l) || l.Limit != "output" {
		t.Errorf("5 MB at once: %v", err)
	}
	if _, err := s.user("key_list", "", "", map[string]Value{"limit": int64(1000)}); !errors.As(err, &l) || l.Limit != "output" {
		t.Errorf("5 MB in a page: %v", err)
	}
}
