package kv

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

// page renders the table of prefixes as the page that users read.
func page() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, "# Prefixes\n\nMade from the table of prefixes by `go test ./kv -run Prefixes -update`.\n\n"+
		"Readers and writers are those of the whole design: a part that is not built yet does neither.\n\n"+
		"Every key begins with one of these numbers. Numbers below 25 never change their meaning; 25 to 63 are kept free.\n"+
		"A *durable* write is acknowledged after it is on disk, a *relaxed* one may lose the last second in a crash, a *volatile* one lives in memory.\n"+
		"Where other machines write to the store too, rows are cached for the time in brackets at most, or not at all. When the store does not\n"+
		"answer, the server goes on as if the row were absent (*open*) or refuses for now what it guards (*closed*); in a script it is always an error.\n\n"+
		"| n | name | holds | expires after | class | kind | cached | unreachable | read by | written by |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, i := range Prefixes() {
		ttl, cached := "never", "no"
		if i.TTL > 0 {
			ttl = FormatTTL(i.TTL)
		}
		if i.Cacheable {
			cached = "yes"
		}
		if i.StaleOK > 0 {
			cached += " (" + FormatTTL(i.StaleOK) + ")"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", i.Prefix, i.Name, i.Purpose, ttl, i.Class, i.Kind, cached, i.Unreachable, i.ReadBy, i.WrittenBy)
	}
	return b.Bytes()
}

