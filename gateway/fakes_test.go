package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

var _ Journal = (*runtime.Journal)(nil)

// funcs is a language whose scripts are Go functions by their names.
type funcs map[string]func(t *runtime.Task) error

func (funcs) Name() string   { return "go" }
func (funcs) Suffix() string { return ".go" }
func (l funcs) Compile(name string, source []byte, _ runtime.CompileOptions) (runtime.Program, error) {
	f, ok := l[string(source)]
	if !ok {
		return nil, fmt.Errorf("%s:1:1: no function %s", name, source)
	}
	return program{name, f}, nil
}

type program struct {
	name string
	run  func(*runtime.Task) error
}

func (p program) Language() string                           { return "go" }
func (p program) Name() string                               { return p.name }
func (p program) Sites() []runtime.Site                      { return nil }
func (p program) Composes()                                  {}
func (p program) Run(t *runtime.Task) (runtime.Value, error) { return nil, p.run(t) }

// call returns a script that calls one function of the table.
func call(name string, args ...runtime.Value) func(*runtime.Task) error {
	return func(t *runtime.Task) error {
		_, err := t.Invoke(name, args...)
		return err
	}
}

func both(all ...func(*runtime.Task) error) func(*runtime.Task) error {
	return func(t *runtime.Task) error {
		for _, f := range all {
			if err := f(t); err != nil {
				return err
			}
		}
		return nil
	}
}

var errCrash = errors.New("the process was killed")

// world is what outlives a process: mail store, outbox and keys. It can be told to die at
// a step; then nothing more happens in it until it is revived.
type world struct {
	mu        sync.Mutex
	mailboxes map[string][]string // account: paths
	stored    []stored
	keys      map[string]bool // that were imported or sent
	sent      []Outgoing
	marks     map[string]time.Duration
	ready     bool
	removed   map[string]bool       // accounts
	fail      func(op string) error // asked before each effect

	steps, dieAt int // dieAt counts from 1; odd: before an effect, even: behind it
	dead         bool
}

type stored struct{ account, path, raw, flags string }

func newWorld() *world {
	return &world{mailboxes: map[string][]string{}, keys: map[string]bool{}, marks: map[string]time.Duration{}, ready: true}
}

// step does an effect, unless this is where the process dies. A process that dies behind the
// effect does not hear of it.
func (w *world) step(op string, effect func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.steps++; w.steps == w.dieAt {
		w.dead = true
	}
	if w.dead {
		return errCrash
	}
	if w.fail != nil {
		if err := w.fail(op); err != nil {
			return err
		}
	}
	err := effect()
	if w.steps++; w.steps == w.dieAt {
		w.dead = true
		return errCrash
	}
	return err
}

func (w *world) revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead, w.dieAt = false, 0
}

func (w *world) failing(f func(op string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = f
}

// in lists the mailboxes that hold mail, with flags, as "account:path flags".
func (w *world) in() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []string{}
	for _, s := range w.stored {
		out = append(out, strings.TrimSpace(s.account+":"+s.path+" "+s.flags))
	}
	slices.Sort(out)
	return out
}

