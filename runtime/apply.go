package runtime

import (
	"context"
	"errors"
	"fmt"
)

// Target does the actions of deliveries: a mail store with an outbox, a recorder.
//
// Do is idempotent by ActionKey(d, rcpt, index): an action that was done before, also
// before a restart, is not done again and gives nil. It may be called from many
// goroutines, with different deliveries.
type Target interface {
	Do(ctx context.Context, d *Delivery, rcpt, index int, a Action) error
}

// phases is the order in which the actions of one recipient are done: what was
// promised to be stored is stored before anything leaves the house.
var phases = [...][]ActionKind{
	{Keep, FileInto, Quarantine},
	{Redirect, Reply, Send},
	{FileCopy},
	{Pipe},
	{Mark},
}

// Apply does what d promises: for each recipient the stores, then what is sent, then what is
// given to programs, then the marks. It is the only way from a plan to mail, and may be repeated after a
// failure or crash.
//
// A failed action does not stop the others; only the programs and the marks of that recipient
// wait for the next time: programs may not know that they were run before, and marks say that
// its mail is settled. The errors are joined, each
// names its recipient and action. It stops when ctx ends.
func Apply(ctx context.Context, t Target, d *Delivery) error {
	var errs []error
	for rcpt, p := range d.Plans {
		failed := false
		for _, phase := range phases {
			if failed && (phase[0] == Pipe || phase[0] == Mark) {
				break
			}
			for index, a := range p.Actions {
				if !contains(phase, a.Kind) {
					continue
				}
				if err := ctx.Err(); err != nil {
					return errors.Join(append(errs, fmt.Errorf("runtime: apply %s: %w", d.Serial, context.Cause(ctx)))...)
				}
				if err := t.Do(ctx, d, rcpt, index, a); err != nil {
					failed = true
					errs = append(errs, fmt.Errorf("runtime: apply %s for %s: %w", a.Kind, p.Rcpt.Address, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}
