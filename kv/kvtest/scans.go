package kvtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

// odd names are sorted as bytes, and hold what ranges and patterns get wrong.
var odd = []string{
	"", "\x00", "\x00\xff", "%", "*", "?", "A", "[a]", "_", "a", "a\x00", "a\x00\x00", "a\x01", "aa", "a\xff", "a\xff\xff", "b", "é", "\xff", "\xff\x00", "\xff\xff",
}

func (e *env) fill(p kv.Prefix, ttl time.Duration) {
	e.Helper()
	for _, name := range odd {
		e.set(kv.Key{Prefix: p, Name: name}, "v"+name, ttl)
	}
}

func under(prefix string) []string {
	names := []string{}
	for _, name := range odd {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

func without(prefix string) []string {
	names := []string{}
	for _, name := range odd {
		if !strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

var scanTests = []test{
	{"List gives byte order in pages of any size, for any bytes", Lists, func(e *env) {
		for _, p := range []kv.Prefix{kv.Script, 255, 0} {
			e.fill(p, 0)
			e.set(kv.Key{Prefix: p - 1, Name: "\xff"}, "neighbour", 0)
			e.set(kv.Key{Prefix: p + 1, Name: ""}, "neighbour", 0)
			for _, name := range []string{"", "a", "a\x00", "a\xff", "\xff", "\xff\xff", "%", "*", "zz"} {
				for _, page := range []int{1, 2, 3, 100} {
					if diff := cmp.Diff(under(name), e.names(p, name, page)); diff != "" {
						e.Errorf("below %q in pages of %d: %s", name, page, diff)
					}
				}
			}
			_, err := e.kv.DeletePrefix(e.ctx, p, "")
			e.ok(err)
		}
	}},
	{"List gives values and expiries, and no expired rows", Lists, func(e *env) {
		e.set(value("a"), "1", time.Second)
		e.set(value("b"), strings.Repeat("x", 3000), time.Minute)
		e.set(value("c"), "", 0)
		items, _, err := e.kv.List(e.ctx, kv.Script, "", "", 10)
		e.ok(err)
		if len(items) != 3 || string(items[0].Value.Bytes) != "1" || len(items[1].Value.Bytes) != 3000 || items[2].Value.Bytes == nil || !items[2].Value.Expires.IsZero() {
			e.Errorf("got %+v", items)
		}
		if b, err := e.kv.Get(e.ctx, value("b")); err != nil || !b.Expires.Equal(items[1].Value.Expires) {
			e.Errorf("Get says %v, List says %v", b.Expires, items[1].Value.Expires)
		}
		e.advance(time.Second)
		if diff := cmp.Diff([]string{"b", "c"}, e.names(kv.Script, "", 1)); diff != "" {
			e.Error(diff)
		}
	}},
	{"List sees rows that stay exactly once, whatever happens between pages", Lists, func(e *env) {
		for i := range 20 {
			e.set(value(fmt.Sprintf("stay%02d", i)), "", 0)
			e.set(value(fmt.Sprintf("stay%02d.gone", i)), "", 0)
		}
		var got []string
		for cursor, round := "", 0; ; round++ {
			items, next, err := e.kv.List(e.ctx, kv.Script, "", cursor, 3)
			e.ok(err)
			for _, it := range items {
				if !strings.HasSuffix(it.Key.Name, "gone") && !strings.HasPrefix(it.Key.Name, "new") {
					got = append(got, it.Key.Name)
				}
				if strings.HasSuffix(it.Key.Name, "gone") {
					_, err := e.kv.Delete(e.ctx, it.Key) // the cursor's own row, too
					e.ok(err)
				}
			}
			e.set(value(fmt.Sprintf("new%d", round)), "", 0)
			e.set(value(fmt.Sprintf("a%d", round)), "", 0)
			if cursor = next; cursor == "" {
				break
			}
		}
		got = slices.DeleteFunc(got, func(s string) bool { return !strings.HasPrefix(s, "stay") })
		if len(got) != 20 || !slices.IsSorted(got) {
			e.Errorf("saw %v", got)
		}
	}},
	{"List refuses cursors it never gave and pages below one", Lists, func(e *env) {
		e.set(value("a"), "", 0)
		for _, cursor := range []string{"x", "c!", "a", strings.Repeat("c", 5000)} {
			_, _, err := e.kv.List(e.ctx, kv.Script, "", cursor, 10)
			e.is(err, kv.ErrInvalid)
		}
		for _, page := range []int{0, -1} {
			_, _, err := e.kv.List(e.ctx, kv.Script, "", "", page)
			e.is(err, kv.ErrInvalid)
		}
		if diff := cmp.Diff([]string{"a"}, e.names(kv.Script, "", 1<<30)); diff != "" {
			e.Error(diff)
		}
	}},
	{"a page of fat rows is short instead of fat", Lists, func(e *env) {
		fat := make([]byte, kv.MaxValue)
		for i := range 10 {
			fat[0] = byte(i)
			e.ok(e.kv.Set(e.ctx, value(fmt.Sprint(i)), slices.Clone(fat), 0))
		}
		items, next, err := e.kv.List(e.ctx, kv.Script, "", "", 100)
		if err != nil || len(items)*kv.MaxValue > kv.MaxPageOctets || next == "" {
			e.Errorf("%d rows, next %q, %v", len(items), next, err)
		}
		if got := e.names(kv.Script, "", 100); len(got) != 10 {
			e.Errorf("saw %v", got)
		}
	}},
	{"DeletePrefix takes exactly what begins so", Lists, func(e *env) {
		for _, p := range []kv.Prefix{kv.Script, 255} {
			for _, name := range []string{"a", "a\x00", "a\xff", "\xff", "\xff\xff", "*", "%", "?", "_", "[a]", "zz", ""} {
				e.fill(p, 0)
				e.set(kv.Key{Prefix: p + 1, Name: ""}, "neighbour", 0)
				e.set(kv.Key{Prefix: p - 1, Name: "\xff\xff\xff\xff"}, "neighbour", 0)
				n, err := e.kv.DeletePrefix(e.ctx, p, name)
				if n != len(under(name)) || err != nil {
					e.Errorf("below %q: %d, %v, want %d", name, n, err, len(under(name)))
				}
				if diff := cmp.Diff(without(name), e.names(p, "", 100)); diff != "" {
					e.Errorf("after deleting below %q: %s", name, diff)
				}
				e.has(kv.Key{Prefix: p + 1, Name: ""}, "neighbour")
				e.has(kv.Key{Prefix: p - 1, Name: "\xff\xff\xff\xff"}, "neighbour")
			}
		}
	}},
	{"DeletePrefix does not count expired rows and takes more than one batch", Lists, func(e *env) {
		e.set(value("x"), "", time.Second)
		e.advance(time.Second)
		if n, err := e.kv.DeletePrefix(e.ctx, kv.Script, "x"); n != 0 || err != nil {
			e.Errorf("%d, %v", n, err)
		}
		e.many(2500, func(i int) { e.set(value(fmt.Sprintf("y%d", i)), "", 0) })
		if n, err := e.kv.DeletePrefix(e.ctx, kv.Script, "y"); n != 2500 || err != nil {
			e.Errorf("%d, %v", n, err)
		}
		if got := e.rows(kv.Script); got.Rows != 0 {
			e.Errorf("left %+v", got)
		}
	}},
	{"Delete and DeletePrefix reach values, allowances and leases alike", Lists, func(e *env) {
		for _, del := range []func() (int, error){
			func() (int, error) { return e.kv.DeletePrefix(e.ctx, kv.Script, "a") },
			func() (int, error) {
				ok, err := e.kv.Delete(e.ctx, value("a"))
				if ok {
					return 3, err
				}
				return 0, err
			},
		} {
			e.set(value("a"), "1", 0)
			_, err := e.kv.Rate(e.ctx, value("a"), perMinute, 3, false)
			e.ok(err)
			_, err = e.kv.Rate(e.ctx, value("a\x00b"), perMinute, 3, false)
			e.ok(err)
			l, err := e.kv.Lock(e.ctx, value("a"), time.Minute, false)
			e.ok(err)
			e.has(value("a"), "1")
			if n, err := del(); n < 3 || err != nil {
				e.Errorf("%d, %v", n, err)
			}
			e.lacks(value("a"))
			if d, err := e.kv.Rate(e.ctx, value("a"), perMinute, 0, true); d.Remaining != perMinute.Limit || err != nil {
				e.Errorf("%+v, %v", d, err)
			}
			e.is(e.kv.Unlock(e.ctx, l), kv.ErrNotOwner)
		}
		if d, err := e.kv.Rate(e.ctx, value("a\x00b"), perMinute, 0, true); d.Remaining != perMinute.Limit-3 || err != nil {
			e.Errorf("Delete of another key took an allowance: %+v, %v", d, err)
		}
	}},
	{"DeletePrefix looks at names and not at what a backend puts behind them", Lists, func(e *env) {
		for _, name := range []string{"a", "a\x00"} {
			_, err := e.kv.Rate(e.ctx, value(name), perMinute, 3, false)
			e.ok(err)
			for _, longer := range []string{name + "\x00", name + "\x00" + perMinute.String()[:1], kv.RateName(name, perMinute), name + "\x001", name + ":", name + "}"} {
				if n, err := e.kv.DeletePrefix(e.ctx, kv.Script, longer); n != 0 || err != nil {
					e.Errorf("an allowance of %q was deleted with %q: %d, %v", name, longer, n, err)
				}
			}
			e.rate(value(name), perMinute, 0, true, kv.Decision{Allowed: true, Limit: 10, Remaining: 7})
			if n, err := e.kv.DeletePrefix(e.ctx, kv.Script, name); n != 1 || err != nil {
				e.Errorf("%d allowances of %q were deleted, %v", n, name, err)
			}
		}
	}},
	{"Purge removes what is expired and nothing else", Lists, func(e *env) {
		e.many(600, func(i int) {
			k := value(fmt.Sprintf("%03d", i))
			switch i % 3 {
			case 0:
				e.set(k, strings.Repeat("x", i*4), time.Second)
			case 1:
				e.set(k, "", time.Minute)
			case 2:
				e.set(k, strings.Repeat("x", i*4), 0)
			}
		})
		_, err := e.kv.Lock(e.ctx, lock("a"), time.Second, false)
		e.ok(err)
		_, err = e.kv.Rate(e.ctx, allow("a"), kv.Rule{Limit: 1, Per: time.Second}, 1, false)
		e.ok(err)
		e.purgeAll()
		if got := len(e.names(kv.Script, "", 1000)); got != 600 {
			e.Errorf("purging too early left %d", got)
		}
		e.advance(5 * time.Second)
		e.set(value("000"), "again", 0)
		if n := e.purgeAll(); n > 201 {
			e.Errorf("removed %d rows, 201 were expired", n)
		} else if n == 0 && e.suite.Lacks&Purging == 0 {
			e.Error("removed nothing")
		}
		if got := len(e.names(kv.Script, "", 1000)); got != 401 {
			e.Errorf("%d rows are left, want 401", got)
		}
		e.has(value("000"), "again")
		if n := e.purgeAll(); n != 0 {
			e.Errorf("removed %d rows in a second round", n)
		}
	}},
	{"Stats counts live rows by prefix", Lists, func(e *env) {
		e.set(value("ab"), "123", 0)
		e.set(value("cd"), strings.Repeat("x", 2000), time.Second)
		e.set(kv.Key{Prefix: kv.Greylist, Name: "e"}, "", 0)
		if got, want := e.rows(kv.Script), (kv.PrefixStats{Prefix: kv.Script, Rows: 2, Octets: 2007}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		if got, want := e.rows(kv.Greylist), (kv.PrefixStats{Prefix: kv.Greylist, Rows: 1, Octets: 1}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		e.advance(time.Second)
		if got, want := e.rows(kv.Script), (kv.PrefixStats{Prefix: kv.Script, Rows: 1, Octets: 5}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		stats, err := e.kv.Stats(e.ctx)
		e.ok(err)
		if !slices.IsSortedFunc(stats, func(a, b kv.PrefixStats) int { return int(a.Prefix) - int(b.Prefix) }) {
			e.Errorf("not in order: %+v", stats)
		}
	}},
}
