package mail

import (
	"bytes"
	"strings"
	"sync"
)

// Header is the header of a message or of a body part: its fields in order, with
// their exact octets. It may be used by many goroutines.
type Header struct {
	raw    []byte
	limit  int
	once   sync.Once
	fields []Field
}

// Field is one header field.
type Field struct {
	Name string // as written, without the colon and blanks in front of it
	Raw  []byte // all octets, from the name to the last line end
}

func newHeader(raw []byte, limit int) *Header { return &Header{raw: raw, limit: limit} }

// Raw returns the octets of the header: the fields, lines in front of them that are
// none (mbox's From_ line), and the empty line that ends it, where there is one.
func (h *Header) Raw() []byte { return h.raw }

// Fields returns the fields in the order in which they stand, at most MaxFields
// (MaxPartFields in a body part). The slice must not be changed.
func (h *Header) Fields() []Field {
	h.once.Do(func() {
		n := min(bytes.Count(h.raw, []byte{'\n'})+1, 64)
		fields := make([]Field, 0, n)
		var names strings.Builder // all the names share a piece of memory; values are not copied
		names.Grow(12 * n)
		var room [64]int
		lengths := room[:0] // of the names
		scanHeader(h.raw, func(start, nameEnd, end int) {
			if len(fields) < h.limit {
				fields = append(fields, Field{Raw: h.raw[start:end:end]})
				names.Write(h.raw[start:nameEnd])
				lengths = append(lengths, nameEnd-start)
			}
		})
		text := names.String()
		for i, n := range lengths {
			fields[i].Name, text = text[:n], text[n:]
		}
		h.fields = fields
	})
	return h.fields
}

// Has says whether there is a field of that name, even an empty one. Names are
// compared without case.
func (h *Header) Has(name string) bool {
	for _, f := range h.Fields() {
		if equalFold(f.Name, name) {
			return true
		}
	}
	return false
}

// Values returns the value of each field of that name, in order: unfolded, outer
// blanks stripped, nothing decoded.
func (h *Header) Values(name string) []string {
	var values []string
	for _, f := range h.Fields() {
		if equalFold(f.Name, name) {
			values = append(values, f.Value())
		}
	}
	return values
}

// Texts returns what Values returns, with encoded words and raw 8-bit octets decoded
// to UTF-8.
//
// Spec: RFC 2047.
func (h *Header) Texts(name string) []string {
	values := h.Values(name)
	for i, v := range values {
		values[i] = DecodeWords(v)
	}
	return values
}

// Value returns what stands behind the colon: unfolded, which takes out the line
// ends and leaves the blanks behind them, and without outer blanks.
func (f Field) Value() string {
	i := bytes.IndexByte(f.Raw, ':')
	return string(unfold(f.Raw[i+1:]))
}

// Text returns Value with encoded words and raw 8-bit octets decoded to UTF-8.
func (f Field) Text() string { return DecodeWords(f.Value()) }

// unfold takes the line ends out of a field's value and strips outer blanks. It
// returns a part of v where v is one line.
func unfold(v []byte) []byte {
	v = bytes.Trim(v, " \t\r\n")
	if bytes.IndexByte(v, '\n') < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	for line := range bytes.Lines(v) {
		if body, ok := bytes.CutSuffix(line, []byte{'\n'}); ok {
			line = bytes.TrimRight(body, "\r")
		}
		out = append(out, line...)
	}
	return out
}

// scanHeader finds the header that raw begins with, calls field (if not nil) for
// each field with the offsets of its start, of the end of its name and of its end,
// and returns the length of the header, the empty line included.
//
// The header ends at the first empty line, and in front of the first line that is
// neither a field, nor the continuation of one, nor a From_ line: a text without a
// header is all body.
func scanHeader(raw []byte, field func(start, nameEnd, end int)) int {
	start, nameEnd := -1, 0 // of the field that is being read
	flush := func(end int) {
		if start >= 0 && field != nil {
			field(start, nameEnd, end)
		}
		start = -1
	}
	pos := skipFromLines(raw)
	for pos < len(raw) {
		end := lineEnd(raw, pos)
		line := raw[pos:end]
		switch n := fieldName(line); {
		case n > 0:
			flush(pos)
			start, nameEnd = pos, pos+n
		case isBlank(line[0]) && pos > 0:
			// goes on with the field, or with the From_ line
		case isEmptyLine(line):
			flush(pos)
			return end
		case isFromLine(line) && pos > 0:
			flush(pos)
		default:
			flush(pos)
			return pos
		}
		pos = end
	}
	flush(pos)
	return pos
}

// skipFromLines returns the length of the From_ lines in front of a header, 0 if
// what follows them is no field: then they are text.
func skipFromLines(raw []byte) int {
	pos := 0
	for pos < len(raw) && isFromLine(raw[pos:]) {
		pos = lineEnd(raw, pos)
	}
	if pos > 0 && fieldName(raw[pos:]) == 0 {
		return 0
	}
	return pos
}

// isFromLine says whether line begins as mbox writes its separators, or as some
// software quotes them in the middle of a header.
func isFromLine(line []byte) bool {
	return fieldName(line) == 0 && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")))
}

// fieldName returns the length of the field name that line begins with, 0 if line
// is no field: printable ASCII, blanks perhaps, and a colon.
//
// Spec: RFC 5322, sections 2.2 and 4.5 (the blanks).
func fieldName(line []byte) int {
	n := 0
	for n < len(line) && line[n] > ' ' && line[n] < 0x7f && line[n] != ':' {
		n++
	}
	for i := n; i < len(line); i++ {
		switch line[i] {
		case ':':
			return n
		case ' ', '\t':
		default:
			return 0
		}
	}
	return 0
}

// lineEnd returns the offset behind the line end of the line that pos is in.
func lineEnd(raw []byte, pos int) int {
	if i := bytes.IndexByte(raw[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(raw)
}

// isEmptyLine says whether line is a line end and nothing else.
func isEmptyLine(line []byte) bool {
	for _, c := range line {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// equalFold compares two names without the case of ASCII letters.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
