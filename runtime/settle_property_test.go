package runtime

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawAction(t *rapid.T) Action {
	a := Action{Kind: rapid.SampledFrom([]ActionKind{Keep, FileInto, Discard, Reject, EReject, TempFail, Redirect, Reply, Send, FileCopy, Mark, Quarantine, Accept}).Draw(t, "kind")}
	flags := rapid.SliceOfN(rapid.SampledFrom([]string{`\Seen`, `\seen`, "$A", "$B"}), 0, 3)
	switch a.Kind {
	case Keep:
		a.Flags = flags.Draw(t, "flags")
	case FileInto:
		a.Flags = flags.Draw(t, "flags")
		a.Mailbox = rapid.SampledFrom([]string{"A", "B", "INBOX", "inbox"}).Draw(t, "mailbox")
		a.Copy = rapid.Bool().Draw(t, "copy")
	case Redirect:
		a.Address = rapid.SampledFrom([]string{"a@b.org", "a@B.org", "c@d.org"}).Draw(t, "address")
		a.Copy = rapid.Bool().Draw(t, "copy")
	case Quarantine:
		a.Mailbox, a.Create = rapid.SampledFrom([]string{"Quarantine", "A"}).Draw(t, "mailbox"), true
	case Reply:
		a.Reason = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text")
	case Send, FileCopy:
		a.As = rapid.SampledFrom([]string{AsVacation, AsNotify, AsReport}).Draw(t, "as")
		if a.Kind == FileCopy || rapid.Bool().Draw(t, "sent") {
			a.Raw = []byte("m")
		}
	case Mark:
		a.Key = rapid.SampledFrom([]string{"k", "l"}).Draw(t, "key")
	}
	return a
}

// TestSettleProperties settles chains of random plans and checks what must hold after
// each of them.
func TestSettleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var prior []Action
		for range rapid.IntRange(1, 4).Draw(t, "scripts") {
			p := Plan{Actions: rapid.SliceOfN(rapid.Custom(drawAction), 0, 6).Draw(t, "plan"),
				KeepFlags: rapid.SliceOfN(rapid.SampledFrom([]string{"$A", "$K"}), 0, 2).Draw(t, "keep")}
			var failed error
			if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
				failed = errors.New("failed")
			}
			s, err := Settle(p, failed, prior, Limits{})
			if err != nil {
				if failed != nil {
					t.Fatalf("a failed plan is an error: %v", err)
				}
				if s, err = Settle(p, err, prior, Limits{}); err != nil {
					t.Fatalf("settled again: %v", err)
				}
			}
			checkSettled(t, s)
			// A further script that asks for nothing changes nothing.
			chain := s.Actions
			if s.Refused != nil {
				chain = append(chain[:len(chain):len(chain)], *s.Refused)
			}
			again, err := Settle(Plan{}, nil, chain, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(s, again); d != "" {
				t.Fatalf("an empty plan changes what is settled:\n%s", d)
			}
			prior = chain
			if s.Refused != nil {
				return
			}
		}
	})
}

func checkSettled(t *rapid.T, s Settled) {
	cancels, implicit, marks := false, 0, false
	mailboxes, addresses, replies, vacations := map[string]bool{}, map[string]bool{}, 0, 0
	for _, a := range s.Actions {
		if marks && a.Kind != Mark {
			t.Fatal("an action after a mark")
		}
		if a.Implicit {
			implicit++
		}
		switch a.Kind {
		case Keep, FileInto, Quarantine:
			if mailboxes[a.Mailbox] {
				t.Fatalf("two stores into %q", a.Mailbox)
			}
			mailboxes[a.Mailbox] = true
			if IsInbox(a.Mailbox) || (a.Mailbox == "") != (a.Kind == Keep) {
				t.Fatalf("%s of %q", a.Kind, a.Mailbox)
			}
			cancels = cancels || !a.Copy
		case Redirect:
			if addresses[foldDomain(a.Address)] {
				t.Fatalf("two redirects to %s", a.Address)
			}
			addresses[foldDomain(a.Address)] = true
			cancels = cancels || !a.Copy
		case Discard:
			cancels = true
		case Reply:
			replies++
		case Send:
			if a.As == AsVacation && len(a.Raw) > 0 {
				vacations++
			}
		case FileCopy, Accept:
		case Mark:
			marks = true
		default:
			t.Fatalf("%s among the actions", a.Kind)
		}
		if s.Refused != nil && a.Kind != Mark && a.As != AsNotify && a.As != AsReport {
			t.Fatalf("%s of refused mail", a.Kind)
		}
	}
	switch {
	case s.Refused != nil && s.Refused.Kind == TempFail && len(s.Actions) > 0:
		t.Fatal("a tempfail with actions")
	case s.Refused == nil && !cancels && implicit == 0:
		t.Fatal("mail is lost: nothing cancels the implicit keep, and it is not there")
	case implicit > 1 || replies > 1 || vacations > 1:
		t.Fatalf("%d implicit keeps, %d replies, %d vacations", implicit, replies, vacations)
	}
}
