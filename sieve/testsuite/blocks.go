package testsuite

import (
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/sieve"
)

// bindTest makes a block: test <name: string> { ... }
func (s *suite) bindTest(b *sieve.Binder, c *sieve.Call) sieve.Do {
	if s.nested {
		b.Errorf(c.Node.NameSpan, "tests cannot be nested")
		return nil
	}
	s.nested = true
	name, block := c.Text("name"), c.Block()
	s.nested = false
	at := b.Position(c.Node.NameSpan)
	return func(r *sieve.Run) error {
		s.enter(r)
		title := name.Value(r)
		if re := s.options.Run; re != nil && !re.MatchString(title) {
			return nil
		}
		s.current = &Block{Name: title, Line: at.Line, Col: at.Col, Passed: true}
		began := s.options.Now()
		err := r.Block(block)
		one := s.current
		one.Took = s.options.Now().Sub(began)
		if err != nil && !errors.Is(err, errEnd) {
			return err // stop, or an error, ends the file: see ended
		}
		s.current = nil
		s.blocks = append(s.blocks, *one)
		return nil
	}
}

// bindFail makes test_fail <reason: string>. It ends the block; outside of one, the file;
// and in a script that the file runs, that script.
func (s *suite) bindFail(b *sieve.Binder, c *sieve.Call) sieve.Do {
	reason := c.Text("reason")
	at := b.Position(c.Node.NameSpan)
	return func(r *sieve.Run) error {
		return s.fail(r, at, reason.Value(r))
	}
}

// fail fails the block that is run.
func (s *suite) fail(r *sieve.Run, at sieve.Position, reason string) error {
	if s.inner > 0 {
		return fmt.Errorf("%w: %s", errEnd, reason)
	}
	if s.current == nil {
		return fmt.Errorf("%w outside of a block: %s", errEnd, reason)
	}
	s.current.Passed, s.current.Reason, s.current.At = false, reason, at.String()
	return errEnd
}
