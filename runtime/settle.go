package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Settled is a lawful plan: what will be done for one recipient.
type Settled struct {
	// Actions are the actions in the order in which they were asked for, those of earlier
	// scripts first, then the implicit keep if nothing cancelled it, then the marks.
	//
	// Unless the mail is refused, one of them cancels the implicit keep or is it. A
	// discard stays in the list, where it does nothing, so that later scripts and people see why.
	Actions []Action
	// Refused is the reject, ereject or tempfail that answers the peer; nil: the mail is
	// taken. Actions then holds notifications, reports and marks only, and for a tempfail
	// nothing: the mail comes again.
	Refused *Action
}

// ErrConflict is wrapped by the errors of Settle that say that two actions of a plan
// exclude each other.
var ErrConflict = errors.New("conflicting actions")

// Settle makes one run's plan lawful and joins it with what is already settled.
//
// prior are the Actions that earlier scripts settled for the same recipient, followed
// by what they refused, if they did. A failed script's plan is dropped: its mail is
// kept, unless an earlier script already stored it.
//
//   - The implicit keep is cancelled by a keep, fileinto, quarantine, redirect, discard, reject or
//     ereject, not by one that is a copy. An earlier script's implicit keep is cancelled too.
//   - Stores into one mailbox are one store, with the flags of the last of a plan and those of
//     earlier scripts; keep is a store into INBOX. Redirects to one address are one, the
//     domain compared without case.
//   - A reject or ereject excludes every store, redirect, reply, vacation, pipe and refusal of
//     the same plan: ErrConflict. What an earlier script settled is no conflict: a reject after
//     a store, redirect, reply, vacation or pipe acts as a discard, a second refusal, reply or
//     vacation is dropped.
//   - A quarantine is a store. It takes the place of what the same plan stores, sends on, answers
//     and gives to programs, except copies; what an earlier script settled stays.
//   - An accept changes nothing; with a reject or ereject of the same plan it is ErrConflict.
//   - A tempfail wins over everything: nothing is done, and the peer tries again.
//   - A plan holds one reply (equal ones are one), one vacation, at most l.Redirects redirects
//     and l.Outgoing other messages that leave, to programs too; one to each program.
//   - Notifications and reports exclude nothing.
//   - The implicit keep stores the message as the last script that ended well has edited it,
//     and after a failure as it was before.
//
// The caller takes an error as an error of the script, and settles again with it as
// failed.
//
// Spec: RFC 5228, section 2.10; RFC 3894; RFC 5230, section 4.7; RFC 5232, section 5 (the
// last flag list wins); RFC 5293, section 6; RFC 5429, section 2; RFC 5435, section 3.8.
func Settle(p Plan, failed error, prior []Action, l Limits) (Settled, error) {
	l = l.withDefaults()
	s := settler{keep: true}
	implicit := false
	for _, a := range prior {
		s.earlier(a)
		implicit = implicit || a.Implicit
	}
	// An implicit keep may stand beside what cancels it: a failed script put it back.
	s.keep = s.keep || implicit
	stored := s.stores > 0
	if failed != nil {
		s.keep = s.keep || !stored
		return s.settled(), nil
	}
	if len(p.Actions) > l.Actions {
		return Settled{}, &LimitError{Limit: "actions", Max: int64(l.Actions)}
	}
	if err := conflict(p.Actions); err != nil {
		return Settled{}, err
	}
	if n := countRedirects(p.Actions); n > l.Redirects {
		return Settled{}, &LimitError{Limit: "redirects", Max: int64(l.Redirects)}
	}
	if n := countOutgoing(p.Actions); n > l.Outgoing {
		return Settled{}, &LimitError{Limit: "outgoing", Max: int64(l.Outgoing)}
	}
	s.delivers, s.prior = s.stores > 0 || s.sends > 0, len(s.actions)
	answered := s.vacation
	for _, a := range quarantined(p.Actions) {
		// The fcc and the mark of a vacation fall with it.
		if a.As != AsVacation || !answered {
			s.add(a)
		}
	}
	if p.FlagsSet {
		s.keepFlags = nil
	}
	s.keepFlags = unionFlags(s.keepFlags, p.KeepFlags)
	if p.KeepHeader != nil || p.KeepRaw != nil {
		s.keepHeader, s.keepRaw = p.KeepHeader, p.KeepRaw
	}
	return s.settled(), nil
}

