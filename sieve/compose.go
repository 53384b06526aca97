package sieve

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// The lengths of lines, without their ends.
//
// Spec: RFC 5322, section 2.1.1
const (
	wishedLine = 76
	longLine   = 900
)

// composer writes a message. Whatever text it is given, a field stays one field: line ends and
// other control characters in values become blanks.
type composer struct {
	bytes.Buffer
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
	c.raw("X-Sieve", "Sluice")
	c.raw("Message-ID", "<"+c.id+"@"+asciiOnly(r.hostname())+">")
	c.raw("Date", r.view.Time.Format(time.RFC1123Z))
	return c
}

type composedKey struct{}

// raw writes a field whose value needs no encoding. It is folded at blanks.
func (c *composer) raw(name, value string) {
	c.WriteString(name)
	c.WriteByte(':')
	n := len(name) + 1
	for word := range strings.FieldsSeq(oneLine(value)) {
		if n+1+len(word) > wishedLine && n > len(name)+1 {
			c.WriteString("\r\n")
			n = 0
		}
		c.WriteByte(' ')
		c.WriteString(word)
		n += 1 + len(word)
	}
	c.WriteString("\r\n")
}

// text writes a field that holds text for people, in encoded words where it has to be.
//
// Spec: RFC 2047
func (c *composer) text(name, value string) {
	value = strings.TrimSpace(oneLine(strings.ToValidUTF8(value, "\uFFFD")))
	if onlyASCII(value) && longestWord(value) < longLine {
		// Folding must not change the blanks, and value may hold several in a row.
		c.folded(name, value)
		return
	}
	c.raw(name, mime.BEncoding.Encode("utf-8", forceEncoding(value)))
}

// forceEncoding makes the encoder encode text that is ASCII, but has words that are too long.
func forceEncoding(s string) string {
	if onlyASCII(s) {
		return s + "\u200b"
	}
	return s
}

// folded writes a field whose lines are broken in front of blanks, which stay.
func (c *composer) folded(name, value string) {
	line := name + ": "
	for value != "" {
		n := strings.IndexByte(value[1:], ' ') + 1
		if n == 0 {
			n = len(value)
		}
		if len(line)+n > wishedLine && strings.TrimSpace(line) != name+":" && value[0] == ' ' && strings.TrimSpace(value[:n]) != "" {
			c.WriteString(line + "\r\n")
			line = ""
		}
		line += value[:n]
		value = value[n:]
	}
	c.WriteString(line + "\r\n")
}

// addresses writes a field of addresses; none if there are none.
func (c *composer) addresses(name string, list ...mail.Address) {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = formatAddress(a)
		if i+1 < len(list) {
			parts[i] += ","
		}
	}
	if len(parts) > 0 {
		c.raw(name, strings.Join(parts, " "))
	}
}

// formatAddress returns an address with its name as it may stand in a field.
func formatAddress(a mail.Address) string {
	name := strings.TrimSpace(oneLine(a.DisplayName()))
	spec := "<" + oneLine(a.String()) + ">"
	switch {
	case name == "":
		return spec[1 : len(spec)-1]
	case onlyASCII(name) && len(name) < longLine:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" ` + spec
	}
	return mime.BEncoding.Encode("utf-8", forceEncoding(strings.ToValidUTF8(name, "\uFFFD"))) + " " + spec
}

// address returns an address without a name.
func plainAddress(s string) mail.Address {
	if a, err := mail.ParseAddress(s); err == nil {
		return a
	}
	return mail.Address{Local: oneLine(s)}
}

// readMailbox reads one address, with or without a name and brackets.
func readMailbox(s string) (mail.Address, bool) {
	list := mail.ParseAddresses(oneLine(s))
	if list.Broken || len(list.Entries) != 1 || len(list.Addresses) != 1 {
		return mail.Address{}, false
	}
	a := list.Addresses[0]
	_, err := mail.ParseAddress(a.String())
	return a, err == nil
}

