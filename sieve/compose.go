package sieve

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// composer writes a message of a run.
type composer struct {
	mail.Composer
	id string // nobody can know it before
}

// compose begins a message of this run: its time, its id and what made it. Two messages of a
// run have different ids; a replayed run has the same ones.
func (r *Run) compose() *composer {
	n, _ := r.Local(composedKey{}).(uint64)
	r.SetLocal(composedKey{}, n+1)
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.view.Seed), n)
	sum := sha256.Sum256(append(append(b, r.view.ID...), r.view.Rcpt.Address...))
	c := &composer{id: hex.EncodeToString(sum[:16])}
	c.Raw("X-Sieve", "Sluice")
	c.Raw("Message-ID", "<"+c.id+"@"+asciiOnly(r.hostname())+">")
	c.Raw("Date", r.view.Time.Format(time.RFC1123Z))
	return c
}

type composedKey struct{}

// plainAddress returns an address without a name.
func plainAddress(s string) mail.Address {
	if a, err := mail.ParseAddress(s); err == nil {
		return a
	}
	return mail.Address{Local: mail.OneLine(s)}
}

func onlyASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func asciiOnly(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' || strings.ContainsRune("<>()@,;:\\\"", c) {
			return -1
		}
		return c
	}, s)
}

func first1(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// composed ends the run with an error when a message that it composed is over the limit of
// its output.
func (r *Run) composed(c *composer) ([]byte, error) {
	if err := r.task.Output(c.Len()); err != nil {
		return nil, err
	}
	return c.Bytes(), nil
}

// header returns the header of the message, never nil.
func (r *Run) header() *mail.Header {
	if m := r.view.Mail(); m != nil {
		return m.Header()
	}
	return mail.New(nil).Header()
}

// subject returns the subject of the message, decoded.
func (r *Run) subject() string {
	return strings.TrimSpace(mail.OneLine(first1(r.header().Texts("Subject"))))
}
