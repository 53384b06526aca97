// Package redis is a kv.Store on a Redis or Valkey server, on a master that sentinels watch, or on a cluster.
//
//	            key ── hash of the name ──> one of 16 buckets of its prefix
//	                                        all keys of a bucket share a hash tag, so one slot
//	sluice:{64.a}v<name>  hash v e f        a value or counter, its expiry in unix ms, its fence
//	sluice:{64.a}r<name>  hash              the allowances of the key, one field a rule
//	sluice:{64.a}l        hash              the leases of the bucket, one field a name
//	sluice:{64.a}f        number            the last fencing number; never expires
//	sluice:{64.a}i        sorted set        what is in the bucket, in byte order: v<name>, r<name>, l<name>
//	sluice:{64.a}x        sorted set        what of it expires, and when
//	sluice:{64.a}t        hash n o          rows and octets in the bucket
//
// What it promises:
//   - Every operation on one key is one script on one server, or one read, so it happens at one moment.
//   - Times are the server's, taken inside the script; several machines agree about them.
//   - i, x and t change in the same script as the rows, so List, DeletePrefix, Purge and Stats never ask for KEYS
//     or SCAN, and cost what the prefix costs.
//   - No script is sent twice: a write whose answer was lost is reported, not repeated.
//   - Locks, allowances and fences have no expiry that the server knows of, so the volatile-* ways of eviction
//     leave them alone.
//
// How durable a write is, the server's appendfsync says; a failover may forget the last ones. DESIGN.md has the
// reasons.
package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sluice-mail/sluice/kv"
)

// The modes.
const (
	Single   = "single"
	Sentinel = "sentinel"
	Cluster  = "cluster"
)

// Options says how a Store is made.
type Options struct {
	// URLs name the server, some nodes of the cluster, or the sentinels: redis://host:port/db, rediss:// for TLS,
	// or unix:///path?db=n. A login in a sentinel's URL is the sentinel's.
	URLs []string
	// Mode is Single, Sentinel or Cluster; "" is Sentinel if Master is set, Cluster if there are several URLs, else
	// Single.
	Mode string
	// Master is the name under which the sentinels know the master.
	Master string
	// Username and Password go to the server, instead of those in the URL.
	Username, Password string
	// TLS is how connections are protected; nil is as the URL says.
	TLS *tls.Config
	// Namespace begins every key, so that several users of one server do not meet. Default "sluice"; letters, digits
	// and . _ : - only, at most 64.
	Namespace string
	// Timeout bounds dialing and every round trip whose context has no deadline. Default 1s.
	Timeout time.Duration
	// Pool is the most connections to a node. Default 16.
	Pool int
	// Now is the time that rows are judged by; nil is the server's clock. With Now the server expires nothing by
	// itself: Purge and later writes do.
	Now func() time.Time
	// Logger is told once if the server may evict rows. Nil is nowhere.
	Logger *slog.Logger
}

// Store is a kv.Store. Its methods may be called from many goroutines.
type Store struct {
	client  redis.UniversalClient
	space   string
	timeout time.Duration
	clock   *kv.Clock // nil: the server's
	log     *slog.Logger
	closed  atomic.Bool
	policy  sync.Once // the server's way of eviction was looked at

	purge struct {
		sync.Mutex
		next int   // bucket
		more []int // buckets with many expired rows
	}
}

var (
	_ kv.Store       = (*Store)(nil)
	_ kv.LeaseReader = (*Store)(nil)
)

var quiet sync.Once

// Open checks the settings. It connects when that is needed: a server that cannot be reached is
// kv.ErrUnavailable of the operations.
func Open(_ context.Context, o Options) (*Store, error) {
	at, err := o.resolve()
	if err != nil {
		return nil, fmt.Errorf("kv/redis: open: %w", err)
	}
	// The library would write to standard error whatever it also returns.
	quiet.Do(func() { redis.SetLogger(&logging.VoidLogger{}) })
	s := &Store{space: o.Namespace, timeout: o.Timeout, log: o.Logger}
	if o.Now != nil {
		s.clock = kv.NewClock(o.Now, 0)
	}
	s.client = s.connect(o, at)
	return s, nil
}

// connect makes the client. Only reads are ever sent again.
func (s *Store) connect(o Options, at target) redis.UniversalClient {
	off := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch at.mode {
	case Cluster:
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: at.addresses, Username: at.username, Password: at.password, TLSConfig: at.tls,
			Protocol: 2, DisableIdentity: true, DisableRoutingPolicies: true, MaintNotificationsConfig: off, OnConnect: s.connected,
			DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout, ContextTimeoutEnabled: true,
			DialerRetries: 1, MaxRetries: -1, PoolSize: o.Pool, MaxActiveConns: o.Pool, PipelinePoolSize: -1,
			FailingTimeoutSeconds: 1, ClusterStateReloadInterval: 10 * time.Second,
		})
	case Sentinel:
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: o.Master, SentinelAddrs: at.addresses, SentinelUsername: at.sentinelUsername, SentinelPassword: at.sentinelPassword,
			Username: at.username, Password: at.password, DB: at.db, TLSConfig: at.tls,
			Protocol: 2, DisableIdentity: true, OnConnect: s.connected,
			DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout, ContextTimeoutEnabled: true,
			DialerRetries: 1, MaxRetries: 1, PoolSize: o.Pool, MaxActiveConns: o.Pool, PipelinePoolSize: -1,
		})
	}
	return redis.NewClient(&redis.Options{
		Network: at.network, Addr: at.addresses[0], Username: at.username, Password: at.password, DB: at.db, TLSConfig: at.tls,
		Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: off, OnConnect: s.connected,
		DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout, ContextTimeoutEnabled: true,
		DialerRetries: 1, MaxRetries: 1, PoolSize: o.Pool, MaxActiveConns: o.Pool, PipelinePoolSize: -1,
	})
}

// connected refuses a connection that has no right to anything, since the server's answers to what follows would not
// say so. It looks at the first connection's server: one that may evict any key would drop locks and limits.
func (s *Store) connected(ctx context.Context, c *redis.Conn) error {
	if err := c.Ping(ctx).Err(); err != nil && strings.HasPrefix(err.Error(), "NOAUTH") {
		return err
	}
	s.policy.Do(func() {
		info, err := c.Info(ctx, "memory").Result()
		if err != nil {
			return
		}
		_, rest, _ := strings.Cut(info, "maxmemory_policy:")
		switch policy, _, _ := strings.Cut(rest, "\r\n"); {
		case strings.HasPrefix(policy, "allkeys-"):
			s.log.Warn("redis may evict any key when its memory is full, locks, limits and fencing numbers too; set maxmemory-policy noeviction (it has " + policy + ")")
		case strings.HasPrefix(policy, "volatile-"):
			s.log.Warn("redis may evict values that expire when its memory is full; set maxmemory-policy noeviction (it has " + policy + ")")
		}
	})
	return nil
}

// Ping asks whether the server answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	inner, cancel := s.bound(ctx)
	defer cancel()
	return fail(ctx, "ping", s.client.Ping(inner).Err())
}

// begin refuses calls on a closed store or with a context that is over.
func (s *Store) begin(ctx context.Context) error {
	if s.closed.Load() {
		return kv.ErrClosed
	}
	return ctx.Err()
}

// Flush has nothing to do: a write that was acknowledged is as durable as the server makes it.
func (s *Store) Flush(ctx context.Context) error { return s.begin(ctx) }

// Close closes the connections. Later calls return kv.ErrClosed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("kv/redis: close: %w", err)
	}
	return nil
}
