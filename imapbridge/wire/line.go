package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// tailMax is enough of the end of a discarded line to hold a literal's announcement.
const tailMax = 32

// headMax is enough of the beginning of a discarded line to hold tag and name.
const headMax = 512

// lineSwallowMax bounds the octets of a line that is thrown away: nobody sends the end of a
// longer one.
const lineSwallowMax = 16 << 20

// Line reads one line of at most limit octets and returns it without its line end. A
// longer one is read to its end and is a *RefusedError, or ErrFlood if it has none.
func (r *Reader) Line(limit int) (string, error) {
	line, long, err := r.line(nil, limit)
	if err != nil {
		return "", err
	}
	if long {
		return "", &RefusedError{Text: "line is too long"}
	}
	return string(line), nil
}

// line appends the next line, without its line end, to dst. When more than limit octets
// would be appended it throws the line away and returns its last octets and long=true.
func (r *Reader) line(dst []byte, limit int) (line []byte, long bool, err error) {
	start := len(dst)
	var tail []byte
	for octets := 0; ; {
		part, err := r.r.ReadSlice('\n')
		end := err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && (len(part) > 0 || len(dst) > start || long) {
				err = io.ErrUnexpectedEOF
			}
			return nil, false, err
		}
		if octets += len(part); long && octets > lineSwallowMax {
			return nil, false, ErrFlood
		}
		switch {
		case long:
			tail = lastOctets(append(tail, part...))
		case len(dst)-start+len(part) > limit+2:
			long = true
			tail = lastOctets(append(append(tail, dst[max(start, len(dst)-tailMax):]...), part...))
			r.keepHead(dst[start:], part)
			dst = dst[:start]
		default:
			dst = append(dst, part...)
		}
		if !end {
			continue
		}
		if long {
			return trimLine(tail), true, nil
		}
		dst = dst[:start+len(trimLine(dst[start:]))]
		if len(dst)-start > limit {
			r.keepHead(dst[start:], nil)
			return lastOctets(append(tail, dst[start:]...)), true, nil
		}
		return dst, false, nil
	}
}

// keepHead remembers the beginning of a line that is too long.
func (r *Reader) keepHead(a, b []byte) {
	r.head = append([]byte(nil), a[:min(len(a), headMax)]...)
	r.head = append(r.head, b[:min(len(b), headMax-len(r.head))]...)
}

// lastOctets returns a copy-free tail of b, long enough for an announcement.
func lastOctets(b []byte) []byte {
	if len(b) > tailMax {
		b = b[len(b)-tailMax:]
	}
	return b
}

// trimLine takes CRLF, or a bare LF, off the end of line.
func trimLine(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}
