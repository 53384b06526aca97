package local

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-mail/sluice/mailstore"
)

// Limits of mailbox paths.
const (
	maxPath   = 1024 // octets of a path
	maxLevel  = 255  // octets of one level
	maxLevels = 32
)

const inbox = "INBOX"

// cleanPath returns path in the form in which it is stored: normal form C, the inbox
// in capitals, no separator at the end. An impossible path is mailstore.ErrInvalidName
// with the reason.
//
// Spec: RFC 9051, section 5.1; RFC 5198, section 2.
func cleanPath(path string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%w: %s", mailstore.ErrInvalidName, why)
	}
	if len(path) > maxPath {
		return bad(fmt.Sprintf("more than %d octets", maxPath))
	}
	if !utf8.ValidString(path) {
		return bad("not UTF-8")
	}
	path = norm.NFC.String(strings.TrimSuffix(path, mailstore.Separator))
	if path == "" {
		return bad("empty")
	}
	if len(path) > maxPath {
		return bad(fmt.Sprintf("more than %d octets", maxPath))
	}
	if strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		return bad("a control character")
	}
	levels := strings.Split(path, mailstore.Separator)
	if len(levels) > maxLevels {
		return bad(fmt.Sprintf("more than %d levels", maxLevels))
	}
	for _, l := range levels {
		if l == "" {
			return bad("an empty level")
		}
		if len(l) > maxLevel {
			return bad(fmt.Sprintf("a level of more than %d octets", maxLevel))
		}
	}
	if strings.EqualFold(levels[0], inbox) {
		levels[0] = inbox
	}
	return strings.Join(levels, mailstore.Separator), nil
}

// parentPath returns the path above, "" at the top.
func parentPath(path string) string {
	if i := strings.LastIndex(path, mailstore.Separator); i >= 0 {
		return path[:i]
	}
	return ""
}

// lastLevel returns the name of a mailbox without the levels above it.
func lastLevel(path string) string { return path[strings.LastIndex(path, mailstore.Separator)+1:] }

// roles are those of the IANA registry "IMAP Mailbox Name Attributes" that JMAP knows.
var roles = map[string]bool{
	"all": true, "archive": true, "drafts": true, "flagged": true, "important": true, "inbox": true,
	"junk": true, "sent": true, "subscribed": true, "trash": true, "memos": true, "scheduled": true, "snoozed": true,
}
