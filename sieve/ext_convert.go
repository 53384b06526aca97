package sieve

import (
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/html"
	"github.com/sluice-mail/sluice/mail"
)

// convert makes parts of one media type parts of another one: text/plain of text/html, and
// the other way round. In a loop it looks at the part that foreverypart is at, else at all
// parts. As a test it says whether there was such a part and each could be converted; as a
// command it says nothing.
//
// A parameter charset may ask for utf-8, which is what all that is converted is in. With
// other parameters nothing is converted, as they cannot be met.
//
// Spec:   RFC 6558
// Status: text/plain and text/html
func init() {
	args := []Arg{
		{Name: "quoted-from-media-type", Kind: StringArgument}, {Name: "quoted-to-media-type", Kind: StringArgument},
		{Name: "transcoding-params", Kind: ListArgument},
	}
	register(Extension{
		Name: "convert", Spec: "RFC 6558", Status: "`text/plain` to `text/html` and back, into UTF-8; what else is asked for cannot be converted",
		Limits: "the messages that a run makes count against its memory",

		// convert <quoted-from-media-type: string> <quoted-to-media-type: string> <transcoding-params: string-list>
		Commands: []Command{{Name: "convert", Args: args, Bind: func(b *Binder, c *Call) Do {
			convert := bindConvert(b, c)
			if convert == nil {
				return nil
			}
			return func(r *Run) error {
				_, err := convert(r)
				return err
			}
		}}},
		Tests: []Test{{Name: "convert", Args: args, Bind: bindConvert}},
	})
}

func bindConvert(b *Binder, c *Call) Check {
	from, to, params := c.Text("quoted-from-media-type"), c.Text("quoted-to-media-type"), c.Texts("transcoding-params")
	for _, t := range []Text{from, to} {
		if s, ok := t.Constant(); ok && !isMediaType(s) {
			b.Errorf(t.Span, "%q is no media type; expected one such as \"text/html\"", clip(s))
		}
	}
	return func(r *Run) (bool, error) {
		source, target := lowerASCII(from.Value(r)), lowerASCII(to.Value(r))
		for i := range params {
			if !metParam(params[i].Value(r)) {
				return false, r.err
			}
		}
		return r.convert(source, target)
	}
}

func isMediaType(s string) bool {
	a, b, ok := strings.Cut(s, "/")
	return ok && checkFieldName(a) == nil && checkFieldName(b) == nil && !strings.Contains(b, "/")
}

// metParam says whether a parameter of a conversion asks for what is done anyway, or for
// nothing.
func metParam(s string) bool {
	if strings.TrimSpace(s) == "" {
		return true
	}
	name, value, _ := strings.Cut(s, "=")
	value = strings.Trim(strings.TrimSpace(value), `"`)
	return strings.EqualFold(strings.TrimSpace(name), "charset") && (strings.EqualFold(value, "utf-8") || strings.EqualFold(value, "utf8"))
}

// conversions are the texts that can be made of others.
var conversions = map[[2]string]func(string) string{
	{"text/html", "text/plain"}: func(s string) string { return html.Text(s) + "\n" },
	{"text/plain", "text/html"}: html.FromText,
}

// convert converts the part that a loop is at, or all parts.
func (r *Run) convert(from, to string) (bool, error) {
	do := conversions[[2]string{from, to}]
	if do == nil || r.view.Mail() == nil {
		return false, nil
	}
	_, subtype, _ := strings.Cut(to, "/")
	var parts []*mail.Part
	if r.msg.part != nil {
		parts = []*mail.Part{r.msg.part}
	} else {
		r.settleParts()
		parts = slices.Collect(r.structure().Root().All())
	}
	parts = slices.DeleteFunc(parts, func(p *mail.Part) bool {
		t := r.textOf(p)
		return t.typ+"/"+t.subtype != from || p.Multipart() || p.Message != nil
	})
	if slices.ContainsFunc(parts, func(p *mail.Part) bool { return !r.textOf(p).readable }) {
		return false, nil // all of them, or none
	}
	for _, p := range parts {
		t := r.textOf(p)
		s := t.decoded(r, p).Text
		if r.work(len(s)) {
			return false, r.err
		}
		text := do(s)
		fields, body := textContent(subtype, text, r.boundaryIn(p, text))
		var err error
		if r.isRoot(p) {
			h := withoutContent(p)
			h = slices.DeleteFunc(h, func(f mail.Field) bool {
				return !mail.DescribesContent(f.Name) || strings.EqualFold(f.Name, "MIME-Version")
			})
			return true, r.replaceContent(append(h, fields...), body, nil)
		}
		raw := r.hold(r.editing(), entity(append(withoutContent(p), fields...), body))
		if err = r.err; err != nil {
			return false, err
		}
		r.replacePart(p, raw)
		if r.msg.part == p {
			r.msg.part = r.msg.edit.current(p)
		}
	}
	return len(parts) > 0, r.err
}
