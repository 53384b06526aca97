package wire

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// Limits bounds one command.
type Limits struct {
	Line     int   // octets of the command's text without its literals
	Literal  int64 // octets of one literal
	Literals int64 // octets of all literals of the command
	Count    int   // number of literals
}

// swallowMax bounds what is read and thrown away for one refused command; a client that
// announces more is cut off.
const swallowMax = 256 << 20

// chunk is how much of a literal is read at once. Memory is taken as octets arrive,
// never because they were announced.
const chunk = 64 << 10

// ErrFlood says that a client announced or sent more octets than anybody would throw away
// for it; the connection cannot go on.
var ErrFlood = errors.New("imapbridge/wire: refused command is too large to skip")

// RefusedError is a command that was read to its end and thrown away because it is over
// a limit. The connection goes on with the next one.
type RefusedError struct {
	Tag    string // "" if the line had none
	Name   string // upper case
	TooBig bool   // a literal is over its limit, rather than the text
	Busy   bool   // Take refused memory for a literal; it may have some later
	Text   string // for the client
}

// Error returns the text for the client.
func (e *RefusedError) Error() string { return e.Text }

// Command is one command as it was sent, literals included. Its name is not part of what
// a Parser for it reads.
type Command struct {
	Tag  string
	Name string // upper case; "" if the line has none

	text     []byte    // all lines without line ends, joined
	literals []literal // in order
	args     int       // where the arguments begin in text
}

// literal is one literal of a command; at is the place in the text behind its brace.
type literal struct {
	at     int
	data   []byte
	binary bool // announced as literal8
}

// Size returns the octets that the command took, without line ends.
func (c *Command) Size() int64 {
	n := int64(len(c.text))
	for _, l := range c.literals {
		n += int64(len(l.data))
	}
	return n
}

// Reader reads commands from a connection. Its fields are set before the first read.
type Reader struct {
	// Limits returns the bounds of a command by its upper-case name.
	Limits func(name string) Limits
	// Continue tells the client to send its literal. An error ends the read.
	Continue func() error
	// Progress is called as a literal arrives, so that the caller can move deadlines. May be nil.
	Progress func()
	// Take is asked before memory for n more octets of a literal is taken. If it refuses, the
	// command is read to its end and thrown away. The caller knows when the memory is free
	// again: when it is done with the command, or the read has failed. May be nil.
	Take func(n int64) bool

	r    *bufio.Reader
	head []byte // the beginning of the last line that was too long
}

// NewReader returns a Reader of r. Its buffer is small, since most of its life is spent
// waiting; literals are read past it.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 1024)}
}

// Buffered returns the octets that are read but not yet taken.
func (r *Reader) Buffered() int { return r.r.Buffered() }

