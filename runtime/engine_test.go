package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

// register for the tests: what asks the network, what panics, and what is for
// administrators, which the table has not yet.
func init() {
	register(Function{Name: "test_network", Family: "test", Doc: "Asks.", Result: Bool, Effect: Network,
		Call: func(*Env, Args) (Value, error) { return true, nil }})
	register(Function{Name: "test_panic", Family: "test", Doc: "Panics.", Result: Bool, Effect: Reads,
		Call: func(*Env, Args) (Value, error) { panic("oh") }})
	register(Function{Name: "test_admin", Family: "test", Doc: "Is for administrators.", Result: Bool, Trust: Admin,
		Params: []Param{{Name: "rest", Kind: Int, Rest: true}},
		Call:   func(_ *Env, a Args) (Value, error) { return int64(len(a.Rest(0))), nil }})
	register(Function{Name: "test_at_end", Family: "test", Doc: "Panics at the end.", Result: Bool, Effect: Reads,
		Call: func(e *Env, _ Args) (Value, error) {
			e.AtEnd(func(context.Context) { panic("end") })
			return true, nil
		}})
	register(Function{Name: "test_go_int", Family: "test", Doc: "Returns what is no value.", Result: Int,
		Call: func(*Env, Args) (Value, error) { return 1, nil }})
}

// testFunction says whether a function is one of the above.
func testFunction(f *Function) bool { return f.Family == "test" }

// unreachable is a store that cannot be reached.
type unreachable struct{ kv.Store }

func (unreachable) Get(context.Context, kv.Key) (kv.Value, error) {
	return kv.Value{}, kv.ErrUnavailable
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		source string
		limits Limits
		want   string
	}{
		{"steps", "spin", Limits{Steps: 1000, Time: time.Minute}, "steps limit of 1000 reached"},
		{"steps of calls", `repeat 1001 now()`, Limits{Steps: 1000}, "steps limit of 1000 reached"},
		{"time of one that counts steps", "spin", Limits{Time: 20 * time.Millisecond, Steps: 1 << 60}, "time limit of 20ms reached"},
		{"time of one that waits", "wait", Limits{Time: 20 * time.Millisecond}, "time limit of 20ms reached"},
		{"output", "repeat 11 say 100", Limits{Output: 1000}, "output limit of 1000 reached"},
		{"output of a function", `replace("aaaaaaaaaa", "a", "` + strings.Repeat("b", 101) + `")`, Limits{Output: 1000}, "output limit of 1000 reached"},
		{"memory of a list", `split("a,b,c,d,e,f", ",")`, Limits{Memory: 256}, "memory limit of 256 reached"},
		{"ops", `repeat 4 key_get("", "k")`, Limits{Ops: 3}, "ops limit of 3 reached"},
		{"writes", `repeat 4 key_set("", "k", 1)`, Limits{Writes: 3}, "writes limit of 3 reached"},
		{"actions", `repeat 4 mark("", "k", 1)`, Limits{Actions: 3}, "actions limit of 3 reached"},
		{"redirects", "redirect(\"a@b.org\")\nredirect(\"c@d.org\")", Limits{Redirects: 1}, "redirects limit of 1 reached"},
		{"a limit that was caught", "try spin\nkeep()", Limits{Steps: 1000}, "steps limit of 1000 reached"},
		{"an output limit that was caught", "try say 5000\nfail other", Limits{Output: 1000}, "output limit of 1000 reached"},
		{"a limit of the core that was caught", "repeat 5 try key_get(\"\", \"k\")", Limits{Ops: 3}, "ops limit of 3 reached"},
		{"just under its limits", `repeat 3 key_set("", "k", 1)`, Limits{Ops: 3, Writes: 3, Steps: 3}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			r := runTiny(t, tt.source, RunOptions{Host: liveOver(newStore(t, c)), Limits: tt.limits})
			r.Settle(nil, tt.limits)
			if tt.want == "" {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				return
			}
			if !errors.Is(r.Err, ErrBudget) || !strings.Contains(r.Err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", r.Err, tt.want)
			}
			if r.Value != nil {
				t.Errorf("a failed run has the value %v", r.Value)
			}
		})
	}
}

func TestRunFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		source string
		want   string
	}{
		{"an error of the script", "keep()\nfail at once", "test.tiny:2:1: at once"},
		{"a panic of the language", "boom", "test.tiny: internal error: boom"},
		{"a panic of a function", "test_panic()", "test.tiny:1:1: test_panic: internal error: oh"},
		{"a result that is no value", "bad", "test.tiny: result: time.Time is no value"},
		{"a function's result that is none", "test_go_int()", "test_go_int: result int is no value"},
		{"an unknown function", `key_gett("", "k")`, `unknown function "key_gett"; is "key_get" meant?`},
		{"too few arguments", `key_get("")`, "key_get: called with 1 argument, takes 2: key_get(store, key) -> any"},
		{"too many", `key_get("", "", "")`, "key_get: called with 3 arguments, takes 2"},
		{"a kind", `key_get("", 1)`, "key_get: argument 2 (key): expected string, got int"},
		{"a ttl", `key_set("", "k", 1, "1 hour")`, "key_set: argument 4 (ttl): "},
		{"a ttl with a fraction", `key_set("", "k", 1, 1.5)`, "expected whole seconds, got 1.5"},
		{"a ttl below 0", `key_set("", "k", 1, -1)`, "-1 seconds is out of range"},
		{"a ttl over a hundred years", `key_set("", "k", 1, "99999d")`, "key_set: ttl of "},
		{"an unknown store", `key_get("other", "k")`, `key_get: unknown store "other"`},
		{"an empty key", `key_get("", "")`, "key_get: key is empty"},
		{"too long a key", `key_get("", "` + strings.Repeat("k", 1024) + `")`, "over 1024: too large"},
		{"too large a value", `key_set("", "k", "` + strings.Repeat("v", 65536) + `")`, "key_set: value is too long: too large"},
		{"too large a mark", `mark("", "k", "` + strings.Repeat("v", 65536) + `")`, "mark: value is too long: too large"},
		{"a bad rate", `rate_limit("", "k", "often")`, "rate_limit: "},
		{"a negative cost", `rate_limit("", "k", "1/1h", -1)`, "rate_limit: cost of -1 units"},
		{"a lock without end", `lock_try("", "k", 0)`, "lock_try: ttl of 0s"},
		{"a bad address", `redirect("Bob <bob@example.org>")`, "redirect: mail: address"},
		{"a bad mailbox", `fileinto("a\u0000b")`, "fileinto: mailbox name holds a control character"},
		{"an empty mailbox", `fileinto("")`, "fileinto: mailbox name is empty"},
		{"a bad flag", `keep(["\\Nope"])`, `keep: "\\Nope" is no IMAP flag`},
		{"an unknown option", `fileinto("A", {"creat": true})`, `fileinto: unknown option "creat"; known are flags, create, copy`},
		{"an option of another kind", `fileinto("A", {"create": 1})`, "fileinto: option create: expected bool, got int"},
		{"a bad pattern", `matches_regex("(", "x")`, "matches_regex: error parsing regexp"},
		{"a long pattern", `matches_regex("` + strings.Repeat("a", 2000) + `", "x")`, "pattern of 2000 octets is over 1024"},
		{"an unknown hash", `hash("x", "crc")`, `hash: unknown algorithm "crc"`},
		{"a bad network", `is_ip_in_cidr("192.0.2.1", "192.0.2.0/99")`, `is_ip_in_cidr: "192.0.2.0/99" is no network`},
		{"a list where text is needed", `join([1], ",")`, "join: element 1: expected string, got int"},
		{"an empty separator", `split("a", "")`, "split: separator is empty"},
		{"counters are no values", "counter_incr(\"\", \"c\", 9223372036854775807)\ncounter_incr(\"\", \"c\")", "counter_incr: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := runTiny(t, tt.source, RunOptions{Host: liveOver(newStore(t, newClock()))})
			if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) {
				t.Fatalf("error is %v, want %s", r.Err, tt.want)
			}
			if d := cmp.Diff(acts("keep implicit"), r.Settle(nil, Limits{}).Actions); d != "" {
				t.Errorf("a failed run does not keep:\n%s", d)
			}
		})
	}
}

func TestStagesAndTrust(t *testing.T) {
	tx := ExampleTransaction()
	tx.Stage = StageRcpt
	p := compileTiny(t, `fileinto("A")`)
	r := testEngine.Run(t.Context(), p, tx, RunOptions{})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "fileinto is not lawful at stage rcpt") {
		t.Errorf("error is %v", r.Err)
	}
	if err := CheckCall("fileinto", []Value{"A"}, CompileOptions{Stage: StageRcpt}); err == nil || !strings.Contains(r.Err.Error(), err.Error()) {
		t.Errorf("compiling says %v, running %v", err, r.Err)
	}
	r = runTiny(t, "test_admin(1, 2)", RunOptions{Trust: User})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "for administrators' scripts only") {
		t.Errorf("error is %v", r.Err)
	}
	if r = runTiny(t, "test_admin(1, 2)", RunOptions{Trust: Admin}); r.Value != int64(2) {
		t.Errorf("got %v, %v", r.Value, r.Err)
	}
	if err := CheckCall("key_get", []Value{"other", Unknown}, CompileOptions{Stores: []string{"main"}}); err == nil || err.Error() != `key_get: unknown store "other"` {
		t.Errorf("error is %v", err)
	}
	if err := CheckCall("key_get", []Value{Unknown, Unknown}, CompileOptions{Stores: []string{"main"}}); err != nil {
		t.Error(err)
	}
}

