// Package wire is the grammar of IMAP4rev1: it reads commands and writes responses, and
// knows nothing of mailboxes or sessions.
//
//	connection -> Reader.Command -> Command (tag, name, text, literals)
//	Command    -> Parser         -> atoms, strings, sets, sections, dates, search keys
//	responses  -> Writer         -> connection (one buffer, flushed once a command)
//
// Framing is apart from parsing: the Reader finds the end of a command, its literals
// included, before anybody looks at what it says. So a literal that belongs to a command
// with a syntax error, or to one that is refused, is never read as a command.
//
// Everything is bounded: the length of a command's text, the size of a literal and of
// all literals of a command, the depth and number of search keys, the number of flags.
// No input makes a Parser panic or take longer than its length justifies.
//
// A Reader, Parser or Writer belongs to one goroutine at a time.
//
// Spec: RFC 3501, section 9; RFC 4466; RFC 7888 (LITERAL+).
package wire

import (
	"fmt"
	"strings"
)

// SyntaxError is a command that does not follow the grammar. Its text is meant for the
// client, behind BAD.
type SyntaxError struct {
	Offset int    // octets from the first of the command, literals counted
	Text   string // what was expected, or what is wrong
}

// Error returns the text and the place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at octet %d", e.Text, e.Offset)
}

// upper returns b as an ASCII upper-case string.
func upper(b []byte) string {
	return strings.ToUpper(string(b))
}

// isAtomChar reports whether c may stand in an atom: RFC 3501's ATOM-CHAR.
func isAtomChar(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	switch c {
	case '(', ')', '{', '%', '*', '"', '\\', ']':
		return false
	}
	return true
}

// isAStringChar reports whether c may stand in an astring that is no string.
func isAStringChar(c byte) bool { return isAtomChar(c) || c == ']' }

// isListChar reports whether c may stand in the pattern of LIST.
func isListChar(c byte) bool { return isAStringChar(c) || c == '%' || c == '*' }

// isTagChar reports whether c may stand in a tag.
func isTagChar(c byte) bool { return isAStringChar(c) && c != '+' }

// isDigit reports whether c is a decimal digit.
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
