package runtime

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

// everything asks for a bit of all that a host answers.
const everything = `
key_set("", "k", {"n": 1, "f": 1.0, "b": null}, "1h")
if key_get("", "k").f == 1.0 then fileinto("Float", {"copy": true})
counter_incr("", "c", 3)
if rate_limit("", "r", "1/1h").allowed then mark("", "seen", 1)
lock_try("", "l", 30)
lock_release("", "l")
try key_get("other", "k")
try key_get("", "")
mailbox_exists("A")
if header("Subject") == "Grüße from the example" then keep(["$Hello"])
flags $Kept
now()`

// record runs a script over a live store at a level.
func record1(t *testing.T, source string, level Level) (*Result, Program) {
	t.Helper()
	p := compileTiny(t, source)
	r := testEngine.Run(t.Context(), p, ExampleTransaction(), RunOptions{
		Host: liveOver(newStore(t, newClock())), Namespace: "admin", Record: level})
	return r, p
}

func TestReplayWithoutAnyStore(t *testing.T) {
	for _, level := range []Level{RecordCalls, RecordFull} {
		first, p := record1(t, everything, level)
		if first.Err != nil {
			t.Fatal(first.Err)
		}
		b, err := MarshalRecord(first.Record)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := UnmarshalRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := testEngine.Replay(t.Context(), p, rec, RunOptions{Record: level})
		if err != nil || again.Err != nil {
			t.Fatal(err, again.Err)
		}
		if d := cmp.Diff(first.Plan, again.Plan); d != "" {
			t.Errorf("plan (-first +replayed):\n%s", d)
		}
		if !Equal(first.Value, again.Value) {
			t.Errorf("value was %v, is %v", first.Value, again.Value)
		}
		if d := cmp.Diff(first.Record.Calls, again.Record.Calls); d != "" {
			t.Errorf("calls (-first +replayed):\n%s", d)
		}
	}
}

func TestReplayFindsDifferences(t *testing.T) {
	first, _ := record1(t, "key_get(\"\", \"a\")\nkey_get(\"\", \"b\")", RecordCalls)
	for _, tt := range []struct{ name, source, want string }{
		{"another function", `key_exists("", "a")`, `call 1 is key_exists("", "a"), recorded is key_get("", "a")`},
		{"another argument", `key_get("", "x")`, `call 1 is key_get("", "x"), recorded is key_get("", "a")`},
		{"another order", `key_get("", "b")`, `call 1 is key_get("", "b")`},
		{"more than was asked", "key_get(\"\", \"a\")\nkey_get(\"\", \"b\")\nkey_get(\"\", \"c\")", `key_get("", "c") comes after the last recorded call`},
		{"one that is caught", "try key_get(\"\", \"x\")\nkeep()", "call 1 is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := testEngine.Replay(t.Context(), compileTiny(t, tt.source), first.Record, RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(r.Err, ErrReplay) || !strings.Contains(r.Err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", r.Err, tt.want)
			}
		})
	}
	none, p := record1(t, "keep()", RecordSummary)
	if _, err := testEngine.Replay(t.Context(), p, none.Record, RunOptions{}); err == nil {
		t.Error("a record without calls is replayed")
	}
}

func TestReplayKeepsErrors(t *testing.T) {
	p := compileTiny(t, `key_get("", "k")`)
	o := RunOptions{Host: liveOver(unreachable{}), Namespace: "admin", Record: RecordCalls}
	first := testEngine.Run(t.Context(), p, ExampleTransaction(), o)
	again, err := testEngine.Replay(t.Context(), p, first.Record, o)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(again.Err, kv.ErrUnavailable) || !errors.Is(again.StoreErr, kv.ErrUnavailable) || again.Err.Error() != first.Err.Error() {
		t.Errorf("error was %v, is %v", first.Err, again.Err)
	}
	p = compileTiny(t, `repeat 3 key_get("", "k")`)
	limited := RunOptions{Host: liveOver(newStore(t, newClock())), Limits: Limits{Ops: 2}, Record: RecordCalls}
	first = testEngine.Run(t.Context(), p, ExampleTransaction(), limited)
	again, err = testEngine.Replay(t.Context(), p, first.Record, o)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(again.Err, ErrBudget) || again.Err.Error() != first.Err.Error() {
		t.Errorf("error was %v, is %v", first.Err, again.Err)
	}
	// A limit that the host met, such as the time of a slow store, is one again.
	first.Record.Calls = []CallRecord{{Function: "key_get", Args: []Value{"", "k"}, Error: "time limit of 2s reached", Limit: "time", LimitMax: 2000}}
	again, err = testEngine.Replay(t.Context(), compileTiny(t, "try key_get(\"\", \"k\")\nkeep()"), first.Record, o)
	if err != nil {
		t.Fatal(err)
	}
	if le, ok := errors.AsType[*LimitError](again.Err); !ok || le.Limit != "time" {
		t.Errorf("error is %v", again.Err)
	}
}

func TestRecordLevels(t *testing.T) {
	for _, tt := range []struct {
		level       Level
		calls, hits int
		view        bool
	}{
		{RecordOff, 0, 0, false}, {RecordSummary, 0, 0, false}, {RecordCalls, 3, 0, true}, {RecordFull, 4, 3, true},
	} {
		r, _ := record1(t, "key_set(\"\", \"k\", now())\nkeep()\ntry key_get(\"\", \"\")", tt.level)
		rec := r.Record
		if len(rec.Calls) != tt.calls || len(rec.Hits) != tt.hits || (rec.View != nil) != tt.view {
			t.Errorf("level %d: %d calls, %d hits, view %v", tt.level, len(rec.Calls), len(rec.Hits), rec.View != nil)
		}
		if len(rec.Plan.Actions) != 1 {
			t.Errorf("level %d: plan %v", tt.level, rec.Plan)
		}
	}
}

func TestRecordIsBounded(t *testing.T) {
	r, _ := record1(t, "repeat 12000 now()", RecordFull)
	if n := len(r.Record.Calls); n != maxRecorded || r.Record.Dropped != 2000 {
		t.Errorf("%d calls, %d dropped", n, r.Record.Dropped)
	}
}

func FuzzUnmarshalRecord(f *testing.F) {
	r := testEngine.Run(f.Context(), compileTiny(f, "keep()\nnow()"), ExampleTransaction(), RunOptions{Record: RecordFull})
	b, err := MarshalRecord(r.Record)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := UnmarshalRecord(b)
		if err != nil {
			return
		}
		var out strings.Builder
		if err := rec.Explain(&out, nil); err != nil {
			t.Error(err)
		}
	})
}
