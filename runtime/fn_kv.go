package runtime

import (
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// What most functions of the store families begin with.
var (
	storeParam = Param{Name: "store", Kind: String, Doc: "name of the store; `\"\"` is the default one"}
	keyParam   = Param{Name: "key", Kind: String, Doc: "1 octet to 1 KiB, the script's namespace counted with it"}
	ttlParam   = Param{Name: "ttl", Kind: Duration, Optional: true,
		Doc: "seconds, or text such as `\"90s\"`, `\"15m\"`, `\"24h\"`, `\"30d\"`; 0 or left out: for ever"}
	valueParam = Param{Name: "value", Kind: Any, Doc: "any value up to 64 KiB; it is read back with its kind"}
)

func init() {
	register(Function{
		Name:   "key_get",
		Family: "kv",
		Doc:    "Returns the value under key, or null if there is none or its time is over.",
		Params: []Param{storeParam, keyParam},
		Result: Any, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `key_get("", "absent")`, Want: `null`},
			{Setup: []string{`key_set("", "color", "blue")`}, Code: `key_get("", "color")`, Want: `"blue"`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.Script, a)
			if err != nil {
				return nil, err
			}
			row, err := s.Get(e.Context, k)
			if errors.Is(err, kv.ErrNotFound) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return DecodeValue(row.Bytes)
		},
	})
	register(Function{
		Name:   "key_exists",
		Family: "kv",
		Doc:    "Says whether there is a value under key.",
		Params: []Param{storeParam, keyParam},
		Result: Bool, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `key_exists("", "absent")`, Want: `false`},
			{Setup: []string{`key_set("", "k", 0)`}, Code: `key_exists("", "k")`, Want: `true`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.Script, a)
			if err != nil {
				return nil, err
			}
			_, err = s.Get(e.Context, k)
			if errors.Is(err, kv.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		},
	})
	register(Function{
		Name:   "key_set",
		Family: "kv",
		Doc:    "Stores value under key in place of what was there, its time included. Returns true.",
		Params: []Param{storeParam, keyParam, valueParam, ttlParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `key_set("", "k", [1, "two"], "15m")`, Want: `true`},
			{Setup: []string{`key_set("", "k", [1, "two"])`}, Code: `key_get("", "k")`, Want: `[1, "two"]`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, v, ttl, err := e.pair(a, 2, 3)
			if err != nil {
				return nil, err
			}
			return bools(e.within(s, k, v, func() (bool, error) {
				err := s.Set(e.Context, k, v, ttl)
				return err == nil, err
			}))
		},
	})
	register(Function{
		Name:   "key_add",
		Family: "kv",
		Doc:    "Stores value under key only if there is none, and says whether it did.",
		Params: []Param{storeParam, keyParam, valueParam, ttlParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `key_add("", "k", 1)`, Want: `true`},
			{Setup: []string{`key_add("", "k", 1)`}, Code: `key_add("", "k", 2)`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, v, ttl, err := e.pair(a, 2, 3)
			if err != nil {
				return nil, err
			}
			return bools(e.within(s, k, v, func() (bool, error) { return s.Add(e.Context, k, v, ttl) }))
		},
	})
	register(Function{
		Name:   "key_cas",
		Family: "kv",
		Doc: "Stores value under key only if it holds old there, of the same kind, and says whether it did. " +
			"Old null: only if there is none.",
		Params: []Param{storeParam, keyParam, {Name: "old", Kind: Any, Doc: "what must be there"}, valueParam, ttlParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `key_cas("", "k", null, 1)`, Want: `true`},
			{Setup: []string{`key_set("", "k", 1)`}, Code: `key_cas("", "k", 1, 2)`, Want: `true`},
			{Setup: []string{`key_set("", "k", 1)`}, Code: `key_cas("", "k", "1", 2)`, Want: `false`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, v, ttl, err := e.pair(a, 3, 4)
			if err != nil {
				return nil, err
			}
			var old []byte
			if a[2] != nil {
				if old, err = EncodeValue(a[2]); err != nil {
					return nil, fmt.Errorf("old: %w", err)
				}
			}
			return bools(e.within(s, k, v, func() (bool, error) { return s.CompareAndSwap(e.Context, k, old, v, ttl) }))
		},
	})
	register(Function{
		Name:   "key_delete",
		Family: "kv",
		Doc:    "Removes key and says whether it was there.",
		Params: []Param{storeParam, keyParam},
		Result: Bool, Effect: Writes, Trust: User,
		Examples: []Example{
			{Code: `key_delete("", "absent")`, Want: `false`},
			{Setup: []string{`key_set("", "k", 1)`}, Code: `key_delete("", "k")`, Want: `true`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.Script, a)
			if err != nil {
				return nil, err
			}
			return bools(e.remove(s, k))
		},
	})
	register(Function{
		Name:   "key_ttl",
		Family: "kv",
		Doc:    "Returns the seconds that key has left, rounded up; 0 if it stays for ever, null if there is none.",
		Params: []Param{storeParam, keyParam},
		Result: Int, Effect: Reads, Trust: User,
		Examples: []Example{
			{Code: `key_ttl("", "absent")`, Want: `null`},
			{Setup: []string{`key_set("", "k", 1)`}, Code: `key_ttl("", "k")`, Want: `0`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, k, err := e.key(kv.Script, a)
			if err != nil {
				return nil, err
			}
			return e.left(s.Get(e.Context, k))
		},
	})
}

// left returns the seconds that a row has left, 0 if it stays, nil if there is none.
func (e *Env) left(row kv.Value, err error) (Value, error) {
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case row.Expires.IsZero():
		return int64(0), nil
	}
	return max(1, seconds(row.Expires.Sub(e.Clock()))), nil
}

// key returns the store and the key that arguments 0 and 1 name.
func (e *Env) key(p kv.Prefix, a Args) (kv.Store, kv.Key, error) {
	if err := checkKey(e.View.Namespace, a.String(1)); err != nil {
		return nil, kv.Key{}, err
	}
	return e.Store(a.String(0), p, a.String(1))
}

// pair returns what a writing function needs: store and key, and the arguments value and
// ttl that it has at these places.
func (e *Env) pair(a Args, value, ttl int) (s kv.Store, k kv.Key, v []byte, d time.Duration, err error) {
	if v, err = EncodeValue(a[value]); err != nil {
		return
	}
	if d, err = checkTTL(a.Duration(ttl)); err != nil {
		return
	}
	s, k, err = e.key(kv.Script, a)
	return
}

func checkKey(namespace, key string) error {
	if key == "" {
		return errors.New("key is empty")
	}
	if n := len(namespace) + 1 + len(key); n > MaxStoredKey {
		return fmt.Errorf("key of %d octets, with the namespace %d, is over %d: %w", len(key), n, MaxStoredKey, ErrTooLarge)
	}
	return nil
}

// maxTTL bounds what a script may ask for; longer would overflow where it is added to
// the time.
const maxTTL = 100 * 365 * 24 * time.Hour

func checkTTL(d time.Duration) (time.Duration, error) {
	if d < 0 || d > maxTTL {
		return 0, fmt.Errorf("ttl of %s is out of range", d)
	}
	return d, nil
}

// bools is a boolean result that is null where there is an error.
func bools(ok bool, err error) (Value, error) {
	if err != nil {
		return nil, err
	}
	return ok, nil
}

// seconds returns d in whole seconds, rounded up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
