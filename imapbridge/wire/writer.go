package wire

import (
	"bufio"
	"io"
	"strconv"
	"sync"
	"time"
)

// bufferSize is how much is gathered before it is sent; a command's answers are sent
// together if they fit.
const bufferSize = 64 << 10

// buffers holds the write buffers of connections that have nothing to send.
var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufferSize) }}

// Writer writes responses. It keeps the first error of the connection and from then on
// writes nothing. It holds a buffer only from the first octet to the next Flush.
type Writer struct {
	w       io.Writer
	b       *bufio.Writer
	scratch []byte
	err     error
	octets  int64
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Err returns the first error of the connection.
func (w *Writer) Err() error { return w.err }

// Octets returns how much was written.
func (w *Writer) Octets() int64 { return w.octets }

// Flush sends what is gathered and gives the buffer back.
func (w *Writer) Flush() error {
	if w.b == nil {
		return w.err
	}
	if err := w.b.Flush(); err != nil && w.err == nil {
		w.err = err
	}
	w.b.Reset(nil)
	buffers.Put(w.b)
	w.b = nil
	return w.err
}

// buffer returns the buffer, taking one if there is none.
func (w *Writer) buffer() *bufio.Writer {
	if w.b == nil {
		w.b = buffers.Get().(*bufio.Writer)
		w.b.Reset(w.w)
	}
	return w.b
}

// Raw writes octets as they are.
func (w *Writer) Raw(b []byte) *Writer {
	if w.err == nil {
		n, err := w.buffer().Write(b)
		w.octets += int64(n)
		w.err = err
	}
	return w
}

// Text writes a string as it is.
func (w *Writer) Text(s string) *Writer {
	if w.err == nil {
		n, err := w.buffer().WriteString(s)
		w.octets += int64(n)
		w.err = err
	}
	return w
}

// Uint writes a number.
func (w *Writer) Uint(n uint64) *Writer {
	w.scratch = strconv.AppendUint(w.scratch[:0], n, 10)
	return w.Raw(w.scratch)
}

// CRLF ends a line.
func (w *Writer) CRLF() *Writer { return w.Text("\r\n") }

// Append writes what f appends to an empty slice.
func (w *Writer) Append(f func(dst []byte) []byte) *Writer {
	w.scratch = f(w.scratch[:0])
	w.Raw(w.scratch)
	if cap(w.scratch) > 4096 {
		w.scratch = nil // rare and large; do not keep it for the session's life
	}
	return w
}

// String writes s quoted, or as a literal if it cannot be quoted.
func (w *Writer) String(s string) *Writer {
	return w.Append(func(dst []byte) []byte { return AppendString(dst, s) })
}

// AString writes s as an atom if it is one, else as a string.
func (w *Writer) AString(s string) *Writer {
	return w.Append(func(dst []byte) []byte { return AppendAString(dst, s) })
}

// Mailbox writes a mailbox name, in modified UTF-7 unless utf8 is set.
func (w *Writer) Mailbox(name string, utf8 bool) *Writer {
	if utf8 {
		return w.Append(func(dst []byte) []byte { return appendQuotedUTF8(dst, name) })
	}
	return w.AString(EncodeMailbox(name))
}

// DateTime writes a quoted date-time.
func (w *Writer) DateTime(t time.Time) *Writer {
	return w.Append(func(dst []byte) []byte { return AppendDateTime(dst, t) })
}

// Set writes a set.
func (w *Writer) Set(s Set) *Writer { return w.Append(s.Append) }

// Literal writes octets as a literal.
func (w *Writer) Literal(b []byte) *Writer {
	w.Text("{").Uint(uint64(len(b))).Text("}\r\n")
	return w.Raw(b)
}