// settler collects the actions of one recipient.
type settler struct {
	actions   []Action
	marks     []Action
	refused   *Action
	keep      bool // the implicit keep stands
	keepFlags []string
	stores    int  // stores other than the implicit keep
	sends     int  // redirects, replies, vacations and pipes
	delivers  bool // an earlier script stored or sent
	vacation  bool // a vacation message is sent
	prior     int  // actions that earlier scripts settled

	keepHeader, keepRaw []byte // what the implicit keep stores
}

// earlier takes over an action that an earlier script settled.
func (s *settler) earlier(a Action) {
	if !a.Implicit {
		s.add(a)
		return
	}
	s.keepFlags = unionFlags(s.keepFlags, a.Flags)
	s.keepHeader, s.keepRaw = a.Header, a.Raw
	if a.Copy { // a copy was asked for, and the implicit keep fell together with it
		a.Implicit = false
		s.add(a)
	}
}

func (s *settler) add(a Action) {
	switch a.Kind {
	case Mark:
		s.marks = append(s.marks, a)
		return
	case Reject, EReject, TempFail:
		s.refuse(a)
		return
	case Keep, FileInto:
		s.store(a)
	case Quarantine:
		s.quarantine(a)
	case Accept:
		s.once(a, func(b *Action) bool { return b.Kind == Accept })
		return
	case Redirect:
		s.redirect(a)
	case Reply:
		s.reply(a)
	case Send:
		s.send(a)
		return
	case FileCopy:
		s.actions = append(s.actions, a)
		return
	case Pipe:
		s.sends++
		s.actions = append(s.actions, a)
	case Discard:
		s.once(a, func(b *Action) bool { return b.Kind == Discard })
	}
	if !a.Copy && a.Kind != Reply {
		s.keep = false
	}
}

// once appends a unless there is one that is the same, and returns that one.
func (s *settler) once(a Action, same func(*Action) bool) *Action {
	for i := range s.actions {
		if same(&s.actions[i]) {
			return &s.actions[i]
		}
	}
	s.actions = append(s.actions, a)
	return nil
}

func (s *settler) store(a Action) {
	s.stores++
	if a.Kind == Keep || IsInbox(a.Mailbox) && a.SpecialUse == "" && a.MailboxID == "" {
		a.Kind, a.Mailbox, a.Create = Keep, "", false
	}
	a.Flags = unionFlags(nil, a.Flags)
	b := s.once(a, func(b *Action) bool {
		return sameStore(b, &a)
	})
	if b != nil {
		if s.isPrior(b) {
			b.Flags = unionFlags(b.Flags, a.Flags)
		} else {
			b.Flags = a.Flags
		}
		b.Create = b.Create || a.Create
		b.Copy = b.Copy && a.Copy
	}
}

// isPrior says whether an earlier script settled on an action.
func (s *settler) isPrior(a *Action) bool {
	return slices.ContainsFunc(s.actions[:s.prior], func(b Action) bool {
		return sameStore(&b, a)
	})
}

// sameStore says whether two stores go into one mailbox. To quarantine is to file.
func sameStore(a, b *Action) bool {
	kind := func(a *Action) ActionKind {
		if a.Kind == Quarantine {
			return FileInto
		}
		return a.Kind
	}
	return kind(a) == kind(b) && a.Mailbox == b.Mailbox && a.SpecialUse == b.SpecialUse && a.MailboxID == b.MailboxID
}

func (s *settler) quarantine(a Action) {
	s.stores++
	if b := s.once(a, func(b *Action) bool { return sameStore(b, &a) }); b != nil && b.Kind == FileInto {
		b.Kind, b.Reason, b.Create, b.Copy = Quarantine, a.Reason, true, false
	}
}

func (s *settler) redirect(a Action) {
	s.sends++
	to := foldDomain(a.Address)
	b := s.once(a, func(b *Action) bool { return b.Kind == Redirect && foldDomain(b.Address) == to })
	if b != nil {
		b.Copy = b.Copy && a.Copy
	}
}

func (s *settler) reply(a Action) {
	s.sends++
	s.once(a, func(b *Action) bool { return b.Kind == Reply })
}

func (s *settler) send(a Action) {
	if a.As == AsVacation && len(a.Raw) > 0 {
		s.sends++
		s.vacation = true
	}
	s.actions = append(s.actions, a)
}

