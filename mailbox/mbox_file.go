package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
)

// Here returns the name of the file.
func (b *Mbox) Here() string { return filepath.Base(b.Path) }

// Resolve returns the path of a mailbox below the folder that the mbox is in: a level of the
// name is a folder, the last one a file. INBOX is the mbox itself.
func (b *Mbox) Resolve(name, separator string) (string, error) {
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("mailbox name %q is no UTF-8", name)
	}
	levels := strings.Split(strings.TrimSuffix(name, separator), separator)
	if strings.EqualFold(levels[0], "INBOX") {
		if levels = levels[1:]; len(levels) == 0 {
			return b.Here(), nil
		}
	}
	for i, l := range levels {
		switch {
		case l == "":
			return "", fmt.Errorf("mailbox name %q has an empty level", name)
		case strings.HasPrefix(l, "."), strings.ContainsAny(l, "/\x00"), strings.HasSuffix(l, ".lock"):
			return "", fmt.Errorf("mailbox name %q: %q cannot be the name of an mbox file", name, l)
		}
		if levels[i] = wire.EncodeMailbox(l); len(levels[i]) > 200 {
			return "", fmt.Errorf("mailbox name %.40q... is too long for a file system", name)
		}
	}
	return filepath.Join(levels...), nil
}

// HasFolder says whether there is a file for a mailbox. It is asked before anything is changed.
func (b *Mbox) HasFolder(folder string) bool {
	info, err := os.Stat(b.path(folder))
	return err == nil && info.Mode().IsRegular()
}

// path returns the path of a mailbox, links followed: another file is to take its place.
func (b *Mbox) path(folder string) string {
	path := filepath.Join(filepath.Dir(b.Path), folder)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// same says whether f is the file that was opened.
func (b *Mbox) same(f *os.File) bool {
	var x, y unix.Stat_t
	return unix.Fstat(b.fd, &x) == nil && unix.Fstat(int(f.Fd()), &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// flags returns the flags of a message.
func (b *Mbox) flags(i int) []string {
	msg, err := b.Read(i)
	if err != nil {
		return nil
	}
	defer msg.Close()
	return msg.Flags()
}

// reader reads the file.
func (b *Mbox) reader() fdReader { return fdReader(b.fd) }

type fdReader int

func (f fdReader) ReadAt(p []byte, offset int64) (int, error) {
	n, err := readFull(int(f), p, offset)
	if err == nil && n < len(p) {
		err = errCut
	}
	return n, err
}

// The letters of flags in the fields Status and X-Status, as mail readers write them.
var statusLetters = []struct {
	field  string
	letter byte
	flag   string
}{{"Status", 'R', `\Seen`}, {"X-Status", 'A', `\Answered`}, {"X-Status", 'F', `\Flagged`}, {"X-Status", 'T', `\Draft`}, {"X-Status", 'D', `\Deleted`}}

// statusFlags returns the flags that a header tells.
func statusFlags(h *mail.Header) (flags []string) {
	if !h.Has("Status") && !h.Has("X-Status") && !h.Has("X-Keywords") {
		return nil
	}
	for _, s := range statusLetters {
		for _, v := range h.Values(s.field) {
			if strings.IndexByte(v, s.letter) >= 0 {
				flags = append(flags, s.flag)
			}
		}
	}
	for _, v := range h.Values("X-Keywords") {
		flags = append(flags, strings.Fields(v)...)
	}
	return flags
}

// addStatus puts the fields that tell the flags of a header and more flags into set.
func addStatus(set map[string]string, h *mail.Header, more []string) {
	if len(more) == 0 {
		return
	}
	flags := statusFlags(h)
	flags = append(flags, missingFlags(flags, more)...)
	var words []string
	letters := map[string]string{}
next:
	for _, f := range flags {
		for _, s := range statusLetters {
			if strings.EqualFold(f, s.flag) {
				letters[s.field] += string(s.letter)
				continue next
			}
		}
		words = append(words, f)
	}
	for _, v := range h.Values("Status") {
		if strings.Contains(v, "O") && !strings.Contains(letters["Status"], "O") {
			letters["Status"] += "O" // old: a reader has seen that it is there
		}
	}
	maps.Copy(set, letters)
	if len(words) > 0 {
		set["X-Keywords"] = strings.Join(words, " ")
	}
}

// withFields returns a header in which the fields of these names are these ones, at its end.
func withFields(head []byte, set map[string]string) []byte {
	if len(set) == 0 {
		return head
	}
	eol := "\n"
	if bytes.Contains(head, []byte("\r\n")) {
		eol = "\r\n"
	}
	var out bytes.Buffer
	rest := head
	for _, f := range mail.New(head).Header().Fields() {
		at := bytes.Index(rest, f.Raw)
		out.Write(rest[:at])
		isSet := func(name string) bool { return strings.EqualFold(name, f.Name) }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(set)), isSet) {
			out.Write(f.Raw)
		}
		rest = rest[at+len(f.Raw):]
	}
	if b := out.Bytes(); len(b) > 0 && b[len(b)-1] != '\n' {
		out.WriteString(eol)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		out.WriteString(name + ": " + set[name] + eol)
	}
	out.Write(rest)
	return out.Bytes()
}

var errNoMbox = errors.New("this is no mbox: it does not begin with a From_ line")
