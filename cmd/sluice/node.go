package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/housekeeping"
	"github.com/sluice-mail/sluice/imapbridge"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/mailstore/local"
	"github.com/sluice-mail/sluice/outbox"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/procs"
	"github.com/sluice-mail/sluice/scripts"
)

// node is all of one machine's data, open, and the rooms wired over it. A server has one, and so has a
// command that works without a server. Rooms are opened in the order of the fields and
// closed in the opposite one.
type node struct {
	settings atomic.Pointer[Config] // in force; a reload swaps it, nobody changes what it points to
	log      *slog.Logger
	delivers bool
	mail     *local.Store        // its lock keeps every other process out of the data directory
	stores   map[string]kv.Store // by id
	lookup   kv.Store            // the default one: each prefix where the configuration sends it
	lists    *lists
	network  *network
	accounts *account.Directory
	outbox   *outbox.Outbox
	journal  *runtime.Journal
	engine   *runtime.Engine
	children *procs.Pool // of users' JavaScript
	library  *scripts.Library
	intake   *gateway.Intake
	jobs     *housekeeping.Scheduler
	counted  runtime.Metrics // by scripts
	quotas   *runtime.Quotas // of users' scripts
	closers  []func(context.Context) error
}

// nodeOptions says how a node is opened.
type nodeOptions struct {
	logger *slog.Logger
	// delivers opens what takes mail: scripts, journal and intake. Most commands do without, so
	// that a broken script does not stand in their way.
	delivers bool
}

// openNode opens everything below the data directory, which is made if it is missing and
// closed to other users.
func openNode(ctx context.Context, c *Config, o nodeOptions) (*node, error) {
	n := &node{lists: newLists(c), log: o.logger, delivers: o.delivers, stores: map[string]kv.Store{}}
	n.settings.Store(c)
	n.network = newNetwork(c)
	n.onClose("network", n.network.close)
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.close(ctx))
	}
	return n, nil
}

func (n *node) open(ctx context.Context) error {
	steps := []func(context.Context) error{n.openMail, n.openStores, n.openAccounts, n.openOutbox, n.openJobs}
	if n.delivers {
		// Scripts come first: a broken one leaves no trace on the disk.
		steps = append([]func(context.Context) error{n.openScripts}, append(steps, n.openIntake)...)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close closes the rooms, last opened first, and joins their errors.
func (n *node) close(ctx context.Context) error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i](ctx))
	}
	n.closers = nil
	return errors.Join(errs...)
}

func (n *node) onClose(what string, f func() error) {
	n.closers = append(n.closers, func(context.Context) error {
		if err := f(); err != nil {
			return fmt.Errorf("closing %s: %w", what, err)
		}
		return nil
	})
}

// config returns the configuration in force, which is not to be changed.
func (n *node) config() *Config { return n.settings.Load() }

func (n *node) path(name string) string { return filepath.Join(n.config().Database.DBPath, name) }

