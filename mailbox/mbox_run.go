package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// mboxRun changes an mbox: all at once, when all messages are done with. Until then nothing is
// written, so that a run that is broken off before begins anew.
//
//	Do ... Finish ── new files beside the old ones ── journal: swap ── old file aside, new one in its place
type mboxRun struct {
	state
	o     Options
	b     *Mbox
	deeds map[int]Deed
	spool *os.File // messages that an action has changed
	size  int64
	late  []Failure
	next  int
}

// stateDir returns the folder, beside the mbox, that holds the journals of runs over it and the
// files that they replaced.
func (b *Mbox) stateDir() string {
	return filepath.Join(filepath.Dir(b.Path), "."+filepath.Base(b.Path)+"."+StateDir)
}

func (b *Mbox) begin(o Options) (_ Changer, err error) {
	r := &mboxRun{o: o, b: b, deeds: map[int]Deed{}}
	if err := r.start(b.stateDir(), b.Path, len(b.spans), o); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	open, err := unfinished(b.stateDir())
	if err != nil {
		return nil, err
	}
	for _, path := range open {
		done, err := r.resume(path)
		if done || err != nil {
			return r, err
		}
	}
	return r, nil
}

// resume does the rest of a run that had begun to swap files.
func (r *mboxRun) resume(path string) (done bool, err error) {
	var head *Head
	var rec record
	var extras []Deed
	whole, err := readJournal(path, func(one record) error {
		switch one.Kind {
		case "run":
			head = one.Run
		case "do":
			extras = append(extras, Deed{Index: one.Index, Extra: one.Extra})
		case "swap":
			rec = one
		}
		return nil
	})
	switch {
	case err != nil:
		return false, fmt.Errorf("%s: %w", path, err)
	case len(rec.Swaps) == 0: // nothing was changed
		return false, os.RemoveAll(filepath.Dir(path))
	case head.What != r.o.What:
		return false, &OtherRunError{path, *head}
	}
	if r.journal, err = continueJournal(path, whole); err != nil {
		return false, err
	}
	r.head, r.dir, r.next = *head, filepath.Dir(path), len(r.b.spans)
	if err := r.swap(rec); err != nil {
		return true, err
	}
	r.extras(extras)
	return true, nil
}

// Next returns the first message; where only files were left to be swapped, the end.
func (r *mboxRun) Next() int { return r.next }

// Do takes a deed on.
func (r *mboxRun) Do(d Deed) error {
	for i := range d.Stores {
		s := &d.Stores[i]
		if s.Folder != r.b.Here() && !s.Create && !r.b.HasFolder(s.Folder) {
			return fmt.Errorf("there is no mailbox %q", s.Folder)
		}
		if s.Raw == nil {
			continue
		}
		if err := r.spoolRaw(d.Index, s); err != nil {
			return err
		}
	}
	d.Stores = slices.Clone(d.Stores)
	r.deeds[d.Index] = d
	return nil
}

// spoolRaw keeps a changed message on disk until the end.
func (r *mboxRun) spoolRaw(index int, s *Store) error {
	if r.spool == nil {
		f, err := os.CreateTemp(r.b.stateDir(), "edited-*")
		if err != nil {
			return err
		}
		r.spool = f
		if err := os.Remove(f.Name()); err != nil { // it ends with the process
			return err
		}
	}
	n, err := r.spool.WriteAt(s.Raw, r.size)
	if err != nil {
		return err
	}
	s.at, s.octets = r.size, int64(n)
	s.Raw = nil
	r.size += int64(n)
	return nil
}

// Pending is always 0: nothing is to be gained by an early Commit.
func (r *mboxRun) Pending() int { return 0 }

// Commit does nothing yet.
func (r *mboxRun) Commit(next int) ([]Failure, error) {
	r.next = next
	failed := r.late
	r.late = nil
	return failed, nil
}