// references writes what ties an answer to a message.
//
// Spec: RFC 5322, section 3.6.4; RFC 3834, section 3.1.6
func (c *composer) references(h *mail.Header) {
	ids := messageIDs(first1(h.Values("Message-ID")))
	if len(ids) == 0 {
		return
	}
	id := ids[0]
	c.raw("In-Reply-To", id)
	earlier := messageIDs(first1(h.Values("References")))
	if len(earlier) == 0 {
		if earlier = messageIDs(first1(h.Values("In-Reply-To"))); len(earlier) > 1 {
			earlier = nil
		}
	}
	const most = 30
	if len(earlier) > most {
		earlier = append(earlier[:1:1], earlier[len(earlier)-most+1:]...)
	}
	c.raw("References", strings.Join(append(earlier, id), " "))
}

// messageIDs returns the message ids in a field's value; what is none is left out.
func messageIDs(value string) (ids []string) {
	for value != "" {
		i := strings.IndexByte(value, '<')
		if i < 0 {
			break
		}
		value = value[i:]
		n := strings.IndexByte(value, '>')
		if n < 0 {
			break
		}
		id := value[:n+1]
		if len(id) > 2 && len(id) < longLine && !strings.ContainsFunc(id[1:], func(c rune) bool { return c <= ' ' || c > '~' || c == '<' }) {
			ids = append(ids, id)
		}
		value = value[n+1:]
	}
	return ids
}

// body ends the header and writes plain text.
//
// Spec: RFC 2045; RFC 2046, section 4.1
func (c *composer) body(text string) {
	c.raw("MIME-Version", "1.0")
	c.part(text)
}

// part writes the fields of a body part of plain text, and the text.
func (c *composer) part(text string) {
	text = mailLines(strings.ToValidUTF8(text, "\uFFFD"))
	c.raw("Content-Type", "text/plain; charset=utf-8")
	if onlyASCII(text) && longestLine(text) < longLine {
		c.raw("Content-Transfer-Encoding", "7bit")
		c.WriteString("\r\n" + text)
	} else {
		c.quoted([]byte(text))
	}
	if !bytes.HasSuffix(c.Bytes(), []byte("\n")) {
		c.WriteString("\r\n")
	}
}

// entity ends the header with a MIME entity that a script brings: those of its fields that
// say what it is, and its body. A text whose octets no field explains is encoded.
func (c *composer) entity(text string) {
	m := mail.New([]byte(mailLines(text)))
	c.raw("MIME-Version", "1.0")
	encoded := false
	for _, f := range m.Header().Fields() {
		name, value := lowerASCII(f.Name), f.Value()
		if strings.HasPrefix(name, "content-") && checkHeaderName(f.Name) == nil && onlyASCII(value) && longestWord(value) < longLine {
			encoded = encoded || name == "content-transfer-encoding"
			c.raw(f.Name, value)
		}
	}
	body := m.Body()
	plain := onlyASCII(string(body)) && longestLine(string(body)) < longLine
	if root := m.Root(); encoded || plain || root.Multipart() || root.Message != nil {
		if !encoded && !plain {
			c.raw("Content-Transfer-Encoding", "8bit")
		}
		c.WriteString("\r\n")
		c.Write(body)
		return
	}
	c.quoted(body)
}

// quoted ends the header and writes a body in quoted-printable.
//
// Spec: RFC 2045, section 6.7
func (c *composer) quoted(body []byte) {
	c.raw("Content-Transfer-Encoding", "quoted-printable")
	c.WriteString("\r\n")
	q := quotedprintable.NewWriter(&c.Buffer)
	_, _ = q.Write(body) // a buffer takes everything
	_ = q.Close()
}

// crlf gives a text the line ends of mail.
func mailLines(s string) string {
	if !strings.Contains(s, "\n") && !strings.Contains(s, "\r") {
		return s
	}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// oneLine makes line ends and other control characters blanks.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
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

func longestWord(s string) (n int) {
	for w := range strings.FieldsSeq(s) {
		n = max(n, len(w))
	}
	return n
}

func longestLine(s string) (n int) {
	for l := range strings.Lines(s) {
		n = max(n, len(l))
	}
	return n
}

func first1(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// limited cuts a text to so many characters, the last of which says so.
func limited(s string, most int) string {
	n := 0
	for i := range s {
		if n == most-1 {
			if rest := []rune(s[i:]); len(rest) > 1 {
				return s[:i] + "…"
			}
		}
		n++
	}
	return s
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
	return strings.TrimSpace(oneLine(first1(r.header().Texts("Subject"))))
}
