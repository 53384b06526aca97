package stalwart

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// lineEnd joins the elements of an array that is used as text.
const lineEnd = "\r\n"

// Truth says whether a value counts as true: a number that is not 0, text or an array that is
// not empty.
func Truth(v runtime.Value) bool {
	switch v := v.(type) {
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case bool:
		return v
	case []byte:
		return len(v) > 0
	case []runtime.Value:
		return len(v) > 0
	case map[string]runtime.Value:
		return len(v) > 0
	}
	return false
}

func boolean(b bool) runtime.Value {
	if b {
		return int64(1)
	}
	return int64(0)
}

// Text returns a value as text: numbers in decimal, the elements of an array with CRLF between
// them. It returns false when that is longer than limit octets.
func Text(v runtime.Value, limit int) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, len(v) <= limit
	case []runtime.Value:
		w := &textWriter{left: limit}
		w.value(v)
		return w.b.String(), w.left >= 0
	}
	s := scalarText(v)
	return s, len(s) <= limit
}

// textWriter writes values as text until there is too much of it.
type textWriter struct {
	b    strings.Builder
	left int
}

func (w *textWriter) text(s string) {
	if w.left -= len(s); w.left >= 0 {
		w.b.WriteString(s)
	}
}

func (w *textWriter) value(v runtime.Value) {
	a, ok := v.([]runtime.Value)
	if !ok {
		w.text(scalarText(v))
		return
	}
	for i, e := range a {
		if i > 0 {
			w.text(lineEnd)
		}
		if w.left < 0 {
			return
		}
		w.left-- // so that empty arrays in arrays count too
		w.value(e)
		w.left++
	}
}

func scalarText(v runtime.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return floatText(v)
	case []byte:
		return string(v)
	case bool:
		if v {
			return "1"
		}
		return "0"
	case map[string]runtime.Value:
		if out, err := json.Marshal(v); err == nil {
			return string(out)
		}
	}
	return ""
}

// floatText returns a float without an exponent, and without a point where it is whole.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// toNumber returns a value as int64 or float64. Text that is no number is 0, as an array is.
func toNumber(v runtime.Value) runtime.Value {
	switch v := v.(type) {
	case int64, float64:
		return v
	case bool:
		return boolean(v)
	case []byte:
		return textNumber(string(v))
	case string:
		return textNumber(v)
	}
	return int64(0)
}

// maxNumberText is how many octets a text that is a number may have.
const maxNumberText = 400

func textNumber(s string) runtime.Value {
	if s == "" || len(s) > maxNumberText || strings.Trim(s, "0123456789+-.eE") != "" {
		return int64(0)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return int64(0)
	}
	return f
}

// toInt returns a float as a whole number, the nearest there is.
func toInt(f float64) int64 {
	switch {
	case math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

func toFloat(v runtime.Value) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// asList returns a value as an array: one that is none is an array of it alone, and "" is empty.
func asList(v runtime.Value) []runtime.Value {
	switch v := v.(type) {
	case []runtime.Value:
		return v
	case string:
		if v == "" {
			return nil
		}
	}
	return []runtime.Value{v}
}

// text returns a value as text, and counts it if it has to be made.
func (s *state) text(v runtime.Value) (string, error) {
	if t, ok := v.(string); ok {
		return t, nil
	}
	limits := s.task.Limits()
	if a, ok := v.([]runtime.Value); ok {
		if err := s.task.Step(int64(len(a))); err != nil {
			return "", err
		}
	}
	t, ok := Text(v, int(min(limits.Output, limits.Memory)))
	if !ok {
		return "", &runtime.LimitError{Limit: "output", Max: limits.Output}
	}
	return t, s.made(len(t))
}

// receive returns what a function gave as a value of the language: truth is 1 or 0, null is "",
// octets are text.
func (s *state) receive(v runtime.Value) (runtime.Value, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case bool:
		return boolean(v), nil
	case int64, float64:
		return v, nil
	case string:
		return v, s.hold(int64(len(v)))
	case []byte:
		return string(v), s.hold(int64(len(v)))
	case []runtime.Value:
		if err := s.elements(len(v)); err != nil {
			return nil, err
		}
		out := v
		for i, e := range v {
			n, err := s.receive(e)
			if err != nil {
				return nil, err
			}
			if plain(e) {
				continue
			}
			if &out[0] == &v[0] {
				out = append([]runtime.Value(nil), v...) // what functions return is shared
			}
			out[i] = n
		}
		return out, nil
	case map[string]runtime.Value:
		return v, s.held(v)
	}
	return nil, fmt.Errorf("%T is no value", v)
}

// plain says that a value is the same in this language.
func plain(v runtime.Value) bool {
	switch v.(type) {
	case int64, float64, string, map[string]runtime.Value:
		return true
	}
	return false
}
