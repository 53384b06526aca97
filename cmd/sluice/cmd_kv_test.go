package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
)

func TestNamesAndValuesCrossTheControlSocketAsTheyAre(t *testing.T) {
	for _, text := range []octets{"", "a", "\x00", "\xff\xfe", "caf\xe9", "\u2028<>&", "*?[\\"} {
		in := kvIn{Prefix: "KV_GREYLIST", Script: text, Name: text, Value: text}
		var got kvIn
		again(t, in, &got)
		if diff := cmp.Diff(in, got); diff != "" {
			t.Errorf("a request with %q (-sent +arrived):\n%s", text, diff)
		}
		row := kvRow{Prefix: "KV_GREYLIST", Name: text}
		var back kvRow
		again(t, row, &back)
		if diff := cmp.Diff(row, back); diff != "" {
			t.Errorf("a row with %q (-sent +arrived):\n%s", text, diff)
		}
	}
}

func again(t *testing.T, from, to any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
}

func TestANameThatIsNoUTF8IsShownInBase64(t *testing.T) {
	for name, want := range map[octets]string{
		"":         `{"prefix":"KV_GREYLIST","name":"","value":"1"}`,
		"é":        `{"prefix":"KV_GREYLIST","name":"é","value":"1"}`,
		"\xff\xfe": `{"prefix":"KV_GREYLIST","name64":"//4=","value":"1"}`,
	} {
		b, err := json.Marshal(kvRow{Prefix: "KV_GREYLIST", Name: name, Value: "1"}.shown())
		if err != nil || string(b) != want {
			t.Errorf("%q is shown as %s, %v; want %s", string(name), b, err, want)
		}
	}
}

// slow does not answer the first call for a key in time.
type slow struct {
	kv.Store
	mu    sync.Mutex
	asked map[kv.Key]bool
}

func (s *slow) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	s.mu.Lock()
	first := !s.asked[k]
	s.asked[k] = true
	s.mu.Unlock()
	if first {
		return fmt.Errorf("set: %w: no answer within 200ms", kv.ErrUnavailable)
	}
	return s.Store.Set(ctx, k, v, ttl)
}

func TestAnImportHasPatienceWithASlowStore(t *testing.T) {
	m := memory.New(memory.Options{})
	defer m.Close()
	s := &slow{Store: m, asked: map[kv.Key]bool{}}
	in := importIn{}
	for i := range 200 {
		in.Rows = append(in.Rows, kvRaw{Prefix: kv.Script, Name: fmt.Appendf(nil, "n%d", i), Value: []byte("v")})
	}
	out, err := in.write(t.Context(), s)
	if want := (importOut{Written: 200}); err != nil || out != want {
		t.Errorf("an import into a store that is slow once for each row returns %+v, %v; want %+v", out, err, want)
	}
}