// Close gives up the mailbox.
func (r *mboxRun) Close() error {
	var err error
	if r.spool != nil {
		err = r.spool.Close()
		r.spool = nil
	}
	return errors.Join(err, r.state.Close())
}

// Finish writes the new files and puts them in place, under the locks that mail programs use.
func (r *mboxRun) Finish() error {
	if r.journal != nil { // the rest of an old run, which is done
		return r.end()
	}
	here := r.b.Here()
	changed := 0
	files := map[string]bool{}
	for i, d := range r.deeds {
		if !d.Changes(here, r.b.flags(i)) {
			continue
		}
		changed++
		for _, s := range d.Stores {
			files[s.Folder] = true
		}
		files[here] = true
	}
	if changed > 0 {
		if err := r.change(here, files, changed); err != nil {
			return err
		}
	}
	var extras []Deed
	for _, i := range sortedKeys(r.deeds) {
		if r.deeds[i].Extra != nil {
			extras = append(extras, r.deeds[i])
		}
	}
	r.extras(extras)
	if r.journal == nil {
		return nil
	}
	return r.end()
}

// extras does what deeds have as Extra.
func (r *mboxRun) extras(deeds []Deed) {
	for _, d := range deeds {
		if r.o.Extra == nil {
			return
		}
		if err := r.o.Extra(r.head.ID, d); err != nil {
			r.late = append(r.late, Failure{d.Index, fmt.Sprintf("message %d", d.Index+1), err})
		}
	}
}

// change writes the files and puts them in place.
func (r *mboxRun) change(here string, files map[string]bool, changed int) error {
	if err := r.open(nil); err != nil {
		return err
	}
	order := make([]string, 0, len(files))
	for f := range files {
		if f != here {
			order = append(order, f)
		}
	}
	slices.Sort(order)
	order = append(order, here) // a message is in its new place before it leaves the old one
	unlock, err := r.lock(order)
	if err != nil {
		return err
	}
	defer unlock()
	rec := record{Kind: "swap", Count: changed}
	for n, folder := range order {
		s, err := r.build(folder, n)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		rec.Swaps = append(rec.Swaps, s)
	}
	r.at("before the journal")
	for _, i := range sortedKeys(r.deeds) {
		if x := r.deeds[i].Extra; x != nil {
			if err := r.journal.add(record{Kind: "do", Index: i, Extra: x}); err != nil {
				return err
			}
		}
	}
	if err := r.journal.add(rec); err != nil {
		return err
	}
	if err := errors.Join(syncDir(r.dir), r.journal.write(true)); err != nil {
		return err
	}
	return r.swapAll(rec.Swaps)
}

func sortedKeys(m map[int]Deed) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (r *mboxRun) end() error {
	r.at("before the end")
	if err := r.journal.add(record{Kind: "end"}); err != nil {
		return err
	}
	return r.journal.write(true)
}

// lock locks mailboxes, in their order.
func (r *mboxRun) lock(folders []string) (unlock func(), err error) {
	var all []func()
	unlock = func() {
		for _, u := range slices.Backward(all) {
			u()
		}
	}
	for _, f := range folders {
		path := r.b.path(f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			unlock()
			return nil, err
		}
		u, err := lockMbox(path)
		if err != nil {
			unlock()
			return nil, err
		}
		all = append(all, u)
	}
	return unlock, nil
}

// swapAll puts new files in place; the old ones are kept.
func (r *mboxRun) swapAll(swaps []swap) error {
	for i := range swaps {
		s := &swaps[i]
		r.at("before a swap")
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", string(s.Path), err)
		}
	}
	return nil
}

// swap does what a run before this one had begun.
func (r *mboxRun) swap(rec record) error {
	var all []func()
	defer func() {
		for _, u := range slices.Backward(all) {
			u()
		}
	}()
	for _, s := range rec.Swaps {
		u, err := lockMbox(string(s.Path))
		if err != nil {
			return err
		}
		all = append(all, u)
	}
	return r.swapAll(rec.Swaps)
}
