// Package outbox is the durable queue of mail that leaves: redirects, replies and
// bounces, sent by SMTP to one relay.
//
//	Enqueue ──commit──> outbox.db ──claim──> worker ──SMTP──> relay
//	                       ▲                   │ 2xx: done, the octets are forgotten
//	                       │                   │ 4xx, no answer: again, later
//	                       └──── bounce ───────┘ 5xx, too old: a DSN to the sender
//
// It promises:
//
//   - A message that Enqueue took is on disk, and is tried until each recipient has
//     it, is refused for good, or the message's lifetime is over.
//   - A Key is taken once. It is remembered for 30 days from its message on, or for as long
//     as Options.KeepKeys says.
//   - A recipient that failed and the bounce that says so are one commit. A message from
//     the null sender, such as a bounce, never makes a bounce.
//
// SMTP has no way to say exactly once over a crash: when the relay's 250 and our commit
// are torn apart, by a crash of either end or a lost connection, the message is sent
// again. Everything else is sent once. An attempt counts from the claim, which is
// committed first, so that a message that takes the process down with it is still
// delayed by the retry schedule.
//
// Spec: RFC 5321; RFC 3461 to 3464 (bounces); RFC 3834.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

var (
	// ErrNoRelay says that no relay is configured, so that nothing can be sent.
	ErrNoRelay = errors.New("no relay is configured")
	// ErrLoop says that a message went through too many hands already.
	ErrLoop = errors.New("mail loop")
	// ErrNotFound says that there is no such message in the queue.
	ErrNotFound = errors.New("no such message in the queue")
	// ErrAddress says that an address cannot stand in an SMTP envelope.
	ErrAddress = errors.New("address cannot be used in an envelope")
)

const (
	// MaxReceived is the most Received lines that a message may have.
	MaxReceived = 50
	// MaxRecipients bounds one message's recipients.
	MaxRecipients = 100
	// remember is how long the key of a finished message is kept at least.
	remember = 30 * 24 * time.Hour
)

// Options says how an outbox works. The zero value takes no mail: it has no relay.
type Options struct {
	Relay    Relay
	Hostname string // for EHLO and bounces; default localhost
	// Retry are the waits after the first, second ... attempt; the last one repeats. Default
	// 1m 5m 15m 30m 1h 2h 4h.
	Retry []time.Duration
	// Lifetime is the age at which a message that could not be sent bounces; default 5 days.
	Lifetime time.Duration
	// Workers is how many connections to the relay there are at once; default 4.
	Workers int
	// Bounce delivers a bounce to a sender who is one of ours. It returns false if it does
	// not know the address: then the bounce goes to the relay. It may be called again for the
	// same bounce, with the same octets, after a crash. nil: all go to the relay.
	Bounce func(ctx context.Context, to string, raw []byte) (bool, error)
	// KeepKeys returns how long keys are to be remembered now, where 30 days are too short: as
	// long as whoever gave a key may come with it again. nil: 30 days.
	KeepKeys func() time.Duration
	// Dial connects to the relay; nil: TCP with a time limit of 30 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Jitter spreads a wait, so that messages do not come back all at once; nil: by up to
	// a fifth either way.
	Jitter func(time.Duration) time.Duration
	Now    func() time.Time
	Logger *slog.Logger
}

// Message is mail to be sent.
type Message struct {
	// Key makes Enqueue idempotent: a second message with a key that was taken is
	// dropped. "": always taken.
	Key  string
	From string // envelope sender; "" is the null sender
	To   []string
	Raw  []byte // CRLF line ends; others become CRLF on the way
	// Params are ESMTP parameters, without xtext: NOTIFY, RET, ENVID, ORCPT (such as
	// "rfc822;a@example.org") and BY (seconds from now, ";", R or N, and T for a trace). The relay
	// gets those that it offers. Without DELIVERBY the queue itself watches the time, and what is
	// to come back in time is not given to the relay. Spec: RFC 3461; RFC 2852.
	Params map[string]string
}

// Stats counts what happened since the outbox was opened.
type Stats struct {
	Enqueued, Sent, Deferred, Failed, Bounced int64
}

// Outbox is an open queue. All methods may be called from many goroutines. One process at
// a time may Run it.
type Outbox struct {
	o     Options
	db    *sqlite.DB
	relay atomic.Pointer[Relay]
	wake  chan struct{} // something became due

	mu       sync.Mutex
	inFlight map[int64]bool

	enqueued, sent, deferred, failed, bounced atomic.Int64
}

// Open opens or creates the queue in the file at path.
func Open(ctx context.Context, path string, o Options) (*Outbox, error) {
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	if len(o.Retry) == 0 {
		o.Retry = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 5 * 24 * time.Hour
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration {
			return d - d/5 + time.Duration(rand.Int64N(int64(2*d/5)+1))
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Outbox{o: o, wake: make(chan struct{}, 1), inFlight: map[int64]bool{}}
	if err := b.SetRelay(o.Relay); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, sqlite.Options{Schema: schema, Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("outbox: open: %w", err)
	}
	b.db = db
	return b, nil
}

// SetRelay changes the relay; the next connection uses it. It returns an error, and
// changes nothing, if the relay's settings are wrong.
func (b *Outbox) SetRelay(r Relay) error {
	if err := r.check(); err != nil {
		return err
	}
	b.relay.Store(&r)
	b.poke()
	return nil
}

// HasRelay says whether a relay is configured.
func (b *Outbox) HasRelay() bool { return b.relay.Load().Address != "" }

// Stats returns the counts so far.
func (b *Outbox) Stats() Stats {
	return Stats{b.enqueued.Load(), b.sent.Load(), b.deferred.Load(), b.failed.Load(), b.bounced.Load()}
}

// Close closes the queue. Run must have returned.
func (b *Outbox) Close() error { return b.db.Close() }

// poke has Run look for due mail.
func (b *Outbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
