package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/mail"
)

// Mbox is an mbox file whose messages were found.
//
// A message begins at a From_ line: "From ", a sender and a date, at the start of the file,
// behind an empty line, or in front of a header field. Body lines that begin with "From " are quoted
// with ">", which is taken off (mboxrd, and mboxo as far as it can be told). Where every message
// says its length in Content-Length, and all the lengths are right, those count, and if they are what keeps
// a From_ line inside a body, nothing is quoted (mboxcl2).
//
// Spec: RFC 4155; mbox(5) of qmail (mboxo, mboxrd, mboxcl, mboxcl2).
type Mbox struct {
	// Path is the absolute path of the file, links followed.
	Path string

	fd    int
	size  int64
	mtime unix.Timespec
	spans []span
	// lengths says that all messages have a right Content-Length, raw that nothing is quoted, since it
	// is the lengths that part the messages.
	lengths, raw bool
	big          chan struct{}
}

var _ Source = (*Mbox)(nil)

// span is a message of an mbox: offsets of its From_ line, of its header, and behind its last
// line. What stands between end and the next From_ line is an empty line, if anything.
type span struct {
	start, head, end int64
	quoted           int // body lines that begin with > and From
}

// OpenMbox finds the messages of the mbox at path.
func OpenMbox(path string) (_ *Mbox, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	fd, err := unix.Open(abs, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	b := &Mbox{Path: abs, fd: fd, big: make(chan struct{}, 1)}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errors.New("this is no regular file")
	}
	if err == nil {
		b.size, b.mtime = st.Size, st.Mtim
		err = b.index()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), b.Close())
	}
	return b, nil
}

// Len returns the number of messages.
func (b *Mbox) Len() int { return len(b.spans) }

// Label returns the place of a message.
func (b *Mbox) Label(i int) string {
	return filepath.Base(b.Path) + "#" + strconv.Itoa(i+1) + "@" + strconv.FormatInt(b.spans[i].start, 10)
}

// Close closes the file.
func (b *Mbox) Close() error { return unix.Close(b.fd) }

// Changed says whether the file was changed since it was opened.
func (b *Mbox) Changed() bool {
	var st unix.Stat_t
	return unix.Fstat(b.fd, &st) != nil || st.Size != b.size || st.Mtim != b.mtime
}

// Read reads the header of a message, and all of it if it is short.
func (b *Mbox) Read(i int) (*Message, error) {
	s := b.spans[i]
	msg := &Message{fd: -1}
	msg.flags = func() []string { return statusFlags(msg.Mail.Header()) }
	if line, err := b.line(s.start, s.head); err == nil {
		msg.From = fromSender(line)
	}
	head, err := readHead(b.fd, s.head, s.end-s.head)
	if err != nil {
		return nil, err
	}
	quoted := s.quoted
	if quoted > 0 { // those in the header stay: they are no text
		n, _ := mail.HeaderEnd(head)
		quoted -= countQuoted(head[:n])
	}
	if b.raw {
		quoted = 0
	}
	if int64(len(head)) == s.end-s.head {
		msg.Mail = mail.New(unquote(head, quoted))
		return msg, nil
	}
	msg.Mail = mail.NewLazy(head, s.end-s.head-int64(quoted), func() []byte { return unquote(b.readAll(s, msg), quoted) })
	return msg, nil
}

func (b *Mbox) readAll(s span, msg *Message) []byte {
	if n := s.end - s.head; n > MaxBody {
		msg.err = fmt.Errorf("the message has %d octets; bodies of messages over %d are not read", n, MaxBody)
		return nil
	} else if n > bigBody {
		b.big <- struct{}{}
		msg.release = func() { <-b.big }
	}
	buf := make([]byte, s.end-s.head)
	n, err := readFull(b.fd, buf, s.head)
	if err == nil && n < len(buf) {
		err = errCut
	}
	if err != nil {
		msg.err = err
		return nil
	}
	return buf
}

// maxFromLine bounds the From_ lines that are looked at.
const maxFromLine = 1024

