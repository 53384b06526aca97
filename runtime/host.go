package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Host is the one way from a run to what lies outside it. Every call of a function whose
// effect is Reads, Writes or Network passes through Do, and nothing else does. Live does it,
// a live one over overlay stores is a dry run, Replayer answers from a record.
type Host interface {
	Do(e *Env, f *Function, a Args) (Value, error)
}

// Env is what a function's code gets. It belongs to one call.
type Env struct {
	Context context.Context
	View    *View
	run     *run
	args    []Value // of the call, as the script gave them
	live    *Live   // nil for Pure and Acts
}

// Live is the Host of real runs.
type Live struct {
	// Stores returns the store of that name ("" is the default one).
	Stores func(name string) (kv.Store, error)
	// Mailboxes answers whether the recipient's account has a mailbox; nil: always no.
	Mailboxes func(ctx context.Context, account, path string) (bool, error)
	// MailStore answers what else scripts ask of the recipient's account; nil: it has nothing.
	MailStore MailStore
	// Lists returns the external list of that name, nil if there is none; nil: there are none.
	Lists func(name string) (ExtList, error)
	// IsLocal answers whether mail for the address is delivered here; nil: always no.
	IsLocal func(ctx context.Context, address string) (bool, error)
	// IsLocalDomain answers whether the domain is one of those that mail is delivered for; nil: always no.
	IsLocalDomain func(ctx context.Context, domain string) (bool, error)
	// DNS answers questions of the DNS, HTTP fetches; nil: this server does not.
	DNS  Resolver
	HTTP Fetcher
	// Auth returns who checks where mail comes from, by that DNS; nil: this server does not.
	Auth func(dns NetResolver) MailAuth
	// SQL runs one statement in the database of that name. An argument is null, bool, int, float,
	// string or bytes. An error wraps kv.ErrUnavailable where the database cannot be reached. Nil:
	// this server has none.
	SQL func(ctx context.Context, store, statement string, args []Value) (SQLResult, error)
	// Memory returns the store that remembers for scripts what they cannot read or write as they
	// like, such as who got a vacation message. Nil: the default store of Stores.
	Memory func() (kv.Store, error)
	// Quotas bounds what users' scripts keep in stores; nil: nothing does.
	Quotas *Quotas
	// Metrics are the counters that scripts name; nil, as for a dry run: nothing is counted.
	Metrics *Metrics
	// NoNetwork refuses functions that ask somebody else, as a dry run does.
	NoNetwork bool
	// Fixed says that DNS and HTTP answer without asking anybody, so that NoNetwork lets functions
	// pass that ask nothing else.
	Fixed bool
}

// ErrRefused says that a dry run does not do this.
var ErrRefused = errors.New("refused in a dry run")

// Do calls the function.
func (l *Live) Do(e *Env, f *Function, a Args) (Value, error) {
	if f.Effect == Network && l.NoNetwork && (f.Asks == "" || !l.Fixed) && (f.idle == nil || !f.idle(e, a)) {
		return nil, ErrRefused
	}
	e.live = l
	return f.Call(e, a)
}

// Store returns the store of that name and the run's key in it. Keys of different
// namespaces and kinds never meet.
func (e *Env) Store(store string, p kv.Prefix, key string) (kv.Store, kv.Key, error) {
	if e.live.Stores == nil {
		return nil, kv.Key{}, fmt.Errorf("unknown store %q", store)
	}
	s, err := e.live.Stores(store)
	if err != nil {
		return nil, kv.Key{}, err
	}
	return s, ScriptKey(p, e.View.Namespace, key), nil
}

// Now returns the run's time: that of its transaction, so that a record can be replayed.
func (e *Env) Now() time.Time { return e.View.Time }

// Clock returns the time by the clock, as the stores see it, where Now is the same all through a run.
func (e *Env) Clock() time.Time { return e.run.now() }

// ScriptKey returns the store's key for a script's key in a namespace.
func ScriptKey(p kv.Prefix, namespace, key string) kv.Key {
	return kv.Key{Prefix: p, Name: namespace + "\x00" + key}
}
