package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// storeCall is a call of a method of kv.Store as it crosses the control socket. What a method does
// not take is zero.
type storeCall struct {
	Store, Method string
	Prefix        kv.Prefix
	Name          []byte
	Keys          []storeKey
	Value, Old    []byte
	HasOld        bool
	TTL           time.Duration
	Fence         uint64
	By, Cost      int64
	Rule          kv.Rule
	Peek, Durable bool
	Lease         storeLease
	Cursor        string
	Limit         int
}

// storeKey and storeRow carry names that are no text.
type storeKey struct {
	Prefix kv.Prefix
	Name   []byte
}

type storeRow struct {
	Key     storeKey
	Value   []byte
	There   bool
	Expires time.Time
	Fence   uint64
}

type storeLease struct {
	Key     storeKey
	Owner   string
	Fence   uint64
	Expires time.Time
}

// storeAnswer is what a method gave.
type storeAnswer struct {
	Rows     []storeRow
	OK       bool
	N        int64
	Next     string
	Decision kv.Decision
	Lease    storeLease
	Failed   string // text of the error
	Kind     int    // of it: 1 + index in storeErrors
}

// storeErrors are the errors that callers tell apart.
var storeErrors = []error{kv.ErrNotFound, kv.ErrTooLarge, kv.ErrNotCounter, kv.ErrLocked, kv.ErrNotOwner, kv.ErrUnavailable,
	kv.ErrUnsupported, kv.ErrInvalid, kv.ErrOverflow, kv.ErrFull, kv.ErrClosed}

func wireKey(k kv.Key) storeKey { return storeKey{k.Prefix, []byte(k.Name)} }
func (k storeKey) key() kv.Key  { return kv.Key{Prefix: k.Prefix, Name: string(k.Name)} }
func (r storeRow) value() kv.Value {
	return kv.Value{Bytes: r.bytes(), Expires: r.Expires, Fence: r.Fence}
}
func wireLease(l kv.Lease) storeLease { return storeLease{wireKey(l.Key), l.Owner, l.Fence, l.Expires} }
func (l storeLease) lease() kv.Lease {
	return kv.Lease{Key: l.Key.key(), Owner: l.Owner, Fence: l.Fence, Expires: l.Expires}
}
func wireRow(k kv.Key, v kv.Value) storeRow {
	return storeRow{wireKey(k), v.Bytes, v.Bytes != nil, v.Expires, v.Fence}
}

func (r storeRow) bytes() []byte {
	if r.There && r.Value == nil {
		return []byte{}
	}
	return r.Value
}

var opStore = newOp("filter/store", func(ctx context.Context, n *node, in storeCall) (storeAnswer, error) {
	name := in.Store
	if name == n.config().Storage.Lookup {
		name = "" // each prefix where the configuration sends it
	}
	s, err := n.store(name)
	if err != nil {
		return storeAnswer{}, err
	}
	out, err := in.do(ctx, s)
	if err != nil {
		out.Failed, out.Kind = err.Error(), 0
		for i, e := range storeErrors {
			if errors.Is(err, e) {
				out.Kind = i + 1
			}
		}
	}
	return out, nil
})

