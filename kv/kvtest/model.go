package kvtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/sluice-mail/sluice/kv"
)

// act is an operation of a history.
type act uint8

const (
	opGet act = iota
	opSet
	opAdd
	opSwap
	opDelete
	opDeletePrefix
	opList
	opIncr
	opCounter
	opRate
	opLock
	opRenew
	opUnlock
	opAdvance
	opPurge
	opGetMany // both keys; judged as two gets, since only keys are linearizable
	opFenced
	opIncrMany // of the counter and of others that nobody asks for
	acts
)

var actNames = [acts]string{"get", "set", "add", "swap", "delete", "delete prefix", "list", "incr", "counter", "rate", "lock", "renew", "unlock", "advance", "purge", "get many", "set fenced", "incr many"}

// needs says which acts a backend may lack.
var needs = [acts]Feature{opDeletePrefix: Lists, opList: Lists, opLock: Locks, opRenew: Locks, opUnlock: Locks, opFenced: Locks}

// input is one call: key is 0 or 1 for the values; counters, limits and locks have one
// key each. Values are small numbers.
type input struct {
	act      act
	key      int
	old, new int           // 0 is absent where that makes sense
	ttl      time.Duration // also how far an advance goes
	from     time.Duration // the clock when the call began, or a little before
	fence    uint64
	peek     bool
}

// output is what came back. Times count from the beginning of the history.
type output struct {
	v       int64 // value, counter, or remaining units
	ok      bool
	expires time.Duration
	retry   time.Duration
	fence   uint64 // of the lease, or of the row
	failed  string // an error that no model allows
}

// state is a whole store, small enough to be compared.
type state struct {
	now     time.Duration
	rows    [2]cell
	counter cell
	rate    kv.RateState
	holder  uint64 // fence of the lease, 0 if none
	until   time.Duration
	fence   uint64
}

type cell struct {
	v       int64
	present bool
	expires time.Duration // never is 0
	fence   uint64        // the largest that wrote it
}

func (c cell) at(now time.Duration) cell {
	if c.present && c.expires != 0 && c.expires <= now {
		return cell{}
	}
	return c
}

// testRule is small, so that histories reach its limit.
var testRule = kv.Rule{Limit: 3, Per: 8 * time.Millisecond}

// epoch is when model time begins; a rate state of 0 means unused.
const epoch = int64(1_000_000_000)

// step returns the states in which s may be after in was answered with out; none if
// that answer is wrong.
//
// Reads are strict: they see the rows and the clock of one moment. A write takes effect
// at one moment, but the time that it counts with may be any since its call began: no
// store can take the time and commit in one instant.
func step(s state, in input, out output) (next []any) {
	if out.failed != "" {
		return nil
	}
	switch in.act {
	case opGet, opList, opGetMany:
		row := s.rows[in.key].at(s.now)
		return only(s, out.ok == row.present && out.v == row.v && out.expires == row.expires && out.fence == row.fence)
	case opCounter:
		return only(s, out.v == s.counter.at(s.now).v)
	case opAdvance:
		s.now += in.ttl
		return only(s, true)
	case opPurge:
		return only(s, true)
	}
	for now := in.from; now <= s.now; now += time.Millisecond {
		ok, then := stepAt(s, in, out, now)
		if ok && !slices.Contains(next, any(then)) {
			next = append(next, then)
		}
	}
	return next
}

func only(s state, ok bool) []any {
	if ok {
		return []any{s}
	}
	return nil
}

// stepAt is step for a write that counts with the time now.
func stepAt(s state, in input, out output, now time.Duration) (bool, state) {
	row := s.rows[in.key].at(now)
	end := time.Duration(0)
	if in.ttl > 0 {
		end = now + in.ttl
	}
	write := func() { s.rows[in.key] = cell{int64(in.new), true, end, row.fence} }
	switch in.act {
	case opSet:
		write()
		return true, s
	case opAdd:
		if !row.present {
			write()
		}
		return out.ok == !row.present, s
	case opSwap:
		match := row.v == int64(in.old) // absent is 0
		if match {
			write()
		}
		return out.ok == match, s
	case opFenced:
		fits := in.fence >= row.fence
		if fits {
			row.fence = in.fence
			write()
		}
		return out.ok == fits, s
	case opDelete, opDeletePrefix:
		s.rows[in.key] = cell{}
		return out.ok == row.present, s
	case opIncr, opIncrMany:
		c := s.counter.at(now)
		if !c.present {
			c = cell{present: true, expires: end}
		}
		c.v++
		s.counter = c
		return out.v == c.v, s
	case opRate:
		next, _, d := testRule.Take(s.rate, epoch+int64(now), int64(in.new))
		if d.Allowed && !in.peek {
			s.rate = next
		}
		return d.Allowed == out.ok && d.Remaining == out.v && d.RetryAfter == out.retry, s
	}
	return stepLock(s, in, out, now)
}

func stepLock(s state, in input, out output, now time.Duration) (bool, state) {
	held := s.holder != 0 && s.until > now
	switch in.act {
	case opLock:
		if held || !out.ok {
			return held && !out.ok, s
		}
		legal := out.fence > s.fence && out.expires == now+in.ttl
		s.holder, s.fence, s.until = out.fence, out.fence, out.expires
		return legal, s
	case opRenew:
		mine := held && s.holder == in.fence
		if mine {
			s.until = now + in.ttl
		}
		return out.ok == mine && (!mine || out.expires == s.until), s
	case opUnlock:
		mine := held && s.holder == in.fence
		if mine {
			s.holder = 0
		}
		return out.ok == mine, s
	}
	return false, s
}

var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(s, in, out any) []any {
		return step(s.(state), in.(input), out.(output))
	},
}).ToModel()

func describe(in input, out output) string {
	s := actNames[in.act]
	switch in.act {
	case opGet, opList, opGetMany, opDelete, opDeletePrefix:
		s += fmt.Sprintf(" %c", 'a'+in.key)
	case opSet, opAdd:
		s += fmt.Sprintf(" %c=%d ttl %v", 'a'+in.key, in.new, in.ttl)
	case opFenced:
		s += fmt.Sprintf(" %c=%d fence %d ttl %v", 'a'+in.key, in.new, in.fence, in.ttl)
	case opSwap:
		s += fmt.Sprintf(" %c=%d->%d ttl %v", 'a'+in.key, in.old, in.new, in.ttl)
	case opRate:
		s += fmt.Sprintf(" cost %d peek %v", in.new, in.peek)
	case opAdvance, opLock, opIncr, opIncrMany:
		s += fmt.Sprintf(" %v", in.ttl)
	case opRenew, opUnlock:
		s += fmt.Sprintf(" fence %d %v", in.fence, in.ttl)
	}
	return fmt.Sprintf("%s: %+v", s, out)
}
