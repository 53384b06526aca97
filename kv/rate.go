package kv

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Rule is a parsed rate: Limit units in Per, as a sliding window, or as GCRA when
// Burst is set.
//
// A sliding window admits Limit units in a Per, and never more than one and a half times as many in any
// Per, whatever the pattern. GCRA admits Burst units at once and refills at Limit per Per.
type Rule struct {
	Limit int64
	Per   time.Duration
	Burst int64 // 0: sliding window
}

// Decision is a rate limit's answer.
type Decision struct {
	Allowed    bool
	Limit      int64
	Remaining  int64
	RetryAfter time.Duration // 0 when allowed
}

// Limits of a rule. A window of more than MaxPer is a quota, which wants a row of its own.
const (
	MaxPer   = 366 * 24 * time.Hour
	MaxUnits = 1 << 50
)

// ParseRule reads "100/1h" or "100/1h burst 20". The time is written as for ParseTTL.
func ParseRule(s string) (Rule, error) {
	bad := func(why string) (Rule, error) {
		return Rule{}, fmt.Errorf("%w: rate %q: %s; want units/time such as 100/1h or 100/1h burst 20", ErrInvalid, clip(s), why)
	}
	f := strings.Fields(s)
	if len(f) != 1 && len(f) != 3 {
		return bad("has the wrong number of words")
	}
	units, per, ok := strings.Cut(f[0], "/")
	if !ok {
		return bad("has no /")
	}
	var r Rule
	if r.Limit, ok = parseUnits(units); !ok {
		return bad("does not begin with a number of units")
	}
	var err error
	if r.Per, err = ParseTTL(per); err != nil {
		return bad("has no time after the /")
	}
	if len(f) == 3 {
		if f[1] != "burst" {
			return bad("goes on with something else than burst")
		}
		if r.Burst, ok = parseUnits(f[2]); !ok || r.Burst == 0 {
			return bad("has no number after burst")
		}
	}
	if err := r.Check(); err != nil {
		return Rule{}, fmt.Errorf("rate %q: %w", clip(s), err)
	}
	return r, nil
}

func parseUnits(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil && !strings.HasPrefix(s, "+")
}

// String writes r as ParseRule reads it.
func (r Rule) String() string {
	s := strconv.FormatInt(r.Limit, 10) + "/" + FormatTTL(r.Per)
	if r.Burst > 0 {
		s += " burst " + strconv.FormatInt(r.Burst, 10)
	}
	return s
}

// Check refuses rules that cannot be kept: every number has to be above 0 (Burst may be
// 0), and below MaxUnits and MaxPer.
func (r Rule) Check() error {
	switch {
	case r.Limit < 1 || r.Limit > MaxUnits:
		return fmt.Errorf("%w: limit of %d units, want 1 to %d", ErrInvalid, r.Limit, int64(MaxUnits))
	case r.Burst < 0 || r.Burst > MaxUnits:
		return fmt.Errorf("%w: burst of %d units, want 1 to %d", ErrInvalid, r.Burst, int64(MaxUnits))
	case r.Per < time.Millisecond || r.Per > MaxPer:
		return fmt.Errorf("%w: window of %v, want 1ms to %v", ErrInvalid, r.Per, MaxPer)
	}
	if refill, _ := mulDivRem(r.Burst, int64(r.Per), 0, r.Limit); refill > int64(10*MaxPer) {
		return fmt.Errorf("%w: burst of %d units takes more than %v to fill again", ErrInvalid, r.Burst, 10*MaxPer)
	}
	return nil
}

// CheckRate refuses bad rules and costs below 0.
func CheckRate(k Key, r Rule, cost int64) error {
	if err := k.Check(); err != nil {
		return err
	}
	if cost < 0 {
		return fmt.Errorf("%w: cost of %d units is negative", ErrInvalid, cost)
	}
	return r.Check()
}

