package sieve

import (
	"slices"
	"strings"
	"unicode/utf8"

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
		return u.Def.part
	}
	return g.all
}

// addressFields are the header fields that hold addresses, by their names in upper case.
var addressFields = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`from sender reply-to to cc bcc
		resent-from resent-sender resent-reply-to resent-to resent-cc resent-bcc
		return-path delivered-to envelope-to envelope-from x-envelope-to x-envelope-from x-original-to original-to
		errors-to apparently-to for-approval mail-followup-to mail-reply-to followup-to abuse-reports-to approved
		disposition-notification-to return-receipt-to x-beenthere x-sender x-rcpt-to x-forwarded-to x-forwarded-for
		list-owner list-post x-sieve-redirected-from original-recipient final-recipient x-delivered-to x-resent-to`) {
		addressFields[upperASCII(name)] = true
	}
}

// isAddressField says whether a header field holds addresses. Its name has no case.
func isAddressField(name string) bool {
	var room [64]byte
	return addressFields[string(upperInto(room[:0], name))]
}

// setPath makes the addresses that of an envelope path. "" is the null reverse-path.
func (l *addresses) setPath(path string) {
	if path == "" {
		l.null = true
		return
	}
	a, err := mail.ParseAddress(path)
	if err != nil {
		// The peer's address is taken as it is: its last @ divides it.
		a = mail.Address{Local: path}
		if i := strings.LastIndexByte(path, '@'); i >= 0 {
			a = mail.Address{Local: path[:i], Domain: path[i+1:]}
		}
	}
	l.one[0] = a
	l.list = l.one[:]
}

// sieveAddress reads the address of a command such as redirect: addr-spec, or a phrase
// with the address in angle brackets. Blanks may stand around its parts, and dots anywhere in
// the local part, as there are such addresses; what is returned is written as it should be.
//
// Spec: RFC 5228, section 2.4.2.3 (sieve-address)
func sieveAddress(s string) (string, error) {
	bad := matchError("\"" + clip(s) + "\" is no mail address")
	spec := strings.Trim(s, " \t\r\n")
	if open := strings.LastIndexByte(spec, '<'); open >= 0 && strings.HasSuffix(spec, ">") {
		inner := spec[open+1 : len(spec)-1]
		list := mail.ParseAddresses(spec[:open] + "<a@b.example>")
		if list.Broken || len(list.Entries) != 1 || len(list.Addresses) != 1 {
			return "", bad
		}
		spec = strings.Trim(inner, " \t\r\n")
	}
	at := strings.LastIndexByte(spec, '@')
	if at < 0 {
		return "", bad
	}
	local, domain := strings.TrimRight(spec[:at], " \t"), strings.TrimLeft(spec[at+1:], " \t")
	a, err := mail.ParseAddress("x@" + domain)
	if err != nil {
		return "", bad
	}
	switch {
	case strings.HasPrefix(local, `"`):
		quoted, err := mail.ParseAddress(local + "@b.example")
		if err != nil {
			return "", bad
		}
		a.Local = quoted.Local
	case local == "" || strings.Trim(local, ".") == "" || !isAtoms(local) || len(local) > 64:
		return "", bad
	default:
		a.Local = local
	}
	return a.String(), nil
}

// outgoing reads an address as sieveAddress does, and refuses UTF-8 where it cannot be sent.
func (o *Options) outgoing(s string) (string, error) {
	a, err := sieveAddress(s)
	if err == nil && o.ASCIIAddresses && !isASCII(a) {
		return "", matchError("\"" + clip(s) + "\" is no mail address: it has characters beyond ASCII")
	}
	return a, err
}

// isAtoms says whether a text holds atoms and dots only.
//
// Spec: RFC 5322, section 3.2.3; RFC 6532, section 3.2
func isAtoms(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>[]:;@\,"`, r)
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// withoutUTF8 takes addresses with UTF-8 as if they could not be read.
func withoutUTF8(list mail.AddressList) mail.AddressList {
	utf8 := func(a mail.Address) bool { return !isASCII(a.Local) || !isASCII(a.Domain) }
	if len(list.Addresses) > 0 && utf8(list.Addresses[0]) {
		return mail.AddressList{Broken: true}
	}
	list.Addresses = slices.DeleteFunc(list.Addresses, utf8)
	return list
}

// nobody says that a list holds no address at all, and no group either: it is taken as one
// text, also when it is empty.
func nobody(list mail.AddressList) bool {
	return len(list.Addresses) == 0 && !slices.ContainsFunc(list.Entries, func(e mail.Entry) bool { return e.Kind != mail.EntryAddress })
}