func TestRunIsCancelledFromOutside(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := testEngine.Run(ctx, compileTiny(t, "spin"), ExampleTransaction(), RunOptions{Limits: Limits{Steps: 1 << 60}})
	if !errors.Is(r.Err, ErrBudget) || !strings.Contains(r.Err.Error(), "the run was cancelled") {
		t.Errorf("error is %v", r.Err)
	}
}

func TestNoHostAndNoNetwork(t *testing.T) {
	if r := runTiny(t, `key_get("", "k")`, RunOptions{}); r.Err == nil || !strings.Contains(r.Err.Error(), "has no stores") {
		t.Errorf("error is %v", r.Err)
	}
	h := liveOver(newStore(t, newClock()))
	h.NoNetwork = true
	if r := runTiny(t, "test_network()", RunOptions{Host: h}); !errors.Is(r.Err, ErrRefused) {
		t.Errorf("error is %v", r.Err)
	}
	h.NoNetwork = false
	if r := runTiny(t, "test_network()", RunOptions{Host: h}); r.Value != true {
		t.Errorf("got %v, %v", r.Value, r.Err)
	}
}

func TestUnreachableStoreIsTold(t *testing.T) {
	h := liveOver(unreachable{})
	r := runTiny(t, `key_get("", "k")`, RunOptions{Host: h})
	if !errors.Is(r.Err, kv.ErrUnavailable) || !errors.Is(r.StoreErr, kv.ErrUnavailable) {
		t.Errorf("error is %v, the store's %v", r.Err, r.StoreErr)
	}
	r = runTiny(t, `try key_get("", "k")`, RunOptions{Host: h})
	if r.Err != nil || !errors.Is(r.StoreErr, kv.ErrUnavailable) {
		t.Errorf("caught: error is %v, the store's %v", r.Err, r.StoreErr)
	}
}

func TestNamespaces(t *testing.T) {
	c := newClock()
	h := liveOver(newStore(t, c))
	run := func(ns, source string) Value {
		t.Helper()
		r := runTiny(t, source, RunOptions{Host: h, Namespace: ns})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Value
	}
	run("a", `key_set("", "k", 1)`)
	if v := run("b", `key_get("", "k")`); v != nil {
		t.Errorf("another namespace reads %v", v)
	}
	if v := run("", `key_get("", "a\u0000k")`); v != nil {
		t.Errorf("a key with a NUL reaches another namespace: %v", v)
	}
	r := runTiny(t, "keep()", RunOptions{Namespace: "a\x00b"})
	if r.Err == nil {
		t.Error("a namespace with a NUL is taken")
	}
	if v := run("a", "counter_incr(\"\", \"k\", 5)\nkey_get(\"\", \"k\")"); v != int64(1) {
		t.Errorf("a counter and a value share a key: %v", v)
	}
}

func TestRunKeepsFlagsAndValue(t *testing.T) {
	r := runTiny(t, "flags \\Seen \\bad $A \\seen\nkey_exists(\"\", \"k\")", RunOptions{Host: liveOver(newStore(t, newClock()))})
	if r.Err != nil || r.Value != false {
		t.Fatalf("got %v, %v", r.Value, r.Err)
	}
	if d := cmp.Diff(acts(`keep implicit \Seen $A`), r.Settle(nil, Limits{}).Actions); d != "" {
		t.Error(d)
	}
}

func TestEngineNamesKnownSuffixes(t *testing.T) {
	_, err := testEngine.Compile("x.lua", nil, CompileOptions{})
	if err == nil || err.Error() != `x.lua: no language has the suffix ".lua"; known are .tiny` {
		t.Errorf("error is %v", err)
	}
}

func BenchmarkKeyGet(b *testing.B) {
	c := newClock()
	s := newStore(b, c)
	v, err := EncodeValue("value")
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Set(b.Context(), ScriptKey(kv.Script, "admin", "key"), v, 0); err != nil {
		b.Fatal(err)
	}
	r := &run{ctx: b.Context(), view: &View{Namespace: "admin"}, host: liveOver(s), limits: Limits{Ops: 1 << 60}, record: &Record{}, now: c.now}
	args := []Value{"", "key"}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := r.Invoke("key_get", args); v != "value" || err != nil {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	p := compileTiny(b, "keep()")
	tx := ExampleTransaction()
	b.ReportAllocs()
	for b.Loop() {
		if r := testEngine.Run(b.Context(), p, tx, RunOptions{}); r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}
