package mailbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maildirRun changes a Maildir.
type maildirRun struct {
	state
	o       Options
	m       *Maildir
	files   files
	pending []pending
	next    int
	host    string
	late    []Failure // of deeds that a run before this one had begun; told by the next Commit
	// What the folders have once all that is pending is done.
	keywords map[string]*keywords
	folders  map[string]bool
	undoPlan []func() // takes back what planning one deed has noted there
}

// pending is a deed that was taken on.
type pending struct {
	deed  Deed
	steps []step
}

// asideDir is the folder, in that of a run, for messages that were laid aside and for new ones.
const asideDir = "aside"

func (m *Maildir) begin(o Options) (_ Changer, err error) {
	r := &maildirRun{o: o, m: m, files: files{root: m.Root}, keywords: map[string]*keywords{}, folders: map[string]bool{}}
	r.host, _ = os.Hostname()
	if r.host == "" {
		r.host = "localhost"
	}
	// Spec: maildir, unique names: / is \057 and : is \072.
	r.host = strings.NewReplacer("/", `\057`, ":", `\072`).Replace(r.host)
	dir := filepath.Join(m.Root, StateDir)
	if err := r.start(dir, m.Dir(), len(m.entries), o); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	open, err := unfinished(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range open {
		head, err := r.resume(path)
		if err != nil {
			return nil, err
		}
		if head != nil {
			return r, nil
		}
	}
	return r, nil
}

// Next returns the message that the run begins with.
func (r *maildirRun) Next() int { return r.next }

// resume goes on with the run of a journal, if it is about the same mailbox.
func (r *maildirRun) resume(path string) (*Head, error) {
	var head *Head
	var entries []Entry
	var todo []pending
	var known []json.RawMessage
	next := 0
	whole, err := readJournal(path, func(rec record) error {
		switch rec.Kind {
		case "run":
			head = rec.Run
		case "names":
			for _, n := range rec.Names {
				sub, name, _ := strings.Cut(string(n), "/")
				entries = append(entries, Entry{New: sub == "new", Name: name})
			}
		case "do":
			todo = append(todo, pending{Deed{Index: rec.Index, Extra: rec.Extra}, rec.Steps})
			next = max(next, rec.Index+1)
			if rec.Extra != nil {
				known = append(known, rec.Extra)
			}
		case "failed":
			todo = slices.DeleteFunc(todo, func(p pending) bool { return p.deed.Index == rec.Index })
		case "at":
			todo = todo[:0]
			next = max(next, rec.Index)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if head == nil { // it was broken off before it began
		return nil, os.RemoveAll(filepath.Dir(path))
	}
	if head.Mailbox != r.head.Mailbox {
		return nil, nil // another folder below the root
	}
	if len(entries) < head.Count { // it was broken off before it changed anything
		return nil, os.RemoveAll(filepath.Dir(path))
	}
	if head.What != r.o.What {
		return nil, &OtherRunError{path, *head}
	}
	if r.journal, err = continueJournal(path, whole); err != nil {
		return nil, err
	}
	for _, x := range known {
		if r.o.Known == nil {
			break
		}
		if err := r.o.Known(x); err != nil {
			return nil, err
		}
	}
	// What is no message, or has gone, is found out again.
	r.head, r.dir, r.next, r.m.entries = *head, filepath.Dir(path), next, entries
	r.pending = todo
	if len(todo) > 0 {
		if r.late, err = r.perform(next); err != nil {
			return nil, err
		}
	}
	return head, nil
}

// Do plans the steps of a deed.
func (r *maildirRun) Do(d Deed) error {
	r.undoPlan = r.undoPlan[:0]
	steps, err := r.plan(&d)
	if err != nil {
		for _, f := range slices.Backward(r.undoPlan) {
			f()
		}
		return err
	}
	if len(steps) > 0 || d.Extra != nil {
		for i := range d.Stores {
			d.Stores[i].Raw = nil // it is on disk
		}
		r.pending = append(r.pending, pending{d, steps})
	}
	return nil
}

// Pending returns how many deeds wait.
func (r *maildirRun) Pending() int { return len(r.pending) }

// plan returns the steps of a deed: folders and keywords, then copies, then what takes the
// message from its place.
func (r *maildirRun) plan(d *Deed) ([]step, error) {
	e, err := r.m.now(d.Index)
	if err != nil {
		return nil, err
	}
	src := r.m.Folder
	base, letters := SplitName(e.Name)
	from := octets(filepath.Join(src, e.Path()))
	var steps, first []step
	last := -1 // of steps, by which the message leaves its place
	for k := range d.Stores {
		s := &d.Stores[k]
		to, before, err := r.letters(s, src, letters)
		if err != nil {
			return nil, err
		}
		first = append(first, before...)
		switch {
		case s.Folder == src && s.Raw == nil:
			if to != sorted(letters) {
				last = len(steps)
				steps = append(steps, step{Op: stepMove, From: from, To: octets(filepath.Join(src, "cur", JoinName(base, to)))})
			}
		case s.Raw != nil:
			name := r.name(d.Index, k, s, base, to, e.New && s.Folder == src)
			at := r.aside("new", d.Index, k)
			if err := r.write(s, at); err != nil {
				return nil, err
			}
			steps = append(steps, step{Op: stepPut, From: at, To: octets(filepath.Join(s.Folder, name))})
		default:
			name := r.name(d.Index, k, s, base, to, e.New)
			steps = append(steps, step{Op: stepCopy, From: from, To: octets(filepath.Join(s.Folder, name))})
		}
	}
	here := d.here(src)
	if d.Remove && (here == nil || here.Raw != nil) {
		// One of the copies is the message itself; else it is laid aside, and Undo finds it.
		i := slices.IndexFunc(steps, func(s step) bool { return s.Op == stepCopy })
		if i >= 0 && here == nil {
			steps[i].Op = stepMove
			last = i
		} else {
			last = len(steps)
			steps = append(steps, step{Op: stepMove, From: from, To: r.aside("old", d.Index, 0)})
		}
	}
	if last >= 0 { // copies are made of what is still there
		s := steps[last]
		steps = append(slices.Delete(steps, last, last+1), s)
	}
	return append(first, steps...), nil
}

// now returns an entry under the name that it has now.
func (m *Maildir) now(i int) (Entry, error) {
	e := m.entries[i]
	if _, err := os.Lstat(filepath.Join(m.Dir(), e.Path())); err == nil {
		return e, nil
	}
	e, err := m.Current(e.Name)
	if errors.Is(err, unix.ENOENT) {
		return e, ErrVanished
	}
	m.entries[i] = e
	return e, err
}

func sorted(letters string) string {
	l := []byte(letters)
	slices.Sort(l)
	return string(slices.Compact(l))
}

// letters returns the letters of a message in the folder of a store, and the steps that make the
// folder and give it the keywords.
func (r *maildirRun) letters(s *Store, src, have string) (letters string, steps []step, err error) {
	if s.Folder != "" && s.Folder != src && !r.folders[s.Folder] {
		if !isDir(r.m.Root, s.Folder, "cur") {
			if !s.Create {
				return "", nil, fmt.Errorf("there is no mailbox %q", FolderName(s.Folder, "/"))
			}
			steps = append(steps, step{Op: stepFolder, To: octets(s.Folder)})
		}
		r.folders[s.Folder] = true
		r.undoPlan = append(r.undoPlan, func() { delete(r.folders, s.Folder) })
	}
	from, err := r.keywordsOf(src)
	if err != nil {
		return "", nil, err
	}
	flags := from.flags(have)
	flags = append(flags, missingFlags(flags, s.Flags)...)
	to, err := r.keywordsOf(s.Folder)
	if err != nil {
		return "", nil, err
	}
	after := *to
	out := []byte{}
	for _, f := range flags {
		l, ok := letterOf[strings.ToLower(f)]
		if !ok {
			if l, err = after.add(f); err != nil {
				return "", nil, err
			}
		}
		out = append(out, l)
	}
	if s.Folder == src { // letters that say nothing to us stay
		out = append(out, have...)
	}
	if after != *to {
		st := step{Op: stepKeywords, To: octets(s.Folder), After: octets(after.text())}
		if raw, err := os.ReadFile(filepath.Join(r.m.Root, s.Folder, keywordsFile)); err == nil {
			before := octets(raw)
			st.Before = &before
		} else if before := octets(to.text()); before != "" {
			st.Before = &before // made by a step that is pending
		}
		steps = append(steps, st)
		was := *to
		r.undoPlan = append(r.undoPlan, func() { *to = was })
		*to = after
	}
	return sorted(string(out)), steps, nil
}

func (r *maildirRun) keywordsOf(folder string) (*keywords, error) {
	if k := r.keywords[folder]; k != nil {
		return k, nil
	}
	k, err := readKeywords(filepath.Join(r.m.Root, folder))
	if err != nil {
		return nil, err
	}
	r.keywords[folder] = &k
	return &k, nil
}

// aside returns a name in the folder of the run.
func (r *maildirRun) aside(what string, index, k int) octets {
	return octets(filepath.Join(StateDir, r.head.ID, asideDir, fmt.Sprintf("%s-%d-%d", what, index, k)))
}

// name returns a new name for a message, with its folder cur or new and its flags. It is the
// same however often it is asked for.
func (r *maildirRun) name(index, k int, s *Store, base, letters string, fresh bool) string {
	when := digits(base)
	if when == "" || len(when) > 12 {
		when = strconv.FormatInt(r.head.Began.Unix(), 10)
	}
	sizes := ""
	if s.Raw != nil {
		sizes = fmt.Sprintf(",S=%d", len(s.Raw))
	} else {
		for part := range strings.SplitSeq(base, ",") {
			if (strings.HasPrefix(part, "S=") || strings.HasPrefix(part, "W=")) && isNumber(part[2:]) {
				sizes += "," + part // a server need not look at the file for them
			}
		}
	}
	unique := fmt.Sprintf("%s.F%sI%dN%d.%s%s", when, r.head.ID, index, k, r.host, sizes)
	if fresh && letters == "" {
		return "new/" + unique
	}
	return "cur/" + JoinName(unique, letters)
}

// write writes a message that an action has changed, so that it is on disk before the journal says so.
func (r *maildirRun) write(s *Store, at octets) error {
	path := r.files.path(at)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	r.files.touched(at)
	return writeSynced(path, s.Raw, 0o600)
}

// Commit does what is pending. Where nothing was ever to be done, there is no journal.
func (r *maildirRun) Commit(next int) (failed []Failure, err error) {
	failed, r.late = r.late, nil
	if len(r.pending) == 0 && r.journal == nil {
		r.next = next
		return failed, nil
	}
	if r.journal == nil {
		names := make([]octets, len(r.m.entries))
		for i, e := range r.m.entries {
			names[i] = octets(e.Path())
		}
		if err := r.open(names); err != nil {
			return failed, err
		}
	}
	if len(r.pending) == 0 {
		if err := r.journal.add(record{Kind: "at", Index: next}); err != nil {
			return failed, err
		}
		r.next = next
		return failed, r.journal.write(false)
	}
	for _, p := range r.pending {
		if err := r.journal.add(record{Kind: "do", Index: p.deed.Index, Steps: p.steps, Extra: p.deed.Extra}); err != nil {
			return failed, err
		}
	}
	if err := r.files.sync(); err != nil { // what was written for the deeds
		return failed, err
	}
	r.at("before the journal")
	if err := r.journal.write(true); err != nil {
		return failed, err
	}
	r.at("behind the journal")
	more, err := r.perform(next)
	return append(failed, more...), err
}

// perform does what is pending and in the journal.
func (r *maildirRun) perform(next int) (failed []Failure, err error) {
	if err := os.MkdirAll(filepath.Join(r.dir, asideDir), 0o700); err != nil {
		return nil, err
	}
	broken := map[string]error{} // folders that could not be made ready for what comes into them
	for _, p := range r.pending {
		err := r.one(p, broken)
		if err == nil {
			continue
		}
		failed = append(failed, Failure{p.deed.Index, r.m.Label(p.deed.Index), err})
		if err := r.journal.add(record{Kind: "failed", Index: p.deed.Index, Error: err.Error()}); err != nil {
			return failed, err
		}
	}
	if len(failed) > 0 { // what was noted of folders and keywords may not be so
		clear(r.folders)
		clear(r.keywords)
	}
	r.pending = nil
	if err := r.files.sync(); err != nil {
		return failed, err
	}
	r.at("done")
	r.next = next
	if err := r.journal.add(record{Kind: "at", Index: next}); err != nil {
		return failed, err
	}
	return failed, r.journal.write(false)
}

// one does a deed. What is to be laid aside is so when the rest is done.
func (r *maildirRun) one(p pending, broken map[string]error) error {
	first := func() error { return r.steps(p, broken) }
	then := func() error {
		if p.deed.Extra == nil || r.o.Extra == nil {
			return nil
		}
		return r.o.Extra(r.head.ID, p.deed)
	}
	if len(p.steps) == 1 && strings.HasPrefix(string(p.steps[0].To), StateDir) {
		first, then = then, first
	}
	if err := first(); err != nil {
		return err
	}
	return then()
}

// steps does the steps of a deed, up to one that cannot be done.
func (r *maildirRun) steps(p pending, broken map[string]error) error {
	for _, s := range p.steps {
		folder := string(s.To)
		ready := s.Op == stepFolder || s.Op == stepKeywords
		if !ready {
			folder, _, _ = strings.Cut(folder, "/cur/")
			folder, _, _ = strings.Cut(folder, "/new/")
		}
		if err := broken[folder]; err != nil {
			return err
		}
		r.at("before " + s.Op)
		if err := r.files.do(s); err != nil {
			if ready {
				broken[folder] = err
			}
			return err
		}
	}
	return nil
}

// Finish writes that the run is over.
func (r *maildirRun) Finish() error {
	if r.journal == nil {
		return nil
	}
	r.at("before the end")
	if err := r.journal.add(record{Kind: "end"}); err != nil {
		return err
	}
	return r.journal.write(true)
}
