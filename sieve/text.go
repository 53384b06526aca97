package sieve

import "strings"

// Text is a string of a script, ready to be used in a run: a constant, or pieces that
// are joined. What a piece brings is never looked at again, whatever it holds.
type Text struct {
	Span
	constant string
	pieces   *[]piece // nil: constant
}

// piece is constant text, or where to read the text of a reference.
type piece struct {
	text string
	read func(r *Run) string // nil: text
}

// Text prepares a string of the source.
func (b *Binder) Text(s *String) Text {
	value := s.Value
	if strings.Contains(value, "${") {
		for _, e := range b.lang.rewriters {
			if b.on(e.number) {
				value = e.Rewrite(b, value, s.Span)
			}
		}
		if b.on(b.lang.registry.known.variables) {
			if pieces := b.references(value, s.Span); pieces != nil {
				return Text{Span: s.Span, pieces: &pieces}
			}
		}
	}
	return Text{Span: s.Span, constant: value}
}

// Constant returns the text if it is known before the run.
func (t *Text) Constant() (string, bool) { return t.constant, t.pieces == nil }

// Value returns the text in a run. It ends the run, and returns "", when the text would
// exceed the run's output limit.
func (t *Text) Value(r *Run) string {
	if t.pieces == nil {
		return t.constant
	}
	if pieces := *t.pieces; len(pieces) == 1 {
		return pieces[0].read(r) // a reference alone costs nothing
	}
	total := 0
	var few [8]string
	parts := few[:0]
	for i := range *t.pieces {
		p := &(*t.pieces)[i]
		s := p.text
		if p.read != nil {
			s = p.read(r)
		}
		total += len(s)
		parts = append(parts, s)
	}
	if err := r.task.Output(total); err != nil {
		r.Fail(err)
		return ""
	}
	return strings.Join(parts, "")
}

// constantText returns the value of an argument that has to be known before the run.
func (b *Binder) constantText(t Text, what string) (string, bool) {
	s, ok := t.Constant()
	if !ok {
		b.Errorf(t.Span, "%s must be constant; it cannot hold variables", what)
	}
	return s, ok
}

// within returns the place of an octet of a string's value in the source: that of the whole string
// where the value is not what stands there but for escapes and line ends.
func (b *Binder) within(s *String, value string, offset int) Span {
	if s.Multiline || value != s.Value || s.End-s.Start < 2 {
		return s.Span
	}
	at := s.Start + 1
	for i := 0; i < offset && at < s.End-1; i++ {
		switch c := b.script.Source[at]; {
		case c == '\n' && value[i] == '\r':
			i++ // a line end is two octets of the value
			at++
		case c == '\\' && at+2 < s.End:
			at += 2
		default:
			at++
		}
	}
	return Span{at, s.End - 1}
}
