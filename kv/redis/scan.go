package redis

import (
	"context"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// runOctets is how much of a page one bucket sends at a time, give or take a row.
const runOctets = kv.MaxPageOctets / buckets

// run is what is known of one bucket's part of a page: rows in order, and where to ask for more.
type run struct {
	bucket int
	items  []kv.Item
	from   string // as ZRANGEBYLEX wants it
	more   bool
}

// List returns live items in byte order: every bucket is in order, and a page merges them.
func (s *Store) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) (items []kv.Item, next string, err error) {
	if err := s.begin(ctx); err != nil {
		return nil, "", err
	}
	limit, err = kv.CheckPage(limit)
	if err != nil {
		return nil, "", err
	}
	if err := kv.CheckName(name); err != nil {
		return nil, "", err
	}
	last, after, err := kv.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	from, to := "[v"+name, "(w"
	if b := behind(name); b != "" {
		to = "(v" + b
	}
	if after && "v"+last >= from[1:] {
		from = "(v" + last
	}
	err = s.look(func() (err error) {
		items, next, err = s.page(ctx, p, from, to, limit)
		return err
	}, func(judge func(int64) bool) {
		for _, it := range items { // the scripts have left out what is over; this asks whether that still holds
			if !it.Value.Expires.IsZero() {
				judge(it.Value.Expires.UnixMilli())
			}
		}
	})
	if err != nil {
		return nil, "", fail(ctx, "list", err)
	}
	return items, next, nil
}

// page merges what the buckets of p hold between from and to.
func (s *Store) page(ctx context.Context, p kv.Prefix, from, to string, limit int) ([]kv.Item, string, error) {
	var runs [buckets]run
	for b := range runs {
		runs[b] = run{bucket: int(p)*buckets + b, from: from, more: true}
	}
	rows := min(limit, limit/(buckets/2)+8)
	var items []kv.Item
	for size := 0; ; {
		if err := s.refill(ctx, p, runs[:], to, rows); err != nil {
			return nil, "", err
		}
		least := -1
		for b := range runs {
			if len(runs[b].items) > 0 && (least < 0 || runs[b].items[0].Key.Name < runs[least].items[0].Key.Name) {
				least = b
			}
		}
		if least < 0 {
			return items, "", nil
		}
		it := runs[least].items[0]
		size += len(it.Value.Bytes)
		if len(items) == limit || len(items) > 0 && size > kv.MaxPageOctets {
			return items, kv.Cursor(items[len(items)-1].Key.Name), nil
		}
		items = append(items, it)
		runs[least].items = runs[least].items[1:]
	}
}

// refill asks the buckets for more that have no row at hand but may have some.
func (s *Store) refill(ctx context.Context, p kv.Prefix, runs []run, to string, rows int) error {
	for {
		var calls []call
		var asked []*run
		for b := range runs {
			if r := &runs[b]; len(r.items) == 0 && r.more {
				calls = append(calls, call{r.bucket, nil, []any{r.from, to, rows, runOctets}})
				asked = append(asked, r)
			}
		}
		if len(calls) == 0 {
			return nil
		}
		replies, err := s.runMany(ctx, listScript, calls)
		if err != nil {
			return err
		}
		for i, r := range asked {
			if err := r.take(p, replies[i]); err != nil {
				return err
			}
		}
	}
}

// take reads a reply of the script.
func (r *run) take(p kv.Prefix, reply any) error {
	is, _ := reply.([]any)
	if len(is) < 2 || len(is)%4 != 2 {
		return errFormat
	}
	r.more = is[0] == int64(1)
	name, _ := is[1].(string)
	r.from = "(v" + name
	for i := 2; i < len(is); i += 4 {
		name, _ := is[i].(string)
		v, _, err := parseRow(is[i+1], is[i+2], is[i+3])
		if err != nil {
			return err
		}
		r.items = append(r.items, kv.Item{Key: kv.Key{Prefix: p, Name: strings.Clone(name)}, Value: v.value()})
	}
	return nil
}

// deleteRows is how many rows one script removes at most: it keeps the server for about a millisecond.
const deleteRows = 256

// DeletePrefix removes every key of p whose name starts with name, in steps. Rows that are written meanwhile may
// stay or go.
func (s *Store) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	if err := kv.CheckName(name); err != nil {
		return 0, err
	}
	left := make([]int, buckets)
	for b := range left {
		left[b] = int(p)*buckets + b
	}
	to, removed := behind(name), 0
	for len(left) > 0 {
		if err := s.begin(ctx); err != nil {
			return removed, err
		}
		calls := make([]call, len(left))
		for i, b := range left {
			calls[i] = call{b, []string{"l"}, []any{name, to, deleteRows}}
		}
		replies, err := s.runMany(ctx, deletePrefixScript, calls)
		var more []int
		for i, reply := range replies {
			is, _ := reply.([]any)
			if len(is) != 2 {
				continue
			}
			n, _ := is[0].(int64)
			removed += int(n)
			if is[1] == int64(1) {
				more = append(more, left[i])
			}
		}
		if err != nil {
			return removed, fail(ctx, "delete prefix", err)
		}
		left = more
	}
	return removed, nil
}
