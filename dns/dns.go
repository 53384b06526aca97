// Package dns asks recursive servers of the DNS and remembers what they say for as long as it
// holds.
//
//	Lookup ── cache ── flight (one for all who ask the same) ── servers: UDP, TCP where it is truncated
//
// That there is no such name, that a name has no such record, and that it could not be found out
// are three things everywhere in here: the first two are answers, the third is an error.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// ErrTemporary is wrapped by errors that say that a question has no answer now.
var ErrTemporary = errors.New("temporary failure")

// What an Answer says about a name.
const (
	OK       = "ok"       // there are records
	NXDomain = "nxdomain" // there is no such name
	NoData   = "nodata"   // the name is there, and has no such record
)

// Answer is what the DNS says about a name and a type. It is shared: who gets one does not change it.
type Answer struct {
	Status string // one of the constants above
	// Values are the records: addresses; names in lower case without the dot at their end, "."
	// for the root; the octets of a text, its strings joined; usage, selector, matching type and
	// hex digits of a TLSA record. MX records come in the order of their preferences.
	Values      []string
	Preferences []uint16      // of MX records, beside Values
	TTL         time.Duration // that is left of it
	Secure      bool          // the server says that it checked it by DNSSEC
}

// Options says how the DNS is asked. The zero value works.
type Options struct {
	// Servers are addresses with a port, or without one (53). None: those of ResolvConf, which is
	// read again when it changes.
	Servers    []netip.AddrPort
	ResolvConf string // /etc/resolv.conf
	// Timeout is for one question to one server, Tries how many are sent until it is a failure, to
	// one server after the other. 600 ms and 3.
	Timeout time.Duration
	Tries   int
	// Entries bounds the cache, which holds at most 1 KiB for each of them; negative: no cache. 10,000.
	Entries int
	// MaxTTL and MaxNegativeTTL bound for how long answers hold; FailureTTL is for how long a
	// failure is remembered. 24 h, 1 h, 5 s.
	MaxTTL, MaxNegativeTTL, FailureTTL time.Duration
	// Concurrency is how many questions are out at once; 16 times as many may wait. 256.
	Concurrency int
	Now         func() time.Time
}

func (o Options) withDefaults() Options {
	duration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	number := func(n *int, def int) {
		if *n == 0 {
			*n = def
		}
	}
	duration(&o.Timeout, 600*time.Millisecond)
	duration(&o.MaxTTL, 24*time.Hour)
	duration(&o.MaxNegativeTTL, time.Hour)
	duration(&o.FailureTTL, 5*time.Second)
	number(&o.Tries, 3)
	number(&o.Entries, 10_000)
	number(&o.Concurrency, 256)
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// maxWaiting is how many questions may wait for each that may be out.
const maxWaiting = 16

// Resolver asks the DNS. Many goroutines may use it.
type Resolver struct {
	o       Options
	servers servers
	ctx     context.Context // of all questions; Close ends it
	close   context.CancelFunc
	slots   chan struct{}

	mu      sync.Mutex
	cache   cache
	flights map[key]*flight
	wait    sync.WaitGroup

	hits, asked, failed, dropped atomic.Int64
}

// key is what an answer is remembered under: a name in lower case without the dot at its end.
type key struct {
	name string
	typ  uint16
}

// flight is a question that is out, for all who ask it meanwhile.
type flight struct {
	done   chan struct{}
	answer Answer
	err    error
}

// New returns a resolver. Nothing is asked or read yet.
func New(o Options) *Resolver {
	o = o.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	return &Resolver{
		o: o, ctx: ctx, close: cancel, slots: make(chan struct{}, o.Concurrency), flights: map[key]*flight{},
		cache: newCache(o.Entries), servers: servers{fixed: o.Servers, path: o.ResolvConf, now: o.Now},
	}
}

// Close ends the questions that are out.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.close()
	r.mu.Unlock()
	r.wait.Wait()
	return nil
}

