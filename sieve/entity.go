package sieve

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// maxPlainLine is how long a line may be that is not encoded, in octets.
//
// Spec: RFC 5322, section 2.1.1
const maxPlainLine = 998

// withCRLF returns s with all line ends as mail has them.
func withCRLF(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// textContent returns the fields and the body of a text of some type. The body is encoded
// where it has to be, or where armoured asks for it: then no line of it can be a boundary.
func textContent(subtype, text string, armoured bool) (fields []mail.Field, body []byte) {
	text = withCRLF(strings.ToValidUTF8(text, "\uFFFD"))
	encoding := "7bit"
	switch {
	case armoured || hasLongLine(text) || strings.ContainsAny(text, "\x00\r") && strings.Count(text, "\r") != strings.Count(text, "\r\n"):
		encoding = "base64"
		text = base64Lines(text)
	case !onlyASCII(text):
		encoding = "8bit"
	}
	return []mail.Field{
		newField("Content-Type", "text/"+subtype+"; charset=utf-8"), newField("Content-Transfer-Encoding", encoding),
	}, []byte(text)
}

func newField(name, value string) mail.Field {
	return mail.Field{Name: name, Raw: mail.EncodeField(name, value, "\r\n")}
}

func hasLongLine(s string) bool {
	for line := range strings.Lines(s) {
		if len(strings.TrimRight(line, "\r\n")) > maxPlainLine {
			return true
		}
	}
	return false
}

// base64Lines encodes text in lines of 76 characters.
//
// Spec: RFC 2045, section 6.8
func base64Lines(s string) string {
	enc := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	b.Grow(len(enc) + len(enc)/38 + 2)
	for len(enc) > 76 {
		b.WriteString(enc[:76])
		b.WriteString("\r\n")
		enc = enc[76:]
	}
	b.WriteString(enc)
	b.WriteString("\r\n")
	return b.String()
}

// entity joins fields and a body.
func entity(fields []mail.Field, body []byte) []byte {
	return append(mail.NewHeaderEditor(fields...).Bytes(), body...)
}

// boundary returns a boundary that no line of the octets begins with.
func boundary(content []byte) string {
	sum := sha256.Sum256(content)
	for i := 0; ; i++ {
		b := fmt.Sprintf("=_sluice_%s_%d", hex.EncodeToString(sum[:12]), i)
		if !bytes.Contains(content, []byte("--"+b)) {
			return b
		}
	}
}

// messageID returns an id for a message that the run makes of another one, the same in
// each replay.
func (r *Run) messageID(content []byte) string {
	sum := sha256.Sum256(content)
	host := r.view.Hostname
	if host == "" {
		host = "localhost"
	}
	return fmt.Sprintf("<%s.%x@%s>", hex.EncodeToString(sum[:12]), uint64(r.view.Time.UnixNano()), host)
}

// mailDate returns a time as fields have it.
//
// Spec: RFC 5322, section 3.3
func mailDate(t time.Time) string { return t.Format("Mon, 02 Jan 2006 15:04:05 -0700") }
