package stalwart

import (
	"github.com/sluice-mail/sluice/runtime"
)

// node is an operation of an expression.
type node interface {
	// eval returns a value: int64, float64, string, []runtime.Value, or a map that a function
	// has returned.
	eval(s *state) (runtime.Value, error)
	// offset returns its place in the file.
	offset() int
}

// place is where a node stands in the file.
type place struct{ at int }

func (p place) offset() int { return p.at }

type literal struct {
	place
	v runtime.Value
}

func (n *literal) eval(*state) (runtime.Value, error) { return n.v, nil }

// list is an array whose elements are expressions.
type list struct {
	place
	items []node
}

func (n *list) eval(s *state) (runtime.Value, error) {
	if err := s.elements(len(n.items)); err != nil {
		return nil, err
	}
	out := make([]runtime.Value, len(n.items))
	for i, item := range n.items {
		v, err := s.eval(item)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// element is an element of an array, counted from 0. What lies outside is "".
type element struct {
	place
	of, at node
}

func (n *element) eval(s *state) (runtime.Value, error) {
	of, err := s.eval(n.of)
	if err != nil {
		return nil, err
	}
	at, err := s.eval(n.at)
	if err != nil {
		return nil, err
	}
	if m, ok := of.(map[string]runtime.Value); ok {
		key, err := s.text(at)
		if err != nil {
			return nil, err
		}
		return s.receive(m[key])
	}
	items := asList(of)
	i, _ := toNumber(at).(int64)
	if f, ok := toNumber(at).(float64); ok {
		i = toInt(f)
	}
	if i < 0 || i >= int64(len(items)) {
		return "", nil
	}
	return items[i], nil
}

type not struct {
	place
	x node
}

func (n *not) eval(s *state) (runtime.Value, error) {
	v, err := s.eval(n.x)
	if err != nil {
		return nil, err
	}
	return boolean(!Truth(v)), nil
}

type minus struct {
	place
	x node
}

func (n *minus) eval(s *state) (runtime.Value, error) {
	v, err := s.eval(n.x)
	if err != nil {
		return nil, err
	}
	return negate(v), nil
}

// logic is && or ||. Where the left operand decides it is the result, as it is; else the result
// is 1 or 0.
type logic struct {
	place
	left, right node
	or          bool
	site        int
}

func (n *logic) eval(s *state) (runtime.Value, error) {
	v, err := s.eval(n.left)
	if err != nil {
		return nil, err
	}
	if Truth(v) != n.or {
		if v, err = s.eval(n.right); err != nil {
			return nil, err
		}
		v = boolean(Truth(v))
	}
	s.hit(n.site, v)
	return v, nil
}

// binary is an operator whose operands are both evaluated.
type binary struct {
	place
	do          func(s *state, a, b runtime.Value) (runtime.Value, error)
	left, right node
}

func (n *binary) eval(s *state) (runtime.Value, error) {
	a, err := s.eval(n.left)
	if err != nil {
		return nil, err
	}
	b, err := s.eval(n.right)
	if err != nil {
		return nil, err
	}
	return n.do(s, a, b)
}

// variable reads something from outside of the expression.
type variable struct {
	place
	read func(s *state) (runtime.Value, error)
}

func (n *variable) eval(s *state) (runtime.Value, error) { return n.read(s) }

// call calls a function.
type call struct {
	place
	do   func(s *state, args []runtime.Value) (runtime.Value, error)
	args []node
	site int
}

func (n *call) eval(s *state) (runtime.Value, error) {
	args := make([]runtime.Value, len(n.args))
	for i, a := range n.args {
		v, err := s.eval(a)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	v, err := n.do(s, args)
	if n.site >= 0 {
		if err != nil {
			s.task.Hit(n.site, runtime.Failed)
		} else {
			s.hit(n.site, v)
		}
	}
	return v, err
}
