package stalwart

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func times(n int, s, between string) string {
	return strings.Repeat(s+between, n-1) + s
}

// hostile are scripts that want more than they may have.
var hostile = []langtest.Script{
	{Name: "adding texts*", Source: times(4000, "'"+strings.Repeat("a", 10)+"'", " + ")},
	{Name: "arrays of all headers*", Source: "[" + times(3000, "header.*[*].raw", ", ") + "]"},
	{Name: "arrays as text*", Source: times(1000, "'x' + ('' + [header.*[*], header.*[*]])", " + ")},
	{Name: "a costly pattern*", Source: "[" + times(900, `matches('(a{1,100}){1,10}b', '`+strings.Repeat("a", 20)+`')`, ",") + "]"},
	{Name: "many patterns at run time*", Source: "[" + times(1000, `matches('(a{1,100}){1,10}b' + remote_ip, 'a')`, ",") + "]"},
	{Name: "actions", Source: "[" + times(100, "keep()", ",") + "]"},
	{Name: "store calls", Source: "[" + times(1000, "key_get('', 'k')", ",") + "]"},
	{Name: "brackets", Source: strings.Repeat("[", 199) + strings.Repeat("]", 199)},
	{Name: "an empty key", Source: "key_get('', '')"},
	{Name: "rows of signs*", Source: times(199, "!", "") + "1"},
	{Name: "places*", Source: "[]" + strings.Repeat("[0]", 2000)},
}

// lawful are scripts for the fuzzers to begin with.
var lawful = []langtest.Script{
	{Name: "a rule", Source: filter},
	{Name: "paths", Source: "header.from:to[1].addr[*].domain == header.*[-1].rcvd.from.ip"},
	{Name: "names", Source: "env.param.x_y + $1 + relaxed + 5m"},
	{Name: "tables", Source: "[[r]]\nif = \"matches('a(b)', \\\"ab\\\")\"\nthen = '''$1'''\n[[r]]\nelse = -1.5"},
}

func TestHostileScripts(t *testing.T) {
	room.Hostile(t, hostile, langtest.Bounds{Growth: 128 << 20, Lawful: func(err error) bool {
		return errors.Is(err, runtime.ErrBudget) || strings.Contains(err.Error(), "expected") || strings.Contains(err.Error(), "key") ||
			strings.Contains(err.Error(), "too deeply")
	}})
}

func FuzzCompile(f *testing.F) { room.FuzzCompile(f, append(hostile, lawful...)) }

func FuzzRun(f *testing.F) { room.FuzzRun(f, append(hostile, lawful...)) }

// expression draws a source that compiles.
func expression(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	sub := func() string { return expression(t, depth-1) }
	switch kind {
	case 0:
		return rapid.SampledFrom([]string{"0", "1", "-7", "9223372036854775807", "-9223372036854775808", "1.5", "0.0", "5m"}).Draw(t, "number")
	case 1:
		return "'" + rapid.StringMatching(`[a-c0-9 .@é]{0,6}`).Draw(t, "text") + "'"
	case 2:
		return rapid.SampledFrom([]string{"sender", "recipients", "subject", "header.to[*].addr[*]", "header.*[*]", "$1", "size", "body", "header.received[*].rcvd.ip"}).Draw(t, "name")
	case 3:
		return "[]"
	case 4:
		return "(" + sub() + ")"
	case 5:
		return rapid.SampledFrom([]string{"!", "-"}).Draw(t, "sign") + "(" + sub() + ")"
	case 6:
		return "[" + sub() + ", " + sub() + "]"
	case 7:
		return "(" + sub() + ")[" + sub() + "]"
	case 8:
		one := rapid.SampledFrom([]string{"len", "count", "trim", "dedup", "winnow", "is_empty", "to_uppercase", "lines", "split_words", "is_email", "is_number", "ip_reverse_name"}).Draw(t, "function")
		return one + "(" + sub() + ")"
	}
	op := rapid.SampledFrom([]string{"+", "-", "*", "/", "==", "!=", ">", ">=", "<", "=<", "^", "&&", "||", "=", "&", "|"}).Draw(t, "operator")
	return sub() + " " + op + " " + sub()
}

// TestEvaluationIsBounded draws expressions: none panics, takes long or gives what is no value of
// the language, and each gives the same twice.
func TestEvaluationIsBounded(t *testing.T) {
	host, _ := langtest.Live(t)
	rapid.Check(t, func(r *rapid.T) {
		source := expression(r, 4)
		p, err := New(Options{}).Compile("t.expr", []byte(source), runtime.CompileOptions{Trust: runtime.Admin})
		if err != nil {
			r.Fatalf("%s: %v", source, err)
		}
		start := time.Now()
		one := langtest.Execute(t, p, runtime.RunOptions{Host: host})
		two := langtest.Execute(t, p, runtime.RunOptions{Host: host})
		if took := time.Since(start); took > 2*time.Second {
			r.Fatalf("%s: took %s", source, took)
		}
		if one.Err != nil {
			if strings.Contains(one.Err.Error(), "internal error") {
				r.Fatalf("%s: %v", source, one.Err)
			}
			return
		}
		if two.Err != nil || !runtime.Equal(one.Value, two.Value) {
			r.Fatalf("%s: %v, then %v (%v)", source, one.Value, two.Value, two.Err)
		}
		if !ours(one.Value) {
			r.Fatalf("%s: %#v is no value of the language", source, one.Value)
		}
	})
}

func ours(v runtime.Value) bool {
	switch v := v.(type) {
	case int64, float64, string, map[string]runtime.Value:
		return true
	case []runtime.Value:
		for _, e := range v {
			if !ours(e) {
				return false
			}
		}
		return true
	}
	return false
}

// TestAlgebra checks laws of the operators on any two values.
func TestAlgebra(t *testing.T) {
	s := &state{task: runtime.NewTask(t.Context(), &runtime.View{Limits: runtime.Limits{Steps: 1 << 50, Output: 1 << 50}}, nil), memory: 1 << 50}
	values := rapid.Custom(func(t *rapid.T) runtime.Value {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return rapid.Int64().Draw(t, "int")
		case 1:
			return rapid.Float64().Draw(t, "float")
		case 2:
			return rapid.StringMatching(`[0-9.a]{0,4}`).Draw(t, "text")
		}
		return array{rapid.Int64().Draw(t, "element")}
	})
	rapid.Check(t, func(r *rapid.T) {
		a, b := values.Draw(r, "a"), values.Draw(r, "b")
		do := func(op string, x, y runtime.Value) runtime.Value {
			v, err := operators[op](s, x, y)
			if err != nil {
				r.Fatal(err)
			}
			return v
		}
		if do("==", a, b) != do("==", b, a) || do("==", a, b) == do("!=", a, b) || do("==", a, a) != int64(1) {
			r.Fatalf("equality of %v and %v", a, b)
		}
		if do("<", a, b) != do(">", b, a) || do("<=", a, b) != do(">=", b, a) {
			r.Fatalf("order of %v and %v", a, b)
		}
		if f, ok := do("/", a, b).(float64); !ok || f != f {
			r.Fatalf("%v / %v is %v", a, b, f)
		}
		if !runtime.Equal(do("-", b, a), do("-", b, a)) {
			r.Fatalf("%v - %v", b, a)
		}
	})
}
