// Package account is the directory of accounts: who they are, which addresses are
// theirs, and who may log in. It is one SQLite file, directory.db.
//
//	address ──> Resolve ──> exact, without +detail, aliases ──> Account or ErrUnknown
//	login   ──> Verify  ──> limits ──> remembered? ──> one hash ──> Account or ErrCredentials
//
// What it promises:
//
//   - An account has an id that stays when everything else about it changes, and that
//     no other account ever gets. A name that was removed can be added again; that is
//     a new account with a new id.
//   - A removed account is gone at once for everybody who asks; Removed lists it until
//     its data is removed too and Forget is called.
//   - Names are compared without case, the domain and the local part.
//   - A password is kept as verifiers only. A login costs one password hash whether or
//     not the name exists, never more than one hash for each core runs at a time, and
//     failures are counted by client and by name.
package account

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

var (
	// ErrUnknown says that there is no such account. A gateway answers 550 5.1.1.
	ErrUnknown = errors.New("no such account")
	// ErrTaken says that a name or alias is an account's or an alias already.
	ErrTaken = errors.New("name is taken")
	// ErrName says that a name cannot be one; the text around it says why.
	ErrName = errors.New("not a valid name")
	// ErrPassword says that a password cannot be set; the text around it says why.
	ErrPassword = errors.New("not a valid password")
	// ErrCredentials says that name and password do not belong together, not which of
	// them is wrong.
	ErrCredentials = errors.New("wrong name or password")
	// ErrTooManyFailures says that the client or the name had too many failed logins;
	// the password was not looked at.
	ErrTooManyFailures = errors.New("too many failed logins")
)

// Account is one account as a look-up found it.
type Account struct {
	ID     string // opaque, of a-z and 2-7; also fit for a file name
	Name   string // as it was added
	Detail string // what stood behind "+" in the address that was resolved
}

// Options says how a directory works. The zero value does.
type Options struct {
	// Hostname is the domain at which names without a domain are valid, besides
	// localhost. Default "localhost".
	Hostname string
	// KV counts failed logins (kv.RateLimitAuth) and password changes
	// (kv.TokenRevision). Without it failures are not counted.
	KV kv.Store
	// FailuresByIP and FailuresByName say how many failed logins there may be;
	// default 100 a day each. IPv6 clients count by their /64.
	FailuresByIP, FailuresByName kv.Rule
	// Hashes is how many password hashes run at a time; default one for each core.
	Hashes int
	// Remember is how long a verified login is remembered; default one minute,
	// negative never.
	Remember time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Rand gives ids, salts and keys; default crypto/rand.
	Rand io.Reader
	// Logger hears of failed logins; default none.
	Logger *slog.Logger
}

// Directory is the directory of accounts. All methods may be called from many
// goroutines.
type Directory struct {
	db   *sqlite.DB
	kv   kv.Store
	o    Options
	log  *slog.Logger
	now  func() time.Time
	sem  chan struct{} // held while a password is hashed
	rest *time.Timer   // gives the memory of hashes back
	seen remembered

	dummy    verifier                                 // stands in for the verifier of a name that does not exist
	argon    func(password []byte, a argon2id) []byte // the hash; tests watch it
	hashes   atomic.Int64
	hits     atomic.Int64
	failures atomic.Int64
	refused  atomic.Int64
}

// schema brings a directory file up to date, one entry a version.
var schema = []string{`
CREATE TABLE account (
	id      TEXT PRIMARY KEY,
	name    TEXT NOT NULL,              -- as added
	key     TEXT NOT NULL,              -- as compared
	created INTEGER NOT NULL,           -- unix milliseconds
	removed INTEGER NOT NULL DEFAULT 0  -- unix milliseconds; 0: it lives
) WITHOUT ROWID;
CREATE UNIQUE INDEX account_key ON account (key) WHERE removed = 0;
CREATE TABLE alias (
	key     TEXT PRIMARY KEY,
	alias   TEXT NOT NULL,
	account TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX alias_account ON alias (account);
CREATE TABLE credential (
	account  TEXT NOT NULL,
	n        INTEGER NOT NULL,          -- order of the verifiers of one account
	verifier TEXT NOT NULL,
	PRIMARY KEY (account, n)
) WITHOUT ROWID;
CREATE TABLE due (
	account TEXT NOT NULL,
	job     TEXT NOT NULL,
	at      INTEGER NOT NULL,           -- unix milliseconds
	PRIMARY KEY (account, job)
) WITHOUT ROWID;
CREATE INDEX due_job ON due (job, at);
`, indexDomains}

// Open opens or creates the directory file at path.
func Open(ctx context.Context, path string, o Options) (*Directory, error) {
	o.Hostname = strings.ToLower(strings.TrimSuffix(o.Hostname, "."))
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	day := kv.Rule{Limit: 100, Per: 24 * time.Hour}
	if o.FailuresByIP.Limit == 0 {
		o.FailuresByIP = day
	}
	if o.FailuresByName.Limit == 0 {
		o.FailuresByName = day
	}
	if o.Hashes <= 0 {
		o.Hashes = goruntime.GOMAXPROCS(0)
	}
	if o.Remember == 0 {
		o.Remember = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Directory{
		kv: o.KV, o: o, log: o.Logger, now: o.Now,
		sem:   make(chan struct{}, o.Hashes),
		rest:  newRest(),
		argon: hashArgon2id,
	}
	if err := d.seen.init(o.Rand); err != nil {
		return nil, fmt.Errorf("account: open: %w", err)
	}
	dummy, err := newArgon2id(o.Rand)
	if err != nil {
		return nil, fmt.Errorf("account: open: %w", err)
	}
	dummy.hash = make([]byte, argonKeySize)
	d.dummy = dummy
	if d.db, err = sqlite.Open(ctx, path, sqlite.Options{Schema: schema, Logger: o.Logger}); err != nil {
		return nil, fmt.Errorf("account: open: %w", err)
	}
	return d, nil
}

// Close closes the file.
func (d *Directory) Close() error {
	d.rest.Stop()
	return d.db.Close()
}

// BackupTo writes a copy of the directory to path.
func (d *Directory) BackupTo(ctx context.Context, path string) error {
	return d.db.BackupTo(ctx, path)
}

// Stats counts since Open.
type Stats struct {
	Hashes     int64 // password hashes computed, for logins and for new passwords
	Remembered int64 // logins that needed no hash
	Failures   int64 // logins that failed
	Refused    int64 // logins refused because of failures before
}

// Stats returns the counts so far.
func (d *Directory) Stats() Stats {
	return Stats{
		Hashes: d.hashes.Load(), Remembered: d.hits.Load(),
		Failures: d.failures.Load(), Refused: d.refused.Load(),
	}
}

// newID returns a fresh account id: 128 random bits behind a letter.
func (d *Directory) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(d.o.Rand, b[:]); err != nil {
		return "", err
	}
	enc := base32.StdEncoding.WithPadding(base32.NoPadding)
	return "a" + strings.ToLower(enc.EncodeToString(b[:])), nil
}
