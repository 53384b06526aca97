package wire

import (
	"strconv"
	"strings"
)

// The specifiers of a Section; "" is the whole part.
const (
	SectionHeader          = "HEADER"
	SectionHeaderFields    = "HEADER.FIELDS"
	SectionHeaderFieldsNot = "HEADER.FIELDS.NOT"
	SectionText            = "TEXT"
	SectionMIME            = "MIME"
)

// Bounds of a section.
const (
	sectionDepth  = 64
	sectionFields = 500
)

// Section names a piece of a message: what stands in BODY[...].
//
// Spec: RFC 3501, section 6.4.5.
type Section struct {
	Path      []int    // part numbers from the top; empty is the message
	Specifier string   // "" or one of the constants
	Fields    []string // of HEADER.FIELDS and HEADER.FIELDS.NOT, as the client spelled them
	Partial   *Partial // nil: all of it
}

// Partial is a run of octets of a section.
type Partial struct{ Offset, Count int64 }

// Cut returns the octets of data that the partial asks for; nil asks for all.
func (p *Partial) Cut(data []byte) []byte {
	if p == nil {
		return data
	}
	if p.Offset >= int64(len(data)) {
		return nil
	}
	data = data[p.Offset:]
	return data[:min(int64(len(data)), p.Count)]
}

// Section reads a section in brackets and the partial behind it.
func (p *Parser) Section() Section {
	var s Section
	p.Expect('[')
	for isDigit(p.peek()) {
		n := p.Number()
		if n == 0 || n > 1<<30 {
			p.Fail("there is no such part number")
		}
		if len(s.Path) == sectionDepth {
			p.Fail("section is too deep")
		}
		if p.err != nil {
			return Section{}
		}
		s.Path = append(s.Path, int(n))
		if !p.Accept('.') {
			break
		}
		if !isDigit(p.peek()) && p.Next(']') {
			p.expected("a part number or a specifier")
		}
	}
	if p.More() && !p.Next(']') {
		p.specifier(&s)
	}
	p.Expect(']')
	s.Partial = p.partial()
	return s
}

// specifier reads the word of a section and its field names.
func (p *Parser) specifier(s *Section) {
	start := p.pos
	s.Specifier = upper(p.run(isAtomChar))
	switch s.Specifier {
	case SectionHeader, SectionText:
	case SectionMIME:
		if len(s.Path) == 0 {
			p.failAt(start, "MIME needs a part number before it")
		}
	case SectionHeaderFields, SectionHeaderFieldsNot:
		p.SP()
		p.List(func() {
			if len(s.Fields) == sectionFields {
				p.Fail("more than 500 header fields")
				return
			}
			s.Fields = append(s.Fields, p.AString())
		})
		if len(s.Fields) == 0 {
			p.expected("a header field name")
		}
	default:
		p.failAt(start, "expected HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME")
	}
}

// partial reads <offset.count> if it stands next.
func (p *Parser) partial() *Partial {
	if !p.Accept('<') {
		return nil
	}
	off := p.Number64()
	p.Expect('.')
	n := p.Number64()
	if p.err == nil && n == 0 {
		p.Fail("a partial cannot be empty")
	}
	p.Expect('>')
	if p.err != nil {
		return nil
	}
	return &Partial{Offset: int64(off), Count: int64(n)}
}

// AppendSection writes the section to dst as a FETCH response names it: with brackets,
// and of a partial only the offset.
func (s *Section) AppendSection(dst []byte) []byte {
	dst = append(dst, '[')
	for i, n := range s.Path {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	if s.Specifier != "" {
		if len(s.Path) > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, s.Specifier...)
	}
	if len(s.Fields) > 0 {
		dst = append(dst, " ("...)
		for i, f := range s.Fields {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = AppendAString(dst, f)
		}
		dst = append(dst, ')')
	}
	dst = append(dst, ']')
	if s.Partial != nil {
		dst = append(dst, '<')
		dst = strconv.AppendInt(dst, s.Partial.Offset, 10)
		dst = append(dst, '>')
	}
	return dst
}

// String returns the section as a command names it, partial included.
func (s *Section) String() string {
	out := string(s.AppendSection(nil))
	if s.Partial != nil {
		i := strings.LastIndexByte(out, '<')
		out = out[:i] + "<" + strconv.FormatInt(s.Partial.Offset, 10) + "." + strconv.FormatInt(s.Partial.Count, 10) + ">"
	}
	return out
}
