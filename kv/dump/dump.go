// Package dump is the one format in which rows leave a store and come into another, whatever
// the backends are: lines of JSON, in order.
//
//	{"sluice-kv":1,"made":"2026-11-21T12:00:00Z","store":"main"}
//	{"p":16,"k":"a@example.org b@example.org","v":"1","exp":1795000000000}
//	{"p":64,"k64":"YWRtaW4AaGVsbG8=","v64":"ZWhlbGxv"}
//	{"rows":2,"sha256":"5f70..."}
//
// The first line names the format and its version. Each row has its prefix p, its name k and its
// value v; where they are not plain text they are k64 and v64 in base64. exp is the moment at
// which it expires, in unix milliseconds (none: never), fence the largest fencing number that wrote
// it (none: 0). A counter is its decimal number. Rows are in order of p and then of the octets of
// the name, each once. The last line counts the rows and holds the SHA-256 of all lines before it,
// line ends included, so a file that was cut or changed is noticed.
//
// Allowances and leases are not part of it: they are about the present.
package dump

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/kv"
)

// version is the version of the format.
const version = 1

// maxLine bounds a line, in octets: a value and a name, as text of which every octet is escaped
// with another, or as base64.
const maxLine = 2*(kv.MaxValue+kv.MaxName) + 1024

// ErrFormat says that a file is not a dump, or is damaged. Its text names the line.
var ErrFormat = errors.New("not a dump that can be read")

// Head is what a dump says of itself.
type Head struct {
	Made  time.Time
	Store string // id of the store that it was made of
}

type headLine struct {
	Version int       `json:"sluice-kv"`
	Made    time.Time `json:"made"`
	Store   string    `json:"store"`
}

type rowLine struct {
	Prefix *int    `json:"p"`
	Name   *string `json:"k,omitempty"`
	Name64 *[]byte `json:"k64,omitempty"`
	Text   *string `json:"v,omitempty"`
	Octets *[]byte `json:"v64,omitempty"`
	Exp    int64   `json:"exp,omitempty"`
	Fence  uint64  `json:"fence,omitempty"`
}

