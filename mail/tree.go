package mail

import (
	"bytes"
	"strings"
)

// builder makes the tree of one message, nested ones included, and counts its parts.
type builder struct{ parts int }

// messageRoot returns the root part of m, depth levels below the outermost.
func (b *builder) messageRoot(m *Message, depth int) *Part {
	p := &Part{raw: m.Raw(), offset: m.offset, header: m.Header()}
	b.fill(p, depth, "text", "plain")
	return p
}

// bodyPart returns the part that raw is: a header of its own, perhaps an empty one,
// and a body.
func (b *builder) bodyPart(raw []byte, offset, depth int, typ, subtype string) *Part {
	h := newHeader(raw[:scanHeader(raw, nil)], MaxPartFields)
	p := &Part{raw: raw, offset: offset, header: h}
	b.fill(p, depth, typ, subtype)
	return p
}

// plain returns a part without a header, for a multipart whose body has no parts.
func (b *builder) plain(raw []byte, offset int) *Part {
	b.parts++
	return &Part{
		Type: "text", Subtype: "plain", Encoding: "7bit",
		raw: raw, offset: offset, header: newHeader(raw[:0], MaxPartFields),
	}
}

// fill reads the MIME fields of p's header and opens what p holds.
func (b *builder) fill(p *Part, depth int, typ, subtype string) {
	b.parts++
	p.Type, p.Subtype, p.Encoding = typ, subtype, "7bit"
	p.contentFields()
	multipart := p.Type == "multipart"
	message := p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
	switch {
	case !multipart && !message:
	case depth >= MaxDepth || b.parts >= MaxParts:
		p.Type, p.Subtype = "application", "octet-stream"
	case multipart:
		b.split(p, depth+1)
	case message:
		p.Message = &Message{raw: p.Body(), offset: p.BodyOffset()}
		if d := p.Decoded(); encodes(p.Encoding) {
			p.Message.raw, p.Message.offset = d, 0
		}
		p.Message.root = b.messageRoot(p.Message, depth+1)
	}
}

// contentFields takes the fields that describe the part from its header; of several
// of one name the first counts.
func (p *Part) contentFields() {
	raw := p.header.raw
	const prefix = "content-"
	var seen [8]bool
	once := func(i int) bool {
		was := seen[i]
		seen[i] = true
		return !was
	}
	scanHeader(raw, func(start, nameEnd, end int) {
		if nameEnd-start <= len(prefix) || !equalFold(string(raw[start:start+len(prefix)]), prefix) {
			return
		}
		value := func() string { return Field{Raw: raw[start:end]}.Value() }
		switch strings.ToLower(string(raw[start+len(prefix) : nameEnd])) {
		case "type":
			if once(0) {
				p.setType(value())
			}
		case "transfer-encoding":
			if once(1) {
				if e := strings.ToLower(firstToken(value())); e != "" {
					p.Encoding = e
				}
			}
		case "disposition":
			if once(2) {
				var first string
				first, p.DispositionParamList = parseParams(value())
				p.Disposition = strings.ToLower(first)
				p.DispositionParams = decodeParams(p.DispositionParamList)
			}
		case "id":
			if once(3) {
				p.ID = value()
			}
		case "description":
			if once(4) {
				p.Description = value()
			}
		case "language":
			if once(5) {
				p.Language = value()
			}
		case "location":
			if once(6) {
				p.Location = value()
			}
		case "md5":
			if once(7) {
				p.MD5 = value()
			}
		}
	})
}

// setType reads a Content-Type value. One that is not type/subtype leaves the
// default, but keeps its parameters.
//
// Spec: RFC 2045, sections 5.1 and 5.2.
func (p *Part) setType(value string) {
	var first string
	first, p.ParamList = parseParams(value)
	p.Params = decodeParams(p.ParamList)
	typ, subtype, ok := strings.Cut(strings.ToLower(first), "/")
	typ, subtype = strings.TrimSpace(typ), strings.TrimSpace(subtype)
	if ok && isToken(typ) && isToken(subtype) {
		p.Type, p.Subtype = typ, subtype
	}
}

// split makes the children of the multipart p. Boundaries of p are looked for before
// anything inside the children is, so that a child without its own end boundary ends
// where its parent goes on.
func (b *builder) split(p *Part, depth int) {
	typ, subtype := "text", "plain"
	if p.Subtype == "digest" {
		typ, subtype = "message", "rfc822"
	}
	body, offset := p.Body(), p.BodyOffset()
	delim := delimiter(p.Params["boundary"])
	_, next, last, ok := findBoundary(body, 0, delim)
	for ok && !last {
		start := next
		var end int
		end, next, last, ok = findBoundary(body, start, delim)
		full := b.parts+1 >= MaxParts
		if !ok || full {
			end, last = len(body), true // no end boundary, or no more parts: the rest
		}
		end = max(end, start)
		p.Parts = append(p.Parts, b.bodyPart(body[start:end:end], offset+start, depth, typ, subtype))
	}
	if len(p.Parts) == 0 {
		p.Parts = append(p.Parts, b.plain(body, offset))
	}
}

// delimiter returns what a boundary line begins with, nil if there is no boundary.
func delimiter(boundary string) []byte {
	boundary = strings.TrimRight(boundary, " \t\r\n")
	if boundary == "" {
		return nil
	}
	return []byte("--" + boundary)
}

// findBoundary finds the first boundary line at or behind from. It returns where the
// text in front of it ends (its line end is the boundary's), where the next line
// begins, and whether it is the last boundary of the multipart.
//
// Spec: RFC 2046, section 5.1.1.
func findBoundary(body []byte, from int, delim []byte) (end, next int, last, ok bool) {
	if delim == nil {
		return 0, 0, false, false
	}
	for from < len(body) {
		i := bytes.Index(body[from:], delim)
		if i < 0 {
			return 0, 0, false, false
		}
		i += from
		if i == 0 || body[i-1] == '\n' {
			rest, last := bytes.CutPrefix(body[i+len(delim):], []byte("--"))
			if n := onlyLineEnd(rest); n >= 0 {
				return beforeLineEnd(body, i), len(body) - len(rest) + n, last, true
			}
		}
		from = lineEnd(body, i) // a boundary begins a line
	}
	return 0, 0, false, false
}

// onlyLineEnd returns the length of the blanks and the line end that b begins with,
// or -1 if the line has anything else.
func onlyLineEnd(b []byte) int {
	n := 0
	for n < len(b) && isBlank(b[n]) {
		n++
	}
	for n < len(b) && b[n] == '\r' {
		n++
	}
	switch {
	case n == len(b):
		return n
	case b[n] == '\n':
		return n + 1
	}
	return -1
}

// beforeLineEnd returns where the line end in front of pos begins, pos if there is none.
func beforeLineEnd(b []byte, pos int) int {
	if pos > 0 && b[pos-1] == '\n' {
		pos--
		if pos > 0 && b[pos-1] == '\r' {
			pos--
		}
	}
	return pos
}
