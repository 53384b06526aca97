package runtime

import (
	"context"
	"errors"
	"fmt"
)

// ErrReplay is wrapped by errors that say that a program asked something else than the
// record holds. The run is over then, and no script can catch it.
var ErrReplay = errors.New("replay differs from the record")

// Replayer is a Host that answers from a record, without any store. It is for one run.
type Replayer struct {
	calls []CallRecord
	next  int
}

// NewReplayer returns a host that gives the answers of r, in their order. r must have
// been recorded with RecordCalls or more.
func NewReplayer(r *Record) *Replayer { return &Replayer{calls: r.Calls} }

// Do returns the recorded answer of the next call, which must be this one.
func (p *Replayer) Do(e *Env, f *Function, _ Args) (Value, error) {
	args := maskArgs(f, e.args)
	for p.next < len(p.calls) && p.calls[p.next].Pure {
		p.next++
	}
	if p.next == len(p.calls) {
		return nil, fmt.Errorf("%w: %s comes after the last recorded call", ErrReplay, callText(f.Name, args))
	}
	c := &p.calls[p.next]
	if c.Function != f.Name || !Equal(c.Args, args) {
		return nil, fmt.Errorf("%w: call %d is %s, recorded is %s", ErrReplay, p.next+1, callText(f.Name, args), callText(c.Function, c.Args))
	}
	p.next++
	if c.Error != "" {
		return nil, errorOf(c.Error, c.Cause, c.Limit, c.LimitMax)
	}
	return c.Result, nil
}

// Replay runs p once more as rec says it ran: for the same transaction, at the same
// time, with the same random numbers and the recorded answers. o gives only Record and Link.
func (e *Engine) Replay(ctx context.Context, p Program, rec *Record, o RunOptions) (*Result, error) {
	v := rec.View
	if v == nil {
		return nil, fmt.Errorf("runtime: replay %s: the record has no calls; record with RecordCalls", rec.Script)
	}
	tx := v.Transaction
	tx.Message = v.Mail()
	o.Host, o.Limits, o.Trust, o.Namespace, o.Seed = NewReplayer(rec), v.Limits, v.Trust, v.Namespace, v.Seed
	o.Stores, o.NoDefaultStore = v.Stores, v.NoDefaultStore
	return e.Run(ctx, p, &tx, o), nil
}
