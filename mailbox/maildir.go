package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/mail"
)

// Maildir is a Maildir, or a folder of a Maildir++, whose messages were listed.
type Maildir struct {
	// Root is the absolute path of the Maildir that all folders are below.
	Root string
	// Folder is the listed folder's own directory below Root: "" for the inbox, else such
	// as ".Lists.go".
	Folder string

	entries  []Entry
	dirs     [2]int // cur, new
	big      chan struct{}
	folders  map[string]bool
	keywords keywords
	found    finder
}

// Entry is what lies in the folders cur and new.
type Entry struct {
	New  bool // in new, else in cur
	Name string
	// Problem says why this is no message; nil: it may be one.
	Problem error
}

// Path returns the name below the mailbox: cur/NAME or new/NAME.
func (e Entry) Path() string {
	if e.New {
		return "new/" + e.Name
	}
	return "cur/" + e.Name
}

// OpenMaildir lists the Maildir or folder at path. Messages are in the order of the times in
// their names, then of the names.
func OpenMaildir(path string) (*Maildir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	if !isDir(abs, "cur") || !isDir(abs, "new") {
		return nil, fmt.Errorf("%s is no Maildir: it lacks the folders cur and new", path)
	}
	m := &Maildir{Root: abs, dirs: [2]int{-1, -1}, big: make(chan struct{}, 1)}
	if up, name := filepath.Split(abs); strings.HasPrefix(name, ".") && isDir(up, "cur") && isDir(up, "new") {
		m.Root, m.Folder = filepath.Clean(up), name
	}
	for i, sub := range []string{"cur", "new"} {
		m.dirs[i], err = unix.Open(filepath.Join(abs, sub), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, errors.Join(&os.PathError{Op: "open", Path: filepath.Join(path, sub), Err: err}, m.Close())
		}
	}
	if m.entries, err = list(m.Dir()); err == nil {
		err = m.listFolders()
	}
	if err == nil {
		m.keywords, err = readKeywords(m.Dir())
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Dir returns the path of the listed folder.
func (m *Maildir) Dir() string { return filepath.Join(m.Root, m.Folder) }

// list returns what is in the folders cur and new of dir, in order.
func list(dir string) ([]Entry, error) {
	var all []Entry
	for _, sub := range []string{"cur", "new"} {
		f, err := os.Open(filepath.Join(dir, sub))
		if err != nil {
			return nil, err
		}
		list, err := f.ReadDir(-1)
		err = errors.Join(err, f.Close())
		if err != nil {
			return nil, err
		}
		all = slices.Grow(all, len(list))
		for _, d := range list {
			if strings.HasPrefix(d.Name(), ".") {
				continue // Spec: maildir, "skip any file starting with a dot"
			}
			all = append(all, Entry{New: sub == "new", Name: d.Name(), Problem: problem(d.Type())})
		}
	}
	order(all)
	return all, nil
}

// order sorts entries by the time in their names.
func order(all []Entry) {
	slices.SortFunc(all, func(a, b Entry) int {
		na, nb := digits(a.Name), digits(b.Name)
		if len(na) != len(nb) {
			return len(na) - len(nb)
		}
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Path(), b.Path())
	})
}

// digits returns the number that a name begins with, without zeros in front.
func digits(name string) string {
	i := 0
	for i < len(name) && '0' <= name[i] && name[i] <= '9' {
		i++
	}
	return strings.TrimLeft(name[:i], "0")
}

// problem says what else than a message a file is, as far as its type tells.
func problem(t os.FileMode) error {
	switch {
	case t.IsRegular():
		return nil
	case t.IsDir():
		return errors.New("this is a folder, not a message")
	case t&os.ModeSymlink != 0:
		return errors.New("this is a symbolic link, which is not followed")
	}
	return errors.New("this is no regular file")
}

// Len returns the number of entries.
func (m *Maildir) Len() int { return len(m.entries) }

// Label returns the path of an entry below the mailbox.
func (m *Maildir) Label(i int) string { return m.entries[i].Path() }

// Entry returns an entry.
func (m *Maildir) Entry(i int) Entry { return m.entries[i] }

// Here returns the listed folder.
func (m *Maildir) Here() string { return m.Folder }

// Resolve returns the directory of the mailbox with that name below the root.
func (m *Maildir) Resolve(name, separator string) (string, error) { return FolderDir(name, separator) }

// HasFolder says whether there was a folder when the Maildir was opened.
func (m *Maildir) HasFolder(folder string) bool { return m.folders[folder] }

// Close closes the folders.
func (m *Maildir) Close() error {
	for _, fd := range m.dirs {
		if fd >= 0 {
			closeFD(fd)
		}
	}
	return nil
}

// firstRead is how much of a message is read at once: most headers are shorter.
const firstRead = 8 << 10

// Read opens the message and reads its header, and all of it if it is short.
func (m *Maildir) Read(i int) (*Message, error) {
	e := m.entries[i]
	if e.Problem != nil {
		return nil, e.Problem
	}
	fd, err := m.openEntry(e)
	if errors.Is(err, unix.ENOENT) {
		if e, err = m.Current(e.Name); err == nil {
			fd, err = m.openEntry(e)
		}
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, ErrVanished
	case errors.Is(err, unix.ELOOP):
		return nil, problem(os.ModeSymlink)
	case err != nil:
		return nil, err
	}
	msg := &Message{fd: fd, flags: func() []string {
		_, letters := SplitName(e.Name)
		return m.keywords.flags(letters)
	}}
	if err := m.readHeader(msg); err != nil {
		msg.Close()
		return nil, err
	}
	return msg, nil
}

func (m *Maildir) openEntry(e Entry) (fd int, err error) {
	dir := m.dirs[0]
	if e.New {
		dir = m.dirs[1]
	}
	// O_NONBLOCK: opening a FIFO would wait for its other end.
	return unix.Openat(dir, e.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

func (m *Maildir) readHeader(msg *Message) error {
	var st unix.Stat_t
	if err := unix.Fstat(msg.fd, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return problem(os.ModeDir)
	default:
		return problem(os.ModeIrregular)
	}
	msg.size = st.Size
	head, err := readHead(msg.fd, 0, st.Size)
	if err != nil {
		return err
	}
	if compressed(head) {
		return errors.New("the message is compressed (gzip), which is not supported")
	}
	if int64(len(head)) == st.Size {
		msg.Mail = mail.New(head)
		closeFD(msg.fd)
		msg.fd = -1
		return nil
	}
	msg.Mail = mail.NewLazy(head, st.Size, func() []byte { return m.readAll(msg) })
	return nil
}

// compressed says whether a message is one that a mail store has packed.
func compressed(head []byte) bool {
	return len(head) > 2 && head[0] == 0x1f && head[1] == 0x8b
}

// readHead returns the octets from offset on, up to and including the end of the header; all
// of the size octets where they are few.
func readHead(fd int, offset, size int64) ([]byte, error) {
	for n := int64(firstRead); ; n *= 4 {
		n = min(n, size, MaxHeader)
		buf := make([]byte, n)
		got, err := readFull(fd, buf, offset)
		if err != nil {
			return nil, err
		}
		if int64(got) < n {
			return nil, errCut
		}
		if n == size {
			return buf, nil
		}
		if _, ok := mail.HeaderEnd(buf); ok {
			return buf, nil
		}
		if n >= MaxHeader {
			return nil, fmt.Errorf("the header is over %d octets long", MaxHeader)
		}
	}
}

// errCut says that a file has fewer octets than it had a moment ago.
var errCut = errors.New("the file was made shorter while it was read")

// readAll reads the whole message.
func (m *Maildir) readAll(msg *Message) []byte {
	if msg.size > MaxBody {
		msg.err = fmt.Errorf("the message has %d octets; bodies of messages over %d are not read", msg.size, MaxBody)
		return nil
	}
	if msg.size > bigBody {
		m.big <- struct{}{}
		msg.release = func() { <-m.big }
	}
	buf := make([]byte, msg.size)
	n, err := readFull(msg.fd, buf, 0)
	if err == nil && n < len(buf) {
		err = errCut
	}
	if err != nil {
		msg.err = err
		return nil
	}
	return buf
}

// readFull fills buf from offset on and returns how much of it there was.
func readFull(fd int, buf []byte, offset int64) (n int, err error) {
	for n < len(buf) {
		k, err := unix.Pread(fd, buf[n:], offset+int64(n))
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return n, err
		case k == 0:
			return n, nil
		}
		n += max(k, 0)
	}
	return n, nil
}

func closeFD(fd int) { _ = unix.Close(fd) } // it was only read from

// Current returns where a message is now that another program has renamed: a mail reader
// changes the flags at the end of the name, and moves messages from new to cur.
func (m *Maildir) Current(name string) (Entry, error) {
	base, _ := SplitName(name)
	if e, ok := m.found.in(m.Dir(), base); ok {
		return e, nil
	}
	return Entry{}, unix.ENOENT
}

// finder knows where messages are in some folders, by the unique part of their names.
type finder struct {
	mu      sync.Mutex
	folders map[string]*found
}

type found struct {
	byBase map[string]Entry
	listed time.Time
}

// in returns where a message is in a folder. The folder is listed again now and then only: a hundred
// thousand messages may be gone.
func (f *finder) in(dir, base string) (Entry, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.folders[dir]
	if l == nil || time.Since(l.listed) > time.Second {
		all, err := list(dir)
		if err != nil {
			return Entry{}, false
		}
		l = &found{byBase: make(map[string]Entry, len(all))}
		for _, e := range all {
			b, _ := SplitName(e.Name)
			l.byBase[b] = e
		}
		l.listed = time.Now()
		if f.folders == nil {
			f.folders = map[string]*found{}
		}
		f.folders[dir] = l
	}
	e, ok := l.byBase[base]
	return e, ok
}

var _ Source = (*Maildir)(nil)
