package sieve

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ereClasses are the classes that a bracket expression may name; regexp knows them too.
var ereClasses = map[string]bool{
	"alnum": true, "alpha": true, "blank": true, "cntrl": true, "digit": true, "graph": true, "lower": true,
	"print": true, "punct": true, "space": true, "upper": true, "xdigit": true,
}

// bracket translates a bracket expression. A backslash in it is a character like others, as
// POSIX has it.
//
// Spec: POSIX.1-2017, section 9.3.5
func (t *ere) bracket() error {
	open := t.at
	t.at++
	var set strings.Builder
	set.WriteByte('[')
	if t.at < len(t.in) && t.in[t.at] == '^' {
		set.WriteByte('^')
		t.at++
	}
	for first := true; ; first = false {
		switch {
		case t.at == len(t.in):
			return t.fault(open, "no \"]\" ends this list of characters; a \"]\" in it must come first")
		case t.in[t.at] == ']' && !first:
			t.at++
			set.WriteByte(']')
			t.atom(set.String())
			return nil
		}
		if strings.HasPrefix(t.in[t.at:], "[:") {
			if err := t.class(&set); err != nil {
				return err
			}
			continue
		}
		at := t.at
		low, err := t.element()
		if err != nil {
			return err
		}
		high := low
		if rest := t.in[t.at:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
			t.at++
			if high, err = t.element(); err != nil {
				return err
			}
			if high < low {
				return t.fault(at, "the range %q has no order", t.in[at:t.at])
			}
		}
		t.span(&set, low, high)
	}
}

// class translates [:name:].
func (t *ere) class(set *strings.Builder) error {
	name, _, ok := strings.Cut(t.in[t.at+2:], ":]")
	if !ok || !ereClasses[name] {
		return t.fault(t.at, "unknown class of characters %q; known are alnum, alpha, blank, cntrl, digit, graph, lower, print, punct, space, upper, xdigit",
			"[:"+clip(name)+":]")
	}
	t.at += len(name) + 4
	set.WriteString("[:" + name + ":]")
	if t.letters != exactCase && (name == "lower" || name == "upper") {
		set.WriteString("[:alpha:]")
	}
	return nil
}

// element reads one character of a bracket expression, which may stand as [.x.] or [=x=].
func (t *ere) element() (rune, error) {
	rest := t.in[t.at:]
	if strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[=") {
		text, _, ok := strings.Cut(rest[2:], rest[1:2]+"]")
		if r, n := utf8.DecodeRuneInString(text); ok && n == len(text) && n > 0 && r != utf8.RuneError {
			t.at += n + 4
			return r, nil
		}
		return 0, t.fault(t.at, "expected one character between %q and %q", rest[:2], rest[1:2]+"]")
	}
	r, n := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && n == 1 {
		return 0, t.fault(t.at, "an octet that is no UTF-8")
	}
	t.at += n
	return r, nil
}

// span writes the characters from low to high, with their other case where that is wanted.
func (t *ere) span(set *strings.Builder, low, high rune) {
	fmt.Fprintf(set, `\x{%X}-\x{%X}`, low, high)
	if t.letters != asciiCase {
		return
	}
	for _, letters := range [...][2]rune{{'a', 'z'}, {'A', 'Z'}} {
		if from, to := max(low, letters[0]), min(high, letters[1]); from <= to {
			fmt.Fprintf(set, `\x{%X}-\x{%X}`, from^0x20, to^0x20)
		}
	}
}
