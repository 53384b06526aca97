package mailauth

import (
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxExplanation is how long an explanation may be, in octets: it goes into a line of an answer.
const maxExplanation = 400

// explanation returns what a domain says to clients that it refuses, "" if it says nothing. It
// is that of the record that has the last word: a record without a refusal of its own hands over
// to the one that it redirects to. Anything wrong with it only makes it go away.
//
// Spec: RFC 7208, section 6.2
func (q *questions) explanation(ctx context.Context, m macros) string {
	for range 10 { // redirects
		record := spfRecord(q.txtOf(m.domain))
		exp, redirect, refuses := "", "", false
		for term := range strings.FieldsSeq(record) {
			name, value, _ := strings.Cut(term, "=")
			switch {
			case strings.EqualFold(name, "exp"):
				exp = value
			case strings.EqualFold(name, "redirect"):
				redirect = value
			case term[0] == '-':
				refuses = true
			}
		}
		if !refuses && redirect != "" {
			next, ok := m.expand(redirect, false)
			if !ok {
				return ""
			}
			m.domain = strings.ToLower(strings.TrimSuffix(next, "."))
			continue
		}
		name, ok := m.expand(exp, false)
		if exp == "" || !ok {
			return ""
		}
		texts, err := q.LookupTXT(ctx, name)
		if err != nil || len(texts) != 1 {
			return ""
		}
		text, ok := m.expand(texts[0], true)
		if !ok {
			return ""
		}
		return printable(text, maxExplanation)
	}
	return ""
}

// spfRecord returns the one that is a record of SPF.
func spfRecord(texts []string) string {
	for _, t := range texts {
		if version, _, _ := strings.Cut(t, " "); strings.EqualFold(version, "v=spf1") {
			return t
		}
	}
	return ""
}

// macros are what the macros of SPF stand for.
type macros struct {
	client                                netip.Addr
	helo, local, sender, domain, receiver string
	now                                   time.Time
}

// expand replaces the macros of a text; those that only an explanation may have are refused
// elsewhere. It says false for text that is no lawful macro-string, or becomes very long.
//
// Spec: RFC 7208, section 7
func (m macros) expand(s string, explanation bool) (string, bool) {
	var b strings.Builder
	for b.Len() <= 4*maxExplanation {
		plain, rest, found := strings.Cut(s, "%")
		b.WriteString(plain)
		if !found {
			return b.String(), b.Len() <= 4*maxExplanation
		}
		if rest == "" {
			return "", false
		}
		s = rest[1:]
		switch rest[0] {
		case '%':
			b.WriteByte('%')
		case '_':
			b.WriteByte(' ')
		case '-':
			b.WriteString("%20")
		case '{':
			body, after, closed := strings.Cut(s, "}")
			text, ok := m.macro(body, explanation)
			if !closed || !ok {
				return "", false
			}
			b.WriteString(text)
			s = after
		default:
			return "", false
		}
	}
	return "", false
}

// macro returns what one macro stands for, given what is between its braces.
func (m macros) macro(body string, explanation bool) (string, bool) {
	if body == "" {
		return "", false
	}
	letter, rest := body[0], body[1:]
	value, ok := m.letter(letter|0x20, explanation)
	if !ok {
		return "", false
	}
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	rest = rest[len(digits):]
	reverse := rest != "" && rest[0]|0x20 == 'r'
	if reverse {
		rest = rest[1:]
	}
	if strings.Trim(rest, ".-+,/_=") != "" {
		return "", false
	}
	if rest == "" {
		rest = "."
	}
	parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(rest, r) })
	if reverse {
		slices.Reverse(parts)
	}
	if digits != "" {
		n, err := strconv.Atoi(digits)
		if err != nil || n == 0 {
			return "", false
		}
		parts = parts[max(len(parts)-n, 0):]
	}
	value = strings.Join(parts, ".")
	if letter&0x20 == 0 { // upper case: as in a URL
		value = escape(value)
	}
	return value, true
}

func (m macros) letter(letter byte, explanation bool) (string, bool) {
	switch letter {
	case 's':
		return m.local + "@" + m.sender, true
	case 'l':
		return m.local, true
	case 'o':
		return m.sender, true
	case 'd':
		return m.domain, true
	case 'h':
		return m.helo, true
	case 'p':
		return "unknown", true // which name a client has is not worth ten questions
	case 'i':
		if m.client.Is4() {
			return m.client.String(), true
		}
		digits := hex.EncodeToString(m.client.AsSlice())
		return strings.Join(strings.Split(digits, ""), "."), true
	case 'v':
		if m.client.Is4() {
			return "in-addr", true
		}
		return "ip6", true
	}
	if !explanation {
		return "", false
	}
	switch letter {
	case 'c':
		return m.client.String(), true
	case 'r':
		return m.receiver, true
	case 't':
		return strconv.FormatInt(m.now.Unix(), 10), true
	}
	return "", false
}

// escape writes all but the unreserved characters of a URL as %xx.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return b.String()
}
