package gateway

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/scripts"
)

// Outcome is an answer to the peer: for one recipient, or for a command.
type Outcome struct {
	Code     int    // SMTP reply code
	Enhanced string // enhanced status code, such as 5.1.1; RFC 3463
	Text     string // may have several lines
}

// OK takes the mail.
var OK = Outcome{250, "2.0.0", "OK"}

// Accepted says whether the mail was taken.
func (o Outcome) Accepted() bool { return o.Code/100 == 2 }

// Temporary says whether the peer shall try again.
func (o Outcome) Temporary() bool { return o.Code/100 == 4 }

func (o Outcome) String() string { return fmt.Sprintf("%d %s %s", o.Code, o.Enhanced, o.Text) }

// The answers that are always the same.
var (
	unknownRecipient = Outcome{550, "5.1.1", "no such user here"}
	serverError      = Outcome{451, "4.3.0", "server error, try again later"}
	noSpace          = Outcome{452, "4.3.1", "not enough disk space"}
	inOtherSession   = Outcome{451, "4.3.0", "this message is being delivered in another session"}
	overQuota        = Outcome{452, "4.2.2", "mailbox is full"}
)

// storeOutcome is the answer to an error of the mail store.
func (in *Intake) storeOutcome(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, mailstore.ErrNoSpace):
		return noSpace
	case errors.Is(err, mailstore.ErrOverQuota):
		return overQuota
	case errors.Is(err, mailstore.ErrNotFound): // the account was removed since RCPT
		return unknownRecipient
	}
	return serverError
}

// failedScript is the answer where a script failed and its settings refuse the mail; OK
// where they do not.
func failedScript(f scripts.OnFailure) Outcome {
	switch f {
	case scripts.TempFail:
		return Outcome{451, "4.7.1", "a filter failed, try again later"}
	case scripts.Reject:
		return Outcome{550, "5.7.1", "a filter failed"}
	}
	return OK
}

// maxReason bounds the octets of a script's text in an answer.
const maxReason = 2000

// refusal is the answer of a script that refuses the mail: its text, with an enhanced
// status code of the right class if it begins with one.
//
// Spec: RFC 5429, section 2.2; RFC 2034.
func refusal(code int, reason string) Outcome {
	o := Outcome{code, fmt.Sprintf("%d.7.1", code/100), cleanText(reason)}
	if status, text, _ := strings.Cut(o.Text, " "); isStatus(status) && int(status[0]-'0') == code/100 {
		o.Enhanced, o.Text = status, text
	}
	if strings.TrimSpace(o.Text) == "" {
		o.Text = "refused"
		if code/100 == 4 {
			o.Text = "try again later"
		}
	}
	return o
}

// isStatus says whether s is an enhanced status code. Spec: RFC 3463, section 2.
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != "4" && parts[0] != "5" {
		return false
	}
	for _, p := range parts[1:] {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// cleanText makes a script's text safe for an answer: lines parted by one LF, no other
// control characters, bounded, ASCII (others become ?), since the peer did not ask for
// more.
func cleanText(s string) string {
	if len(s) > maxReason {
		s = s[:maxReason]
		for !utf8.ValidString(s) && len(s) > maxReason-utf8.UTFMax {
			s = s[:len(s)-1]
		}
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		case r > 0x7e:
			return '?'
		}
		return r
	}, s)
	return strings.Trim(s, " \n")
}
