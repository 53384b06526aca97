package testsuite

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// defaultMessage is the message of a file that has set none.
const defaultMessage = "From: sender@example.com\r\nTo: recipient@example.org\r\nSubject: Frop!\r\n\r\nFriep!\r\n"

// Addresses of the envelope where the message names none.
const (
	defaultSender    = "sender@example.com"
	defaultRecipient = "recipient@example.com"
	account          = "testsuite-mail-user@example.org"
)

// setMessage makes a message the current one, with the envelope that its header names.
func (s *suite) setMessage(raw []byte) {
	m := mail.New(raw)
	s.flags = nil
	rcpt := firstAddress(m, defaultRecipient, "Envelope-To", "To")
	s.tx = runtime.Transaction{
		ID: "testsuite", Stage: runtime.StageDeliver, Listener: "testsuite", Message: m,
		From:     runtime.Path{Address: firstAddress(m, defaultSender, "Return-Path", "Sender", "From")},
		Client:   runtime.Client{Authenticated: s.options.user()},
		Hostname: hostname,
	}
	s.setRecipient(rcpt)
	s.tx.Rcpt.Original = rcpt
}

func (s *suite) setRecipient(address string) {
	original := s.tx.Rcpt.Original
	s.tx.Rcpt = runtime.Recipient{Path: runtime.Path{Address: address, Params: s.tx.Rcpt.Params}, Account: account, Name: account, Original: original}
	s.tx.Rcpts = []runtime.Path{s.tx.Rcpt.Path}
}

// firstAddress returns the first address of the first of these fields that has one.
func firstAddress(m *mail.Message, fallback string, names ...string) string {
	for _, name := range names {
		for _, v := range m.Header().Values(name) {
			if strings.TrimSpace(v) == "<>" {
				return ""
			}
			if list := mail.ParseAddresses(v); len(list.Addresses) > 0 {
				return list.Addresses[0].String()
			}
		}
	}
	return fallback
}

// show puts the current message and envelope into the view of a run.
func (s *suite) show(r *sieve.Run) {
	for _, v := range []*runtime.View{r.View(), s.own} {
		if v == nil {
			continue
		}
		now := v.Time
		v.Transaction = s.tx
		v.Raw, v.Time = s.tx.Message.Raw(), now
	}
	r.MessageChanged()
	if s.run != nil && s.run != r {
		s.run.MessageChanged()
	}
}
