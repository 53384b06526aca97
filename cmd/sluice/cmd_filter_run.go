package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailbox"
	"github.com/sluice-mail/sluice/outbox"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// filterRun runs one program over the messages of a mailbox.
//
//	produce ── chunks, in order ──┬── worker ── run the script on 16 messages ──┐
//	                              ├── worker ...                                ├── collect: in mailbox order
//	                              └───────────────────────────────────────────┘
//
// A message whose script asks for a store is run by collect instead: what scripts write, those
// of later messages see, as if all had been run one after the other.
type filterRun struct {
	o       *filterOptions
	config  *Config
	engine  *runtime.Engine
	program runtime.Program
	source  mailbox.Source
	stores  *filterStores
	lists   *lists
	network *network
	started time.Time
	// mailboxes answers whether the script may file into a mailbox.
	mailboxes func(name string) bool
	stateful  atomic.Bool // a script has asked for a store
	// inboxFolder is the folder of INBOX, discardFolder where --discard moves messages.
	inboxFolder, discardFolder string
}

// filtered is what became of one message.
type filtered struct {
	index  int
	sender string
	rcpt   string
	id     string
	title  string
	plan   runtime.Settled
	// inbox says that the script filed into INBOX and did not keep: they differ when the source is
	// another mailbox.
	inbox   bool
	failed  error // the script's
	problem error // with the message, or with what is to be done
	later   bool  // a store is needed
	deed    *mailbox.Deed
	sends   []outbox.Message
	notDone []string
	changes bool
}

// chunkSize is how many messages a worker takes at once.
const chunkSize = 16

// maxEdited bounds the octets of changed messages in a chunk, but for the last of them.
const maxEdited = 8 << 20

type filterChunk struct {
	from, to int
	results  []filtered
	done     chan struct{}
}

// edited returns how many octets of changed messages wait in r.
func (r *filtered) edited() (n int) {
	for i := range r.plan.Actions {
		n += len(r.plan.Actions[i].Raw) + len(r.plan.Actions[i].Header)
	}
	if r.deed != nil {
		for i := range r.deed.Stores {
			n += len(r.deed.Stores[i].Raw)
		}
	}
	return n
}

// each runs the script on the messages from on, and calls done for each in the order of the mailbox.
func (f *filterRun) each(ctx context.Context, from int, done func(*filtered) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := max(1, f.o.jobs)
	work, order := make(chan *filterChunk, jobs), make(chan *filterChunk, 2*jobs)
	go func() {
		defer close(order)
		defer close(work)
		for at := from; at < f.source.Len(); at += chunkSize {
			c := &filterChunk{from: at, to: min(at+chunkSize, f.source.Len()), done: make(chan struct{})}
			select {
			case order <- c:
			case <-ctx.Done():
				return
			}
			select {
			case work <- c:
			case <-ctx.Done():
				close(c.done)
				return
			}
		}
	}()
	for range jobs {
		go func() {
			for c := range work {
				c.results = make([]filtered, 0, c.to-c.from)
				left := maxEdited
				for i := c.from; i < c.to && ctx.Err() == nil; i++ {
					if left <= 0 { // enough waits to be written
						c.results = append(c.results, filtered{index: i, later: true})
						continue
					}
					r := f.one(ctx, i, false)
					left -= r.edited()
					c.results = append(c.results, r)
				}
				close(c.done)
			}
		}()
	}
	for c := range order {
		<-c.done
		for i := range c.results {
			r := &c.results[i]
			if r.later {
				*r = f.one(ctx, r.index, true)
			}
			if ctx.Err() != nil { // what its script gave is not to be trusted
				return ctx.Err()
			}
			if err := done(r); err != nil {
				return err
			}
		}
	}
	return ctx.Err() // chunks may be missing
}

// errLater ends a run that asks for a store before its turn.
var errLater = errors.New("stores are asked in the order of the mailbox")

