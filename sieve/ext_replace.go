package sieve

import (
	"bytes"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/html"
	"github.com/sluice-mail/sluice/mail"
)

// replace puts a text in the place of the part that foreverypart is at, with all that is in
// it, or of the content of the whole message outside of a loop. With :mime it is a MIME
// entity, header and body.
//
// Of a message that is replaced the header stays, but for the fields that describe its
// content, and for Subject and From where they are given: the old ones are kept as
// Original-Subject and Original-From.
//
// Spec:   RFC 5703, section 5
// Status: complete
func init() {
	text := []Arg{{Name: "text", Kind: StringArgument}}
	register(Extension{
		Name: "replace", Spec: "RFC 5703, section 5", Status: "complete", Limits: "the messages that a run makes count against its memory",

		// replace [:mime] [:subject string] [:from string] <replacement: string>
		Commands: []Command{{
			Name: "replace", Args: []Arg{{Name: "replacement", Kind: StringArgument}},
			Tags: []Tag{{Name: "mime"}, {Name: "subject", Args: text}, {Name: "from", Args: text, Bind: checkFrom}},
			Bind: bindReplace,
		}},
	})
}

// checkFrom reports a constant From field that holds no address.
func checkFrom(b *Binder, _ *Call, u *TagUse) {
	t := u.Text()
	if s, ok := t.Constant(); ok {
		if err := checkAddressField(s); err != nil {
			b.Errorf(t.Span, "%s", err)
		}
	}
}

func checkAddressField(s string) error {
	list := mail.ParseAddresses(s)
	if list.Broken || len(list.Addresses) == 0 {
		return matchError("\"" + clip(s) + "\" is no list of mail addresses")
	}
	return nil
}

// optionalText returns the text of a tag, nil if it was not used.
func (c *Call) optionalText(tag string) *Text {
	if u := c.Tag(tag); u != nil {
		t := u.Text()
		return &t
	}
	return nil
}

func bindReplace(_ *Binder, c *Call) Do {
	text, isEntity := c.Text("replacement"), c.Tag("mime") != nil
	subject, from := c.optionalText("subject"), c.optionalText("from")
	return func(r *Run) error {
		if r.view.Mail() == nil {
			return nil
		}
		s := text.Value(r)
		if err := r.task.Output(len(s)); err != nil {
			return err
		}
		if p := r.msg.part; p != nil && !r.isRoot(p) {
			return r.replaceCurrent(s, isEntity)
		}
		fields, body := textContent("plain", s, false)
		if isEntity {
			fields, body = entityContent(s)
		}
		if r.msg.part != nil { // they say nothing in a loop
			return r.replaceContent(fields, body, nil)
		}
		return r.replaceContent(fields, body, func(h *mail.HeaderEditor) error {
			if subject != nil {
				supersede(h, "Subject", "Original-Subject", subject.Value(r))
			}
			if from != nil {
				s := from.Value(r)
				if err := checkAddressField(s); err != nil {
					return err
				}
				supersede(h, "From", "Original-From", s)
			}
			return r.err
		})
	}
}

// supersede gives a field of a header another value and keeps the old one under another name.
func supersede(h *mail.HeaderEditor, name, original, value string) {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			h.Set(original, f.Text())
			break
		}
	}
	h.Set(name, value)
}

// entityContent takes an entity apart. One without a header is plain text.
func entityContent(s string) (fields []mail.Field, body []byte) {
	m := mail.New([]byte(withCRLF(s)))
	for _, f := range m.Header().Fields() {
		if mail.DescribesContent(f.Name) && !strings.EqualFold(f.Name, "MIME-Version") {
			fields = append(fields, f)
		}
	}
	return fields, m.Body()
}

// replaceCurrent puts a text or an entity in the place of the part that a loop is at.
func (r *Run) replaceCurrent(s string, isEntity bool) error {
	p := r.msg.part
	clash := r.boundaryIn(p, s)
	switch {
	case isEntity && !clash:
		return r.putPart([]byte(withCRLF(s)))
	case isEntity:
		s = firstText(s)
	}
	return r.putPart(entity(textContent("plain", s, clash)))
}

// firstText returns the first text of an entity. It is what can be put into a message that has,
// perhaps on purpose, the boundaries of the entity: to leave the part as it was is what its sender
// would like.
func firstText(s string) string {
	for p := range mail.New([]byte(s)).Root().All() {
		if p.Type == "text" && !p.Multipart() {
			if p.Subtype == "html" {
				return html.Text(p.Text())
			}
			return p.Text()
		}
	}
	return ""
}

// putPart puts an entity in the place of the part that a loop is at.
func (r *Run) putPart(raw []byte) error {
	raw = r.hold(r.editing(), raw)
	if r.err != nil {
		return r.err
	}
	r.replacePart(r.msg.part, raw)
	r.msg.part = r.msg.edit.current(r.msg.part)
	return nil
}

// replaceContent gives the message another body, and the fields that describe it. more, if
// not nil, edits the header further.
func (r *Run) replaceContent(fields []mail.Field, body []byte, more func(h *mail.HeaderEditor) error) error {
	e := r.editing()
	old := e.headerOf()
	h := old.Clone()
	h.Fields = slices.DeleteFunc(h.Fields, func(f mail.Field) bool { return mail.DescribesContent(f.Name) })
	if more != nil {
		if err := more(h); err != nil {
			return err
		}
	}
	h.Fields = append(append(h.Fields, newField("MIME-Version", "1.0")), fields...)
	raw := r.hold(e, h.Bytes(), body)
	if r.err != nil {
		return r.err
	}
	r.replaceWhole(raw)
	return nil
}

// withoutContent returns the fields of a part but those that say of what type its content
// is and how it is encoded.
func withoutContent(p *mail.Part) []mail.Field {
	return slices.DeleteFunc(slices.Clone(p.Header().Fields()), func(f mail.Field) bool {
		return strings.EqualFold(f.Name, "Content-Type") || strings.EqualFold(f.Name, "Content-Transfer-Encoding") ||
			strings.EqualFold(f.Name, "Content-MD5") || !bytes.HasSuffix(f.Raw, []byte{'\n'})
	})
}
