package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sluice-mail/sluice/kv"
)

const (
	defaultNamespace = "sluice"
	defaultTimeout   = time.Second
	defaultPool      = 16
	maxPool          = 10_000
)

// namespace is what a schema may be called. It goes into statements, also into the quoted text of functions.
var namespace = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// session is what every connection is told. One plan fits all arguments of our statements, a walk along the
// primary key; what the server's statistics say of tables that were made a moment ago must not change that.
// Commits wait for the disk unless a statement asks otherwise, whatever the server's default is.
const session = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;
SET default_transaction_isolation = 'read committed';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

// config fills in the defaults and returns what the pool needs. Its errors hold no part of the URL, which may hold
// a password.
func (o *Options) config() (*pgxpool.Config, error) {
	if o.Namespace == "" {
		o.Namespace = defaultNamespace
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Pool == 0 {
		o.Pool = defaultPool
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	bad := func(format string, args ...any) (*pgxpool.Config, error) {
		return nil, fmt.Errorf("%w: %s", kv.ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case len(o.URLs) != 1:
		return bad("%d urls, want one", len(o.URLs))
	case !strings.HasPrefix(o.URLs[0], "postgres://") && !strings.HasPrefix(o.URLs[0], "postgresql://"):
		return bad("url does not begin with postgres://")
	case strings.HasPrefix(o.Namespace, "pg_") || !namespace.MatchString(o.Namespace):
		return bad("namespace %.70q; want at most 63 letters, digits, _ and -, a letter first, and no pg_", o.Namespace)
	case o.Timeout < 0:
		return bad("timeout of %v", o.Timeout)
	case o.Pool < 0 || o.Pool > maxPool:
		return bad("pool of %d connections, want 1 to %d", o.Pool, maxPool)
	}
	c, err := pgxpool.ParseConfig(o.URLs[0])
	if err != nil {
		return bad("url cannot be read; want postgres://user@host:port/database, or postgres:///database?host=/directory/of/socket")
	}
	c.MaxConns, c.MinConns, c.MinIdleConns = int32(o.Pool), 0, 0
	c.PingTimeout = o.Timeout
	cc := c.ConnConfig
	cc.ConnectTimeout = o.Timeout
	if o.Username != "" {
		cc.User = o.Username
	}
	if o.Password != "" {
		cc.Password = o.Password
	}
	if cc.RuntimeParams["application_name"] == "" {
		cc.RuntimeParams["application_name"] = "sluice"
	}
	if o.TLS != nil {
		useTLS(cc, o)
	}
	timeout := o.Timeout
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if err := conn.PgConn().Exec(ctx, session).Close(); err != nil {
			return errors.Join(errSession, err)
		}
		return nil
	}
	return c, nil
}

// errSession is the reason of a connection that the server let in and then did not prepare.
var errSession = errors.New("settings of the session")

// useTLS puts o.TLS in place of what the URL says for every host that is not a unix socket.
func useTLS(cc *pgx.ConnConfig, o *Options) {
	for _, f := range cc.Fallbacks {
		if !strings.HasPrefix(f.Host, "/") {
			f.TLSConfig = o.TLS.Clone()
			if f.TLSConfig.ServerName == "" {
				f.TLSConfig.ServerName = f.Host
			}
		}
	}
	if !strings.HasPrefix(cc.Host, "/") {
		cc.TLSConfig = o.TLS.Clone()
		if cc.TLSConfig.ServerName == "" {
			cc.TLSConfig.ServerName = cc.Host
		}
	}
}
