//go:build rocksdb

package rocksdb

import (
	"bytes"
	"strings"
	"testing"

	"github.com/linxGnu/grocksdb"
	"github.com/sluice-mail/sluice/kv"
)

// Keys of allowances are in the order of their names, and no name's reach into another's.
func FuzzRateKeys(f *testing.F) {
	f.Add("", "a")
	f.Add("a", "a\x00")
	f.Add("a\x00\x01", "a\x00")
	f.Add("\xff", "\x00\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		rule := kv.Rule{Limit: 1, Per: 1e9}.String()
		ka, kb := kv.Key{Prefix: 9, Name: a}, kv.Key{Prefix: 9, Name: b}
		rowA, rowB := append(ratesOf(ka), rule...), append(ratesOf(kb), rule...)
		if got, want := bytes.Compare(rowA, rowB), strings.Compare(a, b); got != want {
			t.Errorf("%q and %q: %d, want %d", a, b, got, want)
		}
		if got, want := bytes.HasPrefix(rowA, ratesUnder(9, b)), strings.HasPrefix(a, b); got != want {
			t.Errorf("%q under %q: %v", a, b, got)
		}
		if got, want := bytes.HasPrefix(rowA, ratesOf(kb)), a == b; got != want {
			t.Errorf("%q is %q: %v", a, b, got)
		}
		if got, want := rateName(rowA), len(kv.RateName(a, kv.Rule{Limit: 1, Per: 1e9})); got != want {
			t.Errorf("%q: %d octets, want %d", a, got, want)
		}
	})
}

func FuzzRow(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(row{exp: 1, fence: 2, body: []byte("x")}.encode())
	f.Add(bytes.Repeat([]byte{version}, headerSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.encode(), b) || r.exp < 0 {
			t.Errorf("%x is read as %+v", b, r)
		}
		if k, err := keyOf(b); err == nil && !bytes.Equal(rowKey(b[0], k), b) {
			t.Errorf("%x is key %v", b, k)
		}
		var fl filter
		fl.floor.Store(r.exp)
		if gone, _ := fl.Filter(0, []byte("kx"), b); gone != (r.exp > 0) {
			t.Errorf("expiry %d at its moment: %v", r.exp, gone)
		}
		fl.floor.Store(r.exp - 1)
		if gone, _ := fl.Filter(0, []byte("kx"), b); gone {
			t.Error("dropped before its moment")
		}
	})
}

func TestTheFilterKeepsWhatItDoesNotUnderstand(t *testing.T) {
	var f filter
	f.floor.Store(1 << 50)
	old := row{exp: 1}.encode()
	if gone, _ := f.Filter(0, []byte("k\x40a"), old); !gone {
		t.Error("an expired row stays")
	}
	for name, c := range map[string]struct{ key, val []byte }{
		"meta":    {[]byte("mclock"), old},
		"no key":  {nil, old},
		"short":   {[]byte("k\x40a"), old[:10]},
		"later":   {[]byte("k\x40a"), append([]byte{version + 1}, old[1:]...)},
		"endless": {[]byte("k\x40a"), row{}.encode()},
	} {
		if gone, v := f.Filter(0, c.key, c.val); gone || v != nil {
			t.Errorf("%s: dropped", name)
		}
	}
}

func TestSomebodyElsesDatabaseIsRefused(t *testing.T) {
	path := t.TempDir()
	n := newNative(Options{Cache: 1 << 20, Buffer: 1 << 20}, &filter{})
	defer n.free()
	write := func(key, val []byte) {
		t.Helper()
		db, err := grocksdb.OpenDb(n.opts, path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Put(n.synced, key, val); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("their key"), []byte("their value"))
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "not made by this program") {
		t.Errorf("another program's: %v", err)
	}
	write(metaFormat, number(format+1))
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a later one: %v", err)
	}
	write(metaFormat, []byte("x"))
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged one: %v", err)
	}
}
