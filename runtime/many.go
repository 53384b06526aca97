package runtime

import (
	"errors"
	"fmt"

	"github.com/sluice-mail/sluice/kv"
)

const (
	// MaxManyKeys is how many keys one call names, or a page of key_list has. More end the run: limit keys.
	MaxManyKeys = 1000
	// opKeys is how many keys count as one operation of the run, and as one write where they are written.
	opKeys = 100
	// readKeys is how many values are read at once: with the largest ones 16 MiB.
	readKeys = 250
)

// names returns the keys that a list names, each checked, and counts what they cost beside the call itself.
func (e *Env) names(list []Value, writes bool) ([]string, error) {
	if len(list) > MaxManyKeys {
		return nil, &LimitError{Limit: "keys", Max: MaxManyKeys}
	}
	names := make([]string, len(list))
	for i, v := range list {
		name, ok := v.(string)
		if !ok {
			kind, _ := KindOf(v)
			return nil, fmt.Errorf("key %d: expected string, got %s", i+1, kind)
		}
		if err := checkKey(e.View.Namespace, name); err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		names[i] = name
	}
	return names, e.cost(len(names), writes)
}

// cost counts the operations that so many keys are beside the call itself: one for each 100 after the first.
func (e *Env) cost(keys int, writes bool) error {
	for range max(keys-1, 0) / opKeys {
		if err := e.operation(); err != nil {
			return err
		}
		if !writes {
			continue
		}
		r := e.run
		if r.writes++; r.writes > r.limits.Writes {
			return &LimitError{Limit: "writes", Max: int64(r.limits.Writes)}
		}
	}
	return nil
}

// reads adds the octets of a value that a call returns, and says whether there are too many.
func (e *Env) reads(octets *int64, v []byte) error {
	if *octets += int64(len(v)); *octets > e.run.limits.Output {
		return &LimitError{Limit: "output", Max: e.run.limits.Output}
	}
	return nil
}

// rows returns the rows under names in a store's key space, in their order.
func (e *Env) rows(s kv.Store, p kv.Prefix, names []string) ([]kv.Value, error) {
	ks := make([]kv.Key, len(names))
	for i, name := range names {
		ks[i] = ScriptKey(p, e.View.Namespace, name)
	}
	rows := make([]kv.Value, 0, len(ks))
	octets := int64(0)
	for len(ks) > 0 {
		n := min(len(ks), readKeys)
		part, err := s.GetMany(e.Context, ks[:n])
		if err != nil {
			return nil, err
		}
		for _, row := range part {
			if err := e.reads(&octets, row.Bytes); err != nil {
				return nil, err
			}
		}
		rows, ks = append(rows, part...), ks[n:]
	}
	return rows, nil
}

// page is what key_list returns.
type page struct {
	keys   []string
	rows   []kv.Value
	cursor string // "": the last page
}

// listPage reads a page of the script's own keys. What a script has as cursor says nothing but the key that
// the page before ended with, so that none leads into another namespace.
func (e *Env) listPage(s kv.Store, p kv.Prefix, prefix, cursor string, limit int) (out page, err error) {
	begin := e.View.Namespace + "\x00"
	if len(begin)+len(prefix) > MaxStoredKey {
		return page{}, fmt.Errorf("prefix of %d octets, with the namespace %d, is over %d: %w", len(prefix), len(begin)+len(prefix), MaxStoredKey, ErrTooLarge)
	}
	if cursor != "" {
		name, _, err := kv.ParseCursor(cursor)
		if err != nil || len(begin)+len(name) > MaxStoredKey {
			return page{}, errors.New("option cursor: not one that key_list returned")
		}
		cursor = kv.Cursor(begin + name)
	}
	items, next, err := s.List(e.Context, p, begin+prefix, cursor, limit)
	if err != nil {
		return page{}, err
	}
	octets := int64(0)
	for _, item := range items {
		if err := e.reads(&octets, item.Value.Bytes); err != nil {
			return page{}, err
		}
		out.keys = append(out.keys, item.Key.Name[len(begin):])
		out.rows = append(out.rows, item.Value)
	}
	if next != "" {
		name, _, err := kv.ParseCursor(next)
		if err != nil || len(name) < len(begin) || name[:len(begin)] != begin {
			return page{}, errors.New("the store's cursor leads elsewhere")
		}
		out.cursor = kv.Cursor(name[len(begin):])
	}
	return out, e.cost(len(items), false)
}
