package expr

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/sluice-mail/sluice/runtime"
)

// What a pattern of `matches` may be, and what one match may cost. A match takes at most
// the product of the text's octets and the pattern's instructions, and cannot be
// stopped in between.
const (
	maxPattern      = 4 << 10 // octets
	maxInstructions = 10_000
	maxMatch        = 1 << 27 // instructions times octets
	matchStep       = 1 << 8  // of these are one step
)

// pattern is a compiled regular expression and the number of its instructions.
type pattern struct {
	re   *regexp.Regexp
	cost int64
}

// newPattern compiles a pattern, whose size it knows before memory is taken for it.
func newPattern(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("matches: pattern of %d octets is over the limit of %d", len(text), maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	n := instructions(tree)
	if n > maxInstructions {
		return nil, fmt.Errorf("matches: pattern is too large once its repetitions are written out")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	return &pattern{re: re, cost: n}, nil
}

// instructions returns about how many instructions a pattern compiles to.
func instructions(re *syntax.Regexp) int64 {
	n := int64(1)
	if re.Op == syntax.OpLiteral {
		n += int64(len(re.Rune))
	}
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= int64(max(re.Min, re.Max, 1))
	}
	return min(n, 1<<40)
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
	if cost > maxMatch {
		return nil, &runtime.LimitError{Limit: "steps", Max: s.task.Limits().Steps}
	}
	if err := s.task.Step(1 + cost/matchStep); err != nil {
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
	if err := s.hold(p.cost * elementSize); err != nil {
		return nil, err
	}
	if s.patterns == nil {
		s.patterns = map[string]*pattern{}
	}
	s.patterns[source] = p
	return p, nil
}
