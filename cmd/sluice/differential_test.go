package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
	"github.com/sluice-mail/sluice/sieve"
)

// A call means the same in all languages, whatever its arguments are: it gives the same value or
// fails with the same text, asks for the same actions, and leaves the same in the store. Values are
// equal up to what the languages cannot tell apart: a whole float is an int in JavaScript, whose
// text is UTF-16.
func TestAnyCallMeansTheSameInEveryLanguage(t *testing.T) {
	e := newEngine(Default("data"))
	calls, failed := 0, 0
	for _, f := range runtime.Functions() {
		if f.Family == "sql" {
			continue // its databases are files that cost more than all else here
		}
		words := literals(f)
		t.Run(f.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				c := drawCall(rt, f, words)
				calls++
				want := c.run(t, e, ".expr")
				if want.err != "" {
					failed++
				}
				for _, suffix := range []string{".js", ".sieve"} {
					got := c.run(t, e, suffix)
					if suffix == ".js" {
						got.text = want.text // an int may be a whole float elsewhere
					}
					if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcomeOf{})); diff != "" {
						rt.Errorf("expr -, %s +:\n%s\n%s", suffix, diff, c.source(suffix))
					}
				}
			})
		})
	}
	t.Logf("%d calls in each of 3 languages, %d of them with an error", calls, failed)
}

// How the arguments of a call come to it.
const (
	written = iota // as literals in the call, which compilers look at
	named          // as variables
	kept           // from the store, as nothing can be known of before the run
	ways
)

// anyCall is a call of a function with arguments of any kind.
type anyCall struct {
	function *runtime.Function
	args     []runtime.Value
	way      int
}

// outcomeOf is what a call did.
type outcomeOf struct {
	value string // as text of its kind
	text  string // what Sieve makes of the value
	err   string
	plan  []string
	store []string
}

