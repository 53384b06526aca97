package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// maxMemory is the longest time for which something is remembered.
const maxMemory = 366 * 24 * time.Hour

// memories are the things that are remembered, each in its own key space.
var memories = map[string]kv.Prefix{"duplicate": kv.SieveDuplicate, "vacation": kv.SieveVacation}

func init() {
	what := Param{Name: "what", Kind: String, Doc: "`duplicate` or `vacation`, each with keys of its own"}
	key := Param{Name: "key", Kind: String, Doc: "any text of at least 1 octet"}
	register(Function{
		Name:   "remembered",
		Family: "memory",
		Doc: "Says whether `remember` was called with this key for the same account, by a run whose mail was " +
			"settled, and its time is not over. Changes of a script make no difference.",
		Params: []Param{what, key},
		Result: Bool, Effect: Reads, Stages: filing, Trust: User,
		Examples: []Example{{Code: `remembered("duplicate", "<1@example.org>")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			p, k, err := e.memory(a)
			if err != nil {
				return nil, err
			}
			s, err := e.live.memory()
			if s == nil || err != nil {
				return false, err
			}
			_, err = s.Get(e.Context, MemoryKey(p, k))
			if errors.Is(err, kv.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		},
	})
	register(Function{
		Name:   "remember",
		Family: "memory",
		Doc: "Remembers a key for the account of the recipient, once the mail is settled: not if it is refused for now, " +
			"and not if the script fails.",
		Params: []Param{what, key, {Name: "ttl", Kind: Duration, Doc: "seconds, or text such as `\"12h\"`, `\"7d\"`; at most 366 days"}},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{{Code: `remember("duplicate", "<1@example.org>", "7d")`, Want: `true`}},
		Call: func(e *Env, a Args) (Value, error) {
			p, k, err := e.memory(a)
			if err != nil {
				return nil, err
			}
			ttl := a.Duration(2)
			if ttl <= 0 || ttl > maxMemory {
				return nil, fmt.Errorf("ttl of %s is out of range", ttl)
			}
			m := Action{Kind: Mark, Prefix: p, Key: k, Value: true, TTL: ttl}
			if p == kv.SieveVacation {
				m.As = AsVacation
			}
			for i, b := range e.run.plan.Actions {
				if b.Kind == Mark && b.Prefix == p && b.Key == k {
					e.run.plan.Actions[i] = m
					return true, nil
				}
			}
			return true, e.Act(m)
		},
	})
}

// memory returns the key space and the key that arguments 0 and 1 name.
func (e *Env) memory(a Args) (kv.Prefix, string, error) {
	p, ok := memories[a.String(0)]
	switch {
	case !ok:
		return 0, "", fmt.Errorf("%q is nothing to remember; known are duplicate, vacation", cut(a.String(0), 40))
	case a.String(1) == "":
		return 0, "", errors.New("key is empty")
	}
	return p, MemoryOf(e.View.Rcpt, a.String(1)), nil
}

// MemoryOf returns the key of a mark about a recipient: the account, or the address where
// there is none, and a hash of key.
func MemoryOf(r Recipient, key string) string {
	whose := r.Account
	if whose == "" {
		whose = strings.ToLower(r.Address)
	}
	sum := sha256.Sum256([]byte(key))
	return cut(whose, MaxStoredKey/2) + "\x00" + hex.EncodeToString(sum[:16])
}

// MemoryKey returns the store's key of a mark under a prefix of its own.
func MemoryKey(p kv.Prefix, key string) kv.Key { return kv.Key{Prefix: p, Name: key} }

// memory returns the store that remembers; nil: there is none, and nothing is remembered.
func (l *Live) memory() (kv.Store, error) {
	switch {
	case l.Memory != nil:
		return l.Memory()
	case l.Stores != nil:
		return l.Stores("")
	}
	return nil, nil
}
