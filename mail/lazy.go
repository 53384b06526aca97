package mail

import (
	"bytes"
	"sync"
)

// lazy is the part of a message that is read when it is needed.
type lazy struct {
	head []byte
	size int64
	load func() []byte
	once sync.Once
	done bool // once is over; for the goroutine that reads the message
}

// NewLazy returns a message of which only its beginning is at hand: head has the whole header
// (see HeaderEnd) and perhaps more. size is the size of the message in octets, and load
// returns all of it. It is called once, by whoever first asks for what stands behind the
// header, and never if nobody does.
//
// Where load returns something that does not begin with the header in head, such as nil
// after an error, the message is the header alone; load has to tell the error to those who
// care. Neither head nor what load returns may be changed.
func NewLazy(head []byte, size int64, load func() []byte) *Message {
	n := scanHeader(head, nil)
	return &Message{lazy: &lazy{head: head[:n:n], size: size, load: load}}
}

// Loaded says whether the octets of the message are at hand, so that Raw does no work. It
// may be asked by the goroutine that made the message, before others have it.
func (m *Message) Loaded() bool { return m.lazy == nil || m.lazy.done }

func (m *Message) loaded() []byte {
	l := m.lazy
	l.once.Do(func() {
		m.raw = l.load()
		if !bytes.HasPrefix(m.raw, l.head) {
			m.raw = l.head
		}
		l.done = true
	})
	return m.raw
}

// HeaderEnd returns the length of the header that a message begins with, the empty line
// included, and whether that is certain, given only the first octets of the message: the
// line that ends the header must be among them.
func HeaderEnd(first []byte) (n int, ok bool) {
	n = scanHeader(first, nil)
	switch {
	case endsWithEmptyLine(first[:n]):
		return n, true
	case n == 0 && isFromLine(first):
		return 0, false // what it is depends on the next line
	}
	return n, bytes.IndexByte(first[n:], '\n') >= 0 // the line that is no field any more
}

// endsWithEmptyLine says whether the last line of b is an empty one, with its line end.
func endsWithEmptyLine(b []byte) bool {
	b, ok := bytes.CutSuffix(b, []byte{'\n'})
	if !ok {
		return false
	}
	b = bytes.TrimRight(b, "\r")
	return len(b) == 0 || b[len(b)-1] == '\n'
}
