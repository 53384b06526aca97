package runtime

import "strings"

func init() {
	register(Function{
		Name:   "bare_sender",
		Family: "address",
		Doc: "Returns an envelope sender without what is put around it on its way: the tag of BATV (`prvs=`) is taken off, and the rewriting of SRS (`SRS0`, `SRS1`) undone. " +
			"Signatures are not checked: the result says whom the sender names, not who sent. With fold, runs of digits in the local part become `#` too, as a mailing list with VERP or serial numbers in its senders " +
			"is one sender to greylists and counters. Any other address is returned as it is. A list gives a list.",
		Params: []Param{{Name: "address", Kind: Any, Doc: "envelope sender, or a list of such"},
			{Name: "fold", Kind: Bool, Optional: true, Default: false, Doc: "true: fold digits"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `bare_sender("prvs=2419a5b3c1=eve@example.org")`, Want: `"eve@example.org"`},
			{Code: `bare_sender("SRS0=HHHH=TT=example.org=eve@forward.example")`, Want: `"eve@example.org"`},
			{Code: `bare_sender("SRS1=GGGG=first.example==HHHH=TT=example.org=eve@second.example")`, Want: `"eve@example.org"`},
			{Code: `bare_sender("srs0+HHHH=TT=example.org=eve=x@forward.example")`, Want: `"eve=x@example.org"`},
			{Code: `bare_sender("bounce-12345-678@list.example", true)`, Want: `"bounce-#-#@list.example"`},
			{Code: `bare_sender("eve@example.org")`, Want: `"eve@example.org"`}, {Code: `bare_sender("SRS0=HHHH@forward.example")`, Want: `"SRS0=HHHH@forward.example"`},
			{Code: `bare_sender("")`, Want: `""`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			return each("bare_sender", a[0], func(s string) string {
				if s = bareSender(s); a.Bool(1) {
					s = foldDigits(s)
				}
				return s
			})
		},
	})
}

// bareSender undoes BATV and SRS once each.
func bareSender(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	local, domain := address[:at], address[at+1:]
	if rest, ok := cutFold(local, "prvs="); ok {
		if _, user, ok := strings.Cut(rest, "="); ok && user != "" {
			local = user
		}
	}
	rest, ok := cutFold(local, "srs0")
	if !ok {
		if rest, ok = cutFold(local, "srs1"); ok { // a signature and the first forwarder stand in front
			if _, rest, ok = strings.Cut(strings.TrimLeft(rest, "=+-"), "="); ok {
				_, rest, ok = strings.Cut(rest, "=")
			}
		}
	}
	if !ok || rest == "" || !strings.ContainsAny(rest[:1], "=+-") {
		return local + "@" + domain
	}
	// Signature, time, domain and local part.
	f := strings.SplitN(rest[1:], "=", 4)
	if len(f) < 4 || f[2] == "" || f[3] == "" {
		return local + "@" + domain
	}
	return f[3] + "@" + f[2]
}

// foldDigits puts # for each run of digits in the local part.
func foldDigits(address string) string {
	at := max(strings.LastIndexByte(address, '@'), 0)
	b := make([]byte, 0, len(address))
	for i := range at {
		switch c := address[i]; {
		case c < '0' || c > '9':
			b = append(b, c)
		case i == 0 || address[i-1] < '0' || address[i-1] > '9':
			b = append(b, '#')
		}
	}
	return string(b) + address[at:]
}

// cutFold takes a prefix off, without case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
