package stalwart

import (
	"slices"

	"github.com/sluice-mail/sluice/runtime"
)

// length returns the octets of a text, or the elements of an array.
func length(s *state, args []runtime.Value) (runtime.Value, error) {
	if l, ok := args[0].([]runtime.Value); ok {
		return int64(len(l)), nil
	}
	t, err := s.text(args[0])
	return int64(len(t)), err
}

// winnow leaves what is no array as it is.
func winnow(s *state, args []runtime.Value) (runtime.Value, error) {
	if _, ok := args[0].([]runtime.Value); !ok {
		return args[0], nil
	}
	return s.invoke("winnow", args...)
}

// intersect says of two scalars that they have nothing in common.
func intersect(s *state, args []runtime.Value) (runtime.Value, error) {
	_, left := args[0].([]runtime.Value)
	_, right := args[1].([]runtime.Value)
	if !left && !right {
		return int64(0), nil
	}
	return s.invoke("is_intersect", args...)
}

func ifThen(_ *state, args []runtime.Value) (runtime.Value, error) {
	if Truth(args[0]) {
		return args[1], nil
	}
	return args[2], nil
}

// contains looks for a piece of a text, or for an element of an array.
func contains(name string) func(*state, []runtime.Value) (runtime.Value, error) {
	return func(s *state, args []runtime.Value) (runtime.Value, error) {
		list, ok := args[0].([]runtime.Value)
		if ok && name == "includes" {
			return s.invoke(name, args...)
		}
		what, err := s.text(args[1])
		if err != nil {
			return nil, err
		}
		if !ok {
			in, err := s.text(args[0])
			if err != nil {
				return nil, err
			}
			return s.invoke(name, in, what)
		}
		if err := s.elements(len(list)); err != nil {
			return nil, err
		}
		texts := make([]runtime.Value, len(list))
		for i, e := range list {
			if texts[i], err = s.text(e); err != nil {
				return nil, err
			}
		}
		return s.invoke(name, texts, what)
	}
}

// split gives the whole text where the separator is empty.
func split(name string) func(*state, []runtime.Value) (runtime.Value, error) {
	return func(s *state, args []runtime.Value) (runtime.Value, error) {
		if args[1] == "" {
			return []runtime.Value{args[0]}, nil
		}
		return s.invoke(name, args...)
	}
}

// oneOf gives "" where the last argument is none of those that are known.
func oneOf(name string, known ...string) func(*state, []runtime.Value) (runtime.Value, error) {
	return func(s *state, args []runtime.Value) (runtime.Value, error) {
		if last, _ := args[len(args)-1].(string); !slices.Contains(known, last) {
			return "", nil
		}
		return s.invoke(name, args...)
	}
}
