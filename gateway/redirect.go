package gateway

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// redirectedField is the trace that a redirect leaves, with the address that redirected.
// Delivered-To would be the usual one, but MTAs write it before they come to us.
const redirectedField = "X-Sluice-Redirected"

// maxReceived is the most Received lines that a message may have to be sent on.
//
// Spec: RFC 5321, section 6.3.
const maxReceived = 50

// redirectable says why a message cannot be sent on to an address, or nil.
func (in *Intake) redirectable(tx *runtime.Transaction, to string) error {
	if in.o.Sender == nil || !in.o.Sender.Ready() {
		return errors.New("no relay is configured")
	}
	if _, err := mail.ParseAddress(to); err != nil {
		return err
	}
	if sameAddress(to, tx.Rcpt.Address) {
		return errors.New("the address is the recipient's own")
	}
	h := tx.Message.Header()
	for _, v := range h.Values(redirectedField) {
		if sameAddress(v, tx.Rcpt.Address) {
			return errors.New("mail loop: it was sent on from here before")
		}
	}
	if n := len(h.Values("Received")); n > maxReceived {
		return fmt.Errorf("mail loop: %d Received lines", n)
	}
	return nil
}

// redirected returns the message as it is sent on: with its trace in front.
func redirected(raw []byte, rcpt string) []byte {
	line := redirectedField + ": " + oneLine(rcpt) + "\r\n"
	return append(append(make([]byte, 0, len(line)+len(raw)), line...), raw...)
}

func sameAddress(a, b string) bool {
	return a != "" && strings.EqualFold(strings.Trim(a, "<> "), strings.Trim(b, "<> "))
}

// oneLine leaves out what would end the line or is no text.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
