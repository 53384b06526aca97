package sieve

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/runtime"
)

// Span is a piece of a source: octet offsets, End is one past the last octet.
type Span struct {
	Start, End int
}

// Position is a place in a source as people count it: both numbers from 1, columns in
// characters (an octet that is not UTF-8 counts as one).
type Position struct {
	Line, Col int
}

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// Error is one fault of a script.
type Error struct {
	Name     string // the script's name
	Pos, End Position
	Msg      string // lower case, without a place
	// Require is the capability that would mend it, "" if none.
	Require string
	// Err is the cause of an error of a run, nil for one of the source.
	Err error
}

// Unwrap returns the cause of an error of a run.
func (e *Error) Unwrap() error { return e.Err }

// Error returns name:line:col: message.
func (e *Error) Error() string { return e.Name + ":" + e.Pos.String() + ": " + e.Msg }

// Errors are all faults of a script, in order of their place.
type Errors []*Error

// Error returns one line for each fault.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults one by one, for errors.As.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// SourceLimits bounds what the lexer and parser take. A zero field is its default.
type SourceLimits struct {
	Size       int // octets of a script; 1 MiB
	Tokens     int // tokens of a script, comments not counted; 200,000
	Nesting    int // blocks in blocks, and tests in tests; 32
	String     int // octets of one string; 256 KiB
	Arguments  int // arguments of one command or test; 32
	Identifier int // characters of an identifier or tag; 32
	Errors     int // errors before the rest of a script is skipped; 100
}

func (l SourceLimits) withDefaults() SourceLimits {
	for _, f := range []struct {
		p   *int
		def int
	}{
		{&l.Size, 1 << 20}, {&l.Tokens, 200_000}, {&l.Nesting, 32}, {&l.String, 256 << 10},
		{&l.Arguments, 32}, {&l.Identifier, 32}, {&l.Errors, 100},
	} {
		if *f.p <= 0 {
			*f.p = f.def
		}
	}
	return l
}

// Position returns the place of an octet offset of the source.
func (s *Script) Position(offset int) Position {
	line, col := s.lines().At(offset)
	return Position{Line: line, Col: col}
}

// line returns the number of the line that an offset is in.
func (s *Script) line(offset int) int { return s.lines().Line(offset) }

// lines returns the places of the source. They are made when they are first wanted: most
// scripts have no errors.
func (s *Script) lines() *runtime.Places {
	s.once.Do(func() { s.places = runtime.NewPlaces(s.Source) })
	return &s.places
}

// cursor finds places that are asked for in about the order of the source, without
// counting the characters of a long line again and again.
type cursor struct {
	places runtime.Places
	offset int
	pos    Position
}

func (c *cursor) position(offset int) Position {
	if c.pos.Line > 0 && offset >= c.offset && c.places.Line(offset) == c.pos.Line {
		c.pos.Col += utf8.RuneCountInString(c.places.Source()[c.offset:offset])
		c.offset = offset
		return c.pos
	}
	line, col := c.places.At(offset)
	c.offset, c.pos = offset, Position{Line: line, Col: col}
	return c.pos
}

func (s *Script) errorAt(sp Span, format string, args ...any) *Error {
	return &Error{
		Name: s.Name, Pos: s.Position(sp.Start), End: s.Position(sp.End),
		Msg: fmt.Sprintf(format, args...),
	}
}
