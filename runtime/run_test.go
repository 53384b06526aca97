package runtime

import (
	"context"
	"errors"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/mail"
)

func TestNoCallBeginsAfterTheTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := testEngine.Run(ctx, compileTiny(t, "keep()"), ExampleTransaction(), RunOptions{
		Link: func(_ context.Context, _ *View, core Link, _ Program) (Value, error) {
			cancel() // as in a slow call, long before the task looks at the clock
			if v, err := core.Invoke("len", []Value{"a"}); !errors.Is(err, ErrBudget) {
				t.Errorf("a call after the end gave %v, %v", v, err)
			}
			return nil, nil
		},
	})
	if !errors.Is(r.Err, ErrBudget) {
		t.Error(r.Err)
	}
}

func TestBodyTextIsMadeOnceAndKeepsWhatItReturns(t *testing.T) {
	tx := ExampleTransaction()
	tx.Message = mail.New([]byte("Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=41\r\n", 200_000)))
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	r := testEngine.Run(t.Context(), compileTiny(t, "repeat 100 body_text()"), tx, RunOptions{Limits: Limits{Output: 1000}})
	goruntime.ReadMemStats(&after)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("100 calls took %d MiB", grown>>20)
	}
}

// A name that is made while the script runs is checked as a constant one is, also by mark, whose
// store is written to after the run.
func TestStoresThatAScriptMayNotName(t *testing.T) {
	host := liveOver(newStore(t, newClock()))
	for source, want := range map[string]string{
		`mark("other", "k", 1)`:      `test.tiny:1:1: mark: unknown store "other"`,
		`key_get("other", "k")`:      `test.tiny:1:1: key_get: unknown store "other"`,
		`lock_release("other", "k")`: `test.tiny:1:1: lock_release: unknown store "other"`,
		`mark("shared", "k", 1)`:     "",
		`mark("", "k", 1)`:           "",
	} {
		for _, stores := range [][]string{{"shared"}, {}} {
			want := want
			if len(stores) == 0 && strings.Contains(source, "shared") {
				want = `test.tiny:1:1: mark: unknown store "shared"`
			}
			r := runTiny(t, source, RunOptions{Host: host, Stores: stores, Record: RecordCalls})
			if got := errorText(r.Err); got != want {
				t.Errorf("%s with %q: %q, want %q", source, stores, got, want)
			}
			b, err := MarshalRecord(r.Record)
			if err != nil {
				t.Fatal(err)
			}
			rec, err := UnmarshalRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			again, err := testEngine.Replay(t.Context(), compileTiny(t, source), rec, RunOptions{})
			if err != nil || errorText(again.Err) != want {
				t.Errorf("%s with %q: replayed %v, %v", source, stores, again.Err, err)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
