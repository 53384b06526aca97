package dump_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/dump"
	"pgregory.net/rapid"
)

func write(t testing.TB, items []kv.Item) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := dump.NewWriter(&b, dump.Head{Made: time.Unix(1_800_000_000, 0), Store: "main"})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if err := w.Write(it); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(text []byte) (items []kv.Item, err error) {
	r, err := dump.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for {
		it, err := r.Next()
		if err == io.EOF {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		items = append(items, it)
	}
}

// The page in the package comment, word for word.
const example = `{"sluice-kv":1,"made":"2027-01-15T08:00:00Z","store":"main"}
{"p":16,"k":"a@example.org b@example.org","v":"1","exp":1795000000000}
{"p":64,"k64":"YWRtaW4AaGVsbG8=","v":"hello","fence":7}
{"p":65,"k":"","v64":"AP8="}
`

func TestADumpIsWhatThePackageSays(t *testing.T) {
	items := []kv.Item{
		{Key: kv.Key{Prefix: 16, Name: "a@example.org b@example.org"}, Value: kv.Value{Bytes: []byte("1"), Expires: time.UnixMilli(1795000000000)}},
		{Key: kv.Key{Prefix: 64, Name: "admin\x00hello"}, Value: kv.Value{Bytes: []byte("hello"), Fence: 7}},
		{Key: kv.Key{Prefix: 65}, Value: kv.Value{Bytes: []byte{0, 255}}},
	}
	text := write(t, items)
	head, rest, _ := strings.Cut(string(text), `{"rows":3,"sha256":"`)
	if diff := cmp.Diff(example, head); diff != "" || len(rest) != 64+3 {
		t.Errorf("%s\nrest %q", diff, rest)
	}
	got, err := read(text)
	if diff := cmp.Diff(items, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		octets := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 40), rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }))
		items := rapid.SliceOf(rapid.Custom(func(r *rapid.T) kv.Item {
			it := kv.Item{Key: kv.Key{Prefix: kv.Prefix(rapid.Byte().Draw(r, "prefix")), Name: string(octets.Draw(r, "name"))}}
			it.Value.Bytes = append([]byte{}, octets.Draw(r, "value")...)
			it.Value.Expires = kv.Moment(rapid.Int64Range(0, 253402300799999).Draw(r, "expires"))
			it.Value.Fence = rapid.Uint64Max(math.MaxInt64).Draw(r, "fence")
			return it
		})).Draw(r, "items")
		slices.SortFunc(items, func(a, b kv.Item) int {
			if a.Key.Prefix != b.Key.Prefix {
				return int(a.Key.Prefix) - int(b.Key.Prefix)
			}
			return strings.Compare(a.Key.Name, b.Key.Name)
		})
		items = slices.CompactFunc(items, func(a, b kv.Item) bool { return a.Key == b.Key })
		got, err := read(write(t, items))
		if err != nil || len(got) != len(items) || len(items) > 0 && !cmp.Equal(items, got) {
			r.Fatalf("%v %s", err, cmp.Diff(items, got))
		}
	})
}

