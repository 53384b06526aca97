package expr

import (
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/runtime"
)

// export returns v as a Value that nothing in the run shares. Every element is a step,
// so that a value built of shared parts cannot grow without bound here.
func (s *state) export(v any) (runtime.Value, error) { return s.exportAt(v, 0) }

func (s *state) exportAt(v any, depth int) (runtime.Value, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, []byte:
		return v, nil
	case int:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case []int:
		if err := s.elements(len(v)); err != nil {
			return nil, err
		}
		list := make([]runtime.Value, len(v))
		for i, e := range v {
			list[i] = int64(e)
		}
		return list, nil
	case []any:
		if err := s.deeper(len(v), depth); err != nil {
			return nil, err
		}
		list := make([]runtime.Value, len(v))
		for i, e := range v {
			var err error
			if list[i], err = s.exportAt(e, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		if err := s.deeper(len(v), depth); err != nil {
			return nil, err
		}
		if err := s.hold(mapSize); err != nil {
			return nil, err
		}
		m := make(map[string]runtime.Value, len(v))
		for k, e := range v {
			x, err := s.exportAt(e, depth+1)
			if err != nil {
				return nil, err
			}
			m[k] = x
		}
		return m, nil
	}
	return nil, fmt.Errorf("%T is no value", v)
}

// deeper counts a list or map of n elements at a depth.
func (s *state) deeper(n, depth int) error {
	if most := s.task.Limits().Nesting; depth >= most {
		return &runtime.LimitError{Limit: "nesting", Max: int64(most)}
	}
	return s.elements(n)
}

// kind names v's kind as scripts know it.
func kind(v any) string {
	switch v := v.(type) {
	case int, uint8:
		return "int"
	case []int:
		return "list"
	default:
		if k, ok := runtime.KindOf(v); ok {
			return k.String()
		}
		return fmt.Sprintf("%T", v)
	}
}

// whole returns v as an int64, if it is an int.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case uint8:
		return int64(v), true
	}
	return 0, false
}

// float returns v as a float64, if it is a number.
func float(v any) (float64, bool) {
	if i, ok := whole(v); ok {
		return float64(i), true
	}
	f, ok := v.(float64)
	return f, ok
}

// listOf returns v's elements, if it is a list. The result is not to be changed.
func (s *state) listOf(name string, v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case []int:
		if err := s.elements(len(v)); err != nil {
			return nil, err
		}
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = int64(e)
		}
		return list, nil
	}
	return nil, listKind(name, v)
}

func listKind(name string, v any) error {
	switch v.(type) {
	case []any, []int:
		return nil
	}
	return fmt.Errorf("%s: expected list, got %s", name, kind(v))
}

func textOf(name string, v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", fmt.Errorf("%s: expected string, got %s", name, kind(v))
}

var errOverflow = errors.New("integer overflow")
