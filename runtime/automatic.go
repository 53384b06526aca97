package runtime

import (
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// Automatic says why a message with this header must not be answered by a program, or "".
//
// Spec: RFC 3834, section 2; RFC 5230, section 4.6; RFC 2369; RFC 2919.
func Automatic(h *mail.Header) string {
	for _, f := range h.Fields() {
		if len(f.Name) > 5 && strings.EqualFold(f.Name[:5], "List-") {
			return "it came from a mailing list"
		}
	}
	if AutoSubmitted(h) {
		return "it was sent by a machine"
	}
	for _, v := range h.Values("Precedence") {
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "bulk", "junk", "list":
			return "it is bulk mail"
		}
	}
	for _, v := range h.Values("X-Auto-Response-Suppress") {
		for word := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			if strings.EqualFold(word, "All") || strings.EqualFold(word, "OOF") {
				return "its sender wants no automatic answer"
			}
		}
	}
	return ""
}

// AutoSubmitted says whether a message says of itself that no human sent it.
//
// Spec: RFC 3834, section 5.
func AutoSubmitted(h *mail.Header) bool {
	return slices.ContainsFunc(h.Values("Auto-Submitted"), func(v string) bool {
		word, _, _ := strings.Cut(v, ";")
		return !strings.EqualFold(strings.TrimSpace(word), "no")
	})
}

// Machine says whether a local part belongs to a program that would take an answer for a
// bounce or a command.
//
// Spec: RFC 5230, section 4.6.
func Machine(local string) bool {
	local = strings.ToLower(local)
	switch local {
	case "mailer-daemon", "listserv", "majordomo", "owner", "request", "noreply", "no-reply":
		return true
	}
	return strings.HasPrefix(local, "owner-") || strings.Contains(local, "-request") ||
		strings.HasSuffix(local, "-owner") || strings.HasSuffix(local, "-bounces") || strings.Contains(local, "-bounces+")
}
