package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// step is a change of the files below the root of a Maildir, which can be done again and taken back.
// Paths are below the root.
type step struct {
	Op   string `json:"op"`
	From octets `json:"from,omitempty"`
	To   octets `json:"to,omitempty"`
	// Before and After are the contents of a keywords file; Before nil: there was none.
	Before *octets `json:"before,omitempty"`
	After  octets  `json:"after,omitempty"`
}

// The steps.
const (
	stepFolder   = "folder"   // make the folder To
	stepKeywords = "keywords" // give the folder To these keywords
	stepCopy     = "copy"     // have the message From under the name To as well
	stepMove     = "move"     // rename the message From to To
	stepPut      = "put"      // rename From, which is new and was never a message, to To
)

// files does steps below a root.
type files struct {
	root  string
	found finder
	dirty map[string]bool // folders whose names changed, to be synced
}

func (f *files) path(o octets) string { return filepath.Join(f.root, string(o)) }

func (f *files) touched(o octets) {
	if f.dirty == nil {
		f.dirty = map[string]bool{}
	}
	f.dirty[filepath.Dir(f.path(o))] = true
}

// sync has the folders that were changed on disk.
func (f *files) sync() error {
	var errs []error
	for dir := range f.dirty {
		if err := syncDir(dir); !errors.Is(err, fs.ErrNotExist) { // Undo has removed it
			errs = append(errs, err)
		}
	}
	clear(f.dirty)
	return errors.Join(errs...)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// do does a step; one that was done already is no error.
func (f *files) do(s step) error {
	f.touched(s.To)
	if s.From != "" {
		f.touched(s.From)
	}
	switch s.Op {
	case stepFolder:
		return f.makeFolder(f.path(s.To))
	case stepKeywords:
		return f.setKeywords(s)
	case stepCopy:
		return f.copy(s)
	case stepMove, stepPut:
		return f.move(s)
	}
	return fmt.Errorf("unknown step %q", s.Op)
}

// makeFolder makes a folder of a Maildir++. Its rights are those of the root.
func (f *files) makeFolder(path string) error {
	mode := fs.FileMode(0o700)
	if info, err := os.Stat(f.root); err == nil {
		mode = info.Mode().Perm()
	}
	for _, dir := range []string{path, filepath.Join(path, "tmp"), filepath.Join(path, "new"), filepath.Join(path, "cur")} {
		if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// Spec: Maildir++, which tells folders from Maildirs by this file.
	mark, err := os.OpenFile(filepath.Join(path, "maildirfolder"), os.O_WRONLY|os.O_CREATE, mode&0o666)
	if err != nil {
		return err
	}
	return mark.Close()
}

// copy links a message into another folder.
func (f *files) copy(s step) error {
	if _, ok := f.where(s.To); ok {
		return nil
	}
	from, ok := f.where(s.From)
	if !ok {
		return ErrVanished
	}
	err := unix.Linkat(unix.AT_FDCWD, f.path(from), unix.AT_FDCWD, f.path(s.To), 0)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EOPNOTSUPP) {
		return f.copyOctets(from, s.To)
	}
	return wrapPath("link", f.path(s.To), err)
}

// move renames a message. Where another program has changed its flags since, it keeps them.
func (f *files) move(s step) error {
	from, ok := f.where(s.From)
	if !ok {
		if _, done := f.where(s.To); done {
			return nil
		}
		return ErrVanished
	}
	to := s.To
	if s.Op == stepMove {
		to = withFlagsOf(from, s.From, to)
	}
	if from == to {
		return nil
	}
	return f.rename(from, to)
}

// rename renames a file, and never over another one.
func (f *files) rename(from, to octets) error {
	a, b := f.path(from), f.path(to)
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // the file system cannot
		if err = unix.Link(a, b); err == nil || errors.Is(err, unix.EEXIST) && sameFile(a, b) {
			err = unix.Unlink(a)
		}
	}
	if errors.Is(err, unix.EXDEV) { // a folder on another disk
		if err = f.copyOctets(from, to); err == nil {
			err = unix.Unlink(a)
		}
	}
	if errors.Is(err, unix.ENOENT) {
		return ErrVanished
	}
	return wrapPath("rename", b, err)
}

func wrapPath(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}

func sameFile(a, b string) bool {
	x, err1 := os.Lstat(a)
	y, err2 := os.Lstat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// copyOctets copies a message to another disk, by way of the folder tmp there.
func (f *files) copyOctets(from, to octets) error {
	raw, err := os.ReadFile(f.path(from))
	if err != nil {
		return err
	}
	base, _ := SplitName(filepath.Base(string(to)))
	tmp := filepath.Join(filepath.Dir(filepath.Dir(f.path(to))), "tmp", base)
	if err := writeSynced(tmp, raw, f.mode(from)); err != nil {
		return err
	}
	if info, err := os.Stat(f.path(from)); err == nil {
		_ = os.Chtimes(tmp, time.Time{}, info.ModTime()) // the time of arrival
	}
	err = unix.Link(tmp, f.path(to))
	return errors.Join(wrapPath("link", f.path(to), err), os.Remove(tmp))
}

// mode returns the rights of a file.
func (f *files) mode(o octets) fs.FileMode {
	if info, err := os.Stat(f.path(o)); err == nil {
		return info.Mode().Perm()
	}
	return 0o600
}

// writeSynced writes a file; when it returns it is on disk.
func writeSynced(path string, raw []byte, mode fs.FileMode) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, mode)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// where returns under which name a message is: that one, or one that another program has
// given it in the same folder.
func (f *files) where(o octets) (octets, bool) {
	path := f.path(o)
	if _, err := os.Lstat(path); err == nil {
		return o, true
	}
	sub := filepath.Dir(string(o)) // ends with cur, new or tmp, or holds what was laid aside
	switch filepath.Base(sub) {
	case "cur", "new":
	default:
		return "", false
	}
	folder := filepath.Dir(sub)
	base, _ := SplitName(filepath.Base(path))
	e, ok := f.found.in(filepath.Join(f.root, folder), base)
	if !ok {
		return "", false
	}
	now := octets(filepath.Join(folder, e.Path()))
	if _, err := os.Lstat(f.path(now)); err != nil {
		return "", false
	}
	return now, true
}

