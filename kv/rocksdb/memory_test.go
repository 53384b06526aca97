//go:build rocksdb

package rocksdb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/rocksdb"
)

// resident returns the memory of this process, C's as well, in octets.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// Every call gives back what it took outside of Go: a hundred times the bound goes through the store.
func TestMemoryIsBoundedByOptions(t *testing.T) {
	s, err := rocksdb.Open(t.Context(), rocksdb.Options{Path: filepath.Join(t.TempDir(), "kv"), Cache: 4 << 20, Buffer: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v := []byte(strings.Repeat("0123456789abcdef", 4096)) // 64 KiB
	round := func(n int) {
		for i := range n {
			k := key(fmt.Sprint(i % 200))
			err := s.Apply(t.Context(), []kv.Change{{Key: k, Value: kv.Value{Bytes: v}}})
			if err == nil {
				_, err = s.Get(t.Context(), k)
			}
			if err == nil && i%20 == 0 {
				_, _, err = s.List(t.Context(), kv.Script, "", "", 50)
			}
			if err == nil && i%20 == 0 {
				_, err = s.Stats(t.Context())
			}
			if err == nil {
				_, err = s.Get(t.Context(), key("absent"))
				if err == kv.ErrNotFound {
					err = nil
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	round(300)
	before := resident(t)
	round(3000)
	if grown := resident(t) - before; grown > 64<<20 {
		t.Errorf("%d MiB more than before", grown>>20)
	}
}