func (w *world) outgoing() []Outgoing {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

func (w *world) Account(_ context.Context, id string) (mailstore.Account, func(), error) {
	if w.removed[id] {
		return nil, nil, mailstore.ErrNotFound
	}
	return &box{w: w, id: id}, func() {}, nil
}

func (w *world) Send(_ context.Context, m Outgoing) error {
	return w.step("send", func() error {
		if !w.keys[m.Key] {
			w.keys[m.Key] = true
			w.sent = append(w.sent, m)
		}
		return nil
	})
}

func (w *world) Ready() bool { return w.ready }

// Resolve knows everybody@example.org.
func (w *world) Resolve(_ context.Context, address string) (Account, error) {
	local, ok := strings.CutSuffix(address, "@example.org")
	switch {
	case local == "broken":
		return Account{}, errors.New("directory is gone")
	case !ok:
		return Account{}, ErrUnknownRecipient
	}
	name, detail, _ := strings.Cut(local, "+")
	return Account{ID: "id-" + name, Name: name, Detail: detail}, nil
}

type box struct {
	mailstore.Account // the methods that nobody calls
	w                 *world
	id                string
}

func (b *box) Mailboxes(context.Context) ([]mailstore.Mailbox, mailstore.State, error) {
	all := []mailstore.Mailbox{{Path: "INBOX", Role: "inbox"}}
	for _, p := range b.w.mailboxes[b.id] {
		all = append(all, mailstore.Mailbox{Path: p})
	}
	return all, "", nil
}

func (b *box) Import(_ context.Context, im mailstore.Import) ([]mailstore.Email, mailstore.State, error) {
	f := im.Mailboxes[0]
	return nil, "", b.w.step("import", func() error {
		if b.w.keys[im.Key] {
			return nil
		}
		known := f.Path == "INBOX" || slices.Contains(b.w.mailboxes[b.id], f.Path)
		if !known && !f.Create {
			return mailstore.ErrNotFound
		}
		if !known {
			b.w.mailboxes[b.id] = append(b.w.mailboxes[b.id], f.Path)
		}
		b.w.keys[im.Key] = true
		b.w.stored = append(b.w.stored, stored{b.id, f.Path, string(im.Raw), strings.Join(f.Keywords, " ")})
		return nil
	})
}

// marks is a kv.Store as far as marks need one.
type marks struct {
	kv.Store
	w *world
}

func (m marks) Set(_ context.Context, k kv.Key, _ []byte, ttl time.Duration) error {
	return m.w.step("mark", func() error {
		m.w.marks[strings.ReplaceAll(k.Name, "\x00", "/")] = ttl
		return nil
	})
}

func (m marks) Get(context.Context, kv.Key) (kv.Value, error) { return kv.Value{}, kv.ErrUnavailable }

// dying is a journal whose process can be dead.
type dying struct {
	*runtime.Journal
	w *world
}

func (d dying) Put(ctx context.Context, dl *runtime.Delivery) error {
	if err := d.w.step("put", func() error { return d.Journal.Put(ctx, dl) }); err != nil {
		return err
	}
	return nil
}

func (d dying) Done(serial string) error {
	return d.w.step("done", func() error { return d.Journal.Done(serial) })
}

func (d dying) Confirm(ids ...string) error {
	if d.w.dead {
		return errCrash
	}
	return d.Journal.Confirm(ids...)
}

// process is one life of a server over a world and a journal folder.
type process struct {
	*Intake
	journal *runtime.Journal
	library *scripts.Library
}

func start(t *testing.T, w *world, dir string, language funcs, sources ...scripts.Source) *process {
	t.Helper()
	return startWith(t, w, dir, language, func(*Options) {}, sources...)
}

func startWith(t *testing.T, w *world, dir string, language funcs, change func(*Options), sources ...scripts.Source) *process {
	t.Helper()
	if language == nil {
		language = funcs{}
	}
	j, err := runtime.OpenJournal(dir, runtime.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	e := runtime.NewEngine(language)
	l := scripts.New(scripts.Options{Engine: e})
	if err := l.Load(sources); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Hostname: "mail.example.org", Library: l, Engine: e, Accounts: w, Store: w, Sender: w, Journal: dying{j, w},
		Stores: func(string) (kv.Store, error) { return marks{w: w}, nil },
		Hosts: func(runtime.Trust) runtime.Host {
			return &runtime.Live{Stores: func(string) (kv.Store, error) { return marks{w: w}, nil }}
		},
	}
	change(&o)
	in, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &process{in, j, l}
}

// script is a deliver script for everybody.
func script(name string) scripts.Source {
	return scripts.Source{Path: name + ".go", Code: []byte(name)}
}

const plain = "From: a@remote.example\r\nSubject: hi\r\n\r\nhello\r\n"

// give delivers a message the way a gateway does.
func (p *process) give(t *testing.T, raw, from string, rcpts ...string) *Answer {
	t.Helper()
	tx := &runtime.Transaction{ID: p.NewID(), From: runtime.Path{Address: from}, Time: time.Now(), Message: mail.New([]byte(raw))}
	var to []runtime.Recipient
	for _, r := range rcpts {
		rcpt, out := p.Recipient(t.Context(), tx, runtime.Path{Address: r}, "")
		if !out.Accepted() {
			t.Fatalf("%s: %s", r, out)
		}
		to = append(to, rcpt)
	}
	return p.Deliver(t.Context(), tx, to)
}

func codes(a *Answer) string { return outcomesText(a.Outcomes) }
