package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/memcached"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/mysql"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/kv/redis"
	"github.com/sluice-mail/sluice/kv/rocksdb"
	"github.com/sluice-mail/sluice/runtime"
)

func (n *node) openStores(ctx context.Context) error {
	if err := n.network.openSQL(n.config()); err != nil {
		return err
	}
	for _, id := range n.config().storeNames(false) {
		c := n.config().Store[id]
		s, err := openStore(ctx, id, c, n.log)
		if errors.Is(err, kv.ErrInvalid) {
			return &configError{[]string{"store." + id + ": " + err.Error()}}
		}
		if err != nil {
			return fmt.Errorf("store %q: %w", id, err)
		}
		n.stores[id] = s
		n.onClose("store "+id, s.Close)
	}
	n.quotas = runtime.NewQuotas(func() runtime.QuotaLimits { return n.config().quota() })
	return n.route()
}

// route makes the default store: one of the stores, or several by prefix.
func (n *node) route() error {
	c := n.config()
	n.lookup = n.stores[c.Storage.Lookup]
	by := map[kv.Prefix]kv.Store{}
	for p := range 256 {
		if id := c.storeOf(kv.Prefix(p)); id != c.Storage.Lookup {
			by[kv.Prefix(p)] = n.stores[id]
		}
	}
	_, limited := n.lookup.(kv.Limited)
	if len(by) == 0 && !limited {
		return nil
	}
	r, err := engine.NewRouter(n.lookup, by)
	if err != nil {
		return &configError{[]string{"storage: " + err.Error()}}
	}
	n.lookup = r
	return nil
}

// openStore opens one [store."id"]. A backend of another type is one line here.
func openStore(ctx context.Context, id string, c StoreConfig, log *slog.Logger) (kv.Store, error) {
	log = log.With(slog.String("store", id))
	o := engine.Options{Path: c.Path, CacheBytes: cmp.Or(c.Cache, -1), Logger: log}
	if c.Type == "memory" {
		return memory.New(memory.Options{}), nil
	}
	if !backends[c.Type].server {
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
			return nil, err
		}
		if c.Type == "sqlite" {
			return engine.Open(ctx, o)
		}
		b, err := rocksdb.Open(ctx, rocksdb.Options{Path: c.Path, Logger: log})
		return behind(b, err, o)
	}
	password, err := secret(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("%w: password-file: %w", kv.ErrInvalid, err)
	}
	conf, err := c.tls()
	if err != nil {
		return nil, err
	}
	o.Shared, o.Name, o.Timeout = true, id, time.Duration(c.Timeout)*time.Millisecond
	wait := max(o.Timeout, time.Second) // of a connection; each call has its own limit
	pool := int(c.Pool)
	switch c.Type {
	case "redis":
		b, err := redis.Open(ctx, redis.Options{URLs: c.URLs, Mode: c.Mode, Master: c.Master, Username: c.Username, Password: password, TLS: conf, Namespace: c.Namespace, Timeout: wait, Pool: pool, Logger: log})
		return behind(b, err, o)
	case "postgres":
		b, err := postgres.Open(ctx, postgres.Options{URLs: c.URLs, Username: c.Username, Password: password, TLS: conf, Namespace: c.Namespace, Timeout: wait, Pool: pool, Logger: log})
		return behind(b, err, o)
	case "mysql":
		b, err := mysql.Open(ctx, mysql.Options{URLs: c.URLs, Username: c.Username, Password: password, TLS: conf, Namespace: c.Namespace, Timeout: wait, Pool: pool, Logger: log})
		return behind(b, err, o)
	case "memcached":
		b, err := memcached.Open(ctx, memcached.Options{URLs: c.URLs, Username: c.Username, Password: password, TLS: conf, Namespace: c.Namespace, Timeout: wait, Pool: pool, Logger: log})
		return behind(b, err, o)
	}
	return nil, fmt.Errorf("type %q is not known", c.Type)
}

// behind puts the engine in front of a backend that was opened.
func behind[S kv.Store](b S, err error, o engine.Options) (kv.Store, error) {
	if err != nil {
		return nil, err
	}
	if p, ok := any(b).(interface{ Ping(context.Context) error }); ok {
		// A wrong password or address should not wait for the first mail to be noticed.
		ctx, cancel := context.WithTimeout(context.Background(), max(o.Timeout, time.Second))
		defer cancel()
		if err := p.Ping(ctx); err != nil {
			o.Logger.Warn("the store does not answer yet", slog.Any("err", err))
		}
	}
	return engine.New(b, o)
}

// tls is what tls-ca asks for: nil leaves it to the URL.
func (c StoreConfig) tls() (*tls.Config, error) {
	if c.TLSCA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("%w: tls-ca: %w", kv.ErrInvalid, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: tls-ca: %s holds no certificate", kv.ErrInvalid, c.TLSCA)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// store returns the store of that name, "" being the default one.
func (n *node) store(id string) (kv.Store, error) {
	if id == "" {
		return n.lookup, nil
	}
	s, ok := n.stores[id]
	if !ok {
		return nil, fmt.Errorf("unknown store %q", id)
	}
	return s, nil
}
