package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bounds one run. A zero field is its default.
type Limits struct {
	Time      time.Duration `cbor:"time"`      // wall time; 2 s
	Steps     int64         `cbor:"steps"`     // commands, tests, calls; 1,000,000
	Memory    int64         `cbor:"memory"`    // octets a script may hold, where the language can tell; 64 MiB
	Output    int64         `cbor:"output"`    // octets of text made; 4 MiB
	Ops       int           `cbor:"ops"`       // store and network operations; 100
	Writes    int           `cbor:"writes"`    // of them writes; 50
	Nesting   int           `cbor:"nesting"`   // calls and blocks; 200
	Actions   int           `cbor:"actions"`   // in a plan; 32
	Redirects int           `cbor:"redirects"` // in a plan; 4
	Outgoing  int           `cbor:"outgoing"`  // messages that leave beside redirects, in a plan; 8
}

// DefaultLimits are the limits that a zero field stands for.
var DefaultLimits = Limits{
	Time: 2 * time.Second, Steps: 1_000_000, Memory: 64 << 20, Output: 4 << 20,
	Ops: 100, Writes: 50, Nesting: 200, Actions: 32, Redirects: 4, Outgoing: 8,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	set := func(v, def int64) int64 {
		if v == 0 {
			return def
		}
		return v
	}
	l.Time = time.Duration(set(int64(l.Time), int64(d.Time)))
	l.Steps, l.Memory, l.Output = set(l.Steps, d.Steps), set(l.Memory, d.Memory), set(l.Output, d.Output)
	l.Ops, l.Writes = int(set(int64(l.Ops), int64(d.Ops))), int(set(int64(l.Writes), int64(d.Writes)))
	l.Nesting, l.Actions = int(set(int64(l.Nesting), int64(d.Nesting))), int(set(int64(l.Actions), int64(d.Actions)))
	l.Redirects, l.Outgoing = int(set(int64(l.Redirects), int64(d.Redirects))), int(set(int64(l.Outgoing), int64(d.Outgoing)))
	return l
}

// ErrBudget is wrapped by every LimitError: the run is over and no script can catch it.
var ErrBudget = errors.New("limit reached")

// LimitError says which limit ended a run.
type LimitError struct {
	Limit string // time, steps, memory, output, ops, writes, nesting, actions, redirects, outgoing; keys: of one call; cancelled: from outside
	Max   int64  // in the limit's unit; time in milliseconds
}

func (e *LimitError) Error() string {
	switch e.Limit {
	case "cancelled":
		return "the run was cancelled"
	case "time":
		return fmt.Sprintf("time limit of %s reached", time.Duration(e.Max)*time.Millisecond)
	}
	return fmt.Sprintf("%s limit of %d reached", e.Limit, e.Max)
}

// Unwrap makes errors.Is(err, ErrBudget) true.
func (e *LimitError) Unwrap() error { return ErrBudget }

// endError says why a run's context ended.
func endError(ctx context.Context, l Limits) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &LimitError{Limit: "cancelled"}
	}
	return &LimitError{Limit: "time", Max: l.Time.Milliseconds()}
}
