package mailbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/mail"
)

// build writes the new content of a mailbox.
func (r *mboxRun) build(folder string, n int) (s swap, err error) {
	path := r.b.path(folder)
	s = swap{Path: octets(path), New: octets(filepath.Join(r.dir, fmt.Sprintf("new-%d", n)))}
	mode := fs.FileMode(0o600)
	old, err := os.Open(path)
	switch {
	case err == nil:
		defer old.Close()
		s.Backup = octets(filepath.Join(r.dir, fmt.Sprintf("old-%d", n)))
		if info, err := old.Stat(); err == nil {
			mode = info.Mode().Perm()
		}
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	}
	f, err := os.OpenFile(string(s.New), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if old != nil {
		keepOwner(old, f)
	}
	w := &hashed{w: f, h: sha256.New()}
	if folder == r.b.Here() {
		err = r.rewrite(&s, w, old)
	} else {
		err = r.extend(&s, w, old, folder)
	}
	if err == nil {
		err = f.Sync()
	}
	s.NewSize, s.NewSum = w.n, hex.EncodeToString(w.h.Sum(nil))
	return s, err
}

// keepOwner gives a new file the owner of the old one, where this user may.
func keepOwner(old, to *os.File) {
	var st unix.Stat_t
	if unix.Fstat(int(old.Fd()), &st) == nil {
		_ = to.Chown(int(st.Uid), int(st.Gid))
	}
}

// hashed counts and hashes what is written, and knows how it ends.
type hashed struct {
	w    io.Writer
	h    hash.Hash
	n    int64
	last [2]byte
}

func (w *hashed) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.h.Write(p[:n])
	w.n += int64(n)
	for _, c := range p[max(0, n-2):n] {
		w.last = [2]byte{w.last[1], c}
	}
	return n, err
}

// parted ends what was written with an empty line, if there is anything.
func (w *hashed) parted() (err error) {
	switch {
	case w.n == 0:
	case w.last[1] != '\n':
		_, err = w.Write([]byte("\n\n"))
	case w.last[0] != '\n':
		_, err = w.Write([]byte("\n"))
	}
	return err
}

