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