// withFlagsOf returns the name to with what another program has changed in the system flags
// of a message that was called then, and is called now.
func withFlagsOf(now, then, to octets) octets {
	if now == then {
		return to
	}
	_, was := SplitName(filepath.Base(string(then)))
	_, is := SplitName(filepath.Base(string(now)))
	dir, name := filepath.Split(string(to))
	base, letters := SplitName(name)
	letters = strings.Map(func(c rune) rune {
		if c < 'a' && strings.ContainsRune(was, c) && !strings.ContainsRune(is, c) {
			return -1
		}
		return c
	}, letters)
	for _, c := range is {
		if c < 'a' && !strings.ContainsRune(was, c) {
			letters += string(c)
		}
	}
	if letters == "" && filepath.Base(dir) == "new" || !strings.Contains(name, ":") && filepath.Base(dir) != "cur" && filepath.Base(dir) != "new" {
		return to
	}
	if filepath.Base(dir) == "new" {
		dir = filepath.Join(filepath.Dir(filepath.Clean(dir)), "cur")
	}
	return octets(filepath.Join(dir, JoinName(base, letters)))
}

// setKeywords writes a keywords file. What another program has added since is kept; if it has given
// one of our letters to another keyword, the step cannot be done.
func (f *files) setKeywords(s step) error {
	dir := f.path(s.To)
	unlock, err := lockKeywords(dir)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := readKeywords(dir)
	if err != nil {
		return err
	}
	want := parseKeywords([]byte(s.After))
	changed := false
	for i, name := range want {
		switch {
		case name == "" || strings.EqualFold(now[i], name):
		case now[i] == "":
			now[i], changed = name, true
		default:
			return errors.New("another program has given the folder other keywords meanwhile; run the filter again")
		}
	}
	if !changed {
		return nil
	}
	return replaceFile(filepath.Join(dir, keywordsFile), now.text(), 0o600)
}

// replaceFile gives a file another content, at once.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	tmp := path + ".sluice"
	if err := writeSynced(tmp, content, mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// undo takes a step back and says whether there was anything to do.
func (f *files) undo(s step) (did bool, err error) {
	f.touched(s.To)
	if s.From != "" {
		f.touched(s.From)
	}
	switch s.Op {
	case stepFolder:
		return f.removeFolder(f.path(s.To)), nil
	case stepKeywords:
		return f.restoreKeywords(s)
	case stepCopy, stepPut:
		at, ok := f.where(s.To)
		if !ok {
			return false, nil
		}
		return true, wrapPath("remove", f.path(at), unix.Unlink(f.path(at)))
	case stepMove:
		at, ok := f.where(s.To)
		if !ok {
			if _, back := f.where(s.From); back {
				return false, nil
			}
			return false, fmt.Errorf("%q is not there any more: it was moved or removed since", string(s.To))
		}
		back := withFlagsOf(at, s.To, s.From)
		if at == s.From || at == back { // only its flags were changed, and are back
			return false, nil
		}
		return true, f.rename(at, back)
	}
	return false, fmt.Errorf("unknown step %q", s.Op)
}

// removeFolder removes a folder that the run made, unless something is in it.
func (f *files) removeFolder(path string) bool {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if list, err := os.ReadDir(filepath.Join(path, sub)); err != nil || len(list) > 0 {
			return false
		}
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	for _, e := range list {
		switch e.Name() {
		case "cur", "new", "tmp", "maildirfolder", keywordsFile:
		default:
			return false // a mail server knows the folder now
		}
	}
	for _, e := range list {
		_ = os.Remove(filepath.Join(path, e.Name()))
	}
	return os.Remove(path) == nil
}

// restoreKeywords puts a keywords file back, unless it was changed since or its letters are in use.
func (f *files) restoreKeywords(s step) (did bool, err error) {
	dir := f.path(s.To)
	unlock, err := lockKeywords(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the folder is gone
	}
	if err != nil {
		return false, err
	}
	defer unlock()
	path := filepath.Join(dir, keywordsFile)
	raw, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(raw, []byte(s.After)) {
		return false, nil
	}
	var before []byte
	if s.Before != nil {
		before = []byte(*s.Before)
	}
	old := parseKeywords(before)
	all, err := list(dir)
	if err != nil {
		return false, err
	}
	for _, e := range all {
		_, letters := SplitName(e.Name)
		for _, c := range []byte(letters) {
			if c >= 'a' && c <= 'z' && old[c-'a'] == "" {
				return false, nil
			}
		}
	}
	if s.Before == nil {
		return true, os.Remove(path)
	}
	return true, replaceFile(path, before, 0o600)
}