// literal returns a value as the language writes it.
func literal(v runtime.Value, js bool) string {
	switch v := v.(type) {
	case nil:
		if js {
			return "null"
		}
		return "nil"
	case int64:
		switch {
		case js && (v > 1<<53 || v < -1<<53):
			return strconv.FormatInt(v, 10) + "n"
		case v == math.MinInt64:
			return "(-9223372036854775807 - 1)"
		}
		return strconv.FormatInt(v, 10)
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case string:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(v)
		return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`)
	case []byte:
		return fmt.Sprintf("base64_decode(%q, true)", base64.StdEncoding.EncodeToString(v))
	case []runtime.Value:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = literal(e, js)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]runtime.Value:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			name := literal(k, js)
			if js && k == "__proto__" {
				name = "[" + name + "]" // or it would be more than a name
			}
			parts = append(parts, name+": "+literal(v[k], js))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// source returns the call as a script.
func (c *anyCall) source(suffix string) string {
	js := suffix == ".js"
	var before, args []string
	for i, a := range c.args {
		text := literal(a, js)
		switch c.way {
		case named:
			keyword := "let"
			if js {
				keyword = "const"
			}
			before = append(before, fmt.Sprintf("%s a%d = %s; ", keyword, i, text))
			text = fmt.Sprintf("a%d", i)
		case kept:
			text = fmt.Sprintf("key_get(\"\", \"arg%d\")", i)
		}
		args = append(args, text)
	}
	call := c.function.Name + "(" + strings.Join(args, ", ") + ")"
	switch suffix {
	case ".js":
		return strings.Join(before, "") + "return " + call + ";"
	case ".sieve":
		quote := func(s string) string {
			return `"` + strings.NewReplacer("${", `$\\u007b`, `\`, `\\`, `"`, `\"`).Replace(s) + `"`
		} // no variable of Sieve
		return "require [\"variables\", \"vnd.sluice.expressions\"];\n" +
			"eval " + quote(strings.Join(before, "")+`let result = `+call+`; key_set("", "result", result)`) + ";\n" +
			"let \"text\" \"key_get('', 'result')\";\neval \"key_set('', 'text', text)\";\n"
	}
	return strings.Join(before, "") + call
}

// moment is when all calls are done.
var moment = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// run does the call in a language over a new store.
func (c *anyCall) run(t *testing.T, e *runtime.Engine, suffix string) outcomeOf {
	t.Helper()
	clock := func() time.Time { return moment }
	store := memory.New(memory.Options{Now: clock})
	defer store.Close()
	host, _ := langtest.Live(t)
	host.Stores = func(string) (kv.Store, error) { return store, nil }
	ctx := t.Context()
	set := func(key string, v runtime.Value) {
		b, err := runtime.EncodeValue(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Set(ctx, runtime.ScriptKey(kv.Script, "a:admin", key), b, 0); err != nil {
			t.Fatal(err)
		}
	}
	take := func(key string) (runtime.Value, bool) {
		k := runtime.ScriptKey(kv.Script, "a:admin", key)
		row, err := store.Get(ctx, k)
		if err != nil {
			return nil, false
		}
		v, err := runtime.DecodeValue(row.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Delete(ctx, k); err != nil {
			t.Fatal(err)
		}
		return v, true
	}
	set("present", "here")
	if _, err := store.Incr(ctx, runtime.ScriptKey(kv.ScriptCounter, "a:admin", "present"), 7, 0); err != nil {
		t.Fatal(err)
	}
	for i, a := range c.args {
		if c.way == kept {
			set(fmt.Sprintf("arg%d", i), a)
		}
	}
	var out outcomeOf
	res := &runtime.Result{}
	p, err := e.Compile("call"+suffix, []byte(c.source(suffix)), compileAll)
	if err == nil {
		res = e.Run(ctx, p, runtime.ExampleTransaction(), runtime.RunOptions{
			Host: host, Trust: runtime.Admin, Namespace: "a:admin", Seed: 7, Now: clock, Limits: runtime.Limits{Time: 30 * time.Second}})
		err = res.Err
	}
	value := res.Value
	if suffix == ".sieve" {
		text, _ := take("text")
		value, _ = take("result")
		if err == nil {
			out.text = valid(fmt.Sprint(text))
		}
	} else if err == nil {
		out.text = valid(sieve.ToText(value))
	}
	if err != nil {
		out.err = inExpression.ReplaceAllString(runtime.WithoutPlace(err), "")
		return out
	}
	out.value = c.shown(alike(value))
	out.text = c.masked(out.text)
	for _, a := range res.Plan.Actions {
		out.plan = append(out.plan, fmt.Sprint(a))
	}
	out.store = c.contents(t, store)
	return out
}

// contents returns all rows of a store, and how many there are of what it does not list.
func (c *anyCall) contents(t *testing.T, s kv.Store) []string {
	t.Helper()
	stats, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range stats {
		if p.Rows == 0 {
			continue
		}
		items, _, err := s.List(t.Context(), p.Prefix, "", "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d has %d rows", p.Prefix, p.Rows))
		for _, i := range items {
			value := fmt.Sprintf("%q", i.Value.Bytes)
			if v, err := runtime.DecodeValue(i.Value.Bytes); err == nil {
				value = c.shown(alike(v))
			}
			out = append(out, fmt.Sprintf("%d %q: %s until %s", p.Prefix, i.Key.Name, value, i.Value.Expires))
		}
	}
	return out
}

// owner is what differs with each lease.
var owner = regexp.MustCompile(`[0-9a-f]{32}`)

// shown returns a value as text that tells its kind.
func (c *anyCall) shown(v runtime.Value) string {
	return c.masked(fmt.Sprintf("%#v", v))
}

func (c *anyCall) masked(s string) string {
	if c.function.Family == "lock" {
		s = owner.ReplaceAllString(s, "OWNER")
	}
	return s
}

// valid returns text as JavaScript has it, which knows no octets that are not UTF-8.
func valid(s string) string { return string([]rune(s)) }

// alike returns a value as JavaScript has it.
func alike(v runtime.Value) runtime.Value {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int64(v)
		}
	case string:
		return valid(v)
	case []runtime.Value:
		out := make([]runtime.Value, len(v))
		for i, e := range v {
			out[i] = alike(e)
		}
		return out
	case map[string]runtime.Value:
		out := make(map[string]runtime.Value, len(v))
		for k, e := range v {
			out[valid(k)] = alike(e)
		}
		return out
	}
	return v
}
