package expr

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/sluice-mail/sluice/runtime"
)

// pattern is a compiled regular expression and the number of its instructions.
type pattern struct {
	re   *regexp.Regexp
	cost int64
}

// newPattern compiles a pattern, whose size it knows before memory is taken for it.
func newPattern(text string) (*pattern, error) {
	if len(text) > runtime.MaxPattern {
		return nil, fmt.Errorf("matches: pattern of %d octets is over the limit of %d", len(text), runtime.MaxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	n := runtime.Instructions(tree)
	if n > runtime.MaxInstructions {
		return nil, fmt.Errorf("matches: pattern is too large once its repetitions are written out")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	return &pattern{re: re, cost: n}, nil
}

// matches is `text matches pattern`; null matches nothing.
func (s *state) matches(a []any) (any, error) {
	if a[0] == nil || a[1] == nil {
		return false, nil
	}
	p, ok := a[1].(*pattern)
	if !ok {
		source, err := textOf("matches", a[1])
		if err != nil {
			return nil, err
		}
		if p, err = s.pattern(source); err != nil {
			return nil, err
		}
	}
	var n int
	switch t := a[0].(type) {
	case string:
		n = len(t)
	case []byte:
		n = len(t)
	default:
		return nil, mismatch("matches", a)
	}
	cost := p.cost * int64(n+1)
	if cost > runtime.MaxMatch {
		return nil, &runtime.LimitError{Limit: "steps", Max: s.task.Limits().Steps}
	}
	if err := s.task.Step(1 + cost/runtime.MatchStep); err != nil {
		return nil, err
	}
	if t, ok := a[0].(string); ok {
		return p.re.MatchString(t), nil
	}
	return p.re.Match(a[0].([]byte)), nil
}

// pattern compiles a pattern that is not a literal, once a run.
func (s *state) pattern(source string) (*pattern, error) {
	if p := s.patterns[source]; p != nil {
		return p, nil
	}
	p, err := newPattern(source)
	if err != nil {
		return nil, err
	}
	if err := s.task.Step(p.cost); err != nil {
		return nil, err
	}
	if err := s.hold(p.cost * runtime.ElementSize); err != nil {
		return nil, err
	}
	if s.patterns == nil {
		s.patterns = map[string]*pattern{}
	}
	s.patterns[source] = p
	return p, nil
}
