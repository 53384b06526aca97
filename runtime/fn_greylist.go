package runtime

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// What greylist does without options, and the longest of its times.
const (
	greyDelay    = 5 * time.Minute
	greyWindow   = 48 * time.Hour
	greyLifetime = 35 * 24 * time.Hour
	maxGrey      = 366 * 24 * time.Hour
)

func init() {
	register(Function{
		Name:   "greylist",
		Family: "learn",
		Doc: "Asks whether what key names (such as network, sender and recipient) has come again after a while, and returns a map: `allowed`, `first_seen` (unix " +
			"seconds of the try that counts as the first) and `seconds_left` (until a try is allowed, rounded up; 0 if allowed). A first try, and each one before `delay` is over, is not allowed " +
			"and changes nothing but that it was seen; one after it is, and from then on all are, until none came for `lifetime`. A first try that nobody followed within `window` is forgotten. " +
			"Keys are shared by all administrators' scripts; they are taken as they are, so fold case, networks and changing senders before.",
		Params: []Param{{Name: "key", Kind: String, Doc: "any text of at least 1 octet"},
			{Name: "options", Kind: Map, Optional: true, Doc: "`delay` (default `\"5m\"`; 0 lets any second try in), `window` (`\"48h\"`, more than delay) and `lifetime` (`\"35d\"`), " +
				"as seconds or text; at most 366 days"}},
		Result: Map, Effect: Writes, Trust: Admin,
		Examples: []Example{
			{Code: `greylist("192.0.2.0/24 a@example.net b@example.org").allowed`, Want: `false`},
			{Code: `greylist("k").seconds_left`, Want: `300`},
			{Code: `greylist("k", {"delay": "10m"}).seconds_left`, Want: `600`},
			{Setup: []string{`greylist("k", {"delay": 0})`}, Code: `greylist("k", {"delay": 0}).allowed`, Want: `true`},
			{Setup: []string{`greylist("k", {"delay": 0})`}, Code: `greylist("other", {"delay": 0}).allowed`, Want: `false`},
			{Code: `greylist("k", {"delay": "2h", "window": "1h"})`, Error: `greylist: window of 1h0m0s is not longer than the delay of 2h0m0s`},
			{Code: `greylist("k", {"wait": 1})`, Error: `greylist: unknown option "wait"; known are delay, lifetime, window`},
			{Code: `greylist("")`, Error: `greylist: key is empty`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			g, err := greyOptions(a.Map(1))
			if err != nil {
				return nil, err
			}
			if a.String(0) == "" {
				return nil, errors.New("key is empty")
			}
			s, err := e.learntStore()
			if err != nil {
				return nil, err
			}
			return e.greylist(s, kv.Key{Prefix: kv.Greylist, Name: boundedName(a.String(0))}, g)
		},
	})
}

// greyTimes are the options of greylist.
type greyTimes struct{ delay, window, lifetime time.Duration }

func greyOptions(m map[string]Value) (g greyTimes, err error) {
	opts, err := optionsOf(m, map[string]Kind{"delay": Duration, "window": Duration, "lifetime": Duration})
	if err != nil {
		return g, err
	}
	of := func(name string, otherwise time.Duration) time.Duration {
		if d, ok := opts[name].(time.Duration); ok {
			return d
		}
		return otherwise
	}
	g = greyTimes{of("delay", greyDelay), of("window", greyWindow), of("lifetime", greyLifetime)}
	switch {
	case g.window <= g.delay:
		return g, fmt.Errorf("window of %s is not longer than the delay of %s", g.window, g.delay)
	case g.window > maxGrey:
		return g, fmt.Errorf("option window: %s is more than 366 days", g.window)
	case g.lifetime <= 0 || g.lifetime > maxGrey:
		return g, fmt.Errorf("option lifetime: %s is out of range", g.lifetime)
	}
	return g, nil
}

// greyRow is what is kept of a key: whether it passed, and when it was first seen, in unix
// milliseconds.
type greyRow struct {
	passed bool
	first  int64
}

func (r greyRow) octets() []byte {
	b := []byte{'s'}
	if r.passed {
		b[0] = 'p'
	}
	return binary.BigEndian.AppendUint64(b, uint64(r.first))
}

func parseGreyRow(b []byte) (r greyRow, ok bool) {
	if len(b) != 9 {
		return r, false
	}
	return greyRow{b[0] == 'p', int64(binary.BigEndian.Uint64(b[1:]))}, true
}

func (e *Env) greylist(s kv.Store, k kv.Key, g greyTimes) (Value, error) {
	var row greyRow
	var left time.Duration
	err := e.swap(s, k, func(old []byte) (c kv.Change, err error) {
		now, keep, seen := e.Clock(), g.window, false
		row, seen = parseGreyRow(old)
		age := now.Sub(time.UnixMilli(row.first))
		switch {
		case seen && row.passed:
			keep, left = g.lifetime, 0
		case seen && age >= 0 && age < g.delay:
			left = g.delay - age
			return c, nil
		case seen && age >= 0 && age <= g.window: // the window may be another than when the row was written
			row.passed = true
			keep, left = g.lifetime, 0
		default:
			row, left = greyRow{first: now.UnixMilli()}, g.delay
		}
		c.Value = kv.Value{Bytes: row.octets(), Expires: now.Add(keep)}
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]Value{"allowed": row.passed, "first_seen": row.first / 1000, "seconds_left": seconds(left)}, nil
}

// maxPlainName is the longest name that is kept as it is; of a longer one its hash is.
const maxPlainName = 512

// boundedName returns a name that fits a store, which no other name has.
func boundedName(name string) string {
	if len(name) <= maxPlainName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "sha256:" + hex.EncodeToString(sum[:])
}
