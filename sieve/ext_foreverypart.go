package sieve

import (
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// foreverypart does its block for each part of the message, itself the first, or for each
// part in the one that an outer loop is at.
//
// Spec:   RFC 5703, section 3
// Status: complete
func init() {
	register(Extension{
		Name: "foreverypart", Spec: "RFC 5703, section 3", Status: "complete",
		Limits: "4 nested loops, included scripts counted (can be set); 1,000 parts, 32 deep",

		// foreverypart [:name string] block
		Commands: []Command{{
			Name: "foreverypart", Block: true,
			Tags: []Tag{{Name: "name", Args: []Arg{{Name: "name", Kind: StringArgument}}}},
			Bind: bindForEveryPart,
		}},
	})
}

// partLoop is the kind of loops over parts.
const partLoop = "foreverypart"

func bindForEveryPart(b *Binder, c *Call) Do {
	l := &loop{kind: partLoop}
	if u := c.Tag("name"); u != nil {
		l.name, _ = b.constantText(u.Text(), "the name of a loop")
	}
	nested := 1
	for _, outer := range b.loops {
		if outer.kind == partLoop {
			nested++
		}
	}
	if most := b.lang.options.PartLoops; nested == most+1 { // once for all that is deeper
		b.Errorf(c.Node.NameSpan, "at most %d loops may be nested", most)
	}
	block := c.Loop(l)
	return func(r *Run) error { return l.parts(r, block) }
}

// inPartLoop says whether the command that is being bound stands in a loop over parts.
func (b *Binder) inPartLoop() bool {
	for _, l := range b.loops {
		if l.kind == partLoop {
			return true
		}
	}
	return false
}

// visit is a part that a loop comes to.
type visit struct {
	part *mail.Part
	next int // index of the first part that is not in it
}

// visits lists a part and all in it, parents first.
func visits(list []visit, p *mail.Part) []visit {
	i := len(list)
	list = append(list, visit{part: p})
	for _, child := range p.Parts {
		list = visits(list, child)
	}
	if p.Message != nil {
		list = visits(list, p.Message.Root())
	}
	list[i].next = len(list)
	return list
}

// parts does block for each part.
func (l *loop) parts(r *Run, block Block) error {
	if most := r.options.PartLoops; r.msg.loops >= most {
		return &runtime.LimitError{Limit: "foreverypart", Max: int64(most)}
	}
	outer := r.msg.part
	var list []visit
	if outer != nil {
		list = visits(nil, outer)[1:]
	} else {
		r.settleParts()
		m := r.structure()
		if m == nil {
			return nil
		}
		list = visits(nil, m.Root())
	}
	r.msg.loops++
	generation := r.msg.generation
	defer func() {
		r.msg.loops--
		r.msg.part = outer
		if r.msg.generation != generation {
			r.msg.part = nil
		}
	}()
	offset := 0
	if outer != nil {
		offset = 1
	}
	for i := 0; i < len(list) && r.msg.generation == generation; {
		if err := r.task.Step(1); err != nil {
			return err
		}
		part := list[i].part
		r.msg.part = r.msg.edit.current(part)
		if end, err := l.left(r.Block(block)); end {
			return err
		}
		if r.msg.generation == generation && r.msg.edit.current(part) != part {
			i = list[i].next - offset // what was in the part is not there any more
		} else {
			i++
		}
	}
	return nil
}

// settleParts makes a tree of the message as it is now, before the first loop begins.
func (r *Run) settleParts() {
	e := r.msg.edit
	if e == nil || len(e.parts) == 0 && !e.content {
		return
	}
	raw := e.message(r).Raw()
	bare := e.bare
	r.replaceWhole(raw)
	e.bare = bare
}
