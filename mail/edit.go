package mail

import (
	"bytes"
	"mime"
	"slices"
	"strings"
)

// HeaderEditor is a header that is being edited. What is not edited keeps its exact octets. It
// belongs to one goroutine.
type HeaderEditor struct {
	Fields []Field // may be changed; the octets of one may not

	before []byte // lines in front of the first field, such as mbox's From_ line
	after  []byte // behind the last field that is known, without the empty line
	eol    string // of the lines that are added
}

// EditHeader takes a header apart, which is not changed.
func EditHeader(h *Header) *HeaderEditor {
	raw := h.Raw()
	out := &HeaderEditor{Fields: slices.Clone(h.Fields()), eol: "\r\n"}
	if i := bytes.IndexByte(raw, '\n'); i >= 0 && (i == 0 || raw[i-1] != '\r') {
		out.eol = "\n"
	}
	raw = h.WithoutEnd()
	pos := 0
	for i, f := range out.Fields {
		start := pos
		for pos < len(raw) && &raw[pos] != &f.Raw[0] {
			pos = lineEnd(raw, pos)
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

// WithoutEnd returns the octets of the header without the empty line that ends it.
func (h *Header) WithoutEnd() []byte {
	raw := h.raw
	body := bytes.TrimRight(bytes.TrimSuffix(raw, []byte{'\n'}), "\r")
	if len(body) == 0 || body[len(body)-1] == '\n' {
		return body
	}
	return raw
}

// NewHeaderEditor returns a header of these fields, which are kept and may be changed. The lines
// that are added end with CRLF.
func NewHeaderEditor(fields ...Field) *HeaderEditor {
	return &HeaderEditor{Fields: fields, eol: "\r\n"}
}

// Clone returns a copy that is edited by itself.
func (h *HeaderEditor) Clone() *HeaderEditor {
	out := *h
	out.Fields = slices.Clone(h.Fields)
	return &out
}

// Bytes returns the header with the empty line that ends it.
func (h *HeaderEditor) Bytes() []byte {
	n := len(h.before) + len(h.after) + 4
	for _, f := range h.Fields {
		n += len(f.Raw) + 2
	}
	out := make([]byte, 0, n)
	add := func(b []byte) {
		if out = append(out, b...); len(b) > 0 && b[len(b)-1] != '\n' {
			out = append(out, h.eol...)
		}
	}
	add(h.before)
	for _, f := range h.Fields {
		add(f.Raw)
	}
	add(h.after)
	return append(out, h.eol...)
}

// Field returns a field as it is added: a value with line ends is folded there, and what is not
// ASCII is encoded.
func (h *HeaderEditor) Field(name, value string) Field {
	return Field{Name: name, Raw: EncodeField(name, value, h.eol)}
}

// Add puts a field in front of all others or behind them.
func (h *HeaderEditor) Add(name, value string, last bool) {
	f := h.Field(name, value)
	if last {
		h.Fields = append(h.Fields, f)
	} else {
		h.Fields = slices.Insert(h.Fields, 0, f)
	}
}

// Set puts a field in the place of the first of its name, and takes the others out.
func (h *HeaderEditor) Set(name, value string) {
	f := h.Field(name, value)
	for i := range h.Fields {
		if equalFold(h.Fields[i].Name, name) {
			h.Fields[i] = f
			rest := slices.DeleteFunc(h.Fields[i+1:], func(o Field) bool { return equalFold(o.Name, name) })
			h.Fields = h.Fields[:i+1+len(rest)]
			return
		}
	}
	h.Fields = append(h.Fields, f)
}

// DescribesContent says whether a field of that name says what the body is.
func DescribesContent(name string) bool {
	return len(name) > 8 && strings.EqualFold(name[:8], "content-") || strings.EqualFold(name, "mime-version")
}

// maxFieldLine is how long the lines of fields are made, in octets.
//
// Spec: RFC 5322, section 2.1.1
const maxFieldLine = 78

// EncodeField returns a field with all its line ends. Line ends of the value become places
// where it is folded, so that it stays one field; what is not ASCII is encoded.
//
// Spec: RFC 5322, section 2.2.3; RFC 2047
func EncodeField(name, value, eol string) []byte {
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
