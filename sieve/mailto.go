package sieve

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mail"
)

// mailtoURI is what a mailto: URI says.
//
// Spec: RFC 6068
type mailtoURI struct {
	to, cc, bcc   []mail.Address
	subject, body *string
	fields        [][2]string // other fields, names as they are written
}

// maxMailtoFields bounds the fields of a mailto: URI.
const maxMailtoFields = 16

// ownFields are fields that a URI cannot set, with those that begin with resent- and content-.
//
// Spec: RFC 5436, section 2.7
var ownFields = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`from sender reply-to to cc bcc subject date message-id in-reply-to references
		received return-path auto-submitted precedence mime-version x-sieve importance x-priority delivered-to`) {
		ownFields[name] = true
	}
}

// parseMailto reads a URI whose scheme is mailto.
func parseMailto(s string) (*mailtoURI, error) {
	if len(s) > 64<<10 {
		return nil, matchError("the URI is too long")
	}
	_, rest, _ := strings.Cut(s, ":")
	to, query, more := strings.Cut(rest, "?")
	u := &mailtoURI{}
	if to != "" {
		if err := u.recipients(&u.to, to, "recipient"); err != nil {
			return nil, err
		}
	}
	if more {
		for i, part := range strings.Split(query, "&") {
			if i == maxMailtoFields {
				return nil, matchError("the URI has too many fields")
			}
			if err := u.field(part); err != nil {
				return nil, err
			}
		}
	}
	if len(u.to)+len(u.cc)+len(u.bcc) == 0 {
		return nil, matchError("the URI names no recipient")
	}
	return u, nil
}

// field reads one field of the query.
func (u *mailtoURI) field(part string) error {
	rawName, rawValue, ok := strings.Cut(part, "=")
	if !ok {
		return matchError("\"" + clip(part) + "\" is no field of a URI; expected name=value")
	}
	name, err := unescape(rawName, "!$'()*+,;:@")
	if err != nil {
		return err
	}
	if checkHeaderName(name) != nil {
		return matchError("\"" + clip(name) + "\" is no name of a header field")
	}
	value, err := unescape(rawValue, "!$'()*+,;:@/?=")
	if err != nil {
		return err
	}
	switch lower := lowerASCII(name); {
	case lower == "to":
		return u.addresses(&u.to, value, name)
	case lower == "cc":
		return u.addresses(&u.cc, value, name)
	case lower == "bcc":
		return u.addresses(&u.bcc, value, name)
	case lower == "subject":
		u.subject = &value
	case lower == "body":
		u.body = &value
	case !ownFields[lower] && !strings.HasPrefix(lower, "resent-") && !strings.HasPrefix(lower, "content-"):
		u.fields = append(u.fields, [2]string{name, value})
	}
	return nil
}

// recipients reads the part in front of the question mark.
func (u *mailtoURI) recipients(list *[]mail.Address, s, what string) error {
	value, err := unescape(s, "!$'*+,@")
	if err != nil {
		return err
	}
	return u.addresses(list, value, what)
}

func (u *mailtoURI) addresses(list *[]mail.Address, value, what string) error {
	got := mail.ParseAddresses(oneLine(value))
	if got.Broken || len(got.Entries) != len(got.Addresses) || len(got.Addresses) == 0 {
		return matchError(what + " \"" + clip(value) + "\" is no mail address")
	}
	for _, a := range got.Addresses {
		if _, err := mail.ParseAddress(a.String()); err != nil {
			return matchError(what + " \"" + clip(a.String()) + "\" is no mail address")
		}
	}
	*list = append(*list, got.Addresses...)
	return nil
}

// unescape undoes the escapes of a part of a URI, which may hold letters, digits, -._~
// and some others.
//
// Spec: RFC 3986, section 2.1
func unescape(s, others string) (string, error) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		ok := isLetter(c) || '0' <= c && c <= '9' || strings.IndexByte("-._~%", c) >= 0 || strings.IndexByte(others, c) >= 0
		if !ok {
			return "", matchError("the URI may not hold " + quoteByte(c) + "; expected it as %" + hexByte(c))
		}
	}
	out, err := url.PathUnescape(s)
	if err != nil {
		return "", matchError("the URI has a broken escape: " + clip(s))
	}
	return out, nil
}

func hexByte(c byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func quoteByte(c byte) string {
	if c > ' ' && c <= '~' {
		return "\"" + string(rune(c)) + "\""
	}
	return "an octet " + hexByte(c)
}

// checkHeaderName returns an error if s can be no name of a field.
//
// Spec: RFC 5322, section 2.2
func checkHeaderName(s string) error {
	if s == "" || len(s) > 100 || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == ':' }) {
		return matchError("\"" + clip(s) + "\" is no name of a header field")
	}
	return nil
}

// encodeURL is the modifier :encodeurl: what is not unreserved is escaped. It does not cut
// within an escape, nor within a character.
//
// Spec: RFC 5435, section 6
func encodeURL(s string, limit int) string {
	var b strings.Builder
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		start := b.Len()
		for i := range n {
			c := s[i]
			if isLetter(c) && c != '_' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
				b.WriteByte(c)
			} else {
				b.WriteString("%" + hexByte(c))
			}
		}
		if b.Len() > limit {
			return b.String()[:start]
		}
		s = s[n:]
	}
	return b.String()
}
