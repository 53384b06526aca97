package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/overlay"
	"github.com/sluice-mail/sluice/mailbox"
	"github.com/sluice-mail/sluice/outbox"
	"github.com/sluice-mail/sluice/runtime"
)

// filterStores are the stores that the scripts of a run see: those of the running server, else those of
// the data directory, else empty ones. They are reached when the first script asks for one. They
// belong to the goroutine that runs such scripts.
type filterStores struct {
	config *Config
	apply  bool // else what is written is thrown away
	names  []string
	// memory is what vacation and duplicate remember, for this run alone: the messages of a mailbox were
	// all delivered before, and are no duplicates of themselves.
	memory kv.Store

	ctx    context.Context // with the opened node, once a store was asked for
	node   *node           // nil: there is a server, or nothing
	server bool
	layers map[string]kv.Store
}

func newFilterStores(c *Config, apply bool) *filterStores {
	s := &filterStores{config: c, apply: apply, names: c.storeNames(false), layers: map[string]kv.Store{}, memory: memory.New(memory.Options{})}
	return s
}

// reach finds out where the stores are.
func (s *filterStores) reach(ctx context.Context) error {
	if s.ctx != nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	conn, err := reach(ctx, s.config)
	if err != nil {
		return err
	}
	if conn != nil {
		s.server, s.ctx = true, ctx
		return conn.Close()
	}
	if dataThere(s.config) != nil {
		s.ctx = ctx
		return nil
	}
	if s.node, err = openNode(ctx, s.config, nodeOptions{logger: quietLogger()}); err != nil {
		return err
	}
	s.ctx = context.WithValue(ctx, nodeKey{}, s.node)
	return nil
}

// store returns the store of that name, "" being the default one.
func (s *filterStores) store(ctx context.Context, name string) (kv.Store, error) {
	if name == "" {
		name = s.config.Storage.Lookup
	}
	if _, ok := s.config.Store[name]; !ok {
		return nil, fmt.Errorf("unknown store %q", name)
	}
	if l := s.layers[name]; l != nil {
		return l, nil
	}
	if err := s.reach(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	}
	var base kv.Store
	var err error
	switch {
	case s.node != nil:
		id := name
		if id == s.config.Storage.Lookup {
			id = "" // each prefix where the configuration sends it
		}
		base, err = s.node.store(id)
	case s.server:
		base = &remoteStore{config: s.config, name: name}
	case s.apply:
		err = fmt.Errorf("%w: there is no server, and no data directory", kv.ErrUnavailable)
	default:
		base = memory.New(memory.Options{})
	}
	if err != nil {
		return nil, err
	}
	if !s.apply {
		base = overlay.New(base, overlay.Options{Now: time.Now})
	}
	s.layers[name] = base
	return base, nil
}

// opLocal says whether mail for an address is delivered here.
var opLocal = newOp("filter/local", func(ctx context.Context, n *node, address string) (bool, error) {
	_, err := n.accounts.Resolve(ctx, address)
	if errors.Is(err, account.ErrUnknown) {
		return false, nil
	}
	return err == nil, err
})

// isLocal says whether mail for an address is delivered here.
func (s *filterStores) isLocal(ctx context.Context, address string) (bool, error) {
	if err := s.reach(ctx); err != nil {
		return false, err
	}
	if s.node == nil && !s.server {
		return false, nil
	}
	return opLocal.call(s.ctx, s.config, address)
}

var opLocalDomain = newOp("filter-local-domain", func(ctx context.Context, n *node, domain string) (bool, error) {
	return n.accounts.HasDomain(ctx, domain)
})

// isLocalDomain says whether mail for a domain is delivered here.
func (s *filterStores) isLocalDomain(ctx context.Context, domain string) (bool, error) {
	if err := s.reach(ctx); err != nil {
		return false, err
	}
	if s.node == nil && !s.server {
		return false, nil
	}
	return opLocalDomain.call(s.ctx, s.config, domain)
}

// close gives up what was opened.
func (s *filterStores) close(ctx context.Context) error {
	if s.node == nil {
		return nil
	}
	return s.node.close(context.WithoutCancel(ctx))
}

