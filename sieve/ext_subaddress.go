package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// subaddress divides a local part into user and detail. Without a separator all of it is
// the user, and there is no detail; with nothing behind it the detail is empty.
//
// Spec:   RFC 5233
// Status: complete
func init() {
	register(Extension{
		Name: "subaddress", Spec: "RFC 5233", Status: "complete", Limits: "separator `+` unless set otherwise",
		AddressParts: []AddressPart{
			{Name: "user", Of: func(r *Run, a mail.Address) (string, bool) {
				user, _, _ := divideLocal(a.Local, r.options.Separators)
				return user, true
			}},
			{Name: "detail", Of: func(r *Run, a mail.Address) (string, bool) {
				_, detail, ok := divideLocal(a.Local, r.options.Separators)
				return detail, ok
			}},
		},
	})
}

// divideLocal divides at the first separator that stands in a local part.
func divideLocal(local string, separators []string) (user, detail string, ok bool) {
	at, size := -1, 0
	for _, s := range separators {
		if n := strings.Index(local, s); s != "" && n >= 0 && (at < 0 || n < at) {
			at, size = n, len(s)
		}
	}
	if at < 0 {
		return local, "", false
	}
	return local[:at], local[at+size:], true
}