func (n *node) openMail(ctx context.Context) error {
	d := n.config().Database
	if err := os.MkdirAll(d.DBPath, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := os.Chmod(d.DBPath, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	s, err := local.Open(ctx, d.DBPath, local.Options{
		Describe:            imapbridge.Describe,
		BlobNestedLevels:    d.BlobNestedLevels,
		BlobTempTTL:         time.Duration(d.BlobTempTTL) * time.Second,
		MinFree:             uint64(d.MinFree),
		CachedVanishedTTL:   time.Duration(n.config().IMAP.CacheRemovedIDTTL) * time.Second,
		MaxChangelogEntries: int(d.MaxChangelogEntries),
		Logger:              n.log,
	})
	if err != nil {
		return err
	}
	n.mail = s
	n.onClose("mail store", s.Close)
	return nil
}

func (n *node) openAccounts(ctx context.Context) error {
	main, err := n.store("")
	if err != nil {
		return err
	}
	n.accounts, err = account.Open(ctx, n.path("directory.db"), account.Options{Hostname: n.config().Server.Hostname, KV: main, Logger: n.log})
	if err != nil {
		return err
	}
	n.onClose("directory", n.accounts.Close)
	return nil
}

func (n *node) openOutbox(ctx context.Context) error {
	relay, err := relayOf(n.config())
	if err != nil {
		return err
	}
	n.outbox, err = outbox.Open(ctx, n.path("outbox.db"), outbox.Options{
		Relay:    relay,
		Hostname: n.config().Server.Hostname,
		Lifetime: time.Duration(n.config().Relay.Lifetime) * time.Second,
		Bounce:   n.bounce,
		KeepKeys: n.keepKeys,
		Logger:   n.log,
	})
	if err != nil {
		return err
	}
	n.onClose("outbox", n.outbox.Close)
	return nil
}

func relayOf(c *Config) (outbox.Relay, error) {
	password, err := secret(c.Relay.PasswordFile)
	if err != nil {
		return outbox.Relay{}, &configError{[]string{"relay.password-file: " + err.Error()}}
	}
	return outbox.Relay{Address: c.Relay.Address, TLS: c.Relay.TLS, Username: c.Relay.Username, Password: password}, nil
}

// bounce files a bounce for one of our own accounts in its inbox.
func (n *node) bounce(ctx context.Context, to string, raw []byte) (bool, error) {
	a, err := n.accounts.Resolve(ctx, to)
	if errors.Is(err, account.ErrUnknown) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	box, release, err := n.mail.OpenAccount(ctx, a.ID)
	if err != nil {
		return false, err
	}
	defer release()
	_, _, err = box.Import(ctx, mailstore.Import{
		Raw: raw, Mailboxes: []mailstore.Filing{{Path: "INBOX"}}, Key: "bounce " + string(local.BlobID(a.ID, raw)),
	})
	return err == nil, err
}

func (n *node) openScripts(context.Context) error {
	n.engine = newEngine(n.config())
	n.children = bound(n.config(), n.engine, runGate(n.config()), n.log)
	n.onClose("processes of scripts", n.children.Close)
	n.library = newLibrary(n.config, n.engine)
	if err := n.library.Load(sourcesOf(n.config())); err != nil {
		return &configError{[]string{err.Error()}}
	}
	return nil
}

// newLibrary returns an empty library that knows the configured stores. It asks for the configuration
// again at each load, since a reload may bring a relay.
func newLibrary(config func() *Config, e *runtime.Engine) *scripts.Library {
	c, users := config(), []string{}
	all := c.storeNames(false)
	for _, id := range all {
		if c.Store[id].User {
			users = append(users, id)
		}
	}
	return scripts.New(scripts.Options{Engine: e, Stores: all, UserStores: users, SQLStores: c.storeNames(true), NoUserDefault: !c.userStore(""), Instrument: c.Explain.Record == "full",
		AdminOnly: c.adminOnly(),
		Refused:   func() map[string]string { return refusedOf(config()) },
		Include:   includeOf(c), Module: moduleOf})
}

// refusedOf are the functions that cannot be done with this configuration.
func refusedOf(c *Config) map[string]string {
	refused := map[string]string{}
	if c.Relay.Address == "" {
		refused["redirect"], refused["reply"] = "no [relay] is configured", "no [relay] is configured"
	}
	if len(c.HTTPClient.Allow) == 0 {
		refused["http_get"], refused["http_header"] = noHTTPClient, noHTTPClient
	}
	return refused
}

const noHTTPClient = "no [http-client] allow is configured"

func sourcesOf(c *Config) []scripts.Source {
	var out []scripts.Source
	for _, s := range c.Script {
		out = append(out, scripts.Source{
			Path: s.Path, Stage: s.Stage, Accounts: s.Accounts, Trust: s.Trust, Namespace: s.Namespace,
			OnError: s.OnError, OnStoreError: s.OnStoreError,
		})
	}
	return out
}

// host returns what real runs of a trust reach.
func (n *node) host(trust runtime.Trust) runtime.Host {
	live := n.hostOver(trust, n.store)
	live.Metrics, live.Quotas = &n.counted, n.quotas
	return live
}

func (n *node) hostOver(trust runtime.Trust, store func(string) (kv.Store, error)) *runtime.Live {
	live := &runtime.Live{
		Stores: func(id string) (kv.Store, error) {
			if trust == runtime.User && !n.config().userStore(id) {
				return nil, fmt.Errorf("store %q is not for users' scripts", id)
			}
			return store(id)
		},
		Memory:    func() (kv.Store, error) { return store("") },
		Auth:      hostname(n.config().Server.Hostname).checker,
		Mailboxes: boxes{n.mail}.Exists,
		MailStore: boxes{n.mail},
		Lists:     n.lists.of(trust, store),
		IsLocal: func(ctx context.Context, address string) (bool, error) {
			_, err := n.accounts.Resolve(ctx, address)
			if errors.Is(err, account.ErrUnknown) {
				return false, nil
			}
			return err == nil, err
		},
		IsLocalDomain: n.accounts.HasDomain,
	}
	n.network.into(live)
	return live
}

// login is the IMAP bridge's Authenticator.
func (n *node) login(ctx context.Context, name, password string, client netip.Addr) (imapbridge.Backend, func(), error) {
	a, err := n.accounts.Verify(ctx, name, password, client)
	switch {
	case errors.Is(err, account.ErrCredentials), errors.Is(err, account.ErrTooManyFailures):
		return nil, nil, imapbridge.ErrAuthenticationFailed
	case err != nil:
		return nil, nil, err
	}
	b, release, err := n.mail.Backend(ctx, a.ID)
	if err != nil {
		return nil, nil, err
	}
	return b, release, nil
}
