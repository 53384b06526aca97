package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ParseLiteral reads a value in JSON, as Example.Want and the command line write it: a
// number without point and exponent is an int.
func ParseLiteral(s string) (Value, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("literal %.60q: %w", s, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("literal %.60q: more than one value", s)
	}
	return fromJSON(v)
}

func fromJSON(v any) (Value, error) {
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			if i, err := v.Int64(); err == nil {
				return i, nil
			}
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("number %.40s is out of range", v)
		}
		return f, nil
	case []any:
		for i, e := range v {
			var err error
			if v[i], err = fromJSON(e); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k, e := range v {
			var err error
			if v[k], err = fromJSON(e); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// Equal says whether two values have the same kind and content, all the way down. A NaN
// equals itself.
func Equal(v, w Value) bool {
	switch v := v.(type) {
	case float64:
		w, ok := w.(float64)
		return ok && (v == w || math.IsNaN(v) && math.IsNaN(w))
	case []byte:
		w, ok := w.([]byte)
		return ok && bytes.Equal(v, w)
	case []Value:
		w, ok := w.([]Value)
		if !ok || len(v) != len(w) {
			return false
		}
		for i := range v {
			if !Equal(v[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]Value:
		w, ok := w.(map[string]Value)
		if !ok || len(v) != len(w) {
			return false
		}
		for k := range v {
			if x, ok := w[k]; !ok || !Equal(v[k], x) {
				return false
			}
		}
		return true
	}
	if _, ok := KindOf(v); !ok {
		return false
	}
	if k, _ := KindOf(w); k >= Bytes || k == Float {
		return false
	}
	return v == w
}