func (s *settler) refuse(a Action) {
	switch {
	case a.Kind == TempFail && (s.refused == nil || s.refused.Kind == TempFail):
		if s.refused == nil {
			s.refused = &a
		}
	case s.refused != nil: // an earlier script did
	case s.delivers:
		s.add(Action{Kind: Discard})
	default:
		s.refused = &a
	}
}

func (s *settler) settled() Settled {
	if s.refused != nil {
		out := Settled{Refused: s.refused}
		if s.refused.Kind != TempFail {
			for _, a := range s.actions {
				if a.As == AsNotify || a.As == AsReport {
					out.Actions = append(out.Actions, a)
				}
			}
			for _, a := range s.marks {
				if a.As != AsVacation { // it is not sent, so nothing is to be remembered
					out.Actions = append(out.Actions, a)
				}
			}
		}
		return out
	}
	if s.keep {
		k := Action{Kind: Keep, Implicit: true, Flags: unionFlags(nil, s.keepFlags), Header: s.keepHeader, Raw: s.keepRaw}
		if b := s.once(k, func(b *Action) bool { return b.Kind == Keep }); b != nil {
			b.Implicit = true // b is a copy: it would have cancelled the implicit keep else
			b.Flags = unionFlags(b.Flags, k.Flags)
		}
	}
	return Settled{Actions: append(s.actions, s.marks...)}
}

// quarantined returns the actions of a plan that are done if it quarantines the message: all of
// them if it does not.
func quarantined(actions []Action) []Action {
	if !slices.ContainsFunc(actions, func(a Action) bool { return a.Kind == Quarantine }) {
		return actions
	}
	return slices.DeleteFunc(slices.Clone(actions), func(a Action) bool {
		switch a.Kind {
		case Keep, FileInto, Redirect, Pipe:
			return !a.Copy
		case Reply:
			return true
		}
		return a.As == AsVacation // with its copy and its mark
	})
}

// conflict finds two actions of one plan that exclude each other.
func conflict(actions []Action) error {
	var refusal, other, reply, vacation *Action
	var programs []string
	for i := range actions {
		a := &actions[i]
		switch a.Kind {
		case Reject, EReject, TempFail:
			if refusal != nil && !(refusal.Kind == TempFail && a.Kind == TempFail) {
				return fmt.Errorf("%w: %s after %s", ErrConflict, a.Kind, refusal.Kind)
			}
			refusal = a
		case Keep, FileInto, Quarantine, Redirect, Reply, Pipe, Accept:
			if other == nil {
				other = a
			}
			if a.Kind == Pipe {
				if contains(programs, a.Program) {
					return fmt.Errorf("%w: a second pipe to %q", ErrConflict, a.Program)
				}
				programs = append(programs, a.Program)
			}
			if a.Kind != Reply {
				continue
			}
			if reply != nil && (reply.Subject != a.Subject || reply.Reason != a.Reason) {
				return fmt.Errorf("%w: a second reply", ErrConflict)
			}
			reply = a
		case Send:
			if a.As != AsVacation {
				continue
			}
			if vacation != nil {
				return fmt.Errorf("%w: a second vacation", ErrConflict)
			}
			vacation = a
			if other == nil {
				other = a
			}
		}
	}
	if refusal != nil && refusal.Kind != TempFail && other != nil {
		what := string(other.Kind)
		if other.Kind == Send {
			what = other.As
		}
		return fmt.Errorf("%w: %s and %s", ErrConflict, refusal.Kind, what)
	}
	return nil
}

func countRedirects(actions []Action) int {
	seen := map[string]bool{}
	for _, a := range actions {
		if a.Kind == Redirect {
			seen[foldDomain(a.Address)] = true
		}
	}
	return len(seen)
}

// countOutgoing counts the messages that leave beside redirects.
func countOutgoing(actions []Action) (n int) {
	for _, a := range actions {
		if a.Kind == Reply || a.Kind == Pipe || a.Kind == Send && len(a.Raw) > 0 {
			n++
		}
	}
	return n
}

// IsInbox says whether a mailbox name means the inbox, which has no case.
//
// Spec: RFC 9051, section 5.1.
func IsInbox(mailbox string) bool { return strings.EqualFold(mailbox, "INBOX") }

// foldDomain returns the address with its domain in lower case: two addresses are the
// same if their folded forms are.
func foldDomain(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address
	}
	return address[:i] + strings.ToLower(address[i:])
}
