package gateway

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

var everything = funcs{"everything": both(
	call("redirect", "eve@remote.example", map[string]runtime.Value{"copy": true}),
	call("fileinto", "A", map[string]runtime.Value{"create": true}),
	call("fileinto", "B", map[string]runtime.Value{"create": true}),
	call("mark", "", "seen", int64(1)),
	call("keep"),
)}

// TestKilledBetweenAnyTwoSteps kills the process before and behind each effect of a
// delivery, starts another one over what was on disk, and has the MTA try again if it
// got no answer. Each effect is there once.
func TestKilledBetweenAnyTwoSteps(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld()
		w.dieAt = at
		dir := t.TempDir()
		p := start(t, w, dir, everything, script("everything"))
		a := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
		if !w.dead {
			if at < 20 {
				t.Fatalf("only %d steps", at)
			}
			return // at is past the last step
		}
		t.Run(fmt.Sprintf("killed at step %d", at), func(t *testing.T) {
			// The dead process holds the journal's lock; what it wrote is looked at in a copy.
			after := t.TempDir()
			if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			w.revive()
			q := start(t, w, after, everything, script("everything"))
			q.Recover(t.Context())
			// The MTA got no answer, as far as it knows: it comes again.
			again := q.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
			if got := codes(again); got != "250 250" {
				t.Errorf("second attempt: %s (the first: %s)", got, codes(a))
			}
			again.Confirm()
			want := []string{"id-anna:A", "id-anna:B", "id-anna:INBOX", "id-ben:A", "id-ben:B", "id-ben:INBOX"}
			if diff := cmp.Diff(want, w.in()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if n := len(w.outgoing()); n != 2 {
				t.Errorf("%d redirects, want one for each recipient", n)
			}
			if len(w.marks) != 1 {
				t.Errorf("marks %v", w.marks)
			}
			if n := q.journal.Stats().Pending; n != 0 {
				t.Errorf("%d deliveries are pending", n)
			}
			// The same octets in another answered transaction are another message.
			q.give(t, plain, "a@remote.example", "anna@example.org").Confirm()
			if n := len(w.in()); n != len(want)+3 {
				t.Errorf("%d messages after another transaction, want %d", n, len(want)+3)
			}
		})
	}
}

func TestRepeats(t *testing.T) {
	inboxes := func(w *world) int { return len(w.in()) }
	t.Run("a lost answer makes the next attempt a repeat", func(t *testing.T) {
		w := newWorld()
		p := start(t, w, t.TempDir(), nil)
		p.give(t, plain, "a@remote.example", "anna@example.org").Abandon()
		if a := p.give(t, plain, "a@remote.example", "anna@example.org"); codes(a) != "250" || inboxes(w) != 1 {
			t.Errorf("%s, %d stored", codes(a), inboxes(w))
		}
	})
	t.Run("an answer that was heard does not", func(t *testing.T) {
		w := newWorld()
		p := start(t, w, t.TempDir(), nil)
		for range 3 {
			p.give(t, plain, "a@remote.example", "anna@example.org").Confirm()
		}
		if inboxes(w) != 3 {
			t.Errorf("%d stored", inboxes(w))
		}
	})
	t.Run("another recipient, sender or octet is no repeat", func(t *testing.T) {
		w := newWorld()
		p := start(t, w, t.TempDir(), nil)
		p.give(t, plain, "a@remote.example", "anna@example.org").Abandon()
		p.give(t, plain, "a@remote.example", "ben@example.org").Abandon()
		p.give(t, plain, "b@remote.example", "anna@example.org").Abandon()
		p.give(t, plain+"\r\n", "a@remote.example", "anna@example.org").Abandon()
		if inboxes(w) != 4 {
			t.Errorf("%d stored", inboxes(w))
		}
	})
	t.Run("two sessions at once do not take each other's message", func(t *testing.T) {
		w := newWorld()
		p := start(t, w, t.TempDir(), nil)
		one := p.give(t, plain, "a@remote.example", "anna@example.org")
		two := p.give(t, plain, "a@remote.example", "anna@example.org")
		if inboxes(w) != 2 {
			t.Errorf("%d stored", inboxes(w))
		}
		one.Abandon()
		two.Confirm()
		p.give(t, plain, "a@remote.example", "anna@example.org").Confirm() // the first one's repeat
		if inboxes(w) != 2 {
			t.Errorf("%d stored after the repeat", inboxes(w))
		}
		p.give(t, plain, "a@remote.example", "anna@example.org").Confirm()
		if inboxes(w) != 3 {
			t.Errorf("%d stored after another message", inboxes(w))
		}
	})
	t.Run("one of two recipients was refused: only the other is a repeat", func(t *testing.T) {
		w := newWorld()
		refuse := true
		p := start(t, w, t.TempDir(), funcs{"s": func(t *runtime.Task) error {
			if refuse && t.View().Rcpt.Name == "ben" {
				return call("tempfail", "later")(t)
			}
			return nil
		}}, script("s"))
		first := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
		first.Abandon()
		refuse = false
		second := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
		second.Confirm()
		if codes(first) != "250 451" || codes(second) != "250 250" || inboxes(w) != 2 || p.Stats().Repeats != 1 {
			t.Errorf("%s, then %s; %v stored", codes(first), codes(second), w.in())
		}
		if len(p.answers.open) != 0 {
			t.Errorf("%d answers are remembered for nobody", len(p.answers.open))
		}
	})
}

func TestMailboxGoneAfterThePromise(t *testing.T) {
	w := newWorld()
	w.mailboxes["id-anna"] = []string{"Lists"}
	p := start(t, w, t.TempDir(), funcs{"file": call("fileinto", "Lists")}, script("file"))
	w.failing(func(op string) error {
		if op == "import" {
			w.mailboxes["id-anna"] = nil
		}
		return nil
	})
	p.give(t, plain, "", "anna@example.org")
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestRelayGoneAfterThePromise(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"redirect": call("redirect", "eve@remote.example")}, script("redirect"))
	w.failing(func(op string) error {
		if op == "send" {
			return errors.Join(ErrUnsendable, errors.New("no relay"))
		}
		return nil
	})
	p.give(t, plain, "", "anna@example.org")
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}