// line returns the octets of a From_ line.
func (b *Mbox) line(start, end int64) ([]byte, error) {
	buf := make([]byte, min(end-start, maxFromLine))
	n, err := readFull(b.fd, buf, start)
	return buf[:n], err
}

// index finds the messages.
func (b *Mbox) index() error {
	hits, quoted, err := b.scan()
	if err != nil {
		return err
	}
	if b.size > 0 && (len(hits) == 0 || hits[0].start != 0) {
		lead, err := b.line(0, b.size)
		if err != nil {
			return err
		}
		begin := len(lead) - len(bytes.TrimLeft(lead, "\r\n"))
		switch {
		case begin == len(lead) && int64(begin) == b.size:
			return nil // empty lines only
		case len(hits) == 0 || hits[0].start != int64(begin):
			return errNoMbox
		}
	}
	b.spans = b.byLength(hits)
	if b.spans == nil {
		b.spans = make([]span, 0, len(hits))
		for i, h := range hits {
			next := b.size
			if i+1 < len(hits) {
				next = hits[i+1].start
			}
			b.spans = append(b.spans, span{start: h.start, head: h.head, end: b.beforeEmptyLine(h.head, next)})
		}
	}
	for _, at := range quoted {
		i, _ := slices.BinarySearchFunc(b.spans, at, func(s span, at int64) int {
			switch {
			case s.end <= at:
				return -1
			case s.start > at:
				return 1
			}
			return 0
		})
		if i < len(b.spans) && b.spans[i].head <= at && at < b.spans[i].end {
			b.spans[i].quoted++
		}
	}
	return nil
}

// hit is a From_ line.
type hit struct{ start, head int64 }

// scan returns the From_ lines of the file and the offsets of quoted ones.
func (b *Mbox) scan() (hits []hit, quoted []int64, err error) {
	const chunk, back = 1 << 20, 256 // a line may be quoted back-6 times
	buf := make([]byte, back+chunk)
	word := []byte("From ")
	have := 0 // octets at the start of buf that were there before
	var base int64
	for base+int64(have) < b.size {
		n, err := readFull(b.fd, buf[have:min(int64(len(buf)), b.size-base)], base+int64(have))
		if err != nil {
			return nil, nil, err
		}
		text := buf[:have+n]
		for pos := max(0, have-len(word)+1); ; {
			i := bytes.Index(text[pos:], word)
			if i < 0 {
				break
			}
			at := pos + i
			pos = at + len(word)
			line := at
			for line > 0 && text[line-1] == '>' {
				line--
			}
			if line == 0 && base > 0 || line > 0 && text[line-1] != '\n' {
				continue
			}
			if line < at {
				quoted = append(quoted, base+int64(line))
				continue
			}
			h, ok, err := b.fromLine(base + int64(at))
			if err != nil {
				return nil, nil, err
			}
			if ok {
				hits = append(hits, h)
			}
		}
		if n == 0 {
			return nil, nil, errCut
		}
		keep := min(back, len(text))
		base += int64(len(text) - keep)
		copy(buf, text[len(text)-keep:])
		have = keep
	}
	return hits, quoted, nil
}

// fromLine says whether the line at an offset, which begins with From, begins a message.
func (b *Mbox) fromLine(at int64) (hit, bool, error) {
	const before = 3
	from := max(0, at-before)
	text, err := b.line(from, min(b.size, at+2*maxFromLine))
	if err != nil {
		return hit{}, false, err
	}
	front, text := text[:at-from], text[at-from:]
	line, rest, ended := bytes.Cut(text, []byte{'\n'})
	if !ended && at+int64(len(line)) < b.size || !dated(line) {
		return hit{}, false, nil
	}
	h := hit{at, min(b.size, at+int64(len(line))+1)}
	behindEmpty := len(bytes.TrimLeft(front, "\r\n")) == 0 && at <= before ||
		bytes.HasSuffix(front, []byte("\n\n")) || bytes.HasSuffix(front, []byte("\n\r\n"))
	return h, behindEmpty || startsWithField(rest), nil
}

