package sieve

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a regular expression.
const (
	maxEREPattern = 4 << 10 // octets
	maxERERepeat  = 255     // RE_DUP_MAX of POSIX
	maxEREGroups  = 100     // nested
)

// patternError is a fault of a pattern, and where in the pattern it is.
type patternError struct {
	offset int
	msg    string
}

func (e *patternError) Error() string { return e.msg }

// caseOf says how letters of a pattern match.
type caseOf uint8

const (
	exactCase   caseOf = iota
	asciiCase          // A to Z without case, as i;ascii-casemap has it
	unicodeCase        // without case
)

// translateERE returns a POSIX extended regular expression in the syntax of package regexp. It
// takes what is common beside POSIX too: \d \w \s \b and their opposites, \< and \>, \n \r \t,
// and groups that do not capture. Back-references and look-around, which cannot be matched in
// linear time, are errors, as is everything that POSIX leaves undefined.
//
// Spec: POSIX.1-2017, section 9.4 (extended regular expressions)
func translateERE(pattern string, letters caseOf) (string, error) {
	if len(pattern) > maxEREPattern {
		return "", &patternError{0, fmt.Sprintf("the pattern has %d octets, at most %d are allowed", len(pattern), maxEREPattern)}
	}
	t := ere{in: pattern, letters: letters}
	t.out.Grow(2*len(pattern) + 8)
	t.flags = "(?s)"
	if letters == unicodeCase {
		t.flags = "(?si)"
	}
	for t.at < len(t.in) {
		if err := t.next(); err != nil {
			return "", err
		}
	}
	if n := len(t.open); n > 0 {
		return "", t.fault(t.open[n-1].in, "no \")\" ends this group")
	}
	return t.flags + t.out.String(), nil
}

// ere is a translation that goes on.
type ere struct {
	in      string
	at      int
	out     strings.Builder
	flags   string
	letters caseOf
	open    []ereGroup
	last    ereKind
	start   int    // where in out the last atom begins
	how     string // how the last atom is repeated
}

// ereGroup is a group that is open: where it begins in the pattern and in the translation.
type ereGroup struct{ in, out int }

// ereKind is what stands in front of the place that is looked at.
type ereKind uint8

const (
	ereNothing ereKind = iota
	ereAtom
	ereRepeated
	ereAnchor
)

func (t *ere) fault(at int, format string, args ...any) error {
	return &patternError{at, "in the pattern: " + fmt.Sprintf(format, args...)}
}

// atom writes what may be repeated.
func (t *ere) atom(s string) {
	t.start = t.out.Len()
	t.out.WriteString(s)
	t.last = ereAtom
}

func (t *ere) anchor(s string) {
	t.out.WriteString(s)
	t.last = ereAnchor
}

// next translates one element of the pattern.
func (t *ere) next() error {
	at := t.at
	switch c := t.in[at]; c {
	case '*', '+', '?':
		t.at++
		return t.repeat(at, string(c))
	case '{':
		return t.interval()
	case '(':
		return t.group()
	case ')':
		n := len(t.open) - 1
		if n < 0 {
			return t.fault(at, "no group is open; write \\) for a parenthesis")
		}
		t.at++
		t.out.WriteByte(')')
		t.start, t.last = t.open[n].out, ereAtom
		t.open = t.open[:n]
	case '|':
		t.at++
		t.out.WriteByte('|')
		t.last = ereNothing
	case '.':
		t.at++
		t.atom(".")
	case '^', '$':
		t.at++
		t.anchor(string(c))
	case '[':
		return t.bracket()
	case '\\':
		return t.escape()
	default:
		r, n := utf8.DecodeRuneInString(t.in[at:])
		if r == utf8.RuneError && n == 1 {
			return t.fault(at, "an octet that is no UTF-8")
		}
		t.at += n
		t.literal(r)
	}
	return nil
}

// literal writes a character that stands for itself.
func (t *ere) literal(r rune) {
	if other, ok := otherCase(r); ok && t.letters == asciiCase {
		t.atom("[" + string(r) + string(other) + "]")
		return
	}
	t.atom(regexp.QuoteMeta(string(r)))
}

// otherCase returns an ASCII letter in the other case.
func otherCase(r rune) (rune, bool) {
	if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
		return r ^ 0x20, true
	}
	return 0, false
}

