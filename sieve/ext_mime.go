package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// mime has header tests look at the parts of a message: at the part that foreverypart is
// at, or at the message outside of a loop, and with :anychild at all parts in it too.
// Options take fields such as Content-Type apart.
//
// Spec:   RFC 5703, section 4
// Status: complete
func init() {
	on := []string{"header", "address", "exists"}
	option := func(name string, args ...Arg) Tag {
		return Tag{Name: name, On: []string{"header"}, Args: args, Group: groupMIMEOption, Bind: needsMIME}
	}
	register(Extension{
		Name: "mime", Spec: "RFC 5703, section 4", Status: "complete",
		Limits: "1,000 parts, 32 deep; 1,000 fields of a part",

		// header [:mime [:anychild] [:type / :subtype / :contenttype / :param <names: string-list>]]
		// address, exists [:mime [:anychild]]
		Tags: []Tag{
			{Name: "mime", On: on, Bind: func(_ *Binder, c *Call, _ *TagUse) { c.pick.mime = true }},
			{Name: "anychild", On: on, Bind: func(b *Binder, c *Call, u *TagUse) {
				c.pick.below = true
				needsMIME(b, c, u)
			}},
			option("type"), option("subtype"), option("contenttype"),
			option("param", Arg{Name: "param-list", Kind: ListArgument}),
		},
	})
}

const groupMIMEOption = "MIME option"

func needsMIME(b *Binder, c *Call, u *TagUse) {
	if c.Tag("mime") == nil {
		b.Errorf(u.Span, "%q needs \":mime\"", ":"+u.Def.Name)
	}
}

// mimeOption takes what a test wants from the texts of fields.
type mimeOption func(r *Run, values []Value) []Value

// mimeOption returns what the option of a header test does, nil if there is none.
//
// Spec: RFC 5703, section 4.1
func (c *Call) mimeOption() mimeOption {
	u := c.group(groupMIMEOption)
	if u == nil {
		return nil
	}
	first := func(of func(typ, subtype string) string) mimeOption {
		return func(r *Run, values []Value) []Value {
			out := make([]Value, len(values))
			for i := range values {
				r.work(len(values[i].Text))
				s, _ := mail.ParseParams(values[i].Text)
				typ, subtype, _ := strings.Cut(s, "/")
				out[i].Text = of(strings.TrimSpace(typ), strings.TrimSpace(subtype))
			}
			return out
		}
	}
	switch u.Def.Name {
	case "type":
		return first(func(typ, _ string) string { return typ })
	case "subtype":
		return first(func(_, subtype string) string { return subtype })
	case "contenttype":
		return first(func(typ, subtype string) string {
			if subtype == "" {
				return typ
			}
			return typ + "/" + subtype
		})
	}
	names := u.Texts()
	return func(r *Run, values []Value) (out []Value) {
		for i := range values {
			r.work(len(values[i].Text))
			_, params := mail.ParseParams(values[i].Text)
			for j := range names {
				if v, ok := params[lowerASCII(names[j].Value(r))]; ok {
					out = append(out, Value{Text: v})
				}
			}
		}
		return out
	}
}
