package gateway

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// silent says why a message must not be answered by a program, or "".
//
// Spec: RFC 3834, section 2; RFC 5230, section 4.6; RFC 2919 and 2369 (List- fields).
func (in *Intake) silent(tx *runtime.Transaction) string {
	if in.o.Sender == nil || !in.o.Sender.Ready() {
		return "no relay is configured"
	}
	from := tx.From.Address
	if from == "" {
		return "the sender is null"
	}
	a, err := mail.ParseAddress(from)
	if err != nil {
		return "the sender is no address"
	}
	if sameAddress(from, tx.Rcpt.Address) {
		return "the sender is the recipient"
	}
	if runtime.Machine(a.Local) {
		return "the sender is a machine"
	}
	return runtime.Automatic(tx.Message.Header())
}

// replyTo writes the answer that an action asks for. It is the same however often it is
// made, so that a repeat after a crash is known again by whoever sees both.
//
// Spec: RFC 3834, section 3; RFC 5322.
func (in *Intake) replyTo(d *runtime.Delivery, r runtime.Recipient, key string, a runtime.Action) []byte {
	var w bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&w, "%s: %s\r\n", name, value) }
	field("Date", d.Time.Format(time.RFC1123Z))
	field("From", "<"+oneLine(r.Address)+">")
	field("To", "<"+oneLine(d.From.Address)+">")
	field("Subject", encodeText(a.Subject))
	field("Message-ID", "<"+in.newID("reply", key)+">")
	if ids := mail.New(d.Raw).Header().Values("Message-ID"); len(ids) > 0 && validMessageID(ids[0]) {
		field("In-Reply-To", ids[0])
		field("References", ids[0])
	}
	field("Auto-Submitted", "auto-replied")
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "quoted-printable")
	w.WriteString("\r\n")
	text := strings.ReplaceAll(strings.ToValidUTF8(a.Reason, "\uFFFD"), "\r\n", "\n")
	q := quotedprintable.NewWriter(&w)
	q.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) // a buffer takes everything
	q.Close()
	w.WriteString("\r\n")
	return w.Bytes()
}

// encodeText makes a text fit for a header field: one line, encoded if it has to be,
// folded between its encoded words, and at most 200 characters.
//
// Spec: RFC 2047; RFC 5322, section 2.1.1.
func encodeText(s string) string {
	runes := []rune(oneLine(strings.ToValidUTF8(s, "\uFFFD")))
	if len(runes) > 200 {
		runes = append(runes[:199], '…')
	}
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", string(runes)), "?= =?", "?=\r\n =?")
}

// validMessageID says whether a field's value can stand in another field as it is.
func validMessageID(id string) bool {
	return len(id) > 2 && len(id) < 900 && id[0] == '<' && id[len(id)-1] == '>' &&
		!strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > 0x7e })
}
