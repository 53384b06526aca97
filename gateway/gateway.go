// Package gateway is what all ways in from an MTA share: it resolves recipients, runs
// scripts, settles their plans, promises them in the journal, and applies them.
//
//	lmtp, pipe ... ──Transaction──> Stage      connect ehlo mail rcpt: an answer
//	                                Deliver ──> data scripts ──> per recipient: scripts, Settle, checks
//	                                              │ refused: 4xx or 5xx for that recipient
//	                                              ▼
//	                                           Journal.Put      one record, then 250 for the others
//	                                              ▼
//	                                           Apply            mail store, outbox, programs, marks
//	                                              │ failed
//	                                              ▼
//	                                           Run              again, later, also after a crash
//
// It promises:
//
//   - Nothing is promised before it is durable, and what was promised is done, once. Only an
//     external program may be run twice, around a crash; it gets the same key then.
//   - All that can refuse mail (unknown recipient, a script's reject, a full disk) is
//     decided before the journal. After it there is no way back but to go on.
//   - A script that fails at delivery loses no mail: the mail is kept, unless the script's
//     on-store-error says to refuse it.
//   - A repeat is dropped only if the peer may not have got our answer: the same recipient,
//     sender, octets and queue id as a delivery whose session ended, by whatever end,
//     before the peer's next command. Two answered transactions are two deliveries.
//
// Spec: RFC 2033; RFC 5321, section 6.1; RFC 5228, section 2.10.6; RFC 1047 (repeats).
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

var (
	// ErrUnknownRecipient says that no account has that address.
	ErrUnknownRecipient = errors.New("unknown recipient")
	// ErrUnsendable is wrapped by a Sender's errors about mail that it will never take,
	// such as when there is no relay.
	ErrUnsendable = errors.New("cannot be sent")
)

// Account is whom an address belongs to.
type Account struct {
	ID     string
	Name   string
	Detail string // what follows the + of the local part
}

// Accounts knows whose addresses are whose.
type Accounts interface {
	// Resolve returns the account of an address, or ErrUnknownRecipient. Any other error
	// says that it cannot be told now.
	Resolve(ctx context.Context, address string) (Account, error)
}

// Outgoing is mail that leaves.
type Outgoing struct {
	Key  string // a second one with the same key is not sent
	From string // "" is the null sender
	To   string
	Raw  []byte
	// Others are further recipients.
	Others []string
	// Params are those of runtime.Action; BY counts from now.
	Params map[string]string
}

// Sender sends mail; it has taken responsibility, durably, when Send returns nil.
type Sender interface {
	Send(ctx context.Context, m Outgoing) error
	// Ready says whether there is somewhere to send mail to.
	Ready() bool
}

// Journal is what the intake needs of a *runtime.Journal.
type Journal interface {
	Put(ctx context.Context, d *runtime.Delivery) error
	Done(serial string) error
	All() iter.Seq[*runtime.Delivery]             // what is not done
	Get(serial string) (*runtime.Delivery, error) // nil: it is done
	Unconfirmed(id string) bool
	Confirm(ids ...string) error
}

// Options are what an intake works with. Library, Engine, Hosts, Accounts, Store, Stores
// and Journal are needed.
type Options struct {
	Hostname string
	Library  *scripts.Library
	Engine   *runtime.Engine
	// Hosts returns the host of scripts of that trust.
	Hosts    func(runtime.Trust) runtime.Host
	Accounts Accounts
	Store    mailstore.Store
	Sender   Sender // nil: nothing leaves
	// PipeFolder is the absolute path of the folder whose programs scripts may give messages to;
	// "": there are none. PipeOptions say how they are run; no program of a delivery gets more
	// than 25 seconds.
	PipeFolder  string
	PipeOptions runtime.ExternalOptions
	// Stores returns the key-value store of that name, for marks. An error says that there
	// is none (any more).
	Stores func(name string) (kv.Store, error)
	// Quotas bounds what users' scripts keep in them; nil: nothing does.
	Quotas  *runtime.Quotas
	Journal Journal
	Limits  runtime.Limits
	// LimitsOf returns the limits of a script's runs; nil: Limits.
	LimitsOf func(s *scripts.Script) runtime.Limits
	// Settings returns how actions are done that scripts ask for; nil: as by default. It is asked
	// for each run, and what it returns is not changed any more.
	Settings func() *runtime.MailSettings
	// Room returns mailstore.ErrNoSpace when the disk is too full for new mail; nil: never.
	Room func() error
	// Record is how much of each run is recorded.
	Record runtime.Level
	// OnRecord gets the record of each run, from the goroutine of the delivery.
	OnRecord func(account string, r *runtime.Record)
	Now      func() time.Time
	Logger   *slog.Logger
}

// Stats counts what happened since the start.
type Stats struct {
	Messages     int64 // that came to the end of their data
	Delivered    int64 // recipients answered with 250
	Repeats      int64 // of them repeats that were dropped
	Refused      int64 // recipients answered with 5xx
	Deferred     int64 // recipients answered with 4xx
	ScriptRuns   int64
	ScriptErrors int64
	Failures     int64 // attempts to apply a promise that failed
	Waiting      int64 // deliveries that wait for the next attempt
}

// Intake is the shared end of all gateways. Many goroutines may use it.
type Intake struct {
	o       Options
	log     *slog.Logger
	answers answers
	later   later
	piped   sync.Map // keys of pipes that are done, of deliveries that are not
	records ring

	recovered sync.Once

	messages, delivered, repeats, refused, deferred atomic.Int64
	scriptRuns, scriptErrors, failures              atomic.Int64
}

// New returns an intake. Its Run has to be running for what could not be applied at once.
func New(o Options) (*Intake, error) {
	switch {
	case o.Library == nil, o.Engine == nil, o.Hosts == nil, o.Accounts == nil, o.Store == nil, o.Stores == nil, o.Journal == nil:
		return nil, errors.New("gateway: the intake lacks one of library, engine, hosts, accounts, store, stores, journal")
	}
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	in := &Intake{o: o, log: o.Logger}
	in.answers.open = map[string]*openAnswer{}
	in.later.init()
	return in, nil
}

// Hostname returns the name of this mail system.
func (in *Intake) Hostname() string { return in.o.Hostname }

// NewID returns an id for a transaction.
func (in *Intake) NewID() string { return rand.Text()[:16] }

// Stats returns the counts so far.
func (in *Intake) Stats() Stats {
	return Stats{
		Messages: in.messages.Load(), Delivered: in.delivered.Load(), Repeats: in.repeats.Load(),
		Refused: in.refused.Load(), Deferred: in.deferred.Load(),
		ScriptRuns: in.scriptRuns.Load(), ScriptErrors: in.scriptErrors.Load(),
		Failures: in.failures.Load(), Waiting: int64(in.later.len()),
	}
}

// Room returns an Outcome that refuses mail while the disk is too full for it, or OK.
func (in *Intake) Room() Outcome {
	if in.o.Room == nil {
		return OK
	}
	return in.storeOutcome(in.o.Room())
}
