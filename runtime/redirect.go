package runtime

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// RedirectedField is the trace that a redirect leaves, with the address that redirected.
// Delivered-To would be the usual one, but MTAs write it before they come to us.
const RedirectedField = "X-Sieve-Redirected-From"

// redirectedBefore is the field that older versions wrote.
const redirectedBefore = "X-Sluice-Redirected"

// RedirectMemory is how long it is remembered that a message was redirected.
const RedirectMemory = 12 * time.Hour

// maxReceived is the most Received lines that a message may have to be sent on.
//
// Spec: RFC 5321, section 6.3.
const maxReceived = 50

// CheckRedirect says why a message with this header must not be sent on for a recipient,
// or nil: the address is the recipient's own, or the message was here before.
func CheckRedirect(h *mail.Header, a *Action, rcpt string) error {
	if _, err := mail.ParseAddress(a.Address); err != nil {
		return err
	}
	if sameAddress(a.Address, rcpt) {
		return errors.New("the address is the recipient's own")
	}
	for _, name := range []string{RedirectedField, redirectedBefore} {
		for _, v := range h.Values(name) {
			if sameAddress(v, rcpt) || sameAddress(v, a.By) {
				return errors.New("mail loop: it was sent on from here before")
			}
		}
	}
	if n := len(h.Values("Received")); n > maxReceived {
		return fmt.Errorf("mail loop: %d Received lines", n)
	}
	return nil
}

// RedirectKey returns what is remembered of a redirect so that the same message is not
// sent on twice; "" for a message without Message-ID, which cannot be known again.
func RedirectKey(h *mail.Header, a *Action, rcpt string) string {
	first := func(name string) string {
		if v := h.Values(name); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	id := first("Message-ID")
	if id == "" {
		return ""
	}
	return strings.Join([]string{"redirect", id, strings.ToLower(rcpt), foldDomain(a.Address), first("Resent-Message-ID"), first("List-ID")}, "\x00")
}

// Redirected returns the message as a redirect sends it: edited as the action says, with
// its trace in front. A message without Message-ID gets id, which is without brackets.
// It is the same however often it is made.
func Redirected(raw []byte, a *Action, rcpt, id string) []byte {
	by := a.By
	if by == "" {
		by = rcpt
	}
	line := RedirectedField + ": " + plain(by) + "\r\n"
	raw = a.Message(raw)
	if !mail.New(raw).Header().Has("Message-ID") {
		line += "Message-ID: <" + id + ">\r\n"
	}
	return append(append(make([]byte, 0, len(line)+len(raw)), line...), raw...)
}

// RedirectSender returns the envelope sender of a redirect of a message from that sender.
// Mail from the null sender stays so, whatever is configured: it must not bounce.
func RedirectSender(a *Action, from string) string {
	switch {
	case from == "" || a.From == NullSender:
		return ""
	case a.From != "":
		return a.From
	}
	return from
}

func sameAddress(a, b string) bool {
	return a != "" && strings.EqualFold(strings.Trim(a, "<> "), strings.Trim(b, "<> "))
}

// plain leaves out what would end a line or is no text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
