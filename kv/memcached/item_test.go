package memcached

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/peers"
)

func TestKeysAreWhatMemcachedTakesAndNeverEqual(t *testing.T) {
	s := &Store{namespace: strings.Repeat("n", maxNamespace)}
	seen := map[string]string{}
	for _, kind := range []byte{kindValue, kindRates} {
		for _, p := range []kv.Prefix{0, 16, 255} {
			for _, name := range []string{"", "a", "A", "16a", "#", ":", " ", "\x00", "\x7f", "é", "\xff", "a b", strings.Repeat("x", 181), strings.Repeat("x", 182), strings.Repeat("x", kv.MaxName)} {
				key, carried := s.itemKey(kind, kv.Key{Prefix: p, Name: name})
				what := fmt.Sprintf("%c %d %q", kind, p, name)
				if len(key) > maxKey || !legal(key) || seen[key] != "" {
					t.Errorf("%s: %q, also of %s", what, key, seen[key])
				}
				if carried != "" && carried != string([]byte{byte(p)})+name {
					t.Errorf("%s carries %q", what, carried)
				}
				if hashed := carried != ""; hashed == (legal(name) && len(name) <= 181) {
					t.Errorf("%s: hashed: %v", what, hashed)
				}
				seen[key] = what
			}
		}
	}
}

