package runtime

import (
	"github.com/sluice-mail/sluice/html"
	"github.com/sluice-mail/sluice/mail"
)

func init() {
	for _, f := range []struct {
		name, doc string
		kept      func(c *content) **string
		build     func(m *mail.Message) string
		examples  []Example
	}{
		{"body_text", "Returns the first part of type text/plain that is no attachment, decoded to text, or else the first of type text; `\"\"` if there is none. At most what a run may make of text.",
			func(c *content) **string { return &c.body }, bodyText,
			[]Example{{Code: `body_text()`, Want: `"Hello Bob,\r\n1/2 price?\r\n"`}, {Code: `body_text()`, Want: `"Hello Bob"`, Message: "parts"}, {Code: `len(body_text())`, Want: `24`}}},
		{"body_html", "Returns the first part of type text/html that is no attachment, decoded to text and with its markup; `\"\"` if there is none. At most what a run may make of text.",
			func(c *content) **string { return &c.html },
			func(m *mail.Message) string { return textOf(firstBody(m, "html")) },
			[]Example{{Code: `body_html()`, Want: `"<p>Hello <b>Bob</b></p>"`, Message: "parts"}, {Code: `body_html()`, Want: `""`}}},
		{"body_to_text", "Returns what a person reads of the message: the first part of type text/plain, or else the text of the first of type text/html without its markup; `\"\"` if there is neither. At most what a run may make of text.",
			func(c *content) **string { return &c.plain },
			func(m *mail.Message) string {
				if p := firstBody(m, "plain"); p != nil {
					return p.Text()
				}
				return html.Text(textOf(firstBody(m, "html")))
			},
			[]Example{{Code: `body_to_text()`, Want: `"Hello Bob,\r\n1/2 price?\r\n"`}, {Code: `body_to_text()`, Want: `"Hello Bob"`, Message: "parts"}}},
	} {
		register(Function{
			Name: f.name, Family: "message", Doc: f.doc, Result: String, Stages: reading, Trust: User, Examples: f.examples,
			Call: func(e *Env, _ Args) (Value, error) { return e.text(f.kept(&e.run.content), f.build) },
		})
	}
}

func textOf(p *mail.Part) string {
	if p == nil {
		return ""
	}
	return p.Text()
}

// firstBody returns the first part of the type text that is no attachment, nil if there is none.
func firstBody(m *mail.Message, subtype string) *mail.Part {
	for p := range m.Root().All() {
		if p.Type == "text" && p.Subtype == subtype && p.Disposition != "attachment" {
			return p
		}
	}
	return nil
}

func bodyText(m *mail.Message) string {
	var other *mail.Part
	for p := range m.Root().All() {
		if p.Type != "text" || p.Disposition == "attachment" {
			continue
		}
		if p.Subtype == "plain" {
			return p.Text()
		}
		if other == nil {
			other = p
		}
	}
	return textOf(other)
}
