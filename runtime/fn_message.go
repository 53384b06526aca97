package runtime

import (
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

func init() {
	register(Function{
		Name:   "header_addresses",
		Family: "message",
		Doc:    "Returns the addresses that stand in the header fields of that name, without names and comments; what is no address is left out. At most 1000.",
		Params: []Param{fieldParam},
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_addresses("To")`, Want: `["bob@example.org", "carol@example.com"]`}, {Code: `header_addresses("Subject")`, Want: `[]`},
			{Code: `header_addresses("to")`, Want: `["bob+news@example.org", "carol@example.com"]`, Message: "parts"}},
		Call: func(e *Env, a Args) (Value, error) {
			return e.addressesIn(a.String(0), func(a *mail.Address) Value { return a.String() })
		},
	})
	register(Function{
		Name:   "header_address_parts",
		Family: "message",
		Doc: "Returns the addresses that stand in the header fields of that name as maps: `address`, its `local` part without quotes, the `domain` as it is written, the `detail` behind the first + of the local part, " +
			"the `name` decoded to text (or the comment that stands with it), and the `group` that it is in. What is not said is `\"\"`. At most 1000.",
		Params: []Param{fieldParam},
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `header_address_parts("From")`, Want: `[{"address": "alice@example.net", "local": "alice", "domain": "example.net", "detail": "", "name": "Alice Example", "group": ""}]`},
			{Code: `header_address_parts("From")`, Want: `[{"address": "joerg+work@example.net", "local": "joerg+work", "domain": "example.net", "detail": "work", "name": "Jörg", "group": ""}]`, Message: "parts"},
			{Code: `header_address_parts("To")`, Want: `[{"address": "bob+news@example.org", "local": "bob+news", "domain": "example.org", "detail": "news", "name": "Bob", "group": "Friends"}, ` +
				`{"address": "carol@example.com", "local": "carol", "domain": "example.com", "detail": "", "name": "", "group": "Friends"}]`, Message: "parts"},
			{Code: `header_address_parts("Cc")`, Want: `[]`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			return e.addressesIn(a.String(0), func(a *mail.Address) Value {
				_, detail, _ := strings.Cut(a.Local, "+")
				return map[string]Value{"address": a.String(), "local": a.Local, "domain": a.Domain, "detail": detail,
					"name": a.DisplayName(), "group": mail.DecodeWords(a.Group)}
			})
		},
	})
	register(Function{
		Name:   "subject",
		Family: "message",
		Doc:    "Returns the Subject, decoded to text; `\"\"` if there is none.",
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `subject()`, Want: `"Grüße from the example"`}, {Code: `subject()`, Want: `"Three parts"`, Message: "parts"},
			{Setup: []string{`header_replace("Subject", "new")`}, Code: `subject()`, Want: `"new"`}},
		Call: func(e *Env, _ Args) (Value, error) {
			f, err := e.field(Args{"Subject", int64(1)}, 1)
			if err != nil || f == nil {
				return "", err
			}
			return e.short(f.Text())
		},
	})
	register(Function{
		Name:   "message_id",
		Family: "message",
		Doc:    "Returns the id in the first Message-ID, without its angle brackets; `\"\"` if there is none that can be read.",
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `message_id()`, Want: `"example-1@example.net"`}, {Code: `message_id()`, Want: `"parts-1@example.net"`, Message: "parts"}},
		Call: func(e *Env, _ Args) (Value, error) {
			ids, err := e.idsIn("Message-ID")
			if err != nil || len(ids) == 0 {
				return "", err
			}
			return ids[0], nil
		},
	})
	for _, f := range []struct{ name, field, doc string }{
		{"references", "References", "Returns the ids of the messages of the thread so far, oldest first, as References tells them, without angle brackets; at most 1000."},
		{"in_reply_to", "In-Reply-To", "Returns the ids of the messages that this one answers, as In-Reply-To tells them, without angle brackets; at most 1000."},
	} {
		want := map[string]string{"references": `["first@example.org", "second@example.org"]`, "in_reply_to": `["first@example.org"]`}[f.name]
		register(Function{
			Name: f.name, Family: "message", Doc: f.doc, Result: List, Stages: reading, Trust: User,
			Examples: []Example{{Code: f.name + `()`, Want: want, Message: "parts"}, {Code: f.name + `()`, Want: `[]`}},
			Call: func(e *Env, _ Args) (Value, error) {
				ids, err := e.idsIn(f.field)
				if err != nil {
					return nil, err
				}
				return ids, nil
			},
		})
	}
	register(Function{
		Name:   "message_date",
		Family: "message",
		Doc:    "Returns the time that Date says in unix seconds, null if it says none. A sender may write what it likes there; `now` is when the message came.",
		Result: Int, Stages: reading, Trust: User,
		Examples: []Example{{Code: `message_date()`, Want: `1767225600`}, {Code: `message_date()`, Want: `1767225600`, Message: "parts"}},
		Call: func(e *Env, _ Args) (Value, error) {
			f, err := e.field(Args{"Date", int64(1)}, 1)
			if err != nil || f == nil {
				return nil, err
			}
			return dateOf(f), nil
		},
	})
	register(Function{
		Name:   "size",
		Family: "message",
		Doc:    "Returns the size of the message as it came, in octets; edits do not count.",
		Result: Int, Stages: reading, Trust: User,
		Examples: []Example{{Code: `size() > 100`, Want: `true`}, {Code: `size() > 1000`, Want: `true`, Message: "parts"}},
		Call: func(e *Env, _ Args) (Value, error) {
			if m := e.View.Mail(); m != nil {
				return m.Size(), nil
			}
			return int64(0), nil
		},
	})
}

// addressesIn returns what value makes of the addresses in the header fields of that name.
func (e *Env) addressesIn(name string, value func(a *mail.Address) Value) (Value, error) {
	h, err := e.header()
	if err != nil {
		return nil, err
	}
	out := []Value{}
	size := int64(0)
	for _, f := range h.Fields() {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		list := mail.ParseAddresses(f.Value()).Addresses
		for i := range list {
			if len(out) == maxHeaderValues {
				return out, nil
			}
			v := value(&list[i])
			size += SizeOf(v)
			if err := e.made(size); err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// idsIn returns the message ids in the first header field of that name that has any.
func (e *Env) idsIn(name string) ([]Value, error) {
	h, err := e.header()
	if err != nil {
		return nil, err
	}
	out := []Value{}
	for _, f := range h.Fields() {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		ids := mail.MessageIDs(f.Value())
		for _, id := range ids[:min(len(ids), maxHeaderValues)] {
			out = append(out, strings.Trim(id, "<>"))
		}
		if len(out) > 0 {
			break
		}
	}
	return slices.Clip(out), nil
}