func TestAChangedOrCutDumpIsNoticedAtItsLine(t *testing.T) {
	text := string(write(t, []kv.Item{
		{Key: kv.Key{Prefix: 16, Name: "a"}, Value: kv.Value{Bytes: []byte("1")}},
		{Key: kv.Key{Prefix: 16, Name: "b"}, Value: kv.Value{Bytes: []byte("2")}},
	}))
	for i := range text {
		if _, err := read([]byte(text[:i])); !errors.Is(err, dump.ErrFormat) {
			t.Fatalf("cut after %d octets: %v", i, err)
		}
		for _, c := range []byte{text[i] ^ 1, 'x', '0'} {
			changed := []byte(text)
			if changed[i] == c {
				continue
			}
			changed[i] = c
			// JSON takes the name of a field in any case; the sum is that of the line as it is.
			if _, err := read(changed); !errors.Is(err, dump.ErrFormat) {
				t.Fatalf("octet %d changed to %q: %v", i, c, err)
			}
		}
	}
	lines := strings.SplitAfter(text, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", "line 1 is empty"},
		"other version":    {strings.Replace(text, `kv":1`, `kv":2`, 1), "line 1 has format version 2"},
		"another file":     {"hello\n", "line 1 does not begin as a dump"},
		"rows swapped":     {lines[0] + lines[2] + lines[1] + lines[3], "line 3 is out of order"},
		"row twice":        {lines[0] + lines[1] + lines[1] + lines[3], "line 3 is out of order"},
		"row lost":         {lines[0] + lines[1] + lines[3], "line 3 counts 2 rows, there are 1"},
		"more behind":      {text + "x", "after the last line"},
		"no name":          {lines[0] + `{"p":1,"v":""}` + "\n", "line 2 has to have k or k64"},
		"two values":       {lines[0] + `{"p":1,"k":"","v":"","v64":""}` + "\n", "line 2 has to have v or v64"},
		"no prefix":        {lines[0] + `{"k":"","v":""}` + "\n", "line 2 has no prefix"},
		"prefix too large": {lines[0] + `{"p":256,"k":"","v":""}` + "\n", "line 2 has no prefix"},
		"unknown field":    {lines[0] + `{"p":1,"k":"","v":"","x":1}` + "\n", "line 2 is no row"},
		"name too long":    {lines[0] + `{"p":1,"k":"` + strings.Repeat("a", kv.MaxName+1) + `","v":""}` + "\n", "line 2 too large"},
		"endless line":     {lines[0] + strings.Repeat("a", 3<<20), "line 2 has more than"},
		"odd expiry":       {lines[0] + `{"p":1,"k":"","v":"","exp":-5}` + "\n", "line 2 has exp -5"},
		"odd fence":        {lines[0] + `{"p":1,"k":"","v":"","fence":9223372036854775808}` + "\n", "line 2 has a fence of more"},
	} {
		if _, err := read([]byte(c.text)); !errors.Is(err, dump.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTheLargestRowFits(t *testing.T) {
	for _, fill := range []string{`"`, "\x00", "a", "\\"} {
		it := kv.Item{Key: kv.Key{Prefix: 64, Name: strings.Repeat(fill, kv.MaxName)}, Value: kv.Value{Bytes: bytes.Repeat([]byte(fill), kv.MaxValue)}}
		got, err := read(write(t, []kv.Item{it}))
		if err != nil || len(got) != 1 || !cmp.Equal(it, got[0]) {
			t.Errorf("filled with %q: %v", fill, err)
		}
	}
}

func TestRowsOutOfOrderAreNotWritten(t *testing.T) {
	w, err := dump.NewWriter(io.Discard, dump.Head{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(kv.Item{Key: kv.Key{Prefix: 2, Name: "b"}}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []kv.Key{{Prefix: 2, Name: "b"}, {Prefix: 2, Name: "a"}, {Prefix: 1, Name: "z"}} {
		if err := w.Write(kv.Item{Key: k}); err == nil {
			t.Errorf("%v was written", k)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(write(f, nil))
	f.Add([]byte(example))
	f.Add(write(f, []kv.Item{{Key: kv.Key{Prefix: 1, Name: "\x00"}, Value: kv.Value{Bytes: []byte("v"), Fence: 1, Expires: time.UnixMilli(5)}}}))
	f.Fuzz(func(t *testing.T, text []byte) {
		items, err := read(text)
		if err != nil {
			if !errors.Is(err, dump.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		again, err := read(write(t, items))
		if err != nil || !cmp.Equal(items, again) {
			t.Fatal(err)
		}
	})
}

func BenchmarkWriteRead(b *testing.B) {
	items := make([]kv.Item, 1000)
	for i := range items {
		items[i] = kv.Item{Key: kv.Key{Prefix: 64, Name: "admin\x00" + strings.Repeat("k", 20) + string(rune('a'+i/100)) + string(rune('a'+i/10%10)) + string(rune('a'+i%10))}, Value: kv.Value{Bytes: bytes.Repeat([]byte{1, 2}, 32)}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(write(b, items)); err != nil {
			b.Fatal(err)
		}
	}
}
