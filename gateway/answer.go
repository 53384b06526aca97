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
	if len(confirmed) == 0 {
		return
	}
	if err := a.in.o.Journal.Confirm(confirmed...); err != nil {
		a.in.log.Error("journal: confirm", slog.Any("err", err))
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
		a.in.answers.cancel(id)
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
	sessions int
	lost     bool // one of the sessions ended without a next command
}

// begin notes that a session is about to deliver id and says whether it is a repeat of a
// delivery whose answer was lost.
func (a *answers) begin(id string, unconfirmed func(string) bool) (repeat bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.open[id]
	if o == nil {
		o = &openAnswer{}
		a.open[id] = o
		repeat = unconfirmed(id)
	} else if o.lost {
		repeat, o.lost = true, false
	}
	o.sessions++
	return repeat
}

// end notes how a session ended and says whether the id is to be confirmed in the
// journal: when the last session is done with it and no answer was lost.
func (a *answers) end(id string, heard bool) (confirm bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.open[id]
	if o == nil {
		return heard
	}
	o.lost = o.lost || !heard
	o.sessions--
	if o.sessions > 0 {
		return false
	}
	delete(a.open, id)
	return !o.lost
}

// cancel notes that a session delivered nothing.
func (a *answers) cancel(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.open[id]; o != nil {
		if o.sessions--; o.sessions == 0 {
			delete(a.open, id)
		}
	}
}
