package mail

import (
	"bytes"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// The lengths of lines, without their ends.
//
// Spec: RFC 5322, section 2.1.1
const (
	wishedLine = 76
	longLine   = 900
)

// Composer writes a message: its fields, then its body. Whatever text it is given, a field stays
// one field: line ends and other control characters in values become blanks. The zero value is an
// empty message; it belongs to one goroutine.
type Composer struct {
	bytes.Buffer
}

// Raw writes a field whose value needs no encoding. It is folded at blanks.
func (c *Composer) Raw(name, value string) {
	c.WriteString(name)
	c.WriteByte(':')
	n := len(name) + 1
	for word := range strings.FieldsSeq(OneLine(value)) {
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

// Text writes a field that holds text for people, in encoded words where it has to be.
//
// Spec: RFC 2047
func (c *Composer) Text(name, value string) {
	value = strings.TrimSpace(OneLine(strings.ToValidUTF8(value, "\uFFFD")))
	if plainASCII(value) && longestWord(value) < longLine {
		// Folding must not change the blanks, and value may hold several in a row.
		c.folded(name, value)
		return
	}
	c.Raw(name, mime.BEncoding.Encode("utf-8", forceEncoding(value)))
}

// forceEncoding makes the encoder encode text that is ASCII, but has words that are too long.
func forceEncoding(s string) string {
	if plainASCII(s) {
		return s + "\u200b"
	}
	return s
}

// folded writes a field whose lines are broken in front of blanks, which stay.
func (c *Composer) folded(name, value string) {
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

// Addresses writes a field of addresses; none if there are none.
func (c *Composer) Addresses(name string, list ...Address) {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = FormatAddress(a)
		if i+1 < len(list) {
			parts[i] += ","
		}
	}
	if len(parts) > 0 {
		c.Raw(name, strings.Join(parts, " "))
	}
}

// FormatAddress returns an address with its name as it may stand in a field.
func FormatAddress(a Address) string {
	name := strings.TrimSpace(OneLine(a.DisplayName()))
	spec := "<" + OneLine(a.String()) + ">"
	switch {
	case name == "":
		return spec[1 : len(spec)-1]
	case plainASCII(name) && len(name) < longLine:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" ` + spec
	}
	return mime.BEncoding.Encode("utf-8", forceEncoding(strings.ToValidUTF8(name, "\uFFFD"))) + " " + spec
}

// ReadMailbox reads one address, with or without a name and brackets.
func ReadMailbox(s string) (Address, bool) {
	list := ParseAddresses(OneLine(s))
	if list.Broken || len(list.Entries) != 1 || len(list.Addresses) != 1 {
		return Address{}, false
	}
	a := list.Addresses[0]
	_, err := ParseAddress(a.String())
	return a, err == nil
}

// References writes what ties an answer to a message.
//
// Spec: RFC 5322, section 3.6.4; RFC 3834, section 3.1.6
func (c *Composer) References(h *Header) {
	ids := MessageIDs(firstOf(h.Values("Message-ID")))
	if len(ids) == 0 {
		return
	}
	id := ids[0]
	c.Raw("In-Reply-To", id)
	earlier := MessageIDs(firstOf(h.Values("References")))
	if len(earlier) == 0 {
		if earlier = MessageIDs(firstOf(h.Values("In-Reply-To"))); len(earlier) > 1 {
			earlier = nil
		}
	}
	const most = 30
	if len(earlier) > most {
		earlier = append(earlier[:1:1], earlier[len(earlier)-most+1:]...)
	}
	c.Raw("References", strings.Join(append(earlier, id), " "))
}

// MessageIDs returns the message ids in a field's value; what is none is left out.
func MessageIDs(value string) (ids []string) {
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

// Body ends the header and writes plain text.
//
// Spec: RFC 2045; RFC 2046, section 4.1
func (c *Composer) Body(text string) {
	c.Raw("MIME-Version", "1.0")
	c.Part(text)
}

// Part writes the fields of a body part of plain text, and the text.
func (c *Composer) Part(text string) {
	text = CRLF(strings.ToValidUTF8(text, "\uFFFD"))
	c.Raw("Content-Type", "text/plain; charset=utf-8")
	if plainASCII(text) && longestLine(text) < longLine {
		c.Raw("Content-Transfer-Encoding", "7bit")
		c.WriteString("\r\n" + text)
	} else {
		c.quoted([]byte(text))
	}
	if !bytes.HasSuffix(c.Bytes(), []byte("\n")) {
		c.WriteString("\r\n")
	}
}

// Entity ends the header with a MIME entity that a script brings: those of its fields that
// say what it is, and its body. A text whose octets no field explains is encoded.
func (c *Composer) Entity(text string) {
	m := New([]byte(CRLF(text)))
	c.Raw("MIME-Version", "1.0")
	encoded := false
	for _, f := range m.Header().Fields() {
		name, value := strings.ToLower(f.Name), f.Value()
		if strings.HasPrefix(name, "content-") && ValidFieldName(f.Name) && plainASCII(value) && longestWord(value) < longLine {
			encoded = encoded || name == "content-transfer-encoding"
			c.Raw(f.Name, value)
		}
	}
	body := m.Body()
	plain := plainASCII(string(body)) && longestLine(string(body)) < longLine
	if root := m.Root(); encoded || plain || root.Multipart() || root.Message != nil {
		if !encoded && !plain {
			c.Raw("Content-Transfer-Encoding", "8bit")
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
func (c *Composer) quoted(body []byte) {
	c.Raw("Content-Transfer-Encoding", "quoted-printable")
	c.WriteString("\r\n")
	q := quotedprintable.NewWriter(&c.Buffer)
	_, _ = q.Write(body) // a buffer takes everything
	_ = q.Close()
}

// CRLF gives a text the line ends of
func CRLF(s string) string {
	if !strings.Contains(s, "\n") && !strings.Contains(s, "\r") {
		return s
	}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// OneLine makes line ends and other control characters blanks.
func OneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
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

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// ValidFieldName says whether s can be the name of a header field that is written.
//
// Spec: RFC 5322, section 2.2
func ValidFieldName(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == ':' })
}

// Shorten cuts a text to so many characters, the last of which says so.
func Shorten(s string, most int) string {
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
