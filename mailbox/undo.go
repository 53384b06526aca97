package mailbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Undone is what Undo did.
type Undone struct {
	Head     Head
	Messages int       // that were put back
	Already  bool      // the run was taken back before
	Failures []Failure // what could not be put back
	// Extras are those of the deeds, which Undo knows nothing about.
	Extras []json.RawMessage
}

// Undo puts back what a run did, from its end to its beginning: path is its journal, or the
// folder of it. Messages get the names that they had, but keep the flags that other programs
// gave them since. It may be repeated, also after it was broken off. progress, if not nil, is
// told how many messages of all are done.
func Undo(path string, progress func(done, all int)) (*Undone, error) {
	return undo(path, progress, func(string) {})
}

func undo(path string, progress func(done, all int), at func(what string)) (*Undone, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, journalName)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	out := &Undone{}
	var done []record
	var names []octets
	whole, err := readJournal(path, func(r record) error {
		switch r.Kind {
		case "run":
			out.Head = *r.Run
		case "names":
			names = append(names, r.Names...)
		case "do", "swap":
			done = append(done, r)
		case "undone":
			out.Already = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if whole == 0 {
		return nil, fmt.Errorf("%s is no journal of sluice filter", path)
	}
	if out.Already {
		return out, nil
	}
	unlock, err := fileLock(filepath.Join(filepath.Dir(filepath.Dir(path)), "lock"))
	if err != nil {
		return nil, err
	}
	f := &files{root: filepath.Dir(filepath.Dir(filepath.Dir(path)))}
	for i, r := range slices.Backward(done) {
		did := false
		label := fmt.Sprintf("#%d", r.Index+1)
		if r.Index < len(names) {
			label = string(names[r.Index])
		}
		for _, s := range slices.Backward(r.Steps) {
			at("before " + s.Op)
			ok, err := f.undo(s)
			did = did || ok
			if err != nil {
				out.Failures = append(out.Failures, Failure{r.Index, label, err})
			}
		}
		for _, s := range slices.Backward(r.Swaps) {
			at("before a swap")
			ok, err := s.undo()
			did = did || ok
			if err != nil {
				out.Failures = append(out.Failures, Failure{r.Index, string(s.Path), err})
			}
		}
		if did {
			out.Messages += max(1, r.Count)
		}
		if r.Extra != nil {
			out.Extras = append(out.Extras, r.Extra)
		}
		if progress != nil {
			progress(len(done)-i, len(done))
		}
	}
	err = f.sync()
	at("before the end")
	if err == nil && len(out.Failures) == 0 {
		err = markUndone(path, whole)
	}
	return out, errors.Join(err, unlock())
}

func markUndone(path string, whole int64) error {
	j, err := continueJournal(path, whole)
	if err != nil {
		return err
	}
	err = j.add(record{Kind: "undone"})
	if err == nil {
		err = j.write(true)
	}
	return errors.Join(err, j.Close())
}
