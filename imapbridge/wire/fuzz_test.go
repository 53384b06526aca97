package wire

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// FuzzCommands reads octets as a connection would bring them, and parses each command
// with every production. What is printed must parse to the same again.
func FuzzCommands(f *testing.F) {
	for _, s := range []string{
		"a LOGIN {5}\r\nalice \"se\\\"cret\"\r\n",
		"a FETCH 1:*,3 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (From {2+}\r\nTo)]<0.100>)\r\n",
		"a SEARCH OR NOT (SEEN 1:2) SUBJECT {3}\r\nabc SINCE 1-Feb-1994\r\n",
		"a APPEND INBOX (\\Seen x) \" 1-Feb-1994 21:52:25 -0800\" ~{3+}\r\nabc\r\n",
		"a LIST \"\" \"&U,BTFw-*%\"\r\nb X {9999}\r\n",
		"\x00\xff {1+}\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	productions := []func(p *Parser){
		func(p *Parser) { p.AString() },
		func(p *Parser) { p.NString() },
		func(p *Parser) { p.Mailbox() },
		func(p *Parser) { p.ListPattern() },
		func(p *Parser) { p.Flags() },
		func(p *Parser) { p.Date() },
		func(p *Parser) { p.DateTime() },
		func(p *Parser) { p.Literal() },
		func(p *Parser) { p.Atoms() },
		func(p *Parser) { p.List(func() { p.ItemName(); p.Number() }) },
		checkSet, checkSection, checkSearch,
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		start := time.Now()
		r := NewReader(bytes.NewReader(input))
		r.Limits = testLimits
		for {
			c, err := r.Command()
			if refused := (*RefusedError)(nil); errors.As(err, &refused) {
				continue
			}
			if err != nil {
				break
			}
			for _, production := range productions {
				for skip := range 4 {
					p := NewParser(c)
					for range skip { // the production may stand behind other arguments
						p.SP()
						p.AString()
					}
					p.SP()
					production(p)
					p.End()
					var syntax *SyntaxError
					if err := p.Err(); err != nil && (!errors.As(err, &syntax) || syntax.Offset < 0 || int64(syntax.Offset) > c.Size()+2*int64(len(c.literals))) {
						t.Fatalf("%q: %v", input, err)
					}
				}
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("%d octets took %v", len(input), took)
		}
	})
}

// again parses text that was printed.
func again[T any](text string, parse func(p *Parser) T) (T, error) {
	p := &Parser{text: []byte(text)}
	out := parse(p)
	p.End()
	return out, p.Err()
}

// checkSet prints and parses a set.
func checkSet(p *Parser) {
	s := p.Set()
	if p.Err() != nil {
		return
	}
	if other, err := again(s.String(), (*Parser).Set); err != nil || other.String() != s.String() {
		panic(s.String())
	}
	if r := s.Resolve(77); r.Resolve(77).String() != r.String() {
		panic(r.String())
	}
}

// checkSection prints and parses a section.
func checkSection(p *Parser) {
	s := p.Section()
	if p.Err() != nil {
		return
	}
	for _, field := range s.Fields {
		if field != string(bytes.TrimFunc([]byte(field), func(r rune) bool { return r < ' ' || r > '~' })) || len(field) > quoteLimit {
			return // printed as a literal
		}
		for i := range len(field) {
			if field[i] < ' ' || field[i] > '~' {
				return
			}
		}
	}
	other, err := again(s.String(), func(p *Parser) Section { return p.Section() })
	if err != nil || other.String() != s.String() {
		panic(s.String())
	}
}

// checkSearch parses search keys with a few names.
func checkSearch(p *Parser) {
	p.SearchKeys(func(name string) (SearchArg, bool) {
		switch name {
		case "SEEN":
			return nil, true
		case "SUBJECT":
			return func(p *Parser) any { p.SP(); return p.AString() }, true
		case "SINCE":
			return func(p *Parser) any { p.SP(); return p.Date() }, true
		}
		return nil, false
	})
}
