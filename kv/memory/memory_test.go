package memory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/memory"
)

func TestStore(t *testing.T) {
	kvtest.Run(t, func(*testing.T) (kv.Store, func(time.Duration)) {
		clock := kvtest.NewClock()
		return memory.New(memory.Options{Now: clock.Now}), clock.Advance
	})
}

func TestAFullStoreRefusesNewRowsUntilOldOnesExpire(t *testing.T) {
	clock := kvtest.NewClock()
	s := memory.New(memory.Options{Now: clock.Now, MaxRows: 100})
	key := func(i int) kv.Key { return kv.Key{Prefix: kv.Script, Name: fmt.Sprint(i)} }
	for i := range 100 {
		if err := s.Set(t.Context(), key(i), nil, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Set(t.Context(), key(1000), nil, 0); !errors.Is(err, kv.ErrFull) {
		t.Errorf("row 101: %v", err)
	}
	if err := s.Set(t.Context(), kv.Key{Prefix: kv.Greylist}, nil, 0); err != nil {
		t.Errorf("a row of another prefix: %v", err)
	}
	if _, err := s.Rate(t.Context(), key(1000), kv.Rule{Limit: 1, Per: time.Second}, 1, false); !errors.Is(err, kv.ErrFull) {
		t.Errorf("an allowance: %v", err)
	}
	if _, err := s.Lock(t.Context(), key(1000), 0, false); !errors.Is(err, kv.ErrFull) {
		t.Errorf("a lease: %v", err)
	}
	if err := s.Set(t.Context(), key(5), []byte("new"), time.Minute); err != nil {
		t.Errorf("a row that is there already: %v", err)
	}
	clock.Advance(time.Hour)
	for {
		if _, more, err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		} else if !more {
			break
		}
	}
	if err := s.Set(t.Context(), key(1000), nil, 0); err != nil {
		t.Error(err)
	}
}

// Rows that expire go away with the writes that follow, without any Purge.
func TestMemoryIsBoundedByWhatIsAlive(t *testing.T) {
	clock := kvtest.NewClock()
	const limit = 20_000
	s := memory.New(memory.Options{Now: clock.Now, MaxRows: limit})
	rule := kv.Rule{Limit: 1, Per: time.Second}
	for i := range 200_000 {
		if _, err := s.Rate(t.Context(), kv.Key{Prefix: kv.ScriptRate, Name: fmt.Sprint(i)}, rule, 1, false); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		clock.Advance(time.Millisecond)
	}
}

func BenchmarkIncr(b *testing.B) {
	s := memory.New(memory.Options{})
	k := kv.Key{Prefix: kv.ScriptCounter, Name: "a"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Incr(b.Context(), k, 1, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRate(b *testing.B) {
	for _, rule := range []kv.Rule{{Limit: 1 << 40, Per: time.Minute}, {Limit: 1 << 40, Per: time.Minute, Burst: 1 << 30}} {
		b.Run(fmt.Sprintf("burst=%v", rule.Burst > 0), func(b *testing.B) {
			s := memory.New(memory.Options{})
			k := kv.Key{Prefix: kv.ScriptRate, Name: "a"}
			b.ReportAllocs()
			for b.Loop() {
				if d, err := s.Rate(b.Context(), k, rule, 1, false); err != nil || !d.Allowed {
					b.Fatal(d, err)
				}
			}
		})
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	s := memory.New(memory.Options{})
	k := kv.Key{Prefix: kv.ScriptLock, Name: "a"}
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Lock(b.Context(), k, time.Minute, false)
		if err == nil {
			err = s.Unlock(b.Context(), l)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