// startsWithField says whether text begins with a header field.
func startsWithField(text []byte) bool {
	name, _, ok := bytes.Cut(text, []byte{':'})
	return ok && len(name) > 0 && len(name) < 100 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// dated says whether a From_ line has what all programs write into it: a month, a time, and
// a year. Lines of text that begin with From seldom have.
func dated(line []byte) bool {
	var month, clock, year bool
	for _, w := range strings.Fields(string(line[len("From "):])) {
		switch {
		case len(w) == 3 && strings.Contains("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", w):
			month = true
		case len(w) == 4 && (w[:2] == "19" || w[:2] == "20") && isNumber(w):
			year = true
		case (len(w) == 5 || len(w) == 8 && w[5] == ':') && w[2] == ':' && isNumber(strings.ReplaceAll(w, ":", "")):
			clock = true
		}
	}
	return month && clock && year
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// fromSender returns the sender that a From_ line names, "" for MAILER-DAEMON, nil if
// there is none that could be an address.
func fromSender(line []byte) *string {
	word, _, _ := strings.Cut(strings.TrimPrefix(string(line), "From "), " ")
	switch {
	case strings.EqualFold(word, "MAILER-DAEMON"), word == "<>":
		word = ""
	case !strings.Contains(word, "@"):
		return nil
	default:
		if _, err := mail.ParseAddress(word); err != nil {
			return nil
		}
	}
	return &word
}

// beforeEmptyLine returns the end of a message that reaches up to next: without the empty
// line that parts it from the next one.
func (b *Mbox) beforeEmptyLine(head, next int64) int64 {
	buf := make([]byte, min(4, max(0, next-head)))
	if n, err := readFull(b.fd, buf, next-int64(len(buf))); err != nil || n < len(buf) {
		return max(head, next)
	}
	switch {
	case bytes.HasSuffix(buf, []byte("\n\r\n")):
		next -= 2
	case bytes.HasSuffix(buf, []byte("\n\n")):
		next--
	}
	return max(head, next)
}

// byLength returns the messages as their Content-Length fields part them, or nil if one of
// them lacks it or has a wrong one: then anybody may have written them.
func (b *Mbox) byLength(hits []hit) []span {
	var spans []span
	inside := false // a From_ line is part of a body
	for i := 0; i < len(hits); {
		h := hits[i]
		head, err := readHead(b.fd, h.head, b.size-h.head)
		if err != nil {
			return nil
		}
		n, _ := mail.HeaderEnd(head)
		values := mail.New(head[:n]).Header().Values("Content-Length")
		if len(values) != 1 {
			return nil
		}
		length, err := strconv.ParseInt(values[0], 10, 64)
		end := h.head + int64(n) + length
		if err != nil || length < 0 || end > b.size || end < h.head {
			return nil
		}
		j := i + 1
		for j < len(hits) && hits[j].start < end {
			j++
		}
		next := b.size
		if j < len(hits) {
			next = hits[j].start
		}
		gap, err := b.line(end, min(next, end+3))
		if err != nil || next-end > 2 || len(bytes.Trim(gap, "\r\n")) > 0 {
			return nil
		}
		inside = inside || j > i+1
		spans = append(spans, span{start: h.start, head: h.head, end: end})
		i = j
	}
	b.lengths, b.raw = len(spans) > 0, inside
	return spans
}

// unquote takes one ">" off the lines of the body that begin with some and From, of which there
// are n.
func unquote(raw []byte, n int) []byte {
	if n <= 0 || raw == nil {
		return raw
	}
	out := make([]byte, 0, len(raw))
	head, _ := mail.HeaderEnd(raw)
	out = append(out, raw[:head]...)
	for line := range bytes.Lines(raw[head:]) {
		if isQuoted(line) {
			line = line[1:]
		}
		out = append(out, line...)
	}
	return out
}

func isQuoted(line []byte) bool {
	return line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From "))
}

func countQuoted(text []byte) (n int) {
	for line := range bytes.Lines(text) {
		if isQuoted(line) {
			n++
		}
	}
	return n
}
