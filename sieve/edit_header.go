package sieve

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// header is a header that is being edited. What is not edited keeps its exact octets.
type header struct {
	before []byte // lines in front of the first field, such as mbox's From_ line
	fields []mail.Field
	after  []byte // behind the last field that is known, without the empty line
	eol    string // of the lines that are added
}

// newHeader takes a header apart.
func newHeader(h *mail.Header) *header {
	raw := h.Raw()
	out := &header{fields: slices.Clone(h.Fields()), eol: "\r\n"}
	if i := bytes.IndexByte(raw, '\n'); i >= 0 && (i == 0 || raw[i-1] != '\r') {
		out.eol = "\n"
	}
	raw = trimEmptyLine(raw)
	pos := 0
	for i, f := range out.fields {
		start := pos
		for pos < len(raw) && &raw[pos] != &f.Raw[0] {
			pos += lineLength(raw[pos:])
		}
		if i == 0 {
			out.before = raw[start:pos]
		}
		pos += len(f.Raw)
	}
	if pos < len(raw) {
		out.after = raw[pos:]
	}
	return out
}

// trimEmptyLine takes the empty line off the end of a header.
func trimEmptyLine(raw []byte) []byte {
	body, ok := bytes.CutSuffix(raw, []byte{'\n'})
	if !ok {
		return raw
	}
	body = bytes.TrimRight(body, "\r")
	if len(body) == 0 || body[len(body)-1] == '\n' {
		return body
	}
	return raw
}

// lineLength returns the length of the line that b begins with, its line end included.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// bytes returns the header with the empty line that ends it.
func (h *header) bytes() []byte {
	n := len(h.before) + len(h.after) + 4
	for _, f := range h.fields {
		n += len(f.Raw) + 2
	}
	out := make([]byte, 0, n)
	add := func(b []byte) {
		if out = append(out, b...); len(b) > 0 && b[len(b)-1] != '\n' {
			out = append(out, h.eol...)
		}
	}
	add(h.before)
	for _, f := range h.fields {
		add(f.Raw)
	}
	add(h.after)
	return append(out, h.eol...)
}

// add puts a field in front of all others or behind them.
func (h *header) add(name, value string, last bool) {
	f := mail.Field{Name: name, Raw: encodeField(name, value, h.eol)}
	if last {
		h.fields = append(h.fields, f)
	} else {
		h.fields = slices.Insert(h.fields, 0, f)
	}
}

// set puts a field in the place of the first of its name, and takes the others out.
func (h *header) set(name, value string) {
	f := mail.Field{Name: name, Raw: encodeField(name, value, h.eol)}
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].Name, name) {
			h.fields[i] = f
			rest := slices.DeleteFunc(h.fields[i+1:], func(o mail.Field) bool { return strings.EqualFold(o.Name, name) })
			h.fields = h.fields[:i+1+len(rest)]
			return
		}
	}
	h.fields = append(h.fields, f)
}

// describesContent says whether a field of that name says what the body is.
func describesContent(name string) bool {
	return len(name) > 8 && strings.EqualFold(name[:8], "content-") || strings.EqualFold(name, "mime-version")
}

// maxFieldLine is how long the lines of fields are made, in octets.
//
// Spec: RFC 5322, section 2.1.1
const maxFieldLine = 78

// encodeField returns a field with all its line ends. Line ends of the value become places
// where it is folded, so that it stays one field; what is not ASCII is encoded.
//
// Spec: RFC 5322, section 2.2.3; RFC 2047
func encodeField(name, value, eol string) []byte {
	value = encodeWords(oneValue(value))
	out := make([]byte, 0, len(name)+len(value)+len(value)/30+8)
	out = append(out, name...)
	out = append(out, ':', ' ')
	col := len(out)
	for value != "" {
		blanks := len(value) - len(strings.TrimLeft(value, " \t"))
		word := strings.IndexAny(value[blanks:], " \t")
		if word < 0 {
			word = len(value) - blanks
		}
		word += blanks
		if blanks > 0 && col+word > maxFieldLine {
			out = append(out, eol...)
			col = 0
		}
		out = append(out, value[:word]...)
		col += word
		value = value[word:]
	}
	return append(out, eol...)
}

// oneValue returns a value without its line ends, as it is read again: a line that does not
// begin with a blank gets one. Outer blanks go.
func oneValue(s string) string {
	s = strings.Trim(s, " \t\r\n")
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	var b strings.Builder
	for line := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == '\r' || c == '\n' }) {
		if b.Len() > 0 && line[0] != ' ' && line[0] != '\t' {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

// encodeWords encodes the words of a value that are not ASCII, neighbours together.
func encodeWords(s string) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && (s[j] == ' ' || s[j] == '\t') {
			j++
		}
		b.WriteString(s[i:j])
		i = j
		end := i // of the last word of a group that is to be encoded
		for j < len(s) {
			k := j
			for k < len(s) && s[k] != ' ' && s[k] != '\t' {
				k++
			}
			if plainASCII(s[j:k]) {
				if end == i { // a plain word
					end = -k
				}
				break
			}
			end = k
			for j = k; j < len(s) && (s[j] == ' ' || s[j] == '\t'); {
				j++
			}
		}
		if end < 0 {
			b.WriteString(s[i:-end])
			i = -end
			continue
		}
		text := strings.ToValidUTF8(s[i:end], "\uFFFD")
		encoding := mime.QEncoding
		if high := countHigh(text); high*3 > len(text) {
			encoding = mime.BEncoding
		}
		b.WriteString(encoding.Encode("utf-8", text))
		i = end
	}
	return b.String()
}

func plainASCII(s string) bool { return countHigh(s) == 0 }

func countHigh(s string) (n int) {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			n++
		}
	}
	return n
}
