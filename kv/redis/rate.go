package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// errDisagree says that script and rule came to different ends: only a state that nobody here wrote does that.
var errDisagree = errors.New("the stored allowance cannot be")

// Rate asks rule for cost units of k's allowance.
//
// The script decides and writes the next state. It returns the state before and the time, from which the answer is
// worked out by kv.Rule.Take itself.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := s.begin(ctx); err != nil {
		return kv.Decision{}, err
	}
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	var nano []byte
	if s.clock != nil {
		nano = octets(s.clock.Nano())
	}
	before, now, allowed, err := s.take(ctx, k, rule, cost, peek, nano)
	if err != nil {
		return kv.Decision{}, fail(ctx, "rate", err)
	}
	_, _, d := rule.Take(before, now, cost)
	if d.Allowed != allowed {
		return kv.Decision{}, fmt.Errorf("kv/redis: rate: %w", errDisagree)
	}
	return d, nil
}

// take runs the script at the time nano, which is the server's if it is nil. It returns the state before, the time in
// unix nanoseconds, and whether the cost is allowed.
func (s *Store) take(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool, nano []byte) (before kv.RateState, now int64, allowed bool, err error) {
	how, kind, numbers := "take", "sliding", []byte(nil)
	if peek {
		how = "peek"
	}
	most := rule.Limit
	if rule.Burst > 0 {
		kind, most = "burst", rule.Burst
	}
	// More than can ever be allowed is refused here; the script is asked for what is left.
	never := cost > most
	if never {
		how, cost = "peek", 0
	}
	if rule.Burst > 0 {
		numbers = burstNumbers(rule, cost)
	} else {
		numbers = octets(rule.Limit, rule.Limit/2, int64(rule.Per), cost)
	}
	reply, err := s.run(ctx, rateScript, call{bucketOf(k), []string{"r" + k.Name}, []any{k.Name, rule.String(), how, nano, kind, numbers}})
	if err != nil {
		return kv.RateState{}, 0, false, err
	}
	is, _ := reply.([]any)
	if len(is) != 3 {
		return kv.RateState{}, 0, false, errFormat
	}
	state, _ := is[1].(string)
	at, _ := is[2].(string)
	if len(at) != 8 {
		return kv.RateState{}, 0, false, errFormat
	}
	if state != "" {
		if before, err = kv.ParseRateState([]byte(state)); err != nil {
			return kv.RateState{}, 0, false, errFormat
		}
	}
	return before, int64(binary.BigEndian.Uint64([]byte(at))), is[0] == int64(1) && !never, nil
}

// burstNumbers are what the script needs of a rule with a burst: how far ahead of now the arrival time may be, and
// how far the cost moves it, each in nanoseconds and in parts of limit.
func burstNumbers(rule kv.Rule, cost int64) []byte {
	whole, most := interval(rule, rule.Burst)
	step, part := interval(rule, cost)
	return octets(rule.Limit, whole, most, step, part)
}

// interval returns units*Per/Limit and what is left. kv.Rule.Check bounds it for units up to Burst.
func interval(rule kv.Rule, units int64) (ns, part int64) {
	hi, lo := bits.Mul64(uint64(units), uint64(rule.Per/time.Nanosecond))
	q, rest := bits.Div64(hi, lo, uint64(rule.Limit))
	return int64(q), int64(rest)
}

func octets(numbers ...int64) []byte {
	b := make([]byte, 0, 8*len(numbers))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}
