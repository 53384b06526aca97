package testsuite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// result is what the file and the scripts that it ran have asked for since the last reset.
type result struct {
	pending runtime.Plan // not carried out
	failed  error        // the script whose plan pending is has failed
	done    []runtime.Action
	asked   []asked // all, in order
	serial  int     // of the reset
	applied map[string]bool
}

// asked is an action of the result.
type asked struct {
	runtime.Action
	executed bool
}

func (r *result) init() {
	*r = result{serial: r.serial + 1, applied: map[string]bool{}}
}

// add joins a plan to what is to be carried out.
func (r *result) add(p runtime.Plan, edited bool) {
	r.pending.Actions = append(r.pending.Actions, p.Actions...)
	if edited || p.KeepHeader != nil || p.KeepRaw != nil {
		r.pending.KeepHeader, r.pending.KeepRaw = p.KeepHeader, p.KeepRaw
	}
	if p.KeepFlags != nil {
		r.pending.KeepFlags = p.KeepFlags
	}
	for _, a := range p.Actions {
		r.ask(a)
	}
}

// ask notes an action. Stores into one mailbox are one, and so are redirects to one address;
// where an earlier script's action was carried out, a refusal or vacation adds nothing.
func (r *result) ask(a runtime.Action) {
	name := actionName(&a)
	for i := range r.asked {
		b := &r.asked[i]
		switch {
		case isStore(&a) && isStore(&b.Action) && target(&a) == target(&b.Action):
			if a.Kind == runtime.Keep {
				b.Kind = runtime.Keep
			}
			return
		case a.Kind == runtime.Redirect && b.Kind == runtime.Redirect && sameAddress(a.Address, b.Address):
			return
		case b.executed && name == actionName(&b.Action) && (name == "reject" || name == "vacation"):
			return
		}
	}
	r.asked = append(r.asked, asked{Action: a})
}

// sameAddress says whether two addresses differ at most in the case of their domains.
func sameAddress(a, b string) bool {
	i := strings.LastIndexByte(a, '@')
	return strings.EqualFold(a, b) && i >= 0 && i < len(b) && a[:i] == b[:i]
}

func isStore(a *runtime.Action) bool { return a.Kind == runtime.Keep || a.Kind == runtime.FileInto }

func target(a *runtime.Action) string {
	if a.Kind == runtime.Keep || runtime.IsInbox(a.Mailbox) {
		return inbox
	}
	return a.Mailbox + "\x00" + a.SpecialUse + "\x00" + a.MailboxID
}

// actionName returns the name of an action as test_result_action knows it, "" if it knows
// none.
func actionName(a *runtime.Action) string {
	switch a.Kind {
	case runtime.FileInto:
		return "store"
	case runtime.EReject:
		return "reject"
	case runtime.Reply:
		return "vacation"
	case runtime.Send:
		return a.As
	case runtime.FileCopy:
		return ""
	case runtime.Mark:
		if a.Prefix == kv.SieveDuplicate {
			return "duplicate_mark"
		}
		return ""
	}
	return string(a.Kind)
}

// names returns the names of the result's actions.
func (r *result) names() []string {
	var out []string
	for i := range r.asked {
		if n := actionName(&r.asked[i].Action); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// settle makes what is pending lawful, behind what was done.
func (s *suite) settle() (runtime.Settled, error) {
	return runtime.Settle(s.result.pending, s.result.failed, s.result.done, s.limits)
}

// execute carries out what is pending, and says whether all of it could be done.
func (s *suite) execute() bool {
	r := &s.result
	settled, err := s.settle()
	ok := err == nil
	if err != nil {
		s.runError(err)
		r.failed = err
		if settled, err = s.settle(); err != nil {
			return false
		}
	}
	return s.carryOut(settled) && ok
}

// carryOut does what is settled and was not done yet.
func (s *suite) carryOut(settled runtime.Settled) bool {
	r := &s.result
	t := &outlet{suite: s}
	if err := runtime.Apply(s.ctx, t, s.delivery(settled.Actions)); err != nil {
		t.failed = true
	}
	if settled.Refused != nil {
		s.refuse(settled.Refused)
	}
	r.done = nil
	for _, a := range settled.Actions {
		if a.Kind != runtime.Mark {
			a.Implicit = false // it was done
			r.done = append(r.done, a)
		}
	}
	if settled.Refused != nil {
		r.done = append(r.done, *settled.Refused)
	}
	for i := range r.asked {
		r.asked[i].executed = true
	}
	r.pending, r.failed = runtime.Plan{KeepFlags: r.pending.KeepFlags}, nil
	return !t.failed
}

func (s *suite) delivery(actions []runtime.Action) *runtime.Delivery {
	return &runtime.Delivery{
		Serial: "testsuite-" + strconv.Itoa(s.result.serial), Time: s.options.Now(), From: s.tx.From, Raw: s.tx.Message.Raw(),
		Plans: []runtime.RecipientPlan{{Rcpt: s.tx.Rcpt, Actions: actions}},
	}
}

// runError adds the error of a run to the log, without its place.
func (s *suite) runError(err error) {
	var limit *runtime.LimitError
	if errors.As(err, &limit) {
		switch limit.Limit {
		case "actions":
			s.errorf("total number of actions exceeds policy limit (%d)", limit.Max)
			return
		case "redirects":
			s.errorf("number of redirect actions exceeds policy limit (%d)", limit.Max)
			return
		}
	}
	msg, _ := reasonOf(err)
	if strings.Contains(msg, "mailbox name ") {
		msg = "invalid folder name: " + msg
	}
	s.errorf("%s", msg)
}

// notes adds keys that could not be matched to the log, and prints all other notes: they are
// warnings, or what the script wanted to be printed.
func (s *suite) notes(r *runtime.Record) {
	for _, n := range r.Notes {
		if text, ok := strings.CutPrefix(n.Text, sieve.NoteKey); ok && n.Kind == "problem" {
			s.errorf("%s", text)
		} else {
			s.options.Print(n.Text)
		}
	}
}

// describe returns the result for people.
func (r *result) describe() string {
	var b strings.Builder
	for i := range r.asked {
		a := &r.asked[i]
		fmt.Fprintf(&b, " * %s", a.Action.String())
		if a.executed {
			b.WriteString(" (done)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
