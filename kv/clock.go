package kv

import (
	"sync"
	"time"
)

// Clock is the time of a store. It goes on evenly and never back, whatever is done to
// the clock of the machine: a clock set back neither revives expired rows nor freezes
// rate limits. It may be used by many goroutines.
type Clock struct {
	base time.Time // with the monotonic reading; the zero time when now is set
	lead int64     // nanoseconds that this clock is ahead of the machine's

	mu   sync.Mutex
	now  func() time.Time // tests and replays own the time
	last int64
}

// NewClock returns a clock that begins at now (nil: the machine's), but not before
// floor, in unix milliseconds: the latest time that the store's file has seen.
func NewClock(now func() time.Time, floor int64) *Clock {
	c := &Clock{now: now}
	var start int64
	if now == nil {
		c.base = time.Now()
		start = c.base.UnixNano()
	} else {
		start = now().UnixNano()
		c.last = start
	}
	c.lead = max(floor*int64(time.Millisecond)-start, 0)
	return c
}

// Nano returns the time in unix nanoseconds.
func (c *Clock) Nano() int64 {
	if c.now == nil {
		return c.base.UnixNano() + int64(time.Since(c.base)) + c.lead
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now().UnixNano()
	if t < c.last {
		c.lead += c.last - t
	}
	c.last = t
	return t + c.lead
}

// Milli returns the time in unix milliseconds.
func (c *Clock) Milli() int64 { return c.Nano() / int64(time.Millisecond) }
