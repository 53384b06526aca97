package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	if machine(strings.ToLower(a.Local)) {
		return "the sender is a machine"
	}
	h := tx.Message.Header()
	for _, f := range h.Fields() {
		if len(f.Name) > 5 && strings.EqualFold(f.Name[:5], "List-") {
			return "it came from a mailing list"
		}
	}
	for _, v := range h.Values("Auto-Submitted") {
		word, _, _ := strings.Cut(v, ";")
		if !strings.EqualFold(strings.TrimSpace(word), "no") {
			return "it was sent by a machine"
		}
	}
	for _, v := range h.Values("Precedence") {
		switch strings.ToLower(v) {
		case "bulk", "junk", "list":
			return "it is bulk mail"
		}
	}
	return ""
}

// machine says whether a local part, in lower case, belongs to a program that
// would take an answer for a bounce or a command.
func machine(local string) bool {
	switch local {
	case "mailer-daemon", "listserv", "majordomo", "owner", "request", "noreply", "no-reply":
		return true
	}
	return strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-request") ||
		strings.HasSuffix(local, "-owner") || strings.HasSuffix(local, "-bounces") || strings.Contains(local, "-bounces+")
}

// replyTo writes the answer that an action asks for. It is the same however often it is
// made, so that a repeat after a crash is known again by whoever sees both.
//
// Spec: RFC 3834, section 3; RFC 5322.
func (in *Intake) replyTo(d *runtime.Delivery, r runtime.Recipient, key string, a runtime.Action) []byte {
	sum := sha256.Sum256([]byte("reply\x00" + key))
	id := hex.EncodeToString(sum[:16])
	var w bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&w, "%s: %s\r\n", name, value) }
	field("Date", d.Time.Format(time.RFC1123Z))
	field("From", "<"+oneLine(r.Address)+">")
	field("To", "<"+oneLine(d.From.Address)+">")
	field("Subject", encodeText(a.Subject))
	field("Message-ID", "<"+id+"@"+in.o.Hostname+">")
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