// one runs the script on one message. Unless it is its turn, it may not ask for a store.
func (f *filterRun) one(ctx context.Context, i int, turn bool) (out filtered) {
	out.index = i
	if !turn && f.stateful.Load() {
		out.later = true
		return out
	}
	msg, err := f.source.Read(i)
	if err != nil {
		out.problem = err
		return out
	}
	defer msg.Close()
	header := msg.Mail.Header()
	out.sender, out.rcpt = f.envelope(msg, header)
	asked := false
	early := func() bool { // whether it is not this message's turn
		if !turn {
			asked = true
			f.stateful.Store(true)
		}
		return !turn
	}
	store := func(name string) (kv.Store, error) {
		if early() {
			return nil, errLater
		}
		return f.stores.store(ctx, name)
	}
	live := &runtime.Live{
		Stores: func(name string) (kv.Store, error) {
			if f.o.trusted == runtime.User && !f.config.userStore(name) {
				return nil, fmt.Errorf("store %q is not for users' scripts", name)
			}
			return store(name)
		},
		Lists: f.lists.of(f.o.trusted, store),
		Memory: func() (kv.Store, error) {
			if early() {
				return nil, errLater
			}
			return f.stores.memory, nil
		},
		Mailboxes: func(_ context.Context, _, name string) (bool, error) { return f.mailboxes(name), nil },
		IsLocal: func(ctx context.Context, address string) (bool, error) {
			if early() {
				return false, errLater
			}
			return f.stores.isLocal(ctx, address)
		},
		IsLocalDomain: func(ctx context.Context, domain string) (bool, error) {
			if early() {
				return false, errLater
			}
			return f.stores.isLocalDomain(ctx, domain)
		},
		NoNetwork: !f.o.send,
		Auth:      hostname(f.config.Server.Hostname).checker,
	}
	f.network.into(live)
	host := filterHost{live, early}
	tx := &runtime.Transaction{ID: "filter", Stage: runtime.StageDeliver, Listener: "filter", From: runtime.Path{Address: out.sender},
		Time: f.started, Hostname: f.config.Server.Hostname, Message: msg.Mail}
	tx.Rcpt.Address, tx.Rcpt.Account = out.rcpt, "filter" // what is remembered is remembered for all
	tx.Rcpts = []runtime.Path{tx.Rcpt.Path}
	limits := limitsOf(f.config, f.o.trusted, f.program.Language())
	res := f.engine.Run(ctx, f.program, tx, runtime.RunOptions{Host: host, Limits: limits, Trust: f.o.trusted,
		Namespace: f.namespace(), Stores: f.stores.names, Settings: f.config.mailSettings()})
	if asked {
		return filtered{index: i, later: true}
	}
	if out.plan = res.Settle(nil, limits); res.Err != nil {
		out.failed = res.Err
	}
	if err := msg.Err(); err != nil { // the script saw less than there is
		return filtered{index: i, sender: out.sender, rcpt: out.rcpt, problem: err}
	}
	out.inbox = res.Err == nil && onlyFiledInInbox(res.Plan.Actions)
	if f.o.json || f.o.verbose {
		out.id, out.title = first(header.Values("Message-ID")), first(header.Texts("Subject"))
	}
	if out.failed == nil && out.problem == nil {
		f.decide(&out, msg)
	}
	if err := msg.Err(); err != nil { // its body is needed only now, and cannot be read
		out.problem, out.deed, out.changes, out.sends = err, nil, false, nil
	}
	return out
}

// filterHost is a live host whose programs and networks wait for the message's turn, too.
type filterHost struct {
	*runtime.Live
	early func() bool
}

// Do calls the function.
func (h filterHost) Do(e *runtime.Env, fn *runtime.Function, a runtime.Args) (runtime.Value, error) {
	if fn.Effect == runtime.Network && !h.NoNetwork && h.early() {
		return nil, errLater
	}
	return h.Live.Do(e, fn, a)
}

// namespace is the key space of the script.
func (f *filterRun) namespace() string {
	if f.o.trusted == runtime.User {
		return scripts.UserNamespace(f.o.namespace)
	}
	return scripts.AdminNamespace(f.o.namespace)
}

// onlyFiledInInbox says whether a plan stores in the inbox by name only.
func onlyFiledInInbox(actions []runtime.Action) bool {
	filed := false
	for _, a := range actions {
		switch {
		case a.Kind == runtime.Keep:
			return false
		case a.Kind == runtime.FileInto && runtime.IsInbox(a.Mailbox):
			filed = true
		}
	}
	return filed
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// envelope returns the sender and recipient that a message had, as far as it tells.
func (f *filterRun) envelope(msg *mailbox.Message, h *mail.Header) (sender, rcpt string) {
	switch {
	case f.o.fromGiven:
		sender = f.o.from
	default:
		sender = senderOf(h, msg.From)
	}
	if rcpt = f.o.rcpt; rcpt == "" {
		rcpt = addressIn(h, "Delivered-To", "X-Original-To", "Envelope-To", "To")
	}
	if rcpt == "" {
		rcpt = "recipient@" + f.config.Server.Hostname
	}
	return sender, rcpt
}

// senderOf returns the envelope sender that a header tells: the Return-Path, which may be the
// null one; else that of an mbox's From_ line, the Sender, the From.
func senderOf(h *mail.Header, fromLine *string) string {
	for _, v := range h.Values("Return-Path") {
		if strings.TrimSpace(v) == "<>" {
			return ""
		}
		if list := mail.ParseAddresses(v).Addresses; len(list) > 0 {
			return list[0].String()
		}
	}
	if fromLine != nil {
		return *fromLine
	}
	return addressIn(h, "Sender", "From")
}

// addressIn returns the first address of the first of these fields that has one.
func addressIn(h *mail.Header, names ...string) string {
	for _, name := range names {
		for _, v := range h.Values(name) {
			if list := mail.ParseAddresses(v).Addresses; len(list) > 0 {
				return list[0].String()
			}
		}
	}
	return ""
}
