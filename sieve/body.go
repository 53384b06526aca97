package sieve

import (
	"bytes"
	"strings"

	"github.com/sluice-mail/sluice/html"
	"github.com/sluice-mail/sluice/mail"
)

// partText is what a run has made of the content of a part. Each piece is made when it is
// first asked for, and once.
type partText struct {
	typ, subtype string // "" if Content-Type holds no type
	readable     bool   // the transfer encoding is known

	content, text, prologue, epilogue *Value
}

// textOf returns what is known of the content of a part.
func (r *Run) textOf(p *mail.Part) *partText {
	t := r.msg.bodies[p]
	if t == nil {
		t = &partText{readable: p.Multipart() || p.Message != nil || knownEncoding(p.Encoding)}
		t.typ, t.subtype = contentType(p)
		if r.msg.bodies == nil {
			r.msg.bodies = map[*mail.Part]*partText{}
		}
		r.msg.bodies[p] = t
	}
	return t
}

func knownEncoding(s string) bool {
	switch s {
	case "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue":
		return true
	}
	return false
}

// contentType returns the type of a part, which is text/plain where it has no Content-Type,
// and none where that holds something else than a type.
func contentType(p *mail.Part) (typ, subtype string) {
	for _, f := range p.Header().Fields() {
		if !strings.EqualFold(f.Name, "Content-Type") {
			continue
		}
		s, _ := mail.ParseParams(f.Value())
		if a, b, ok := strings.Cut(s, "/"); s != "" && (!ok || strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" || strings.Contains(b, "/")) {
			return "", ""
		}
		break
	}
	return p.Type, p.Subtype
}

// isText says whether a part is something to read.
func (t *partText) isText() bool { return t.typ == "text" || t.isHTML() }

func (t *partText) isHTML() bool {
	return t.typ == "text" && t.subtype == "html" || t.typ == "application" && t.subtype == "xhtml+xml"
}

// bodyRaw calls do with the body as it stands. A message without the empty line behind its
// header has none.
//
// Spec: RFC 5173, section 4
func (r *Run) bodyRaw(do func(v *Value) bool) {
	m := r.structure()
	if m == nil {
		return
	}
	if r.msg.raw == nil {
		head, body := m.Header(), m.Body()
		r.msg.raw, r.msg.hasRaw = &Value{}, false
		if len(body) == 0 && len(head.WithoutEnd()) == len(head.Raw()) {
			return
		}
		r.work(len(body))
		r.msg.raw = &Value{Text: string(body)}
		r.msg.hasRaw = true
	}
	if r.msg.hasRaw {
		do(r.msg.raw)
	}
}

// bodyTexts calls do with the text of each part that has one, until do says no.
//
// Spec: RFC 5173, section 5.3
func (r *Run) bodyTexts(do func(v *Value) bool) {
	m := r.structure()
	if m == nil {
		return
	}
	for p := range m.Root().All() {
		t := r.textOf(p)
		if t.isText() && t.readable && !do(t.plain(r, p)) || r.work(64) {
			return
		}
	}
}

// bodyContents calls do with what is searched of the parts of some types: the content of a
// part, what stands in front of and behind the parts of a multipart, the header of a
// message.
//
// Spec: RFC 5173, section 5.2
func (r *Run) bodyContents(types contentTypes, do func(v *Value) bool) {
	m := r.structure()
	if m == nil {
		return
	}
	r.contents(m.Root(), &types, do)
}

func (r *Run) contents(p *mail.Part, types *contentTypes, do func(v *Value) bool) bool {
	if r.work(64) {
		return false
	}
	t := r.textOf(p)
	wanted := t.readable && types.has(t.typ, t.subtype)
	switch {
	case p.Multipart():
		prologue, epilogue := t.around(r, p, wanted)
		if prologue != nil && !do(prologue) {
			return false
		}
		for _, child := range p.Parts {
			if !r.contents(child, types, do) {
				return false
			}
		}
		return epilogue == nil || do(epilogue)
	case p.Message != nil:
		if wanted && !do(t.header(r, p)) {
			return false
		}
		return r.contents(p.Message.Root(), types, do)
	}
	return !wanted || do(t.decoded(r, p))
}

// decoded returns the content of a leaf: in UTF-8 if it is text, else its octets.
func (t *partText) decoded(r *Run, p *mail.Part) *Value {
	if t.content == nil {
		r.work(len(p.Body()))
		t.content = &Value{}
		if t.isText() {
			t.content.Text = p.Text()
		} else {
			t.content.Text = string(p.Decoded())
		}
	}
	return t.content
}

// plain returns the text of a leaf: decoded, and without markup.
func (t *partText) plain(r *Run, p *mail.Part) *Value {
	if !t.isHTML() {
		return t.decoded(r, p)
	}
	if t.text == nil {
		s := t.decoded(r, p).Text
		r.work(len(s))
		t.text = &Value{Text: html.Text(s)}
	}
	return t.text
}

// header returns the header of the message that a part holds, as it stands.
func (t *partText) header(r *Run, p *mail.Part) *Value {
	if t.content == nil {
		raw := p.Message.Header().WithoutEnd()
		r.work(len(raw))
		t.content = &Value{Text: string(raw)}
	}
	return t.content
}

// around returns what stands in front of the first part of a multipart and behind the
// last, without the boundaries; nil if there is nothing, or if it is not wanted.
func (t *partText) around(r *Run, p *mail.Part, wanted bool) (prologue, epilogue *Value) {
	if !wanted || len(p.Parts) == 0 {
		return nil, nil
	}
	if t.content == nil {
		t.content = &Value{}
		body := p.Body()
		first, last := p.Parts[0], p.Parts[len(p.Parts)-1]
		if start := first.Offset() - p.BodyOffset(); start > 0 {
			front := body[:start]
			front = front[:bytes.LastIndexByte(front[:len(front)-1], '\n')+1] // the line of the boundary
			t.prologue = piece8bit(r, p, front)
		}
		rest := body[last.Offset()-p.BodyOffset()+len(last.Raw()):]
		rest = bytes.TrimPrefix(bytes.TrimPrefix(rest, []byte("\r")), []byte("\n"))
		rest = rest[lineLength(rest):]
		t.epilogue = piece8bit(r, p, rest)
	}
	return t.prologue, t.epilogue
}

// piece8bit returns text of a multipart as a value, nil if it is empty.
func piece8bit(r *Run, p *mail.Part, b []byte) *Value {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil
	}
	r.work(len(b))
	return &Value{Text: mail.DecodeCharset(p.Params["charset"], b)}
}

// lineLength returns the length of the line that b begins with, its line end included.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}
