package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// learntStore returns the store that the server learns in. It is the same for all scripts,
// whatever stores they may name.
func (e *Env) learntStore() (kv.Store, error) {
	s, err := e.live.memory()
	if err == nil && s == nil {
		err = errors.New("this server has no store to learn in")
	}
	return s, err
}

// maxAttempts bounds how often a change is tried again because somebody else was quicker.
const maxAttempts = 64

// errBusy says that others were quicker each time.
var errBusy = fmt.Errorf("the row is changed by too many at once: %w", kv.ErrUnavailable)

// swap changes the row under k as one step: change is given what is there (nil: nothing) and
// returns what is to be there (nil: it stays) and for how long, in the store's time. It is
// called again if the row was changed in between.
func (e *Env) swap(s kv.Store, k kv.Key, change func(old []byte) (next kv.Change, err error)) error {
	for range maxAttempts {
		row, err := s.Get(e.Context, k)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		old := row.Bytes
		if err == nil && old == nil {
			old = []byte{}
		}
		next, err := change(old)
		if err != nil || next.Value.Bytes == nil {
			return err
		}
		ok, err := s.CompareAndSwap(e.Context, k, old, next.Value.Bytes, kv.Bounded(next.Value.Expires, e.Clock()))
		if ok || err != nil {
			return err
		}
		if err := e.alive(); err != nil {
			return err
		}
	}
	return errBusy
}

// addMany adds by to each counter, in one call of the store for each 1000; all of them or as many as
// there are before an error.
func addMany(ctx context.Context, s kv.Store, ks []kv.Key, by int64) error {
	for part := range slices.Chunk(ks, kv.MaxMany) {
		adds := make([]kv.Addition, len(part))
		for i, k := range part {
			adds[i] = kv.Addition{Key: k, By: by}
		}
		if _, err := kv.IncrMany(ctx, s, adds, 0); err != nil {
			return err
		}
	}
	return nil
}

// optionsOf reads a map of options of these kinds. What is null is left out.
func optionsOf(m map[string]Value, kinds map[string]Kind) (map[string]Value, error) {
	out := map[string]Value{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		kind, ok := kinds[name]
		if !ok {
			return nil, fmt.Errorf("unknown option %q; known are %s", cut(name, 40), strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
		if m[name] == nil {
			continue
		}
		v, err := convert(m[name], kind)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}