// Another name's item under our hash is a miss, and is replaced by what we write.
func TestACollisionIsAMiss(t *testing.T) {
	m, err := peers.StartMemcached(t.Context())
	peers.Need(t, err)
	defer m.Close()
	s, err := Open(t.Context(), Options{URLs: []string{m.URL()}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k := kv.Key{Prefix: kv.Greylist, Name: "a name with blanks"}
	plant := func(kind byte, k kv.Key, b []byte) {
		t.Helper()
		key, _ := s.itemKey(kind, k)
		if err := s.client.Set(&memcache.Item{Key: key, Value: b}); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range map[string][]byte{
		"another name":   item{0, []byte("wrong")}.encode(kindValue, "\x10another name"),
		"no name":        item{0, []byte("wrong")}.encode(kindValue, ""),
		"another kind":   item{0, []byte("wrong")}.encode(kindRates, "\x10a name with blanks"),
		"somebody's own": []byte("not ours at all, whoever wrote it"),
		"nothing":        {},
	} {
		plant(kindValue, k, b)
		if v, err := s.Get(t.Context(), k); !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s: Get: %q, %v", name, v.Bytes, err)
		}
		if many, err := s.GetMany(t.Context(), []kv.Key{k}); err != nil || many[0].Bytes != nil {
			t.Errorf("%s: GetMany: %v, %v", name, many, err)
		}
		if gone, err := s.Delete(t.Context(), k); gone || err != nil {
			t.Errorf("%s: Delete: %v, %v", name, gone, err)
		}
		if n, err := s.Incr(t.Context(), k, 1, 0); n != 1 || err != nil {
			t.Errorf("%s: Incr: %d, %v", name, n, err)
		}
	}
	plant(kindRates, k, item{0, []byte("\xffshort")}.encode(kindRates, "\x10a name with blanks"))
	rule := kv.Rule{Limit: 3, Per: time.Minute}
	if d, err := s.Rate(t.Context(), k, rule, 1, false); err != nil || d.Remaining != 2 {
		t.Errorf("%+v, %v", d, err)
	}
}

// A row that others change all the time is given up, and not tried for ever.
func TestContentionIsUnavailableInTheEnd(t *testing.T) {
	m, err := peers.StartMemcached(t.Context())
	peers.Need(t, err)
	defer m.Close()
	s, err := Open(t.Context(), Options{URLs: []string{m.URL()}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k := kv.Key{Prefix: kv.Greylist, Name: "hot"}
	tries := 0
	change := func(item, bool, int64) (item, verdict, error) {
		tries++
		err := s.Set(t.Context(), k, nil, 0) // somebody is faster each time
		return item{}, write, err
	}
	if err := s.edit(t.Context(), "test", s.row(kindValue, k), change); !errors.Is(err, kv.ErrUnavailable) || tries != maxTries {
		t.Errorf("%d tries, %v", tries, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.edit(ctx, "test", s.row(kindValue, k), func(item, bool, int64) (item, verdict, error) {
		cancel()
		return change(item{}, false, 0)
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that ended: %v", err)
	}
}

func TestHintsAreNeverEarly(t *testing.T) {
	s := &Store{hints: true}
	now := time.Now().UnixMilli()
	day := 24 * time.Hour
	for _, ttl := range []time.Duration{time.Millisecond, 999 * time.Millisecond, time.Second, time.Minute, 30*day - 3*time.Second, 30 * day, 31 * day, 365 * day} {
		got := time.Duration(s.hint(now+ttl.Milliseconds(), now)) * time.Second
		if got > maxHint { // unix time
			got -= time.Duration(now) * time.Millisecond
		}
		if got < ttl+time.Second || got > ttl+4*time.Second {
			t.Errorf("%v: %v", ttl, got)
		}
	}
	for name, exp := range map[string]int64{"never": 0, "after 2038": now + 100*365*day.Milliseconds(), "at the end of time": 1<<63 - 1} {
		if got := s.hint(exp, now); got != 0 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := s.hint(now-1000, now); got < 1 || got > hintSlack {
		t.Errorf("in the past: %d", got)
	}
}

func TestServersSayWhatTheyTake(t *testing.T) {
	for text, want := range map[string]struct {
		largest int64
		err     string
	}{
		"STAT a b\r\nSTAT item_size_max 2097152\r\nSTAT cas_enabled yes\r\nEND\r\n": {2 << 20, ""},
		"END\r\n":                              {1 << 20, ""},
		"ERROR\r\n":                            {1 << 20, ""},
		"STAT item_size_max x\r\nEND\r\n":      {1 << 20, ""},
		"STAT cas_enabled no\r\nEND\r\n":       {0, "-C"},
		"CLIENT_ERROR unauthenticated\r\n":     {0, "password"},
		"HTTP/1.1 400 Bad Request\r\n":         {0, "protocol"},
		"END\r\nEND\r\n":                       {0, "more than"},
		strings.Repeat("x", 10_000):            {0, "protocol"},
		strings.Repeat("STAT a b\r\n", 10_000): {0, "protocol"},
		"STAT a":                               {0, "EOF"},
	} {
		got, err := settings(bufio.NewReader(strings.NewReader(text)))
		if got != want.largest || (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%.30q: %d, %v", text, got, err)
		}
	}
}

func FuzzItem(f *testing.F) {
	f.Add([]byte(nil), "")
	f.Add(item{5, []byte("x")}.encode(kindValue, "name"), "name")
	f.Add(bytes.Repeat([]byte{1}, 12), "")
	f.Fuzz(func(t *testing.T, b []byte, carried string) {
		it, err := decode(b, kindValue, carried)
		if err == nil && !bytes.Equal(it.encode(kindValue, carried), b) {
			t.Errorf("%x is read as %+v", b, it)
		}
		all, err := decodeRates(b)
		if err == nil {
			again, _ := encodeRates(all)
			if !bytes.Equal(again, b) || len(all) > maxAllowances {
				t.Errorf("%x is read as %+v", b, all)
			}
		}
		if len(carried) <= kv.MaxName+1 {
			back, err := decode(item{7, b}.encode(kindValue, carried), kindValue, carried)
			if diff := cmp.Diff(item{7, b}.body, back.body); err != nil || string(back.body) != string(b) {
				t.Errorf("%v %s", err, diff)
			}
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("STAT item_size_max 1048576\r\nEND\r\n"))
	f.Add([]byte("STAT cas_enabled no\r\nEND\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := settings(bufio.NewReader(bytes.NewReader(b))); err == nil && n <= 0 {
			t.Errorf("%q takes items of %d", b, n)
		}
	})
}
