package runtime

import (
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

func init() {
	address := Param{Name: "address", Kind: String, Doc: "address, without name and brackets"}
	register(Function{
		Name:   "is_email",
		Family: "address",
		Doc: "Says whether text is an address, and nothing else, whose domain has a dot. Quoted local parts, domains in brackets and " +
			"letters beyond ASCII are lawful; names, angle brackets, comments and blanks are not.",
		Params: []Param{textParam},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `is_email("eve@example.org")`, Want: `true`}, {Code: `is_email("eve@localhost")`, Want: `false`},
			{Code: `is_email("eve+tag@mail.example.org")`, Want: `true`}, {Code: `is_email("Eve <eve@example.org>")`, Want: `false`},
			{Code: `is_email("\"eve smith\"@example.org")`, Want: `true`}, {Code: `is_email("eve@[192.0.2.1]")`, Want: `true`},
			{Code: `is_email("eve@example..org")`, Want: `false`}, {Code: `is_email("jörg@grün.example")`, Want: `true`},
			{Code: `is_email("")`, Want: `false`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			addr, err := mail.ParseAddress(a.String(0))
			return err == nil && strings.Contains(addr.Domain, "."), nil
		},
	})
	register(Function{
		Name:   "email_part",
		Family: "address",
		Doc: "Returns a part of an address: what stands in front of the last @ (`local`) or behind it (`domain`), or the local part up to its " +
			"first + (`user`) or behind it (`detail`). Blanks around it are taken off, nothing else is changed. " +
			"`\"\"` if there is no such part. A list gives a list.",
		Params: []Param{{Name: "address", Kind: Any, Doc: "address, without name and brackets, or a list of such"},
			{Name: "part", Kind: String, Doc: "`local`, `domain`, `user` or `detail`"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `email_part("eve@example.org", "domain")`, Want: `"example.org"`}, {Code: `email_part("eve@example.org", "local")`, Want: `"eve"`},
			{Code: `email_part("eve+news@example.org", "user")`, Want: `"eve"`}, {Code: `email_part("eve+news@example.org", "detail")`, Want: `"news"`},
			{Code: `email_part("eve@example.org", "detail")`, Want: `""`}, {Code: `email_part("\"a@b\"@example.org", "domain")`, Want: `"example.org"`},
			{Code: `email_part("postmaster", "local")`, Want: `""`}, {Code: `email_part(["a@x.org", "b@y.org"], "domain")`, Want: `["x.org", "y.org"]`},
			{Code: `email_part("eve@example.org", "host")`, Error: `email_part: unknown part "host"; known are local, domain, user, detail`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			part := a.String(1)
			if !contains([]string{"local", "domain", "user", "detail"}, part) {
				return nil, fmt.Errorf("email_part: unknown part %q; known are local, domain, user, detail", cut(part, 40))
			}
			return each("email_part", a[0], func(s string) string { return emailPart(s, part) })
		},
	})
	register(Function{
		Name:   "is_local_address",
		Family: "address",
		Doc:    "Says whether mail for the address is delivered here.",
		Params: []Param{address},
		Result: Bool, Effect: Reads, Trust: User,
		Examples: []Example{{Code: `is_local_address("nobody@elsewhere.invalid")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			if e.live.IsLocal == nil {
				return false, nil
			}
			return bools(e.live.IsLocal(e.Context, a.String(0)))
		},
	})
	register(Function{
		Name:   "thread_name",
		Family: "address",
		Doc: "Returns the base subject of a subject (RFC 5256): without `Re:`, `Fwd:`, `(fwd)` and the tags of lists in front, blanks joined. " +
			"Marks that mail programs write in other languages (`AW:`, `SV:`, `Antw:`, `回复：`) and numbered ones (`Re[2]:`) are taken off too. A list gives a list.",
		Params: []Param{{Name: "subject", Kind: Any, Doc: "decoded subject, or a list of such"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `thread_name("Re: Fwd: lunch")`, Want: `"lunch"`}, {Code: `thread_name("[list] RE: [list] lunch (fwd)")`, Want: `"lunch"`},
			{Code: `thread_name("AW: WG: Mittag")`, Want: `"Mittag"`}, {Code: `thread_name("Re[2]: lunch")`, Want: `"lunch"`},
			{Code: `thread_name("[Fwd: lunch]")`, Want: `"lunch"`}, {Code: `thread_name("[urgent]")`, Want: `"[urgent]"`},
			{Code: `thread_name("Reply: lunch")`, Want: `"Reply: lunch"`}, {Code: `thread_name("Re:")`, Want: `""`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return each("thread_name", a[0], mail.ThreadName) },
	})
}

func emailPart(s, part string) string {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return ""
	}
	local, domain := strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:])
	user, detail, _ := strings.Cut(local, "+")
	switch part {
	case "local":
		return local
	case "user":
		return user
	case "detail":
		return detail
	}
	return domain
}
