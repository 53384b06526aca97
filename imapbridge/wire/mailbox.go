package wire

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mailboxEncoding is the BASE64 of modified UTF-7: "," for "/", no padding, and no bits
// left over.
var mailboxEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// ErrMailboxName says that a mailbox name is not modified UTF-7.
var ErrMailboxName = errors.New("mailbox name is not modified UTF-7")

// DecodeMailbox turns a mailbox name as clients send it into UTF-8. A name with octets
// above 127 is not lawful, but some clients send UTF-8 as it is; that is taken too.
//
// Spec: RFC 3501, section 5.1.3.
func DecodeMailbox(s string) (string, error) {
	plain := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			if !utf8.ValidString(s) {
				return "", ErrMailboxName
			}
			return s, nil
		}
		plain = plain && s[i] != '&'
	}
	if plain {
		return s, nil
	}
	var out strings.Builder
	for s != "" {
		before, rest, ok := strings.Cut(s, "&")
		out.WriteString(before)
		if !ok {
			break
		}
		shifted, after, ok := strings.Cut(rest, "-")
		if !ok {
			return "", ErrMailboxName
		}
		s = after
		if shifted == "" {
			out.WriteByte('&')
			continue
		}
		raw, err := mailboxEncoding.DecodeString(shifted)
		if err != nil || len(raw)%2 != 0 || strings.ContainsAny(shifted, "\r\n") {
			return "", ErrMailboxName
		}
		for i := 0; i < len(raw); i += 2 {
			r := rune(raw[i])<<8 | rune(raw[i+1])
			if utf16.IsSurrogate(r) {
				if i+3 >= len(raw) {
					return "", ErrMailboxName
				}
				i += 2
				if r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1])); r == utf8.RuneError {
					return "", ErrMailboxName
				}
			}
			out.WriteRune(r)
		}
	}
	return out.String(), nil
}

// EncodeMailbox turns a mailbox name into modified UTF-7. DecodeMailbox undoes it for
// every UTF-8 string.
func EncodeMailbox(name string) string {
	plain := true
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' || c == '&' {
			plain = false
			break
		}
	}
	if plain {
		return name
	}
	var out strings.Builder
	var shifted []byte
	flush := func() {
		if len(shifted) > 0 {
			out.WriteByte('&')
			out.WriteString(mailboxEncoding.EncodeToString(shifted))
			out.WriteByte('-')
			shifted = shifted[:0]
		}
	}
	for _, r := range name {
		switch {
		case r == '&':
			flush()
			out.WriteString("&-")
		case r >= ' ' && r <= '~':
			flush()
			out.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			shifted = append(shifted, byte(hi>>8), byte(hi), byte(lo>>8), byte(lo))
		default:
			shifted = append(shifted, byte(r>>8), byte(r))
		}
	}
	flush()
	return out.String()
}

// CanonicalInbox returns name with a first level INBOX spelled in capitals.
func CanonicalInbox(name string) string {
	const inbox = "INBOX"
	if len(name) < len(inbox) || !strings.EqualFold(name[:len(inbox)], inbox) {
		return name
	}
	if len(name) > len(inbox) && name[len(inbox)] != '/' {
		return name
	}
	return inbox + name[len(inbox):]
}
