package mail

import (
	"errors"
	"net/url"
	"strings"
)

// Mailto is what a mailto: URI says: at least one recipient, and nothing that its reader has to
// decide for itself, such as who sends it.
//
// Spec: RFC 6068
type Mailto struct {
	To, Cc, Bcc   []Address
	Subject, Body *string     // nil: not said
	Fields        [][2]string // other fields, names as they are written
}

// MaxMailtoFields bounds the fields of a mailto: URI.
const MaxMailtoFields = 16

// mailtoOwn are fields that a URI cannot set, with those that begin with resent- and content-.
//
// Spec: RFC 5436, section 2.7
var mailtoOwn = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`from sender reply-to to cc bcc subject date message-id in-reply-to references
		received return-path auto-submitted precedence mime-version x-sieve importance x-priority delivered-to`) {
		mailtoOwn[name] = true
	}
}

// ParseMailto reads a URI whose scheme is mailto. Fields that a URI cannot set are left out; what is
// no address, no field or broken is an error.
func ParseMailto(s string) (*Mailto, error) {
	if len(s) > 64<<10 {
		return nil, errors.New("the URI is too long")
	}
	_, rest, _ := strings.Cut(s, ":")
	to, query, more := strings.Cut(rest, "?")
	u := &Mailto{}
	if to != "" {
		if err := u.recipients(&u.To, to, "recipient"); err != nil {
			return nil, err
		}
	}
	if more {
		for i, part := range strings.Split(query, "&") {
			if i == MaxMailtoFields {
				return nil, errors.New("the URI has too many fields")
			}
			if err := u.field(part); err != nil {
				return nil, err
			}
		}
	}
	if len(u.To)+len(u.Cc)+len(u.Bcc) == 0 {
		return nil, errors.New("the URI names no recipient")
	}
	return u, nil
}

// field reads one field of the query.
func (u *Mailto) field(part string) error {
	rawName, rawValue, ok := strings.Cut(part, "=")
	if !ok {
		return errors.New("\"" + clipped(part) + "\" is no field of a URI; expected name=value")
	}
	name, err := percentDecode(rawName, "!$'()*+,;:@")
	if err != nil {
		return err
	}
	if !ValidFieldName(name) {
		return errors.New("\"" + clipped(name) + "\" is no name of a header field")
	}
	value, err := percentDecode(rawValue, "!$'()*+,;:@/?=")
	if err != nil {
		return err
	}
	switch lower := strings.ToLower(name); {
	case lower == "to":
		return u.addresses(&u.To, value, name)
	case lower == "cc":
		return u.addresses(&u.Cc, value, name)
	case lower == "bcc":
		return u.addresses(&u.Bcc, value, name)
	case lower == "subject":
		u.Subject = &value
	case lower == "body":
		u.Body = &value
	case !mailtoOwn[lower] && !strings.HasPrefix(lower, "resent-") && !strings.HasPrefix(lower, "content-"):
		u.Fields = append(u.Fields, [2]string{name, value})
	}
	return nil
}

// recipients reads the part in front of the question mark.
func (u *Mailto) recipients(list *[]Address, s, what string) error {
	value, err := percentDecode(s, "!$'*+,@")
	if err != nil {
		return err
	}
	return u.addresses(list, value, what)
}

func (u *Mailto) addresses(list *[]Address, value, what string) error {
	got := ParseAddresses(OneLine(value))
	if got.Broken || len(got.Entries) != len(got.Addresses) || len(got.Addresses) == 0 {
		return errors.New(what + " \"" + clipped(value) + "\" is no mail address")
	}
	for _, a := range got.Addresses {
		if _, err := ParseAddress(a.String()); err != nil {
			return errors.New(what + " \"" + clipped(a.String()) + "\" is no mail address")
		}
	}
	*list = append(*list, got.Addresses...)
	return nil
}

// percentDecode undoes the escapes of a part of a URI, which may hold letters, digits, -._~
// and some others.
//
// Spec: RFC 3986, section 2.1
func percentDecode(s, others string) (string, error) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		ok := alphanumeric(c) || strings.IndexByte("-._~%", c) >= 0 || strings.IndexByte(others, c) >= 0
		if !ok {
			return "", errors.New("the URI may not hold " + quoteByte(c) + "; expected it as %" + hexByte(c))
		}
	}
	out, err := url.PathUnescape(s)
	if err != nil {
		return "", errors.New("the URI has a broken escape: " + clipped(s))
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

func alphanumeric(c byte) bool {
	return 'a' <= lower(c) && lower(c) <= 'z' || '0' <= c && c <= '9'
}

// clipped returns the beginning of a text for an error.
func clipped(s string) string {
	n := 0
	for i := range s {
		if n++; n > 40 {
			return s[:i] + "..."
		}
	}
	return s
}