func TestPrefixesPage(t *testing.T) {
	const path = "PREFIXES.md"
	if *update {
		if err := os.WriteFile(path, page(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, page()) {
		t.Errorf("%s is not what the table says (%v); run with -update", path, err)
	}
}

func TestPrefixesAreCompleteAndInOrder(t *testing.T) {
	all := Prefixes()
	if len(all) < 29 {
		t.Fatalf("%d prefixes", len(all))
	}
	for i, info := range all {
		if i < 25 && info.Prefix != Prefix(i) {
			t.Errorf("line %d has number %d", i, info.Prefix)
		}
		if i > 0 && info.Prefix <= all[i-1].Prefix {
			t.Errorf("%s is out of order", info.Name)
		}
		if info.Purpose == "" || info.ReadBy == "" || info.WrittenBy == "" || info.Class < Volatile || info.Class > Durable || info.Kind < KindValue || info.Kind > KindLock {
			t.Errorf("%s is not complete: %+v", info.Name, info)
		}
		if info.Cacheable && info.Kind != KindValue {
			t.Errorf("%s: a %v must not be cached", info.Name, info.Kind)
		}
		for _, text := range []string{info.Name, fmt.Sprint(int(info.Prefix)), strings.ToLower(strings.TrimPrefix(info.Name, "KV_")), strings.ReplaceAll(info.Name, "_", "-")} {
			if got, err := ParsePrefix(text); err != nil || got != info.Prefix {
				t.Errorf("%q is read as %v, %v", text, got, err)
			}
		}
		if info.Prefix.String() != info.Name || info.Prefix.Info() != info {
			t.Errorf("%s answers with another line", info.Name)
		}
	}
	if got := Prefix(200).Info(); got.Name != "KV_200" || got.Class != Durable || got.Cacheable {
		t.Errorf("an unknown prefix is %+v", got)
	}
	for _, text := range []string{"", "KV_", "256", "-1", "nonsense", "KV_200", strings.Repeat("x", 1000)} {
		if got, err := ParsePrefix(text); err == nil || len(err.Error()) > 200 {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
}

func TestParseTTL(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "90s": 90 * time.Second, "15m": 15 * time.Minute, "24h": 24 * time.Hour,
		"30d": 720 * time.Hour, "500ms": 500 * time.Millisecond, "007": 7 * time.Second, "0d": 0, "106751d": 106751 * 24 * time.Hour,
	} {
		got, err := ParseTTL(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if again, err := ParseTTL(FormatTTL(got)); again != got || err != nil {
			t.Errorf("%v printed as %q is %v, %v", got, FormatTTL(got), again, err)
		}
	}
	for _, text := range []string{"", "-1", "-5m", "1.5h", "1h30m", "m", "10 m", "10w", "106752d", "9223372036854775808", "9223372037", "1H", "１s", " 1s"} {
		if got, err := ParseTTL(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParseTTL(f *testing.F) {
	for _, s := range []string{"90", "15m", "30d", "1ms", "-1", "99999999999999999999d", "1h1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseTTL(s)
		if err != nil {
			return
		}
		if again, err := ParseTTL(FormatTTL(d)); d < 0 || again != d || err != nil {
			t.Fatalf("%q is %v, printed %q, read again %v, %v", s, d, FormatTTL(d), again, err)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "c", "cAA", "x", "c!", Cursor("\xff\x00")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, after, err := ParseCursor(s)
		if err == nil && after {
			if again, _, err := ParseCursor(Cursor(name)); again != name || err != nil {
				t.Fatalf("%q: %q is not %q, %v", s, again, name, err)
			}
		}
	})
}

func TestCounters(t *testing.T) {
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		if got, err := ParseCounter(FormatCounter(n)); got != n || err != nil {
			t.Errorf("%d became %d, %v", n, got, err)
		}
	}
	for _, text := range []string{"", "x", "1.0", "+1", " 1", "1 ", "9223372036854775808", "0x1", "1_0"} {
		if n, err := ParseCounter([]byte(text)); !errors.Is(err, ErrNotCounter) {
			t.Errorf("%q is the counter %d, %v", text, n, err)
		}
	}
	for _, c := range [][2]int64{{math.MaxInt64, 1}, {math.MinInt64, -1}, {1, math.MaxInt64}, {-2, math.MinInt64}} {
		if n, err := AddCounter(c[0], c[1]); !errors.Is(err, ErrOverflow) {
			t.Errorf("%d + %d = %d, %v", c[0], c[1], n, err)
		}
	}
	if n, err := AddCounter(-1, math.MinInt64+1); n != math.MinInt64 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestDeadlinesAreNeverZeroByAccident(t *testing.T) {
	if got, err := Deadline(5, time.Nanosecond); got != 6 || err != nil {
		t.Errorf("a nanosecond ends at %d, %v", got, err)
	}
	if got, err := Deadline(5, 0); got != 0 || err != nil {
		t.Errorf("never is %d, %v", got, err)
	}
	if _, err := Deadline(5, -1); !errors.Is(err, ErrInvalid) {
		t.Errorf("a negative ttl: %v", err)
	}
	if got, err := Deadline(time.Now().UnixMilli(), math.MaxInt64); got < time.Now().UnixMilli() || err != nil {
		t.Errorf("the longest ttl ends at %d, %v", got, err)
	}
}

func TestTheClockNeverGoesBackAndNeverStandsStill(t *testing.T) {
	now := time.Unix(1000, 0)
	c := NewClock(func() time.Time { return now }, 0)
	step := func(d time.Duration, want int64) {
		t.Helper()
		now = now.Add(d)
		if got := c.Milli(); got != want {
			t.Errorf("after %v the clock says %d, want %d", d, got, want)
		}
	}
	step(0, 1_000_000)
	step(time.Second, 1_001_000)
	step(-time.Hour, 1_001_000)
	step(time.Second, 1_002_000)

	late := NewClock(func() time.Time { return now }, 5_000_000)
	if got := late.Milli(); got != 5_000_000 {
		t.Errorf("begins at %d, before what the file has seen", got)
	}
	now = now.Add(time.Second)
	if got := late.Milli(); got != 5_001_000 {
		t.Errorf("stands still at %d", got)
	}

	real := NewClock(nil, time.Now().UnixMilli()+3_600_000)
	if got := real.Milli(); got < time.Now().UnixMilli()+3_590_000 {
		t.Errorf("the machine's clock with a floor says %d", got)
	}
}

func FuzzParsePrefix(f *testing.F) {
	for _, s := range []string{"16", "KV_GREYLIST", "rate-limit-auth", "256", "KV_KV_ACME", "KV_200"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrefix(s)
		if err != nil {
			return
		}
		if again, err := ParsePrefix(fmt.Sprint(int(p))); again != p || err != nil {
			t.Fatalf("%q is %d, which is read as %d, %v", s, p, again, err)
		}
	})
}

func TestCounterOf(t *testing.T) {
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		v    Value
		in   error
		want int64
		err  error
	}{
		{"a number", Value{Bytes: []byte("-7")}, nil, -7, nil},
		{"an absent one", Value{}, fmt.Errorf("get: %w", ErrNotFound), 0, nil},
		{"no number", Value{Bytes: []byte("x")}, nil, 0, ErrNotCounter},
		{"another error", Value{Bytes: []byte("1")}, refused, 0, refused},
	} {
		if got, err := CounterOf(tt.v, tt.in); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %d, %v", tt.name, got, err)
		}
	}
}

func FuzzParseCounter(f *testing.F) {
	for _, s := range []string{"0", "-1", "9223372036854775807", "-9223372036854775808", "+1", "007", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseCounter(b)
		if err != nil {
			return
		}
		if again, err := ParseCounter(FormatCounter(n)); again != n || err != nil {
			t.Fatalf("%q is %d, written and read again %d, %v", b, n, again, err)
		}
	})
}

func TestOwnersAreNeverTheSame(t *testing.T) {
	const goroutines, each = 8, 2000
	got := make(chan string, goroutines*each)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				got <- NewOwner()
			}
		})
	}
	wg.Wait()
	close(got)
	seen := map[string]bool{}
	for owner := range got {
		if len(owner) != 32 || seen[owner] || strings.Trim(owner, "0123456789abcdef") != "" {
			t.Fatalf("owner %q, or seen before", owner)
		}
		seen[owner] = true
	}
}
