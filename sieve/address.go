package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

const groupAddressPart = "address part"

// The address parts of the base language.
//
// Spec: RFC 5228, section 2.7.4
func init() {
	register(Extension{AddressParts: []AddressPart{
		{Name: "all", Whole: true, Of: func(_ *Run, a mail.Address) (string, bool) { return a.String(), true }},
		{Name: "localpart", Of: func(_ *Run, a mail.Address) (string, bool) { return a.Local, true }},
		{Name: "domain", Of: func(_ *Run, a mail.Address) (string, bool) { return a.Domain, true }},
	}})
}

// AddressPart returns the address part that a test asks for, :all by default. The test must
// have been declared with AddressPart.
func (c *Call) AddressPart() *AddressPart {
	g := c.binder.lang.registry
	if u := c.group(groupAddressPart); u != nil {
		return g.parts[u.Def.Name].def
	}
	return g.parts["all"].def
}

// addressFields are the header fields that hold addresses.
var addressFields = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`from sender reply-to to cc bcc
		resent-from resent-sender resent-reply-to resent-to resent-cc resent-bcc
		return-path delivered-to envelope-to envelope-from x-envelope-to x-envelope-from x-original-to original-to
		errors-to apparently-to for-approval mail-followup-to mail-reply-to followup-to abuse-reports-to approved
		disposition-notification-to return-receipt-to x-beenthere x-sender x-rcpt-to x-forwarded-to x-forwarded-for
		list-owner list-post x-sieve-redirected-from original-recipient final-recipient x-delivered-to x-resent-to`) {
		addressFields[name] = true
	}
}

// pathAddresses returns the addresses of an envelope path. "" is the null reverse-path.
func pathAddresses(path string) addresses {
	if path == "" {
		return addresses{known: true, null: true}
	}
	a, err := mail.ParseAddress(path)
	if err != nil {
		// The peer's address is taken as it is: its last @ divides it.
		a = mail.Address{Local: path}
		if i := strings.LastIndexByte(path, '@'); i >= 0 {
			a = mail.Address{Local: path[:i], Domain: path[i+1:]}
		}
	}
	return addresses{known: true, list: []mail.Address{a}}
}

// sieveAddress reads the address of a command such as redirect: addr-spec, or a phrase
// with the address in angle brackets.
//
// Spec: RFC 5228, section 2.4.2.3 (sieve-address)
func sieveAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	if open := strings.LastIndexByte(s, '<'); open >= 0 && strings.HasSuffix(s, ">") {
		list := mail.ParseAddresses(s)
		inner := s[open+1 : len(s)-1]
		if a, err := mail.ParseAddress(inner); err == nil && !list.Broken && len(list.Addresses) == 1 && list.Addresses[0].Group == "" {
			return a.String(), nil
		}
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		return "", matchError("\"" + clip(s) + "\" is no mail address")
	}
	return a.String(), nil
}
