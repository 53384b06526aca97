package runtime

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// reading are the stages at which there is a message to read.
var reading = []Stage{StageData, StageDeliver, StageIMAP}

// maxHeaderValues bounds the values of one field that a script gets.
const maxHeaderValues = 1000

func init() {
	name := Param{Name: "name", Kind: String, Doc: "name of the header field, without case"}
	register(Function{
		Name:   "header",
		Family: "message",
		Doc:    "Returns the first header field of that name, decoded to text; `\"\"` if there is none.",
		Params: []Param{name},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header("Subject")`, Want: `"Grüße from the example"`}, {Code: `header("X-Absent")`, Want: `""`}},
		Call: func(e *Env, a Args) (Value, error) {
			return firstText(e.View, a.String(0)), nil
		},
	})
	register(Function{
		Name:   "header_all",
		Family: "message",
		Doc:    "Returns all header fields of that name in order, decoded to text.",
		Params: []Param{name},
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_all("X-Tag")`, Want: `["one", "two"]`}},
		Call: func(e *Env, a Args) (Value, error) {
			out := []Value{}
			if m := e.View.Mail(); m != nil {
				for _, s := range m.Header().Texts(a.String(0)) {
					if len(out) < maxHeaderValues {
						out = append(out, s)
					}
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "header_exists",
		Family: "message",
		Doc:    "Says whether there is a header field of that name, even an empty one.",
		Params: []Param{name},
		Result: Bool, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_exists("List-Id")`, Want: `true`}},
		Call: func(e *Env, a Args) (Value, error) {
			m := e.View.Mail()
			return m != nil && m.Header().Has(a.String(0)), nil
		},
	})
	register(Function{
		Name:   "header_addresses",
		Family: "message",
		Doc:    "Returns the addresses that stand in the header fields of that name, without names and comments.",
		Params: []Param{name},
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_addresses("To")`, Want: `["bob@example.org", "carol@example.com"]`}},
		Call: func(e *Env, a Args) (Value, error) {
			out := []Value{}
			m := e.View.Mail()
			if m == nil {
				return out, nil
			}
			for _, v := range m.Header().Values(a.String(0)) {
				for _, addr := range mail.ParseAddresses(v).Addresses {
					if len(out) < maxHeaderValues {
						out = append(out, addr.String())
					}
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "subject",
		Family: "message",
		Doc:    "Returns the Subject, decoded to text; `\"\"` if there is none.",
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `subject()`, Want: `"Grüße from the example"`}},
		Call:     func(e *Env, _ Args) (Value, error) { return firstText(e.View, "Subject"), nil },
	})
	register(Function{
		Name:   "body_text",
		Family: "message",
		Doc:    "Returns the first part of type text/plain, decoded to text, or else the first of type text; `\"\"` if there is none. At most what a run may make of text.",
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `body_text()`, Want: `"Hello Bob,\r\n1/2 price?\r\n"`}},
		Call:     func(e *Env, _ Args) (Value, error) { return e.run.bodyText(), nil },
	})
	register(Function{
		Name:   "attachment_names",
		Family: "message",
		Doc:    "Returns the file names that the parts of the message have, decoded to text.",
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `attachment_names()`, Want: `[]`}},
		Call: func(e *Env, _ Args) (Value, error) {
			out := []Value{}
			if m := e.View.Mail(); m != nil {
				for p := range m.Root().All() {
					if n := p.Filename(); n != "" && len(out) < maxHeaderValues {
						out = append(out, n)
					}
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "size",
		Family: "message",
		Doc:    "Returns the size of the message as it came, in octets.",
		Result: Int, Stages: reading, Trust: User,
		Examples: []Example{{Code: `size() > 100`, Want: `true`}},
		Call: func(e *Env, _ Args) (Value, error) {
			if m := e.View.Mail(); m != nil {
				return m.Size(), nil
			}
			return int64(0), nil
		},
	})
	register(Function{
		Name:   "mailbox_exists",
		Family: "message",
		Doc:    "Says whether the recipient's account has a mailbox of that path.",
		Params: []Param{{Name: "mailbox", Kind: String, Doc: "path, its parts separated by `/`"}},
		Result: Bool, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `mailbox_exists("No/Such")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			if e.live.Mailboxes == nil {
				return false, nil
			}
			return bools(e.live.Mailboxes(e.Context, e.View.Rcpt.Account, a.String(0)))
		},
	})
}

func firstText(v *View, name string) string {
	if m := v.Mail(); m != nil {
		for _, f := range m.Header().Fields() {
			if strings.EqualFold(f.Name, name) {
				return f.Text()
			}
		}
	}
	return ""
}

// bodyText returns what body_text does. It is made once a run, and what was cut off is not kept.
func (r *run) bodyText() string {
	if r.body == nil {
		all := bodyText(r.view)
		s := cut(all, int(r.limits.Output))
		if len(s) < len(all) {
			s = strings.Clone(s)
		}
		r.body = &s
	}
	return *r.body
}

func bodyText(v *View) string {
	m := v.Mail()
	if m == nil {
		return ""
	}
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
	if other == nil {
		return ""
	}
	return other.Text()
}