// Stats are counts since the start.
type Stats struct {
	Hits, Asked, Failed int64 // answers of the cache, questions that went out, questions without an answer
	Dropped             int64 // packets that answered another question
	Entries             int   // of the cache
}

// Stats returns the counts so far.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{Hits: r.hits.Load(), Asked: r.asked.Load(), Failed: r.failed.Load(), Dropped: r.dropped.Load(), Entries: len(r.cache.entries)}
}

var types = map[string]uint16{
	"a": dns.TypeA, "aaaa": dns.TypeAAAA, "cname": dns.TypeCNAME, "mx": dns.TypeMX, "ns": dns.TypeNS,
	"ptr": dns.TypePTR, "tlsa": dns.TypeTLSA, "txt": dns.TypeTXT,
}

// Lookup returns the records of a name; typ is a, aaaa, cname, mx, ns, ptr, tlsa or txt. The name
// of a ptr may be an IP address. What cannot be a name is one that is not there.
//
// An error wraps ErrTemporary, or is that of the context. A question goes on without those who
// asked it, so that the next one who asks finds its answer.
//
// Spec: RFC 1035; RFC 2308 (negative answers); RFC 6891 (EDNS0); RFC 7766 (TCP)
func (r *Resolver) Lookup(ctx context.Context, name, typ string) (Answer, error) {
	qtype, ok := types[typ]
	if !ok {
		return Answer{}, fmt.Errorf("dns: unknown type %.40q", typ)
	}
	name, ok = canonical(name, qtype)
	if !ok {
		return Answer{Status: NXDomain, TTL: r.o.MaxNegativeTTL}, nil
	}
	k := key{name, qtype}
	r.mu.Lock()
	now := r.o.Now()
	if e := r.cache.get(k, now); e != nil {
		a, err := e.answer, e.err
		a.TTL = e.expires.Sub(now)
		r.mu.Unlock()
		r.hits.Add(1)
		return a, err
	}
	f, err := r.fly(k)
	r.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// fly returns the flight of a question, a new one if there is none. The lock is held.
func (r *Resolver) fly(k key) (*flight, error) {
	if f := r.flights[k]; f != nil {
		return f, nil
	}
	switch {
	case r.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: the resolver is closed", ErrTemporary)
	case len(r.flights) >= r.o.Concurrency*(1+maxWaiting):
		return nil, fmt.Errorf("%w: too many questions at once", ErrTemporary)
	}
	f := &flight{done: make(chan struct{})}
	r.flights[k] = f
	r.wait.Go(func() {
		f.answer, f.err = r.slot(k)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.remember(k, f)
		delete(r.flights, k)
		close(f.done)
	})
	return f, nil
}

// slot waits for its turn and asks.
func (r *Resolver) slot(k key) (Answer, error) {
	// A chain of aliases may need more than one question; a whole one twice the time is enough.
	ctx, cancel := context.WithTimeout(r.ctx, 2*time.Duration(r.o.Tries)*r.o.Timeout)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("%w: %.100s: too many questions at once", ErrTemporary, k.name)
	}
	a, err := r.resolve(ctx, k)
	if err != nil {
		r.failed.Add(1)
		err = fmt.Errorf("%w: %.100s: %w", ErrTemporary, k.name, err)
	}
	return a, err
}

// remember puts what a flight brought into the cache. The lock is held.
func (r *Resolver) remember(k key, f *flight) {
	ttl := min(f.answer.TTL, r.o.MaxTTL)
	switch {
	case f.err != nil:
		ttl = r.o.FailureTTL
	case f.answer.Status != OK:
		ttl = min(ttl, r.o.MaxNegativeTTL)
	}
	f.answer.TTL = ttl
	if ttl > 0 && r.ctx.Err() == nil {
		r.cache.put(&entry{key: k, answer: f.answer, err: f.err, expires: r.o.Now().Add(ttl)})
	}
}
