package runtime

import (
	"errors"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// Notification is mail that tells somebody about a message. Sieve's enotify and the function notify
// write it.
//
// Spec: RFC 5436
type Notification struct {
	URI        *mail.Mailto
	From       mail.Address   // of the header
	To, Cc     []mail.Address // of the header; those of URI that were not told before
	Message    string         // what it says; "": what URI says
	Subject    string         // that of the message that it is about
	Importance string         // 1 high, 2 normal, 3 low; "" is normal
	Owner      string         // address of whose script it is
}

// Importances are the values of Importance and X-Priority by their number.
var Importances = map[string][2]string{"1": {"High", "1 (Highest)"}, "2": {"Normal", "3 (Normal)"}, "3": {"Low", "5 (Lowest)"}}

// NotifyMethod reads the URI of a notification; mailto is the only method.
//
// Spec: RFC 5435, section 3.2
func NotifyMethod(uri string) (*mail.Mailto, error) {
	scheme, _, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "mailto") {
		if r := []rune(cut(uri, 400)); len(r) > 40 {
			uri = string(r[:40]) + "..."
		}
		return nil, errors.New("unknown method \"" + uri + "\" of a notification; expected mailto:")
	}
	return mail.ParseMailto(uri)
}

// Write writes the fields and the body behind those that a composer has already, such as its id
// and date.
//
// Spec: RFC 5436, section 2.7
func (n *Notification) Write(c *mail.Composer) {
	subject := "Notification: " + n.Subject
	switch {
	case strings.TrimSpace(n.Message) != "":
		subject = n.Message
	case n.URI.Subject != nil:
		subject = *n.URI.Subject
	}
	c.Addresses("From", n.From)
	c.Addresses("To", n.To...)
	c.Addresses("Cc", n.Cc...)
	c.Text("Subject", mail.Shorten(strings.TrimSpace(mail.OneLine(subject)), 256))
	// Machines do not answer, and see whose script it was: RFC 5436, section 2.7.1.
	value := "auto-notified"
	if n.Owner != "" && !strings.ContainsFunc(n.Owner, func(r rune) bool { return r >= 0x80 }) {
		value += `; owner-email="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(mail.OneLine(n.Owner)) + `"`
	}
	c.Raw("Auto-Submitted", value)
	c.Raw("Precedence", "bulk")
	level, ok := Importances[n.Importance]
	if !ok {
		level = Importances["2"]
	}
	c.Raw("Importance", level[0])
	c.Raw("X-Priority", level[1])
	for _, f := range n.URI.Fields {
		c.Text(f[0], f[1])
	}
	body := n.Message
	switch {
	case n.URI.Body != nil:
		body = *n.URI.Body
	case strings.TrimSpace(n.Message) == "":
		body = "There is a new message."
	}
	c.Body(body)
}
