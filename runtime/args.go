package runtime

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Args are a call's arguments, of the declared kinds, defaults filled in; an optional
// argument without default that was left out is nil.
type Args []Value

// Bool returns argument i, false if it is absent.
func (a Args) Bool(i int) bool { v, _ := a[i].(bool); return v }

// Int returns argument i, 0 if it is absent.
func (a Args) Int(i int) int64 { v, _ := a[i].(int64); return v }

// String returns argument i, "" if it is absent.
func (a Args) String(i int) string { v, _ := a[i].(string); return v }

// List returns argument i, nil if it is absent.
func (a Args) List(i int) []Value { v, _ := a[i].([]Value); return v }

// Map returns argument i, nil if it is absent.
func (a Args) Map(i int) map[string]Value { v, _ := a[i].(map[string]Value); return v }

// Duration returns argument i, 0 if it is absent.
func (a Args) Duration(i int) time.Duration { v, _ := a[i].(time.Duration); return v }

// Rest returns the arguments from i on.
func (a Args) Rest(i int) []Value { return a[min(i, len(a)):] }

// inOrder returns the entries of a map in the order of their names, so that of several that are
// wrong the same one is told in every run.
func inOrder(m map[string]Value) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// arguments checks and converts the arguments of a call. Its error texts are those that
// every language shows.
func (f *Function) arguments(args []Value) (Args, error) {
	least, most := f.Required()
	if len(args) < least || most >= 0 && len(args) > most {
		return nil, fmt.Errorf("%s: called with %s, takes %s: %s", f.Name, plural(len(args), "argument"), countText(least, most), f.Signature())
	}
	out := make(Args, max(len(args), len(f.Params)))
	for i := range out {
		p := f.Params[min(i, len(f.Params)-1)]
		if i >= len(args) || args[i] == nil && p.Optional {
			if p.Rest {
				return out[:i], nil
			}
			out[i] = p.Default
			continue
		}
		v, err := convert(args[i], p.Kind)
		if err != nil {
			return nil, fmt.Errorf("%s: argument %d (%s): %w", f.Name, i+1, p.Name, err)
		}
		out[i] = v
	}
	return out, nil
}

func countText(least, most int) string {
	switch {
	case most < 0:
		return fmt.Sprintf("%d or more", least)
	case least == most:
		return fmt.Sprintf("%d", least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// convert returns v as kind k, or an error that says what was expected. Conversions lose
// nothing: an integral float is an int, an int is a float, bytes that are wanted take a
// string.
func convert(v Value, k Kind) (Value, error) {
	if v == Unknown {
		return v, nil
	}
	have, ok := KindOf(v)
	if !ok {
		return nil, fmt.Errorf("%T is no value", v)
	}
	switch {
	case k == Any || k == have && k != Duration:
		return v, nil
	case k == Number && (have == Int || have == Float):
		return v, nil
	case k == Int && have == Float:
		if f := v.(float64); f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return int64(f), nil
		}
		return nil, fmt.Errorf("expected int, got %v", v)
	case k == Float && have == Int:
		return float64(v.(int64)), nil
	case k == Bytes && have == String:
		return []byte(v.(string)), nil
	case k == Duration:
		switch v := v.(type) {
		case int64:
			if v < 0 || v > math.MaxInt64/int64(time.Second) {
				return nil, fmt.Errorf("%d seconds is out of range", v)
			}
			return time.Duration(v) * time.Second, nil
		case float64:
			if i := int64(v); float64(i) == v {
				return convert(i, Duration)
			}
			return nil, fmt.Errorf("expected whole seconds, got %v", v)
		case string:
			return kv.ParseTTL(v)
		}
		return nil, fmt.Errorf("expected a duration (seconds, or text such as \"15m\"), got %s", have)
	}
	return nil, fmt.Errorf("expected %s, got %s", k, have)
}