// do calls the method.
func (in storeCall) do(ctx context.Context, s kv.Store) (out storeAnswer, err error) {
	k := kv.Key{Prefix: in.Prefix, Name: string(in.Name)}
	var l kv.Lease
	var v kv.Value
	switch in.Method {
	case "get":
		v, err = s.Get(ctx, k)
		out.Rows = []storeRow{wireRow(k, v)}
	case "getmany":
		keys := make([]kv.Key, len(in.Keys))
		for i, k := range in.Keys {
			keys[i] = k.key()
		}
		var all []kv.Value
		all, err = s.GetMany(ctx, keys)
		for i, v := range all {
			out.Rows = append(out.Rows, wireRow(keys[i], v))
		}
	case "set":
		err = s.Set(ctx, k, in.value(), in.TTL)
	case "setfenced":
		err = s.SetFenced(ctx, k, in.value(), in.TTL, in.Fence)
	case "add":
		out.OK, err = s.Add(ctx, k, in.value(), in.TTL)
	case "swap":
		old := in.Old
		if !in.HasOld {
			old = nil
		} else if old == nil {
			old = []byte{}
		}
		out.OK, err = s.CompareAndSwap(ctx, k, old, in.value(), in.TTL)
	case "delete":
		out.OK, err = s.Delete(ctx, k)
	case "deleteprefix":
		var n int
		n, err = s.DeletePrefix(ctx, in.Prefix, string(in.Name))
		out.N = int64(n)
	case "list":
		var items []kv.Item
		items, out.Next, err = s.List(ctx, in.Prefix, string(in.Name), in.Cursor, in.Limit)
		for _, it := range items {
			out.Rows = append(out.Rows, wireRow(it.Key, it.Value))
		}
	case "incr":
		out.N, err = s.Incr(ctx, k, in.By, in.TTL)
	case "counter":
		out.N, err = s.Counter(ctx, k)
	case "rate":
		out.Decision, err = s.Rate(ctx, k, in.Rule, in.Cost, in.Peek)
	case "lock":
		l, err = s.Lock(ctx, k, in.TTL, in.Durable)
	case "renew":
		l, err = s.Renew(ctx, in.Lease.lease(), in.TTL)
	case "unlock":
		err = s.Unlock(ctx, in.Lease.lease())
	case "lease":
		r, ok := s.(kv.LeaseReader)
		if !ok {
			return out, kv.ErrUnsupported
		}
		l, err = r.Lease(ctx, k)
	default:
		err = fmt.Errorf("%w: method %q", kv.ErrUnsupported, in.Method)
	}
	out.Lease = wireLease(l)
	return out, err
}

func (in storeCall) value() []byte {
	if in.Value == nil {
		return []byte{}
	}
	return in.Value
}

// remoteStore is a store of the running server, for the scripts of a command.
type remoteStore struct {
	config *Config
	name   string
}

var (
	_ kv.Store       = (*remoteStore)(nil)
	_ kv.LeaseReader = (*remoteStore)(nil)
)

// ask makes a call in the server.
func (s *remoteStore) ask(ctx context.Context, method string, k kv.Key, in storeCall) (storeAnswer, error) {
	in.Store, in.Method, in.Prefix, in.Name = s.name, method, k.Prefix, []byte(k.Name)
	out, err := opStore.call(ctx, s.config, in)
	switch {
	case err != nil:
		return out, fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	case out.Failed == "":
		return out, nil
	case out.Kind > 0 && out.Kind <= len(storeErrors):
		e := storeErrors[out.Kind-1]
		if out.Failed == e.Error() {
			return out, e
		}
		return out, &storeError{out.Failed, e}
	}
	return out, errors.New(out.Failed)
}

// storeError is an error of a store in the server.
type storeError struct {
	text string
	kind error
}

func (e *storeError) Error() string { return e.text }
func (e *storeError) Unwrap() error { return e.kind }

func (s *remoteStore) Get(ctx context.Context, k kv.Key) (kv.Value, error) {
	out, err := s.ask(ctx, "get", k, storeCall{})
	if err != nil || len(out.Rows) == 0 {
		return kv.Value{}, err
	}
	return out.Rows[0].value(), nil
}

func (s *remoteStore) GetMany(ctx context.Context, ks []kv.Key) ([]kv.Value, error) {
	keys := make([]storeKey, len(ks))
	for i, k := range ks {
		keys[i] = wireKey(k)
	}
	out, err := s.ask(ctx, "getmany", kv.Key{}, storeCall{Keys: keys})
	if err != nil {
		return nil, err
	}
	all := make([]kv.Value, len(out.Rows))
	for i, r := range out.Rows {
		all[i] = r.value()
	}
	return all, nil
}

