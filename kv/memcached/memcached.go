// Package memcached is a kv.Store in memcached servers: a cache that several machines share. It
// may forget any row at any time, so it serves only what may be forgotten (see Store.Serves).
//
//	key ──sha or as it is──> item "ns:v:…"   value or counter, with expiry and kind
//	                         item "ns:r:…"   all allowances of the key, one for each rule
//	                              │
//	                              └── crc32 of the item's key picks the server (several URLs)
//
// What is read, decided and written is one step by gets and cas: a write that finds the row changed
// reads it again, a bounded number of times, and then says kv.ErrUnavailable. All allowances of a key are in
// one item, so that Delete finds them although nothing can be listed.
//
// The time is this machine's: memcached has no clock to ask. Machines that share limits need
// synchronized clocks. A row's expiry stands in the item and decides, to the millisecond; the exptime that the
// server is told is only a hint when the memory may be used again, and always later.
//
// Names that memcached would not take as keys (over 250 octets, blanks, control octets) are
// hashed; the item keeps the real name, which is compared, so that a collision is a miss and never a wrong value.
//
// There are no locks, no fences and no lists: those calls return kv.ErrUnsupported.
package memcached

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/sluice-mail/sluice/kv"
)

// Options says which servers are used and how. URLs is needed, all else may be zero.
type Options struct {
	// URLs are the servers, memcached://host:port, memcacheds://host:port (TLS) or unix:///path.
	// Rows are spread over several by a hash of their key; the order is part of it.
	URLs []string
	// Username and Password are for servers with ASCII authentication (memcached -Y).
	Username, Password string
	// TLS is for TCP servers; nil is as the URL says.
	TLS *tls.Config
	// Namespace keeps several users of one server apart: the beginning of every item's key.
	// At most 64 octets, no blanks, no control octets, no colon. Default "sluice".
	Namespace string
	// Timeout bounds a dial and a round trip. Default 1s.
	Timeout time.Duration
	// Pool is the most calls under way, and the most connections to one server. Default 16.
	Pool int
	// Now is the time that rows are judged by; nil is this machine's clock. With Now set, servers are
	// told no expiry at all, since theirs runs on another time.
	Now func() time.Time
	// Logger hears when a server cannot be reached, and when it is back; default none.
	Logger *slog.Logger
}

const (
	defaultTimeout = time.Second
	defaultPool    = 16
	maxNamespace   = 64
)

// Store is a kv.Store. Its methods may be called from many goroutines.
type Store struct {
	client    *memcache.Client
	list      memcache.ServerList
	clock     *kv.Clock
	hints     bool // tell servers when rows expire
	namespace string
	timeout   time.Duration
	slots     chan struct{} // one for each call under way
	servers   map[string]*server
	logger    *slog.Logger
	down      atomic.Bool
	closed    atomic.Bool
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseReader = (*Store)(nil)
	_ kv.Limited     = (*Store)(nil)
)

// Open checks the settings. Servers need not be there: connections are made when they are needed.
func Open(_ context.Context, o Options) (*Store, error) {
	s := &Store{
		clock:     kv.NewClock(o.Now, 0),
		hints:     o.Now == nil,
		namespace: o.Namespace,
		timeout:   o.Timeout,
		servers:   map[string]*server{},
		logger:    o.Logger,
	}
	if s.namespace == "" {
		s.namespace = "sluice"
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	if o.Pool == 0 {
		o.Pool = defaultPool
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case len(o.URLs) == 0:
		return nil, fmt.Errorf("kv/memcached: open: %w: no URL, want memcached://host:port or unix:///path", kv.ErrInvalid)
	case s.timeout < 0 || o.Pool < 0:
		return nil, fmt.Errorf("kv/memcached: open: %w: timeout and pool may not be negative", kv.ErrInvalid)
	case len(s.namespace) > maxNamespace || !legal(s.namespace) || !plainNamespace(s.namespace):
		return nil, fmt.Errorf("kv/memcached: open: %w: namespace must have at most %d octets, without blanks, control octets and colons", kv.ErrInvalid, maxNamespace)
	}
	var addresses []string
	for _, u := range o.URLs {
		sv, err := parseURL(u, o)
		if err != nil {
			return nil, fmt.Errorf("kv/memcached: open: %w", err)
		}
		s.servers[sv.label] = sv
		addresses = append(addresses, sv.label)
	}
	// The list would look a host's address up here and now. A label with a slash in it is taken as it is, and
	// dial does the looking up, each time.
	if err := s.list.SetServers(addresses...); err != nil {
		return nil, fmt.Errorf("kv/memcached: open: %w: %w", kv.ErrInvalid, err)
	}
	s.slots = make(chan struct{}, o.Pool)
	s.client = memcache.NewFromSelector(&s.list)
	s.client.Timeout = s.timeout
	s.client.MaxIdleConns = o.Pool
	s.client.DialContext = s.dial
	return s, nil
}

// Serves returns nil if rows of p may be forgotten; see the function of this name.
func (s *Store) Serves(p kv.Info) error { return Serves(p) }

// Serves returns nil if rows of p may be forgotten, as memcached forgets them: volatile ones that are no
// locks, and cached values that are not durable.
func Serves(p kv.Info) error {
	why := ""
	switch {
	case p.Kind == kv.KindLock:
		why = "holds locks: memcached may forget a lease while somebody holds it, and has no fencing numbers"
	case p.Class == kv.Durable:
		why = "is durable: memcached keeps rows in memory only and may forget any of them"
	case p.Class == kv.Volatile:
		return nil
	case !p.Cacheable:
		why = "is not cacheable: memcached may forget any row, and nobody would count it again"
	case p.Kind == kv.KindValue:
		return nil
	default:
		why = "is no cache of values: memcached may forget any row"
	}
	return fmt.Errorf("kv/memcached: %w: %s %s", kv.ErrUnsupported, p.Name, why)
}

// Ping asks every server whether it is there.
func (s *Store) Ping(ctx context.Context) error {
	_, err := call(ctx, s, "ping", func() (struct{}, error) { return struct{}{}, s.client.Ping() })
	return err
}

// Clock returns the store's time, which is this machine's.
func (s *Store) Clock() *kv.Clock { return s.clock }

// Flush does nothing: no row is ever durable.
func (s *Store) Flush(ctx context.Context) error { return s.begin(ctx) }

// Close ends the connections. Later calls return kv.ErrClosed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	_ = s.client.Close() // only sockets that nobody uses
	return nil
}

// begin refuses calls on a closed store or with a context that is over.
func (s *Store) begin(ctx context.Context) error {
	if s.closed.Load() {
		return kv.ErrClosed
	}
	return ctx.Err()
}

// unsupported is the answer of a call that memcached cannot serve, after the arguments were checked
// as everywhere.
func (s *Store) unsupported(ctx context.Context, act, why string, args ...error) error {
	if err := errors.Join(args...); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	return fmt.Errorf("kv/memcached: %s: %w: %s", act, kv.ErrUnsupported, why)
}