// repeat writes a repetition of the last atom. A repetition may be repeated.
func (t *ere) repeat(at int, how string) error {
	switch t.last {
	case ereNothing, ereAnchor:
		return t.fault(at, "there is nothing that %q could repeat; write \\%s for the character", how, how[:1])
	case ereRepeated:
		if joined, ok := joinRepeats(t.how, how); ok {
			if joined != t.how {
				s := t.out.String()
				t.out.Reset()
				t.out.WriteString(s[:len(s)-1] + joined)
				t.how = joined
			}
			return nil
		}
		inner := t.out.String()
		t.out.Reset()
		t.out.WriteString(inner[:t.start] + "(?:" + inner[t.start:] + ")")
		if t.out.Len() > 16*maxEREPattern {
			return t.fault(at, "too many repetitions of repetitions")
		}
	}
	t.out.WriteString(how)
	t.last, t.how = ereRepeated, how
	return nil
}

// joinRepeats returns the one repetition that two of the signs * + ? in a row are.
func joinRepeats(first, second string) (string, bool) {
	switch {
	case len(first) > 1 || len(second) > 1:
		return "", false
	case first == second:
		return first, true
	}
	return "*", true
}

// interval translates {m}, {m,} and {m,n}.
func (t *ere) interval() error {
	at := t.at
	end := strings.IndexByte(t.in[at:], '}')
	if end < 0 {
		return t.fault(at, "no \"}\" ends this repetition; write \\{ for a brace")
	}
	text := t.in[at+1 : at+end]
	low, high, both := strings.Cut(text, ",")
	if both && low == "" {
		low = "0"
	}
	m, err := strconv.Atoi(low)
	n := m
	if err == nil && both && high != "" {
		n, err = strconv.Atoi(high)
	}
	switch {
	case err != nil || !isNumber(low) || high != "" && !isNumber(high):
		return t.fault(at, "%q is no repetition; expected {n}, {n,} or {n,m}, or \\{ for a brace", "{"+clip(text)+"}")
	case m > maxERERepeat || n > maxERERepeat:
		return t.fault(at, "%q repeats too often; at most %d times are allowed", "{"+text+"}", maxERERepeat)
	case n < m && high != "":
		return t.fault(at, "%q: the second number is less than the first", "{"+text+"}")
	}
	t.at += end + 1
	how := "{" + strconv.Itoa(m)
	if both {
		how += ","
		if high != "" {
			how += strconv.Itoa(n)
		}
	}
	return t.repeat(at, how+"}")
}

// group translates the begin of a group.
func (t *ere) group() error {
	at := t.at
	if len(t.open) == maxEREGroups {
		return t.fault(at, "groups may be nested %d deep at most", maxEREGroups)
	}
	rest := t.in[at+1:]
	form := "("
	switch {
	case strings.HasPrefix(rest, "?:"):
		form = "(?:"
	case strings.HasPrefix(rest, "?i)"):
		if at != 0 {
			return t.fault(at, "(?i) must stand at the begin of the pattern")
		}
		t.at += len("(?i)")
		t.flags = "(?si)"
		return nil
	case strings.HasPrefix(rest, "?=") || strings.HasPrefix(rest, "?!") || strings.HasPrefix(rest, "?<=") || strings.HasPrefix(rest, "?<!"):
		return t.fault(at, "look-around is not offered: it cannot be matched in linear time")
	case strings.HasPrefix(rest, "?"):
		return t.fault(at, "unknown kind of group; expected ( or (?:")
	}
	t.open = append(t.open, ereGroup{at, t.out.Len()})
	t.out.WriteString(form)
	t.at += len(form)
	t.last = ereNothing
	return nil
}

// escape translates a backslash and what follows it.
func (t *ere) escape() error {
	at := t.at
	if at+1 == len(t.in) {
		return t.fault(at, "nothing follows the last \"\\\"")
	}
	r, n := utf8.DecodeRuneInString(t.in[at+1:])
	if r == utf8.RuneError && n == 1 {
		return t.fault(at+1, "an octet that is no UTF-8")
	}
	t.at += 1 + n
	switch {
	case strings.ContainsRune("dDwWsS", r):
		t.atom(`\` + string(r))
	case strings.ContainsRune("bB", r):
		t.anchor(`\` + string(r))
	case r == '<' || r == '>':
		t.anchor(`\b`)
	case r == '`':
		t.anchor(`\A`)
	case r == '\'':
		t.anchor(`\z`)
	case strings.ContainsRune("nrtfva", r):
		t.atom(`\` + string(r))
	case '0' <= r && r <= '9':
		return t.fault(at, "back-references are not offered: they cannot be matched in linear time")
	case unicode.IsLetter(r):
		return t.fault(at, "unknown escape \"\\%c\"; expected one of \\d \\w \\s \\b \\n \\r \\t, or a backslash in front of a sign", r)
	default:
		t.literal(r)
	}
	return nil
}