func (s *remoteStore) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	_, err := s.ask(ctx, "set", k, storeCall{Value: v, TTL: ttl})
	return err
}

func (s *remoteStore) SetFenced(ctx context.Context, k kv.Key, v []byte, ttl time.Duration, fence uint64) error {
	_, err := s.ask(ctx, "setfenced", k, storeCall{Value: v, TTL: ttl, Fence: fence})
	return err
}

func (s *remoteStore) Add(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (bool, error) {
	out, err := s.ask(ctx, "add", k, storeCall{Value: v, TTL: ttl})
	return out.OK, err
}

func (s *remoteStore) CompareAndSwap(ctx context.Context, k kv.Key, old, next []byte, ttl time.Duration) (bool, error) {
	out, err := s.ask(ctx, "swap", k, storeCall{Old: old, HasOld: old != nil, Value: next, TTL: ttl})
	return out.OK, err
}

func (s *remoteStore) Delete(ctx context.Context, k kv.Key) (bool, error) {
	out, err := s.ask(ctx, "delete", k, storeCall{})
	return out.OK, err
}

func (s *remoteStore) DeletePrefix(ctx context.Context, p kv.Prefix, name string) (int, error) {
	out, err := s.ask(ctx, "deleteprefix", kv.Key{Prefix: p, Name: name}, storeCall{})
	return int(out.N), err
}

func (s *remoteStore) List(ctx context.Context, p kv.Prefix, name, cursor string, limit int) ([]kv.Item, string, error) {
	out, err := s.ask(ctx, "list", kv.Key{Prefix: p, Name: name}, storeCall{Cursor: cursor, Limit: limit})
	var items []kv.Item
	for _, r := range out.Rows {
		items = append(items, kv.Item{Key: r.Key.key(), Value: r.value()})
	}
	return items, out.Next, err
}

func (s *remoteStore) Incr(ctx context.Context, k kv.Key, by int64, ttl time.Duration) (int64, error) {
	out, err := s.ask(ctx, "incr", k, storeCall{By: by, TTL: ttl})
	return out.N, err
}

func (s *remoteStore) Counter(ctx context.Context, k kv.Key) (int64, error) {
	out, err := s.ask(ctx, "counter", k, storeCall{})
	return out.N, err
}

func (s *remoteStore) Rate(ctx context.Context, k kv.Key, rule kv.Rule, cost int64, peek bool) (kv.Decision, error) {
	out, err := s.ask(ctx, "rate", k, storeCall{Rule: rule, Cost: cost, Peek: peek})
	return out.Decision, err
}

func (s *remoteStore) Lock(ctx context.Context, k kv.Key, ttl time.Duration, durable bool) (kv.Lease, error) {
	out, err := s.ask(ctx, "lock", k, storeCall{TTL: ttl, Durable: durable})
	return out.Lease.lease(), err
}

func (s *remoteStore) Renew(ctx context.Context, l kv.Lease, ttl time.Duration) (kv.Lease, error) {
	out, err := s.ask(ctx, "renew", l.Key, storeCall{Lease: wireLease(l), TTL: ttl})
	return out.Lease.lease(), err
}

func (s *remoteStore) Unlock(ctx context.Context, l kv.Lease) error {
	_, err := s.ask(ctx, "unlock", l.Key, storeCall{Lease: wireLease(l)})
	return err
}

func (s *remoteStore) Lease(ctx context.Context, k kv.Key) (kv.Lease, error) {
	out, err := s.ask(ctx, "lease", k, storeCall{})
	return out.Lease.lease(), err
}

func (s *remoteStore) Purge(context.Context) (int, bool, error)        { return 0, false, kv.ErrUnsupported }
func (s *remoteStore) Stats(context.Context) ([]kv.PrefixStats, error) { return nil, kv.ErrUnsupported }
func (s *remoteStore) Flush(context.Context) error                     { return nil }
func (s *remoteStore) Close() error                                    { return nil }
