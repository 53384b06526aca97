package gateway

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// watchedJournal notes what is read, and fails where it is told to.
type watchedJournal struct {
	Journal
	got     []string
	get     error
	confirm func()
}

func (j *watchedJournal) Get(serial string) (*runtime.Delivery, error) {
	j.got = append(j.got, serial)
	if j.get != nil {
		return nil, j.get
	}
	return j.Journal.Get(serial)
}

func (j *watchedJournal) Confirm(ids ...string) error {
	if j.confirm != nil {
		j.confirm()
	}
	return j.Journal.Confirm(ids...)
}

func watch(j *watchedJournal) func(*Options) {
	return func(o *Options) { j.Journal, o.Journal = o.Journal, j }
}

func wantSettled(t *testing.T, p *process) {
	t.Helper()
	if n, w := p.journal.Stats().Pending, p.Stats().Waiting; n != 0 || w != 0 {
		t.Errorf("%d deliveries are pending, %d wait", n, w)
	}
}

// Mail for an account that was removed after the promise goes where the account's other
// mail goes. What it asked for beside is still done.
func TestMailForARemovedAccountComesToAnEnd(t *testing.T) {
	both := funcs{"s": both(call("redirect", "eve@remote.example", map[string]runtime.Value{"copy": true}), call("keep"))}
	t.Run("removed before the promise: there is no such user", func(t *testing.T) {
		w := newWorld()
		w.removed = map[string]bool{"id-anna": true}
		p := start(t, w, t.TempDir(), both, script("s"))
		a := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
		if codes(a) != "550 250" || len(w.outgoing()) != 1 {
			t.Errorf("%s, %d sent", codes(a), len(w.outgoing()))
		}
		wantSettled(t, p)
	})
	t.Run("removed before its mail is stored", func(t *testing.T) {
		w := newWorld()
		w.failing(func(op string) error {
			if op == "put" {
				w.removed = map[string]bool{"id-anna": true}
			}
			return nil
		})
		p := start(t, w, t.TempDir(), both, script("s"))
		a := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
		if codes(a) != "250 250" || len(w.outgoing()) != 2 {
			t.Errorf("%s, %d sent", codes(a), len(w.outgoing()))
		}
		if diff := cmp.Diff([]string{"id-ben:INBOX"}, w.in()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		wantSettled(t, p)
	})
	t.Run("removed while it is stored", func(t *testing.T) {
		w := newWorld()
		p := start(t, w, t.TempDir(), both, script("s"))
		w.failing(func(op string) error {
			if op == "import" {
				return mailstore.ErrNotFound
			}
			return nil
		})
		p.give(t, plain, "a@remote.example", "anna@example.org")
		wantSettled(t, p)
	})
}

func TestOnlyWhatIsDueIsReadAgain(t *testing.T) {
	w := newWorld()
	now := time.Unix(1767225600, 0)
	j := &watchedJournal{}
	p := startWith(t, w, t.TempDir(), nil, func(o *Options) {
		watch(j)(o)
		o.Now = func() time.Time { return now }
	})
	w.failing(func(string) error { return mailstore.ErrOverQuota })
	var serials []string
	give := func(raw string) {
		before := p.journal.Pending()
		w.failing(func(op string) error {
			if op == "import" {
				return mailstore.ErrOverQuota
			}
			return nil
		})
		p.give(t, raw, "", "anna@example.org").Confirm()
		for _, d := range p.journal.Pending()[len(before):] {
			serials = append(serials, d.Serial)
		}
	}
	give(plain + "1")
	now = now.Add(firstRetry / 2)
	give(plain + "2")
	now = now.Add(firstRetry / 2)
	p.again(t.Context())
	if diff := cmp.Diff(serials[:1], j.got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if wait := p.later.next(now); wait != firstRetry/2 {
		t.Errorf("the next is due in %s", wait)
	}
}

// What waits for an attempt that can never come must not keep Run from sleeping.
func TestNothingIsTriedWithoutAWait(t *testing.T) {
	w := newWorld()
	now := time.Unix(1767225600, 0)
	j := &watchedJournal{}
	p := startWith(t, w, t.TempDir(), nil, func(o *Options) {
		watch(j)(o)
		o.Now = func() time.Time { return now }
	})
	p.later.put("done by somebody else", now)
	now = now.Add(time.Minute)
	p.again(t.Context())
	if p.later.len() != 0 {
		t.Error("what is done waits for ever")
	}
	w.failing(func(op string) error {
		if op == "import" {
			return mailstore.ErrOverQuota
		}
		return nil
	})
	p.give(t, plain, "", "anna@example.org").Confirm()
	w.failing(nil)
	j.get = errors.New("the disk cannot read it")
	for range 3 {
		now = now.Add(time.Hour)
		p.again(t.Context())
		if wait := p.later.next(now); wait <= 0 {
			t.Errorf("the next attempt is in %s", wait)
		}
	}
	j.get = nil
	now = now.Add(time.Hour)
	p.again(t.Context())
	wantSettled(t, p)
}

// One delivery that makes the code panic must stop neither the server nor the others, also
// when it is taken up at the next start.
func TestPanicsWhileApplying(t *testing.T) {
	w := newWorld()
	dir := t.TempDir()
	p := start(t, w, dir, nil)
	w.failing(func(op string) error {
		if op == "import" {
			panic("bug")
		}
		return nil
	})
	a := p.give(t, plain, "", "anna@example.org")
	if codes(a) != "250" || p.Stats().Waiting != 1 {
		t.Errorf("%s: promised is promised; %d wait", codes(a), p.Stats().Waiting)
	}
	p.Recover(t.Context())
	w.failing(nil)
	p.recover(t.Context())
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	wantSettled(t, p)
}

// An attempt that hangs must not hold up the others for ever.
func TestEachAttemptHasALimit(t *testing.T) {
	p := start(t, newWorld(), t.TempDir(), nil)
	var left time.Duration
	p.o.Store = storeFunc(func(ctx context.Context) {
		until, _ := ctx.Deadline()
		left = time.Until(until)
	})
	d := &runtime.Delivery{Plans: []runtime.RecipientPlan{{Actions: []runtime.Action{{Kind: runtime.Keep}}}}}
	p.apply(t.Context(), d)
	if left <= 0 || left > applyWithin {
		t.Errorf("the limit is %s", left)
	}
}

type storeFunc func(context.Context)

func (f storeFunc) Account(ctx context.Context, _ string) (mailstore.Account, func(), error) {
	f(ctx)
	return nil, nil, mailstore.ErrNoSpace
}

func TestMarkInAStoreThatIsNotConfiguredAnyMore(t *testing.T) {
	w := newWorld()
	p := startWith(t, w, t.TempDir(), funcs{"mark": both(call("mark", "", "k", int64(1)), call("keep"))}, func(o *Options) {
		o.Stores = func(string) (kv.Store, error) { return nil, errors.New("unknown store") }
	}, script("mark"))
	p.give(t, plain, "", "anna@example.org")
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	wantSettled(t, p)
}

// ask delivers a message of the MTA's queue.
func (p *process) ask(t *testing.T, queueID string) *Answer {
	t.Helper()
	tx := &runtime.Transaction{ID: p.NewID(), QueueID: queueID, Time: time.Now(), Message: mail.New([]byte(plain))}
	r, out := p.Recipient(t.Context(), tx, runtime.Path{Address: "anna@example.org"}, "")
	if !out.Accepted() {
		t.Fatal(out)
	}
	return p.Deliver(t.Context(), tx, []runtime.Recipient{r})
}

// An MTA has a message of its queue in one delivery at a time. When it comes with it again
// while we still have the other session, the MTA has given that one up.
func TestSameQueueIDInTwoSessionsAtOnce(t *testing.T) {
	w := newWorld()
	var during func()
	p := start(t, w, t.TempDir(), funcs{"s": func(*runtime.Task) error {
		if f := during; f != nil {
			during = nil
			f()
		}
		return nil
	}}, script("s"))
	var early string
	during = func() { early = codes(p.ask(t, "Q1")) } // nothing is promised yet
	first := p.ask(t, "Q1")
	second := p.ask(t, "Q1") // it is, and the answer is not confirmed
	if early != "451" || codes(first) != "250" || codes(second) != "250" || len(w.in()) != 1 {
		t.Errorf("%s, %s, %s; stored %v", early, codes(first), codes(second), w.in())
	}
	first.Abandon()
	second.Confirm()
	p.ask(t, "Q2").Confirm()
	p.ask(t, "Q2").Confirm()
	if len(w.in()) != 3 {
		t.Errorf("stored %v: other mail, and mail whose answer was heard, is new", w.in())
	}
	if len(p.answers.open) != 0 {
		t.Errorf("%d answers are remembered for nobody", len(p.answers.open))
	}
}

// The same octets come in two sessions; one is answered and heard, the other told to come
// again. When it does it is no repeat.
func TestRefusedBesideAnotherThatWasHeard(t *testing.T) {
	w := newWorld()
	var during func(*runtime.Task) error
	p := start(t, w, t.TempDir(), funcs{"s": func(t *runtime.Task) error {
		if f := during; f != nil {
			during = nil
			return f(t)
		}
		return nil
	}}, script("s"))
	first := p.give(t, plain, "a@remote.example", "anna@example.org")
	during = func(task *runtime.Task) error {
		first.Confirm()
		return call("tempfail", "later")(task)
	}
	second := p.give(t, plain, "a@remote.example", "anna@example.org")
	second.Confirm()
	again := p.give(t, plain, "a@remote.example", "anna@example.org")
	again.Confirm()
	if codes(second) != "451" || codes(again) != "250" || len(w.in()) != 2 {
		t.Errorf("%s, %s; stored %v", codes(second), codes(again), w.in())
	}
	if len(p.answers.open) != 0 {
		t.Errorf("%d answers are remembered for nobody", len(p.answers.open))
	}
}

// Between a peer's next command and what the journal knows of it, the same octets may
// come in another session.
func TestSameOctetsWhileAnAnswerIsConfirmed(t *testing.T) {
	w := newWorld()
	j := &watchedJournal{}
	p := startWith(t, w, t.TempDir(), nil, watch(j), []scripts.Source{}...)
	var second *Answer
	j.confirm = func() {
		j.confirm = nil
		second = p.give(t, plain, "a@remote.example", "anna@example.org")
	}
	p.give(t, plain, "a@remote.example", "anna@example.org").Confirm()
	second.Confirm()
	if got := w.in(); !slices.Equal(got, []string{"id-anna:INBOX", "id-anna:INBOX"}) {
		t.Errorf("stored %v", got)
	}
	if len(p.answers.open) != 0 {
		t.Errorf("%d answers are remembered for nobody", len(p.answers.open))
	}
}