// Command reads the next command with all its literals.
//
// A *RefusedError says that it was over a limit and is gone; every other error is the
// connection's, or ErrFlood, and ends it.
func (r *Reader) Command() (*Command, error) {
	c := &Command{}
	var refused *RefusedError
	lim := Limits{Line: 8192}
	if r.Limits != nil {
		lim = r.Limits("")
	}
	var octets, skipped int64
	for first := true; ; first = false {
		before := len(c.text)
		line, long, err := r.line(c.text, lim.Line-before)
		if err != nil {
			return nil, err
		}
		if long {
			if first {
				c.text = r.head
				c.split()
			}
			if refused == nil {
				refused = &RefusedError{Tag: c.Tag, Name: c.Name, Text: "command line is too long"}
			}
		} else if refused == nil {
			c.text = line
			if first {
				c.split()
				if r.Limits != nil {
					lim = r.Limits(c.Name)
				}
			}
		}
		if !long {
			line = line[before:]
		}
		n, sync, binary, ok := announced(line)
		if !ok {
			break
		}
		if refused == nil {
			octets += n
			switch {
			case n > lim.Literal || octets > lim.Literals:
				refused = &RefusedError{Tag: c.Tag, Name: c.Name, TooBig: true, Text: "literal is too large"}
			case len(c.literals) >= lim.Count:
				refused = &RefusedError{Tag: c.Tag, Name: c.Name, TooBig: true, Text: "too many literals"}
			}
		}
		if refused != nil {
			if sync {
				break // never asked for, so it does not come
			}
			if skipped += n; skipped > swallowMax {
				return nil, ErrFlood
			}
			if err := r.skip(n); err != nil {
				return nil, err
			}
			continue
		}
		if sync && r.Continue != nil {
			if err := r.Continue(); err != nil {
				return nil, err
			}
		}
		data, err := r.literal(n)
		if busy := (*busyError)(nil); errors.As(err, &busy) {
			refused = &RefusedError{Tag: c.Tag, Name: c.Name, Busy: true, Text: "too much mail at once, try again later"}
			c.literals = nil
			if skipped += busy.left; skipped > swallowMax {
				return nil, ErrFlood
			}
			if err := r.skip(busy.left); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		c.literals = append(c.literals, literal{at: len(c.text), data: data, binary: binary})
	}
	if refused != nil {
		return nil, refused
	}
	return c, nil
}

// split finds the tag and the name at the beginning of the text. What does not look like
// a tag leaves Tag empty.
func (c *Command) split() {
	i := 0
	for i < len(c.text) && isTagChar(c.text[i]) {
		i++
	}
	if i == 0 || i > 255 {
		return
	}
	c.Tag = string(c.text[:i])
	if i == len(c.text) || c.text[i] != ' ' {
		c.args = i
		return
	}
	i++
	j := i
	for j < len(c.text) && isAtomChar(c.text[j]) {
		j++
	}
	c.Name, c.args = strings.ToUpper(string(c.text[i:j])), j
}

// announced reads the literal's announcement at the end of a line: {n}, {n+}, {n-}, and
// the same behind "~". A number that is beyond
// counting is 1<<62.
func announced(line []byte) (n int64, sync, binary, ok bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false, false, false
	}
	i := len(line) - 2
	sync = true
	switch line[i] {
	case '+':
		sync = false
		i--
	case '-':
		i--
	}
	end := i + 1
	for i >= 0 && isDigit(line[i]) {
		i--
	}
	if i < 0 || line[i] != '{' || i+1 == end {
		return 0, false, false, false
	}
	for _, c := range line[i+1 : end] {
		if n > (1<<62)/10 {
			n = 1 << 62
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n, sync, i > 0 && line[i-1] == '~', true
}

// busyError says that Take refused memory, with so many octets of the literal left to read.
type busyError struct{ left int64 }

// Error says so.
func (e *busyError) Error() string { return "no memory for a literal" }

// literal reads n octets, taking memory as they come.
func (r *Reader) literal(n int64) ([]byte, error) {
	if !r.take(min(n, chunk)) {
		return nil, &busyError{n}
	}
	data := make([]byte, 0, min(n, chunk))
	for int64(len(data)) < n {
		have := len(data)
		want := int(min(n-int64(have), chunk))
		if cap(data)-have < want {
			size := min(n, int64(2*cap(data)+want))
			if !r.take(size - int64(cap(data))) {
				return nil, &busyError{n - int64(have)}
			}
			grown := make([]byte, have, size)
			copy(grown, data)
			data = grown
		}
		data = data[:have+want]
		if _, err := io.ReadFull(r.r, data[have:]); err != nil {
			return nil, unexpected(err)
		}
		if r.Progress != nil {
			r.Progress()
		}
	}
	return data, nil
}

// take asks for memory.
func (r *Reader) take(n int64) bool { return r.Take == nil || r.Take(n) }

// skip reads n octets and throws them away.
func (r *Reader) skip(n int64) error {
	for n > 0 {
		step := min(n, chunk)
		if _, err := io.CopyN(io.Discard, r.r, step); err != nil {
			return unexpected(err)
		}
		n -= step
		if r.Progress != nil {
			r.Progress()
		}
	}
	return nil
}

// unexpected turns the end of the stream inside a command into io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
