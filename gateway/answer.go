package gateway

import (
	"log/slog"
	"slices"
	"sync"
)

// Answer is what the peer is told of a message, and what is to be remembered until it is
// known that the peer heard it. It belongs to one session.
type Answer struct {
	Outcomes []Outcome // one per recipient

	in    *Intake
	fresh []string // ids of deliveries that are not decided or promised yet
	ids   []string // ids of deliveries that were answered with 250
	twins [][2]int // a recipient, and the one before it that is the same
	over  bool
}

// Confirm says that the peer got the answer, since it went on to its next command: the
// same message, sent once more, is another one.
func (a *Answer) Confirm() { a.end(true) }

// Abandon says that the session ended and the peer may not have got the answer: the
// same message, sent once more, is taken for a repeat.
func (a *Answer) Abandon() { a.end(false) }

func (a *Answer) end(heard bool) {
	if a.over {
		return
	}
	a.over = true
	var confirmed []string
	for _, id := range a.ids {
		if a.in.answers.end(id, heard) {
			confirmed = append(confirmed, id)
		}
	}
	a.confirm(confirmed)
}

// confirm tells the journal, and forgets the ids then. A failure is logged: that a repeat is
// suppressed which is none needs the same octets once more, and soon.
func (a *Answer) confirm(ids []string) {
	if len(ids) == 0 {
		return
	}
	if err := a.in.o.Journal.Confirm(ids...); err != nil {
		a.in.log.Error("journal: confirm", slog.Any("err", err))
	}
	for _, id := range ids {
		a.in.answers.confirmed(id)
	}
}

// refuseOpen gives the outcome to every recipient that has none.
func (a *Answer) refuseOpen(o Outcome) {
	for i := range a.Outcomes {
		if a.Outcomes[i].Code == 0 && !a.isTwin(i) {
			a.Outcomes[i] = o
		}
	}
	a.settleTwins()
}

// acceptOpen gives OK to every recipient that has no outcome; its delivery is promised.
func (a *Answer) acceptOpen() {
	a.ids = append(a.ids, a.fresh...)
	a.fresh = nil
	a.refuseOpen(OK)
}

func (a *Answer) isTwin(i int) bool {
	return slices.ContainsFunc(a.twins, func(t [2]int) bool { return t[0] == i })
}

func (a *Answer) settleTwins() {
	for _, t := range a.twins {
		a.Outcomes[t[0]] = a.Outcomes[t[1]]
	}
}

// drop forgets a delivery that was refused.
func (a *Answer) drop(id string) {
	if i := slices.Index(a.fresh, id); i >= 0 {
		a.fresh = slices.Delete(a.fresh, i, i+1)
		if a.in.answers.cancel(id) {
			a.confirm([]string{id})
		}
	}
}

// close forgets all deliveries that were not promised.
func (a *Answer) close() {
	for _, id := range slices.Clone(a.fresh) {
		a.drop(id)
	}
}

// answers knows the sessions of this process that have not confirmed their answers yet.
// Without it two sessions that bring the same octets at once would take each other's
// message for a repeat.
type answers struct {
	mu   sync.Mutex
	open map[string]*openAnswer
}

type openAnswer struct {
	sessions int  // 0: its answer is being confirmed
	lost     bool // one of the sessions ended without a next command
	heard    bool // one ended with it
}

// verdict says what a delivery is that a session is about to make.
type verdict int

const (
	isNew verdict = iota
	isRepeat
	underWay // in another session, and not promised there yet
)

// begin notes that a session is about to deliver id and says whether it is a repeat of a
// delivery whose answer was lost.
//
// exclusive says that the peer's queue id is in the id: a message of a queue is delivered
// in one session at a time, so a second session means that the peer gave the first one up,
// which we may not have noticed yet. One that is underWay is not noted.
func (a *answers) begin(id string, exclusive bool, unconfirmed func(string) bool) (v verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.open[id]
	switch {
	case o == nil:
		o = &openAnswer{}
		a.open[id] = o
		if unconfirmed(id) {
			v = isRepeat
		}
	case o.lost:
		v, o.lost = isRepeat, false
	case exclusive && o.sessions > 0 && unconfirmed(id):
		v = isRepeat
	case exclusive && o.sessions > 0:
		return underWay
	}
	o.sessions++
	return v
}

// end notes how a session ended and says whether the id is to be confirmed in the
// journal: when the last session is done with it and no answer was lost. Then confirmed
// is to be called behind it; what comes in between is no repeat.
func (a *answers) end(id string, heard bool) (confirm bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.open[id]
	if o == nil {
		return heard
	}
	o.lost = o.lost || !heard
	o.heard = o.heard || heard
	return a.leave(id, o)
}

// cancel notes that a session delivered nothing. It returns what end returns.
func (a *answers) cancel(id string) (confirm bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.open[id]
	return o != nil && a.leave(id, o)
}

// leave takes one session off. a.mu is held.
func (a *answers) leave(id string, o *openAnswer) (confirm bool) {
	if o.sessions--; o.sessions > 0 {
		return false
	}
	if confirm = o.heard && !o.lost; !confirm {
		delete(a.open, id)
	}
	return confirm
}

// confirmed notes that the journal knows of it.
func (a *answers) confirmed(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.open[id]; o != nil && o.sessions <= 0 {
		delete(a.open, id)
	}
}
