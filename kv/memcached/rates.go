package memcached

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Rate asks rule for cost units of k's allowance.
func (s *Store) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	if err := kv.CheckRate(k, rule, cost); err != nil {
		return kv.Decision{}, err
	}
	name := rule.String()
	var d kv.Decision
	err := s.edit(ctx, "rate", s.row(kindRates, k), func(old item, there bool, now int64) (item, verdict, error) {
		all := live(old, there, now/int64(time.Millisecond))
		i := slices.IndexFunc(all, func(a allowance) bool { return a.rule == name })
		var is kv.RateState
		if i >= 0 {
			is = all[i].state
		}
		next := allowance{rule: name}
		next.state, next.deadline, d = rule.Take(is, now, cost)
		switch {
		case peek || !d.Allowed:
			return item{}, leave, nil
		case i >= 0:
			all[i] = next
		case len(all) == maxAllowances:
			return item{}, leave, fmt.Errorf("kv/memcached: rate: %w: a key may have %d rules at a time", kv.ErrFull, maxAllowances)
		default:
			all = append(all, next)
		}
		body, last := encodeRates(all)
		return item{last, body}, write, nil
	})
	if err != nil {
		return kv.Decision{}, err
	}
	return d, nil
}

// live returns the allowances in a row that somebody used and that time has not restored yet.
func live(is item, there bool, now int64) []allowance {
	if !there {
		return nil
	}
	all, err := decodeRates(is.body)
	if err != nil {
		return nil // not written by this store: as good as forgotten
	}
	return slices.DeleteFunc(all, func(a allowance) bool { return !kv.Live(a.deadline, now) })
}
