package mailbox

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// StateDir is the folder, in the root of a Maildir, that holds the journals of runs and what
// they laid aside. No mail program takes it for a mailbox, since its name begins with no dot.
const StateDir = "sluice-filter"

// Options say how a run changes a mailbox.
type Options struct {
	// What tells one run from another: script, options. A run that was broken off is gone
	// on with only by the same.
	What string
	// Note is kept in the journal for whoever reads it.
	Note json.RawMessage
	// Extra does what a Deed has as Extra, when its steps are done. It may be called again for
	// the same deed, after a crash.
	Extra func(id string, d Deed) error
	// Known, if not nil, is told each Extra of a run that is gone on with.
	Known func(extra json.RawMessage) error
	Now   func() time.Time

	step func(what string) // in tests: between any two things that are done
}

func (o Options) at(what string) {
	if o.step != nil {
		o.step(what)
	}
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// Failure is what could not be done for one message. Nothing of it is lost: what was done of
// its deed stands in the journal.
type Failure struct {
	Index int
	Label string
	Err   error
}

// Changer changes a mailbox by deeds, in the order of its messages. It belongs to one goroutine.
type Changer interface {
	// Do takes a deed on, to be done by Commit. An error says that it cannot be done, and
	// nothing of it will be.
	Do(d Deed) error
	// Pending returns how many deeds wait for Commit.
	Pending() int
	// Commit does what was taken on. The messages before next are done with then: a run that is gone
	// on with begins at next.
	Commit(next int) ([]Failure, error)
	// Finish ends the run when all messages are done with.
	Finish() error
	// Close gives the mailbox up, whether the run is over or not.
	Close() error
	// Journal returns the path of the journal, "" if the run changed nothing.
	Journal() string
	// Next is the message to begin with: 0 for a new run.
	Next() int
}

// newRunID returns a name for a run.
func newRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return now.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(b[:])
}

// state is what runs over a Maildir and an mbox have in common.
type state struct {
	at      func(what string)
	dir     string // of this run
	head    Head
	journal *journal
	unlock  func() error
}

// unfinished returns the journals below dir of runs that are neither over nor taken back, by
// path.
func unfinished(dir string) (paths []string, err error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name(), journalName)
		if _, err := os.Stat(path); !e.IsDir() || err != nil {
			continue
		}
		over, err := isOver(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !over {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// isOver says whether the last record of a journal says that the run is over or taken back.
func isOver(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	buf := make([]byte, min(info.Size(), 4<<10))
	if _, err := f.ReadAt(buf, info.Size()-int64(len(buf))); err != nil {
		return false, err
	}
	text, ended := bytes.CutSuffix(buf, []byte{'\n'})
	if !ended {
		return false, nil
	}
	rec, ok := parseRecord(append(text[bytes.LastIndexByte(text, '\n')+1:], '\n'))
	return ok && (rec.Kind == "end" || rec.Kind == "undone"), nil
}

const journalName = "journal"

// OtherRunError says that a run with another script or other options was broken off.
type OtherRunError struct {
	Journal string
	Head    Head
}

func (e *OtherRunError) Error() string {
	return fmt.Sprintf("a run of %s was broken off, and it was another one: go on with it as it was, or take it back with --undo %s",
		e.Head.Began.Local().Format("2006-01-02 15:04:05"), e.Journal)
}

// start makes the state of a new run below dir, without a journal yet.
func (s *state) start(dir, path string, count int, o Options) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	unlock, err := fileLock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	s.unlock, s.at = unlock, o.at
	now := o.now()
	s.head = Head{Version: journalVersion, ID: newRunID(now), Began: now, Mailbox: path, Count: count, What: o.What, Note: o.Note}
	s.dir = filepath.Join(dir, s.head.ID)
	return nil
}

// open creates the journal with the head of the run, on disk.
func (s *state) open(names []octets) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	j, err := createJournal(filepath.Join(s.dir, journalName))
	if err != nil {
		return err
	}
	s.journal = j
	s.at("journal made")
	if err := j.add(record{Kind: "run", Run: &s.head}); err != nil {
		return err
	}
	const page = 1000
	for ; len(names) > 0; names = names[min(page, len(names)):] {
		if err := j.add(record{Kind: "names", Names: names[:min(page, len(names))]}); err != nil {
			return err
		}
	}
	if err := j.write(true); err != nil {
		return err
	}
	return errors.Join(syncDir(s.dir), syncDir(filepath.Dir(s.dir)))
}

// Journal returns the path of the journal.
func (s *state) Journal() string {
	if s.journal == nil {
		return ""
	}
	return filepath.Join(s.dir, journalName)
}

// Close closes the journal and gives up the lock. It may be repeated.
func (s *state) Close() error {
	if s.unlock == nil {
		return nil
	}
	var err error
	if s.journal != nil {
		err = s.journal.Close()
	}
	err = errors.Join(err, s.unlock())
	s.unlock = nil
	return err
}

// Begin begins a run over a mailbox that was opened, or goes on with the one that was broken off
// if it is the same. Then the source has the messages of that run.
func Begin(src Source, o Options) (Changer, error) {
	switch s := src.(type) {
	case *Maildir:
		return s.begin(o)
	case *Mbox:
		return s.begin(o)
	}
	return nil, fmt.Errorf("mailboxes of type %T cannot be changed", src)
}
