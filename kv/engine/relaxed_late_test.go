package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/kvtest"
)

// meddler is a backend during whose next read something happens, before and after it finds its answer.
type meddler struct {
	*faulty
	before, after func()
}

func (m *meddler) around() func() {
	before, after := m.before, m.after
	if before == nil {
		return func() {}
	}
	m.before = nil // once
	before()
	return after
}

func (m *meddler) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	defer m.around()()
	return m.faulty.Get(ctx, k)
}

func (m *meddler) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	defer m.around()()
	return m.faulty.GetMany(ctx, ks)
}

func (m *meddler) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	defer m.around()()
	return m.faulty.List(ctx, p, name, cursor, limit)
}

// While a caller reads the backend, the row gets a new value there that expires, and a newer one in
// memory. What the backend answers is "absent", and that was never true.
func TestAnAnswerOfTheBackendThatWasNeverTrueIsNotBelieved(t *testing.T) {
	k := relaxedKey("a")
	get := func(e *engine.Engine) (string, error) {
		v, err := e.Get(t.Context(), k)
		return string(v.Bytes), err
	}
	for name, call := range map[string]func(e *engine.Engine) (string, error){
		"Get": get,
		"GetMany": func(e *engine.Engine) (string, error) {
			v, err := e.GetMany(t.Context(), []kv.Key{relaxedKey("b"), k})
			if err != nil {
				return "", err
			}
			return string(v[1].Bytes), nil
		},
		"List": func(e *engine.Engine) (string, error) {
			items, _, err := e.List(t.Context(), k.Prefix, "", "", 10)
			if len(items) != 1 {
				return "", errors.Join(err, errors.New("not one row"))
			}
			return string(items[0].Value.Bytes), err
		},
		"Add": func(e *engine.Engine) (string, error) {
			if ok, err := e.Add(t.Context(), k, []byte("added"), 0); ok || err != nil {
				return "", errors.Join(err, errors.New("added"))
			}
			return get(e)
		},
	} {
		for at, flushed := range map[string]bool{"in its cell": false, "in the backend again": true} {
			t.Run(name+", the row is "+at, func(t *testing.T) {
				clock := kvtest.NewClock()
				tune := slow
				tune.Keep = -1
				o := engine.Options{Now: clock.Now}.Tuned(tune)
				_, f, _ := relaxedOver(t, o) // for its backend
				m := &meddler{faulty: f}
				e, err := engine.New(m, o)
				if err != nil {
					t.Fatal(err)
				}
				set := func(v string, ttl time.Duration) {
					if err := e.Set(t.Context(), k, []byte(v), ttl); err != nil {
						t.Error(err)
					}
				}
				set("old", 0)
				flush(t, e)
				m.after = func() {}
				if flushed {
					m.after = func() { flush(t, e) }
				}
				m.before = func() {
					set("short", time.Second)
					flush(t, e)
					set("new", 0)
					clock.Advance(time.Second)
				}
				if got, err := call(e); got != "new" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				if m.before != nil {
					t.Error("the backend was not read")
				}
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Again and again a cell of the stripe is dropped while a caller reads. It gets its answer all the
// same, with the stripe locked.
func TestADropDuringEveryReadDoesNotHoldAReaderUp(t *testing.T) {
	tune := slow
	tune.Keep, tune.OneStripe = -1, true
	_, f, _ := relaxedOver(t, engine.Options{}.Tuned(tune))
	m := &meddler{faulty: f}
	e, err := engine.New(m, engine.Options{}.Tuned(tune))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	incr(t, e, "a", 1)
	flush(t, e)
	read := func(call func()) (reads int) {
		var meddle func()
		meddle = func() {
			if reads++; reads < 4 { // the fourth read holds the lock
				if err := e.Set(t.Context(), relaxedKey("other"), kv.FormatCounter(int64(reads)), 0); err != nil {
					t.Error(err)
				}
				flush(t, e)
				m.before = meddle
			}
		}
		m.before, m.after = meddle, func() {}
		call()
		return reads
	}
	if n := read(func() { counts(t, e, "a", 1) }); n != 4 {
		t.Errorf("%d reads", n)
	}
	if n := read(func() { incr(t, e, "a", 2) }); n != 4 {
		t.Errorf("%d reads", n)
	}
}

// A write that read the row before the prefix was deleted has to read it again, though no cell was
// dropped.
func TestAWriteBuildsOnNothingThatWasDeletedMeanwhile(t *testing.T) {
	for name, del := range map[string]func(e *engine.Engine) (bool, error){
		"by its prefix": func(e *engine.Engine) (bool, error) {
			n, err := e.DeletePrefix(t.Context(), kv.ScriptCounter, "")
			return n == 1, err
		},
		"by itself": func(e *engine.Engine) (bool, error) { return e.Delete(t.Context(), relaxedKey("a")) },
	} {
		for _, plain := range []bool{false, true} {
			tune := slow
			tune.Keep, tune.Plain = -1, plain
			o := engine.Options{}.Tuned(tune)
			_, f, _ := relaxedOver(t, o)
			m := &meddler{faulty: f}
			e, err := engine.New(m, o)
			if err != nil {
				t.Fatal(err)
			}
			incr(t, e, "a", 1)
			flush(t, e)
			m.before = func() {}
			m.after = func() {
				if there, err := del(e); !there || err != nil {
					t.Errorf("%s, plain %v: %v, %v", name, plain, there, err)
				}
			}
			incr(t, e, "a", 1)
			flush(t, e)
			counts(t, e, "a", 1)
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
