package runtime

import (
	"context"
	"sync"
)

// Recorder is a Target that only notes what it is asked to do, once per action. Its
// zero value works; many goroutines may use it.
type Recorder struct {
	mu   sync.Mutex
	done []Applied
	keys map[string]bool
}

// Applied is one action that a Recorder was asked for.
type Applied struct {
	Serial string
	Rcpt   string // address
	Index  int    // in the recipient's actions
	Action Action
}

// Do notes the action.
func (r *Recorder) Do(_ context.Context, d *Delivery, rcpt, index int, a Action) error {
	key := ActionKey(d, rcpt, index)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[key] {
		return nil
	}
	if r.keys == nil {
		r.keys = map[string]bool{}
	}
	r.keys[key] = true
	r.done = append(r.done, Applied{Serial: d.Serial, Rcpt: d.Plans[rcpt].Rcpt.Address, Index: index, Action: a})
	return nil
}

// Applied returns what was noted so far, in order.
func (r *Recorder) Applied() []Applied {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Applied(nil), r.done...)
}
