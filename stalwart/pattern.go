package stalwart

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"

	"github.com/sluice-mail/sluice/runtime"
)

// maxCaptures is how many groups of a match are kept, the whole match not counted.
const maxCaptures = 63

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
	if tree.MaxCap() > maxCaptures {
		return nil, fmt.Errorf("matches: pattern has over %d groups", maxCaptures)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	return &pattern{re: re, cost: n}, nil
}

// matches reads the arguments of matches(), the special form whose pattern is compiled here
// where it is constant.
func (p *parser) matches(name token, site int) node {
	at := p.tok.at
	args := p.list(")")
	switch {
	case p.over:
		return nil
	case p.c.sieve:
		p.note(name.at, "there is no matches() in Sieve scripts; use a test with the match type :regex")
		return nil
	case len(args) != 2:
		p.note(name.at, "matches: called with %d arguments, takes 2: a pattern and a value", len(args))
		return nil
	}
	n := &match{place: place{p.place(name.at)}, pattern: args[0], value: args[1], site: site}
	if text, ok := constant(args, 0); ok {
		re, err := newPattern(text)
		if err != nil {
			p.note(at, "%s", err)
			return nil
		}
		n.compiled = re
	}
	return p.node(n)
}

// match is matches(): 1 if a value as text holds what the pattern describes, and what its
// groups hold is there as $0, $1 and so on. A match that fails leaves none of them.
type match struct {
	place
	pattern, value node
	compiled       *pattern // nil: it is not constant
	site           int
}

func (n *match) eval(s *state) (runtime.Value, error) {
	re := n.compiled
	if re == nil {
		v, err := s.eval(n.pattern)
		if err != nil {
			return nil, err
		}
		source, err := s.text(v)
		if err != nil {
			return nil, err
		}
		if re, err = s.pattern(source); err != nil {
			return nil, err
		}
	}
	v, err := s.eval(n.value)
	if err != nil {
		return nil, err
	}
	text, err := s.text(v)
	if err != nil {
		return nil, err
	}
	cost := re.cost * int64(len(text)+1)
	if cost > runtime.MaxMatch {
		return nil, &runtime.LimitError{Limit: "steps", Max: s.task.Limits().Steps}
	}
	if err := s.task.Step(1 + cost/runtime.MatchStep); err != nil {
		return nil, err
	}
	s.captures = re.re.FindStringSubmatch(text)
	out := boolean(s.captures != nil)
	s.hit(n.site, out)
	return out, nil
}

// pattern compiles a pattern that is not constant, once a run.
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

// capture reads what a group of the last match holds; "" if there is none.
func (p *parser) capture(t token, at place) node {
	n, err := strconv.Atoi(t.text)
	if err != nil || n > maxCaptures {
		if p.c.sieve && isLetter(t.text[0]) {
			return p.global(t, at, t.text)
		}
		if err == nil || !isLetter(t.text[0]) {
			p.note(t.at, "$%s: only $0 to $%d are kept", clip(t.text), maxCaptures)
		} else {
			p.note(t.at, "$%s: there are no tags of a spam filter here", clip(t.text))
		}
		return nil
	}
	if p.c.sieve {
		return &variable{at, func(s *state) (runtime.Value, error) {
			v := s.source.Capture(n)
			return v, s.hold(int64(len(v)))
		}}
	}
	return &variable{at, func(s *state) (runtime.Value, error) {
		if n < len(s.captures) {
			return s.captures[n], nil
		}
		return "", nil
	}}
}