type endLine struct {
	Rows   *int64 `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Writer writes a dump. One goroutine uses it.
type Writer struct {
	w    *bufio.Writer
	sum  hash.Hash
	rows int64
	last kv.Key
}

// NewWriter begins a dump.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	d := &Writer{w: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
	return d, d.line(headLine{version, h.Made.UTC().Truncate(time.Second), h.Store})
}

// Write adds a row, which has to be behind the one before it.
func (d *Writer) Write(it kv.Item) error {
	if d.rows > 0 && !before(d.last, it.Key) {
		return fmt.Errorf("kv/dump: write: rows are out of order in %s", it.Key.Prefix)
	}
	p := int(it.Key.Prefix)
	row := rowLine{Prefix: &p, Fence: it.Value.Fence}
	if plain(it.Key.Name) {
		row.Name = &it.Key.Name
	} else {
		b := []byte(it.Key.Name)
		row.Name64 = &b
	}
	if text := string(it.Value.Bytes); plain(text) {
		row.Text = &text
	} else {
		row.Octets = &it.Value.Bytes
	}
	if !it.Value.Expires.IsZero() {
		row.Exp = it.Value.Expires.UnixMilli()
	}
	d.rows++
	d.last = it.Key
	return d.line(row)
}

// Close ends the dump. Without it the dump cannot be read.
func (d *Writer) Close() error {
	rows := d.rows
	err := d.line(endLine{&rows, hex.EncodeToString(d.sum.Sum(nil))})
	return errors.Join(err, d.w.Flush())
}

func (d *Writer) line(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("kv/dump: write: %w", err)
	}
	d.sum.Write(b.Bytes())
	if _, err := d.w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("kv/dump: write: %w", err)
	}
	return nil
}

// plain says whether s can stand as JSON text without growing much or changing.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

func before(a, b kv.Key) bool {
	return a.Prefix < b.Prefix || a.Prefix == b.Prefix && a.Name < b.Name
}

// Reader reads a dump. One goroutine uses it.
type Reader struct {
	Head Head

	r    *bufio.Reader
	buf  []byte
	sum  hash.Hash
	n    int // lines read
	rows int64
	last kv.Key
}

// NewReader reads the first line. It returns ErrFormat if r is no dump, or one of another version.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	line, err := d.line()
	if errors.Is(err, io.EOF) {
		return nil, d.bad("is empty")
	}
	if err != nil {
		return nil, err
	}
	var h headLine
	if err := strict(line, &h); err != nil {
		return nil, d.bad("does not begin as a dump: %v", err)
	}
	if h.Version != version {
		return nil, d.bad("has format version %d, this program reads %d", h.Version, version)
	}
	d.Head = Head{h.Made, h.Store}
	d.sum.Write(line)
	return d, nil
}

// Next returns the next row, or io.EOF after the last one, when count and sum are right.
func (d *Reader) Next() (kv.Item, error) {
	line, err := d.line()
	if errors.Is(err, io.EOF) {
		return kv.Item{}, d.bad("ends before its last line: it was cut")
	}
	if err != nil {
		return kv.Item{}, err
	}
	if bytes.HasPrefix(line, []byte(`{"rows":`)) {
		return kv.Item{}, d.end(line)
	}
	var row rowLine
	if err := strict(line, &row); err != nil {
		return kv.Item{}, d.bad("is no row: %v", err)
	}
	it, err := d.item(row)
	if err != nil {
		return kv.Item{}, err
	}
	if d.rows > 0 && !before(d.last, it.Key) {
		return kv.Item{}, d.bad("is out of order")
	}
	d.sum.Write(line)
	d.rows++
	d.last = it.Key
	return it, nil
}

func (d *Reader) item(row rowLine) (it kv.Item, err error) {
	if row.Prefix == nil || *row.Prefix < 0 || *row.Prefix > 255 {
		return it, d.bad("has no prefix p from 0 to 255")
	}
	it.Key.Prefix = kv.Prefix(*row.Prefix)
	switch {
	case (row.Name == nil) == (row.Name64 == nil):
		return it, d.bad("has to have k or k64")
	case (row.Text == nil) == (row.Octets == nil):
		return it, d.bad("has to have v or v64")
	case row.Name != nil:
		it.Key.Name = *row.Name
	default:
		it.Key.Name = string(*row.Name64)
	}
	if row.Text != nil {
		it.Value.Bytes = []byte(*row.Text)
	} else {
		it.Value.Bytes = append([]byte{}, *row.Octets...)
	}
	if err := errors.Join(it.Key.Check(), kv.CheckValue(it.Value.Bytes)); err != nil {
		return it, d.bad("%v", err)
	}
	if row.Exp < 0 || row.Exp > maxMilli {
		return it, d.bad("has exp %d, which is no moment in unix milliseconds", row.Exp)
	}
	if row.Fence > math.MaxInt64 {
		return it, d.bad("has a fence of more than 63 bits, which not every store can keep")
	}
	it.Value.Expires, it.Value.Fence = kv.Moment(row.Exp), row.Fence
	return it, nil
}

// maxMilli is the end of the year 9999.
const maxMilli = 253402300799999

func (d *Reader) end(line []byte) error {
	var end endLine
	if err := strict(line, &end); err != nil || end.Rows == nil {
		return d.bad("is no last line: %v", err)
	}
	if *end.Rows != d.rows {
		return d.bad("counts %d rows, there are %d", *end.Rows, d.rows)
	}
	if end.SHA256 != hex.EncodeToString(d.sum.Sum(nil)) {
		return d.bad("holds another SHA-256 than that of the lines: the file was changed")
	}
	if _, err := d.line(); !errors.Is(err, io.EOF) {
		return d.bad("comes after the last line")
	}
	return io.EOF
}

// line returns the next line with its end; it is valid until the next call.
func (d *Reader) line() ([]byte, error) {
	d.buf = d.buf[:0]
	for {
		part, err := d.r.ReadSlice('\n')
		d.buf = append(d.buf, part...)
		if len(d.buf) > maxLine {
			d.n++
			return nil, d.bad("has more than %d octets", maxLine)
		}
		switch {
		case err == nil:
			d.n++
			return d.buf, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(d.buf) > 0:
			d.n++
			return nil, d.bad("has no end: the file was cut")
		default:
			return nil, err
		}
	}
}

func (d *Reader) bad(format string, args ...any) error {
	return fmt.Errorf("kv/dump: %w: line %d %s", ErrFormat, max(d.n, 1), fmt.Sprintf(format, args...))
}

// strict refuses fields that the format does not have.
func strict(line []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}
