package runtime

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// receivedParts are the parts of a Received field under the names that scripts know.
var receivedParts = []struct {
	name  string
	value func(r *mail.Received) Value
}{
	{"from", func(r *mail.Received) Value { return r.From }},
	{"from.name", func(r *mail.Received) Value { return nameOnly(r.From) }},
	{"from.ip", func(r *mail.Received) Value { return addrText(r.FromIP) }},
	{"ip", func(r *mail.Received) Value { return addrText(r.FromIP) }},
	{"iprev", func(r *mail.Received) Value { return r.PTR }},
	{"helo", func(r *mail.Received) Value { return r.Helo }},
	{"ident", func(r *mail.Received) Value { return r.Ident }},
	{"by", func(r *mail.Received) Value { return r.By }},
	{"by.name", func(r *mail.Received) Value { return nameOnly(r.By) }},
	{"by.ip", func(r *mail.Received) Value { return addrText(r.ByIP) }},
	{"via", func(r *mail.Received) Value { return r.Via }},
	{"with", func(r *mail.Received) Value { return r.With }},
	{"tls", func(r *mail.Received) Value { return r.TLS }},
	{"cipher", func(r *mail.Received) Value { return r.Cipher }},
	{"id", func(r *mail.Received) Value { return r.ID }},
	{"for", func(r *mail.Received) Value { return r.For }},
	{"date", func(r *mail.Received) Value {
		if r.Date.IsZero() {
			return nil
		}
		return r.Date.Unix()
	}},
	{"date.raw", func(r *mail.Received) Value { return r.DateRaw }},
}

func init() {
	index := Param{Name: "index", Kind: Int, Doc: "which Received field: 1 is the first from the top, written last; -1 the last, written first"}
	var names []string
	for _, p := range receivedParts {
		names = append(names, p.name)
	}
	register(Function{
		Name:   "received_part",
		Family: "message",
		Doc: "Returns a part of a Received field: `from` (the name that the client gave), `from.ip` or `ip` (its address), `iprev` (the name of that address in DNS), `helo`, `ident`, `by`, `by.ip`, `via`, `with` (the protocol), " +
			"`tls` (the version such as TLSv1.3, or TLS where only the protocol says so), `cipher`, `id`, `for`, `date` (unix seconds) or `date.raw`. A part that is not told is `\"\"`, the date null; so is all of a field that is not there. " +
			"It reads what the common servers write, and believes it: only the fields of one's own servers, at the top, cannot be forged.",
		Params: []Param{index, {Name: "part", Kind: String, Doc: strings.Join(names, ", ")}},
		Result: Any, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `received_part(1, "from")`, Want: `"relay.example.net"`, Message: "parts"},
			{Code: `received_part(1, "ip")`, Want: `"192.0.2.25"`, Message: "parts"},
			{Code: `received_part(1, "iprev")`, Want: `"mx.example.net"`, Message: "parts"},
			{Code: `received_part(1, "tls")`, Want: `"TLSv1.3"`, Message: "parts"},
			{Code: `received_part(1, "for")`, Want: `"bob@example.org"`, Message: "parts"},
			{Code: `received_part(-1, "date")`, Want: `1767225603`, Message: "parts"},
			{Code: `received_part(2, "with")`, Want: `"esmtpsa"`, Message: "parts"},
			{Code: `received_part(1, "from")`, Want: `""`},
			{Code: `received_part(1, "date")`, Want: `null`},
			{Code: `received_part(1, "colour")`, Error: `received_part: unknown part "colour"; known are ` + strings.Join(names, ", ")},
		},
		Call: func(e *Env, a Args) (Value, error) {
			i := slices.Index(names, strings.ToLower(a.String(1)))
			if i < 0 {
				return nil, fmt.Errorf("unknown part %q; known are %s", cut(a.String(1), 40), strings.Join(names, ", "))
			}
			f, err := e.field(Args{"Received", a[0]}, 1)
			if err != nil {
				return nil, fmt.Errorf("argument 1 (index): 0 is no index; the first is 1, the last -1")
			}
			var r mail.Received
			if f != nil {
				r, _ = mail.ParseReceived(f.Value())
			}
			return receivedParts[i].value(&r), nil
		},
	})
	register(Function{
		Name:   "received",
		Family: "message",
		Doc:    "Returns all parts of a Received field that it tells, as a map under the names that `received_part` has; null if there is no such field.",
		Params: []Param{index},
		Result: Map, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `received(2)`, Want: `{"from": "laptop.example.net", "from.name": "laptop.example.net", "from.ip": "198.51.100.7", "ip": "198.51.100.7", "iprev": "laptop.example.net", "helo": "laptop", ` +
				`"by": "relay.example.net", "by.name": "relay.example.net", "with": "esmtpsa", "tls": "TLS", "id": "1vexample", "date": 1767225603, "date.raw": "Thu, 1 Jan 2026 01:00:03 +0100"}`, Message: "parts"},
			{Code: `received(3)`, Want: `null`, Message: "parts"},
			{Code: `received(1)`, Want: `null`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			f, err := e.field(Args{"Received", a[0]}, 1)
			if err != nil {
				return nil, fmt.Errorf("argument 1 (index): 0 is no index; the first is 1, the last -1")
			}
			if f == nil {
				return nil, nil
			}
			r, _ := mail.ParseReceived(f.Value())
			out := map[string]Value{}
			for _, p := range receivedParts {
				if v := p.value(&r); v != nil && v != "" {
					out[p.name] = v
				}
			}
			return out, nil
		},
	})
}

func addrText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// nameOnly returns a host name, "" for an address.
func nameOnly(s string) string {
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil || strings.HasPrefix(s, "[") {
		return ""
	}
	return s
}
