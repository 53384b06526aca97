package sieve

import "errors"

// break leaves a loop: foreverypart, or another one that an extension brings. It needs no
// require of its own, since there is no loop without one.
//
// Spec: RFC 5703, section 3.1
func init() {
	register(Extension{Commands: []Command{{
		Name: "break",
		Tags: []Tag{{Name: "name", Args: []Arg{{Name: "name", Kind: StringArgument}}}},
		Bind: func(b *Binder, c *Call) Do { return b.jump(c, false) },
	}}})
}

// loop is a loop whose block is being bound, or that goes on in a run.
type loop struct {
	name string // "" if it has none
	kind string // the command
}

// jump is the error with which commands leave a loop, or begin its next round. It passes
// through the blocks in between.
type jump struct {
	loop *loop
	next bool
}

func (j *jump) Error() string { return "jump out of a loop" }

// isJump says whether an error only says where to go on.
func isJump(err error) bool {
	if err == errStop || err == errReturn { //nolint:errorlint // never wrapped
		return true
	}
	_, ok := errors.AsType[*jump](err)
	return ok
}

// Loop binds the block of a command as that of a loop, which break can leave. At run time
// the command asks Left of the error that the block returns.
func (c *Call) Loop(l *loop) Block {
	b := c.binder
	b.loops = append(b.loops, l)
	block := c.Block()
	b.loops = b.loops[:len(b.loops)-1]
	return block
}

// left says whether an error of a loop's block ends the loop, and what the error of the
// loop is then. A jump to the next round is no end.
func (l *loop) left(err error) (bool, error) {
	if j, ok := errors.AsType[*jump](err); ok && j.loop == l {
		return !j.next, nil
	}
	return err != nil, err
}

// jump binds break, and continue where next is set.
func (b *Binder) jump(c *Call, next bool) Do {
	if len(b.loops) == 0 {
		b.Errorf(c.Node.NameSpan, "%s stands in no loop; expected it in the block of foreverypart or the like", c.name)
		return nil
	}
	target := b.loops[len(b.loops)-1]
	if u := c.Tag("name"); u != nil {
		name, ok := b.constantText(u.Text(), "the name of a loop")
		if !ok {
			return nil
		}
		target = nil
		for _, l := range b.loops {
			if l.name != "" && l.name == name {
				target = l
			}
		}
		if target == nil {
			b.Errorf(u.args[0].Span, "%s stands in no loop of the name %q", c.name, clip(name))
			return nil
		}
	}
	j := &jump{loop: target, next: next}
	return func(*Run) error { return j }
}