// RateName is the name of the row in which a backend keeps the allowance of rule under
// name. A rule holds no NUL, so the last NUL ends the name.
func RateName(name string, r Rule) string { return name + "\x00" + r.String() }

// RateState is what a backend keeps of an allowance, the same 40 octets everywhere:
// for a sliding window its start, the units of the window before and of this one, and when in them half of the
// limit was reached; for GCRA the theoretical arrival time and its fraction (Cur). Times are unix
// nanoseconds, halves are nanoseconds after the start of their window. The zero value is an allowance
// that nobody used.
type RateState struct {
	Start             int64
	Prev, Cur         int64
	PrevHalf, CurHalf int64
}

// RateStateOctets is the size of a RateState as it is kept.
const RateStateOctets = 40

// Append writes the state's octets to b.
func (s RateState) Append(b []byte) []byte {
	for _, n := range [...]int64{s.Start, s.Prev, s.Cur, s.PrevHalf, s.CurHalf} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// ParseRateState reads what Append wrote.
func ParseRateState(b []byte) (RateState, error) {
	if len(b) != RateStateOctets {
		return RateState{}, fmt.Errorf("%w: rate state of %d octets", ErrInvalid, len(b))
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[8*i:])) }
	return RateState{Start: at(0), Prev: at(1), Cur: at(2), PrevHalf: at(3), CurHalf: at(4)}, nil
}

// Take asks for cost units at now, in unix nanoseconds. It returns the state to store
// if the cost is allowed, and the moment after which that state means no more than
// none, in unix milliseconds. It is a pure function; backends differ only in how
// they make reading and writing the state one step.
//
// A cost that the rule can never allow is refused with RetryAfter Per.
func (r Rule) Take(s RateState, now, cost int64) (next RateState, deadline int64, d Decision) {
	if r.Burst > 0 {
		return r.takeGCRA(s, now, cost)
	}
	return r.takeSliding(s, now, cost)
}

// takeSliding counts the units of this window and what is left of those of the window before.
//
// Where in the window before its units came is known at one place: when half of the limit was reached.
// What is left of them falls evenly on both sides of that place. So it is never less than what
// really lies within one Per by more than half of the limit, and no Per admits more than one and a
// half times the limit, whatever the pattern; an even flow is counted as it is.
func (r Rule) takeSliding(s RateState, now, cost int64) (RateState, int64, Decision) {
	per := int64(r.Per)
	age := now - s.Start
	switch {
	case s.Start == 0 || age <= -per || age >= 2*per:
		s, age = RateState{Start: now}, 0
	case age < 0: // now was taken a moment before the state was written
		age = 0
	case age >= per:
		s = RateState{Start: s.Start + per, Prev: s.Cur, PrevHalf: s.CurHalf}
		age -= per
	}
	d := Decision{Limit: r.Limit}
	free := max(r.Limit-r.left(s.Prev, s.PrevHalf, age)-s.Cur, 0)
	d.Allowed = cost <= free
	d.Remaining = free
	if d.Allowed {
		d.Remaining -= cost
		if half := r.half(); s.Cur < half && s.Cur+cost >= half {
			s.CurHalf = age
		}
		s.Cur += cost
	} else {
		d.RetryAfter = roundUp(r.waitSliding(s, age, cost))
	}
	return s, ceilMillis(s.Start + 2*per), d
}

// half is half of the limit, rounded up.
func (r Rule) half() int64 { return r.Limit - r.Limit/2 }

// left returns how many of the units of the window before still count when this one is age old. half
// is when half of the limit was reached there. A unit leaves at the moment at which it is a Per old.
func (r Rule) left(units, half, age int64) int64 {
	per, s := int64(r.Per), age+1
	switch {
	case units < r.half(): // it was not reached
		return mulDiv(units, per-s, per, false)
	case s < half:
		return units - mulDiv(r.Limit/2, s, half, true)
	}
	return mulDiv(units-r.half(), per-s, per-half, false)
}