// rewrite writes the mailbox that was filtered without what leaves it. What came since it was opened
// is taken over when the files are swapped.
func (r *mboxRun) rewrite(s *swap, w *hashed, f *os.File) error {
	if f == nil || !r.b.same(f) {
		return errors.New("another program has put another file in its place; run the filter again")
	}
	if r.b.Changed() { // mail may have come, and readers may have changed flags
		now, err := OpenMbox(r.b.Path)
		if err != nil {
			return err
		}
		err = now.Close()
		if len(now.spans) < len(r.b.spans) || !slices.EqualFunc(now.spans[:len(r.b.spans)], r.b.spans, func(a, b span) bool { return a.head == b.head && a.end == b.end }) {
			return errors.New("another program has changed the mailbox; run the filter again")
		}
		if err != nil {
			return err
		}
	}
	h := sha256.New()
	var err error
	if s.Size, err = io.Copy(h, io.NewSectionReader(f, 0, r.b.size)); err != nil {
		return err
	}
	s.Sum = hex.EncodeToString(h.Sum(nil))
	here := r.b.Here()
	to := target{folder: here, lengths: r.b.lengths, raw: r.b.raw}
	for i := range r.b.spans {
		next := r.b.size
		if i+1 < len(r.b.spans) {
			next = r.b.spans[i+1].start
		}
		d, ok := r.deeds[i]
		store := d.here(here)
		switch {
		case !ok || store == nil && !d.Remove || store != nil && !store.edited() && len(missingFlags(r.b.flags(i), store.Flags)) == 0:
			_, err = io.Copy(w, io.NewSectionReader(f, r.b.spans[i].start, next-r.b.spans[i].start))
		case store != nil:
			err = r.message(w, i, store, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// target is how a mailbox wants its messages.
type target struct {
	folder  string
	lengths bool // with Content-Length
	raw     bool // without quotes
}

// extend writes a mailbox and, behind it, the messages that are to be in it too.
func (r *mboxRun) extend(s *swap, w *hashed, old *os.File, folder string) error {
	to := target{folder: folder}
	if old != nil {
		h := sha256.New()
		size, err := io.Copy(io.MultiWriter(w, h), old)
		if err != nil {
			return err
		}
		s.Size, s.Sum = size, hex.EncodeToString(h.Sum(nil))
		there, err := OpenMbox(r.b.path(folder))
		if err != nil {
			return err
		}
		to.lengths, to.raw = there.lengths, there.raw
		if err := there.Close(); err != nil {
			return err
		}
	}
	for _, i := range sortedKeys(r.deeds) {
		d := r.deeds[i]
		store := d.here(folder)
		if store == nil {
			continue
		}
		err := w.parted()
		if err == nil {
			err = r.message(w, i, store, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// message writes a message with its From_ line, the flags of a store, and an empty line.
func (r *mboxRun) message(w *hashed, i int, s *Store, to target) error {
	sp := r.b.spans[i]
	from, err := r.b.line(sp.start, sp.head)
	if err != nil {
		return err
	}
	if !bytes.HasSuffix(from, []byte("\n")) {
		from = append(from, '\n')
	}
	src := io.NewSectionReader(r.b.reader(), sp.head, sp.end-sp.head)
	plain := s.edited() // nothing in it is quoted
	if plain {
		src = io.NewSectionReader(r.spool, s.at, s.octets)
	}
	head, err := headOf(src)
	if err != nil {
		return err
	}
	body := io.NewSectionReader(src, int64(len(head)), src.Size()-int64(len(head)))
	var text io.Reader = body
	length := body.Size()
	if plain || r.b.raw != to.raw {
		if length > MaxBody {
			return fmt.Errorf("message %d: its body has over %d octets", i+1, MaxBody)
		}
		raw := make([]byte, length)
		if _, err := io.ReadFull(body, raw); err != nil {
			return err
		}
		switch {
		case !to.raw:
			raw = quote(raw)
		case !plain:
			raw = unquote(append([]byte("\n"), raw...), countQuoted(raw))[1:]
		}
		text, length = bytes.NewReader(raw), int64(len(raw))
	}
	set := map[string]string{}
	if to.lengths || mail.New(head).Header().Has("Content-Length") {
		set["Content-Length"] = strconv.FormatInt(length, 10)
	}
	addStatus(set, mail.New(head).Header(), missingFlags(r.b.flags(i), s.Flags))
	if plain { // those that it had are in the header that it had
		addStatus(set, mail.New(head).Header(), append(r.b.flags(i), s.Flags...))
	}
	for _, part := range [][]byte{from, withFields(head, set)} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	if _, err := io.Copy(w, text); err != nil {
		return err
	}
	if to.lengths { // what the length says ends here, and an empty line follows
		_, err := w.Write([]byte("\n"))
		return err
	}
	if w.last[1] != '\n' {
		if _, err := w.Write([]byte("\n")); err != nil {
			return err
		}
	}
	_, err = w.Write([]byte("\n"))
	return err
}

// headOf returns the header of a message.
func headOf(src *io.SectionReader) ([]byte, error) {
	for n := int64(firstRead); ; n *= 4 {
		buf := make([]byte, min(n, src.Size()))
		if _, err := src.ReadAt(buf, 0); err != nil && err != io.EOF {
			return nil, err
		}
		end, ok := mail.HeaderEnd(buf)
		if ok || int64(len(buf)) == src.Size() {
			return buf[:end], nil
		}
		if n > MaxHeader {
			return nil, fmt.Errorf("the header is over %d octets long", MaxHeader)
		}
	}
}

// quote puts one ">" in front of the lines of a body that begin with some and From.
func quote(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+16)
	for line := range bytes.Lines(raw) {
		if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
			out = append(out, '>')
		}
		out = append(out, line...)
	}
	return out
}
