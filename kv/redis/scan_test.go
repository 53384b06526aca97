package redis_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/redis"
	"github.com/sluice-mail/sluice/peers"
)

// fill writes n rows below name.
func fill(t testing.TB, s *redis.Store, p kv.Prefix, name string, n int, ttl time.Duration) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				if err := s.Set(t.Context(), kv.Key{Prefix: p, Name: fmt.Sprintf("%s%06d", name, i)}, []byte("x"), ttl); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

var statLine = regexp.MustCompile(`(?m)^cmdstat_([a-z|]+):calls=(\d+)`)

// commands returns how often the server has run each command.
func commands(t *testing.T, r *peers.Redis) map[string]int {
	t.Helper()
	info, err := r.Do(t.Context(), "INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, m := range statLine.FindAllStringSubmatch(info, -1) {
		all[m[1]], _ = strconv.Atoi(m[2])
	}
	return all
}

func TestScansCostWhatTheyGiveAndNotWhatTheStoreHolds(t *testing.T) {
	ctx, r := t.Context(), start(t)
	clock := kvtest.NewClock()
	s := open(t, redis.Options{URLs: []string{r.URL}, Now: clock.Now})
	fill(t, s, kv.Script, "many/", 5000, 0)
	fill(t, s, kv.Script, "few/", 100, 0)
	fill(t, s, kv.Greylist, "short/", 100, time.Minute)
	clock.Advance(time.Minute)

	// Nothing below looks at more rows than its own share, and a little more for the buckets' ends.
	for _, c := range []struct {
		name string
		most int // commands
		do   func() (int, error)
		want int
	}{
		{"a page", 10*buckets + 100, func() (int, error) {
			items, _, err := s.List(ctx, kv.Script, "many/", "", 10)
			return len(items), err
		}, 10},
		{"all of a few", 600, func() (int, error) {
			items, _, err := s.List(ctx, kv.Script, "few/", "", 1000)
			return len(items), err
		}, 100},
		{"purging", 100*10 + 256*buckets + 9*buckets, func() (int, error) {
			removed := 0
			for more := true; more; {
				n, m, err := s.Purge(ctx)
				if err != nil {
					return 0, err
				}
				removed, more = removed+n, m
			}
			return removed, nil
		}, 100},
		{"deleting a few", 100*8 + 600, func() (int, error) { return s.DeletePrefix(ctx, kv.Script, "few/") }, 100},
		{"totals", 256*buckets + 6*buckets, func() (int, error) { stats, err := s.Stats(ctx); return int(stats[0].Rows), err }, 5000},
	} {
		before := commands(t, r)
		if got, err := c.do(); got != c.want || err != nil {
			t.Errorf("%s: %d rows, %v, want %d", c.name, got, err, c.want)
		}
		ran, after := 0, commands(t, r)
		for name, n := range after {
			ran += n - before[name]
		}
		if ran > c.most {
			t.Errorf("%s: %d commands, want at most %d", c.name, ran, c.most)
		}
		if after["keys"] > 0 || after["scan"] > 0 {
			t.Errorf("%s goes through the whole server", c.name)
		}
	}
}

// buckets is what the package spreads a prefix over.
const buckets = redis.Buckets

func TestPurgeGoesInBoundedStepsAndKeepsItsPlace(t *testing.T) {
	clock := kvtest.NewClock()
	s := open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: clock.Now})
	const expired, rest = 6000, 500
	fill(t, s, kv.Greylist, "old/", expired, time.Second)
	fill(t, s, kv.Greylist, "new/", rest, time.Hour)
	clock.Advance(time.Minute)
	removed, calls := 0, 0
	for more := true; more; calls++ {
		n, m, err := s.Purge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n > 2048 {
			t.Errorf("step %d removed %d rows", calls, n)
		}
		removed, more = removed+n, m
	}
	if removed != expired || calls < 4 || calls > 50 {
		t.Errorf("removed %d rows in %d steps, want %d", removed, calls, expired)
	}
	if stats, err := s.Stats(t.Context()); err != nil || len(stats) != 1 || stats[0].Rows != rest {
		t.Errorf("%+v, %v", stats, err)
	}
}

// Whoever writes new rows removes some that are over, so that a server is not filled by what is gone, though nobody
// ever purges.
func TestWhatIsOverIsRemovedByLaterWrites(t *testing.T) {
	ctx, clock := t.Context(), kvtest.NewClock()
	s := open(t, redis.Options{URLs: []string{needServer(t).URL}, Now: clock.Now})
	rule := kv.Rule{Limit: 1, Per: time.Second}
	for i := range 3000 {
		k := kv.Key{Prefix: kv.ScriptRate, Name: strconv.Itoa(i)}
		if _, err := s.Rate(ctx, k, rule, 1, false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lock(ctx, k, time.Second, false); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(ctx, k, nil, time.Second); err != nil {
			t.Fatal(err)
		}
		clock.Advance(10 * time.Millisecond)
	}
	keys, err := s.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// 200 allowances, 100 values and the keys of 16 buckets are alive; twice that is what laziness may leave.
	if len(keys) > 2*(300+6*buckets) {
		t.Errorf("%d keys are left", len(keys))
	}
}

// Names are compared with nothing but themselves: what a pattern would read into them stays a name.
func TestNamesAreNeverPatterns(t *testing.T) {
	ctx, s := t.Context(), open(t, redis.Options{URLs: []string{needServer(t).URL}})
	names := []string{"*", "?", "[a-z]", "\\*", "a", "b", "{a}", "}{", "[", "(", "+", "-", "\r\n", "a b", strings.Repeat("*", kv.MaxName)}
	for _, n := range names {
		if err := s.Set(ctx, value(n), []byte(n), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range names {
		if v, err := s.Get(ctx, value(n)); string(v.Bytes) != n || err != nil {
			t.Errorf("%q: %q, %v", n, v.Bytes, err)
		}
	}
	for left := names; len(left) > 1; left = left[1:] {
		if ok, err := s.Delete(ctx, value(left[0])); !ok || err != nil {
			t.Errorf("%q: %v, %v", left[0], ok, err)
		}
		items, _, err := s.List(ctx, kv.Script, "", "", 100)
		if err != nil || len(items) != len(left)-1 {
			t.Errorf("after deleting %q: %d rows, %v, want %d", left[0], len(items), err, len(left)-1)
		}
	}
}