// filterExtra is what is done for a message beside the mailbox. It stands in the journal.
type filterExtra struct {
	Marks []filterMark     `json:"marks,omitempty"`
	Sends []outbox.Message `json:"sends,omitempty"`
}

// filterMark is a mark of a script.
type filterMark struct {
	Store  string        `json:"store"`
	Memory bool          `json:"memory,omitempty"` // of vacation or duplicate
	Prefix kv.Prefix     `json:"prefix"`
	Name   []byte        `json:"name"`
	Value  []byte        `json:"value"`
	TTL    time.Duration `json:"ttl"`
	At     time.Time     `json:"at"`
}

// set sets the mark, for what is left of its time.
func (m *filterMark) set(ctx context.Context, s kv.Store) error {
	ttl := m.TTL
	if ttl > 0 {
		if ttl -= time.Since(m.At); ttl < time.Millisecond {
			return nil
		}
	}
	return s.Set(ctx, kv.Key{Prefix: m.Prefix, Name: string(m.Name)}, m.Value, ttl)
}

// extraOf returns what is to be done for a message beside the mailbox, nil if there is nothing, and
// whether the next message has to wait for it. What is remembered for this run is so at once.
func (f *filterRun) extraOf(ctx context.Context, r *filtered) (_ json.RawMessage, urgent bool, err error) {
	var x filterExtra
	for i := range r.plan.Actions {
		a := &r.plan.Actions[i]
		if a.Kind != runtime.Mark {
			continue
		}
		v, err := runtime.EncodeValue(a.Value)
		if err != nil {
			return nil, false, err
		}
		key := runtime.ScriptKey(kv.Script, a.Namespace, a.Key)
		if a.Prefix != 0 {
			key = runtime.MemoryKey(a.Prefix, a.Key)
		}
		m := filterMark{Store: a.Store, Memory: a.Prefix != 0, Prefix: key.Prefix, Name: []byte(key.Name), Value: v, TTL: a.TTL, At: f.started}
		switch {
		case m.Memory:
			err = m.set(ctx, f.stores.memory)
		case f.o.apply:
			urgent = true
		default:
			var s kv.Store
			if s, err = f.stores.store(ctx, m.Store); err == nil {
				err = m.set(ctx, s)
			}
		}
		if err != nil {
			return nil, false, err
		}
		x.Marks = append(x.Marks, m)
	}
	x.Sends = r.sends
	if x.Marks == nil && x.Sends == nil || !f.o.apply {
		return nil, false, nil
	}
	raw, err := json.Marshal(x)
	return raw, urgent, err
}

// remember takes up what a run that was broken off remembered.
func (f *filterRun) remember(ctx context.Context, raw json.RawMessage) error {
	var x filterExtra
	if err := json.Unmarshal(raw, &x); err != nil {
		return err
	}
	for _, m := range x.Marks {
		if !m.Memory {
			continue
		}
		if err := m.set(ctx, f.stores.memory); err != nil {
			return err
		}
	}
	return nil
}

// leaves says whether something went out of this run that cannot be taken back.
func leaves(raw json.RawMessage) bool {
	var x filterExtra
	_ = json.Unmarshal(raw, &x)
	for _, m := range x.Marks {
		if !m.Memory {
			return true
		}
	}
	return len(x.Sends) > 0
}

// opSend puts mail into the queue.
var opSend = newOp("filter/send", func(ctx context.Context, n *node, m outbox.Message) (bool, error) {
	err := n.outbox.Enqueue(ctx, m)
	return err == nil, err
})

// extra does what stands in the journal for a message beside the mailbox.
func (f *filterRun) extra(ctx context.Context, id string, d mailbox.Deed) error {
	var x filterExtra
	if err := json.Unmarshal(d.Extra, &x); err != nil {
		return err
	}
	for i, m := range x.Sends {
		m.Key = fmt.Sprintf("filter %s/%d/%d", id, d.Index, i)
		if err := f.stores.reach(ctx); err != nil {
			return err
		}
		if _, err := opSend.call(f.stores.ctx, f.config, m); err != nil {
			return fmt.Errorf("not sent: %w", err)
		}
	}
	for _, m := range x.Marks {
		s := f.stores.memory
		if !m.Memory {
			var err error
			if s, err = f.stores.store(ctx, m.Store); err != nil {
				return err
			}
		}
		if err := m.set(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