// until returns the age of a window, at least age, from which at most room of the units of the window
// before count: the reverse of left.
func (r Rule) until(units, half, age, room int64) int64 {
	per := int64(r.Per)
	switch {
	case r.left(units, half, age) <= room:
		return age
	case units < r.half():
		return per - mulDiv(room+1, per, units, true)
	}
	if age+1 < half && units-r.Limit/2 <= room { // before the half or at it
		if s := mulDiv(units-room-1, half, r.Limit/2, false); s+1 < half {
			return max(s, age)
		}
	}
	if units-r.half() <= room {
		return max(half-1, age)
	}
	return max(per-mulDiv(room+1, per-half, units-r.half(), true), half-1, age)
}

// waitSliding returns how long until cost fits: within this window, while the one
// before it fades, or else in the next, while this one fades.
func (r Rule) waitSliding(s RateState, age, cost int64) int64 {
	per := int64(r.Per)
	switch room := r.Limit - cost - s.Cur; {
	case cost > r.Limit:
		return per
	case room >= 0:
		return r.until(s.Prev, s.PrevHalf, age, room) - age
	default:
		return per - age + r.until(s.Cur, s.CurHalf, 0, r.Limit-cost)
	}
}

// takeGCRA keeps the arrival time exactly, as Start + Cur/Limit nanoseconds: rounded
// steps would add up, and the last unit of a burst would be refused.
func (r Rule) takeGCRA(s RateState, now, cost int64) (RateState, int64, Decision) {
	per := int64(r.Per)
	d := Decision{Limit: r.Limit}
	ahead, part := s.Start-now, s.Cur
	if ahead < 0 {
		ahead, part = 0, 0
	}
	// How far ahead of now the arrival time may be: a whole burst.
	whole, wholePart := mulDivRem(r.Burst, per, 0, r.Limit)
	if ahead > whole {
		ahead, part = whole, wholePart
	}
	if cost > r.Burst {
		d.RetryAfter = r.Per
	} else {
		step, stepPart := mulDivRem(cost, per, 0, r.Limit)
		then, thenPart := ahead+step, part+stepPart
		if thenPart >= r.Limit {
			then, thenPart = then+1, thenPart-r.Limit
		}
		switch {
		case then < whole || then == whole && thenPart <= wholePart:
			d.Allowed = true
			ahead, part = then, thenPart
		case thenPart > wholePart:
			d.RetryAfter = roundUp(then - whole + 1)
		default:
			d.RetryAfter = roundUp(then - whole)
		}
	}
	used, rest := mulDivRem(ahead, r.Limit, part, per)
	if rest > 0 {
		used++
	}
	d.Remaining = max(r.Burst-used, 0)
	return RateState{Start: now + ahead, Cur: part}, ceilMillis(now + ahead + 1), d
}

// mulDiv returns a*b/c for numbers that are not negative, at most 1<<62.
func mulDiv(a, b, c int64, up bool) int64 {
	q, rest := mulDivRem(a, b, 0, c)
	if up && rest > 0 {
		q++
	}
	return q
}

// mulDivRem returns (a*b + add) / c and what is left, for numbers that are not
// negative. A quotient over 1<<62 becomes 1<<62.
func mulDivRem(a, b, add, c int64) (q, rest int64) {
	if c == 0 {
		return 1 << 62, 0
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(add), 0)
	hi += carry
	if hi >= uint64(c) {
		return 1 << 62, 0
	}
	uq, ur := bits.Div64(hi, lo, uint64(c))
	if uq > 1<<62 {
		return 1 << 62, 0
	}
	return int64(uq), int64(ur)
}

func ceilMillis(ns int64) int64 { return (ns + 999_999) / 1_000_000 }

func roundUp(ns int64) time.Duration {
	return time.Duration(max(ceilMillis(ns), 1)) * time.Millisecond
}
