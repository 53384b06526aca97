package sieve

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// enclose makes the message an attachment of a new one, behind a text. What follows in the
// script sees the new message; a redirect sends the one that was enclosed.
//
// The new message has the fields that :headers names from the enclosed one, and From, To,
// Cc and Date where it does not name them, so that it can be read like the old one.
//
// Spec:   RFC 5703, section 6
// Status: complete
func init() {
	register(Extension{
		Name: "enclose", Spec: "RFC 5703, section 6", Status: "complete", Limits: "the messages that a run makes count against its memory",

		// enclose [:subject string] [:headers string-list] <text: string>
		Commands: []Command{{
			Name: "enclose", Args: []Arg{{Name: "text", Kind: StringArgument}},
			Tags: []Tag{
				{Name: "subject", Args: []Arg{{Name: "text", Kind: StringArgument}}},
				{Name: "headers", Args: []Arg{{Name: "header-names", Kind: ListArgument}}},
			},
			Bind: bindEnclose,
		}},
	})
}

func bindEnclose(b *Binder, c *Call) Do {
	text, subject := c.Text("text"), c.optionalText("subject")
	var copied []Text
	if u := c.Tag("headers"); u != nil {
		copied = u.Texts()
	}
	for _, t := range copied {
		b.fieldName(t)
	}
	return func(r *Run) error {
		if r.view.Mail() == nil {
			return nil
		}
		names := make([]string, 0, len(copied)+8)
		for i := range copied {
			names = append(names, copied[i].Value(r))
		}
		for _, name := range []string{"Return-Path", "Received", "From", "To", "Cc", "Date"} {
			if !containsFold(names, name) {
				names = append(names, name)
			}
		}
		s := text.Value(r)
		if err := r.task.Output(len(s)); err != nil {
			return err
		}
		return r.enclose(s, names, subject)
	}
}

// enclose makes the message a part of a new one.
func (r *Run) enclose(text string, copied []string, subject *Text) error {
	e := r.editing()
	old := e.message(r)
	bare := e.bare
	if bare == nil {
		bare = e.versionNow(r)
	}
	if r.err != nil {
		return r.err
	}
	raw := old.Raw()
	if len(raw) > 0 && bytes.IndexByte(raw, '\n') < 0 {
		raw = append(bytes.Clone(raw), "\r\n"...)
	}
	delim := boundary(append([]byte(text), raw...))
	encoding := "7bit"
	if high(raw) || !onlyASCII(text) {
		encoding = "8bit"
	}
	h := mail.NewHeaderEditor()
	var title string
	for _, f := range old.Header().Fields() {
		if containsFold(copied, f.Name) && !mail.DescribesContent(f.Name) && !strings.EqualFold(f.Name, "Message-ID") {
			h.Fields = append(h.Fields, f)
		}
		if strings.EqualFold(f.Name, "Subject") && title == "" {
			title = f.Text()
		}
	}
	if subject != nil {
		title = subject.Value(r)
	}
	h.Set("Subject", title)
	if !slices.ContainsFunc(h.Fields, func(f mail.Field) bool { return strings.EqualFold(f.Name, "Date") }) {
		h.Set("Date", mailDate(r.view.Time))
	}
	h.Set("Message-ID", r.messageID(raw))
	h.Set("MIME-Version", "1.0")
	h.Set("Content-Type", fmt.Sprintf("multipart/mixed; boundary=\"%s\"", delim))
	h.Set("Content-Transfer-Encoding", encoding)
	first := entity(textContent("plain", text, false))
	made := r.hold(e, h.Bytes(), []byte("--"+delim+"\r\n"), first, []byte("\r\n--"+delim+"\r\n"+
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "+encoding+"\r\nContent-Disposition: attachment\r\n\r\n"),
		raw, []byte("\r\n--"+delim+"--\r\n"))
	if r.err != nil {
		return r.err
	}
	r.replaceWhole(made)
	e.bare = bare
	return nil
}

// high says whether some octet is not ASCII.
func high(b []byte) bool {
	return slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 })
}
