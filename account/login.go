package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

// Verify returns the account whose name or alias is name if password is its password.
// ip is the client, the zero Addr if there is none (a local socket).
//
// It returns ErrCredentials for a wrong name or password, with the same work for both
// and without saying which, and counts it; ErrTooManyFailures when the client or the
// name had too many; the context's error when it ends while others are being
// verified, which counts nothing. The counts are kept under the client's address and
// under the account, so that a name and its aliases are one.
func (d *Directory) Verify(ctx context.Context, name, password string, ip netip.Addr) (Account, error) {
	a, err := d.verify(ctx, name, password, ip)
	switch {
	case errors.Is(err, ErrCredentials):
		d.failures.Add(1)
		d.log.LogAttrs(ctx, slog.LevelWarn, "login failed", slog.String("account", a.ID), slog.Any("err", err))
	case errors.Is(err, ErrTooManyFailures):
		d.refused.Add(1)
		d.log.LogAttrs(ctx, slog.LevelWarn, "login refused", slog.String("account", a.ID), slog.Any("err", err))
	}
	if err != nil {
		return Account{}, wrap("verify", err)
	}
	return a, nil
}

func (d *Directory) verify(ctx context.Context, name, password string, ip netip.Addr) (Account, error) {
	var a Account
	err := d.db.Read(ctx, func(c *sqlite.Conn) (err error) {
		a, err = d.find(c, name, false)
		return err
	})
	known := err == nil
	if !known && !errors.Is(err, ErrUnknown) {
		return a, err
	}
	counts := d.failureCounts(a.ID, name, ip)
	if err := d.allowed(ctx, counts); err != nil {
		return a, err
	}

	// The revision is read before the verifier, so that a change in between makes what
	// is remembered worthless.
	revision, err := d.revision(ctx, cmp.Or(a.ID, "-")) // asked for nobody, too
	mayRemember := err == nil && known && d.o.Remember > 0
	key := d.seen.key(a.ID, password)
	l, epoch, hit := d.seen.get(key, d.now())
	if hit && mayRemember && l.account == a.ID && l.revision == revision {
		d.hits.Add(1)
		return a, nil
	}

	v, err := d.verifierOf(ctx, a.ID)
	if err != nil {
		return a, err
	}
	p, err := prepare(password)
	bad := err != nil || v == nil
	if v == nil {
		v = d.dummy
	}
	good := false
	err = d.hash(ctx, func() error {
		// Asked again: many logins that came at once have waited for this.
		if err := d.allowed(ctx, counts); err != nil {
			return err
		}
		d.hashes.Add(1)
		good = v.check(d, p) && !bad
		if !good {
			d.count(ctx, counts)
		}
		return nil
	})
	switch {
	case err != nil:
		return a, err
	case !good:
		return a, ErrCredentials
	}
	if mayRemember {
		d.seen.put(key, login{a.ID, revision, d.now().Add(d.o.Remember)}, epoch)
	}
	return a, nil
}

// verifierOf returns the verifier that a password in clear is checked against: the
// first in the order in which they were made. It is nil if there is none.
func (d *Directory) verifierOf(ctx context.Context, id string) (verifier, error) {
	var text string
	err := d.db.Read(ctx, func(c *sqlite.Conn) error {
		return c.QueryRow(`SELECT verifier FROM credential WHERE account = ? ORDER BY n LIMIT 1`, id).Scan(&text)
	})
	if errors.Is(err, sqlite.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseVerifier(text)
}

// failureCount is a key of kv.RateLimitAuth and the rule for it.
type failureCount struct {
	key  kv.Key
	rule kv.Rule
}

// failureCounts returns what a failed login counts against.
func (d *Directory) failureCounts(id, name string, ip netip.Addr) []failureCount {
	if d.kv == nil {
		return nil
	}
	who := "account:" + id
	if id == "" {
		sum := sha256.Sum256([]byte(fold(name))) // names of attackers have any length
		who = "name:" + hex.EncodeToString(sum[:16])
	}
	counts := []failureCount{{kv.Key{Prefix: kv.RateLimitAuth, Name: who}, d.o.FailuresByName}}
	if ip = ip.Unmap().WithZone(""); ip.IsValid() {
		from := ip.String()
		if ip.Is6() {
			if p, err := ip.Prefix(64); err == nil {
				from = p.String()
			}
		}
		counts = append(counts, failureCount{kv.Key{Prefix: kv.RateLimitAuth, Name: "ip:" + from}, d.o.FailuresByIP})
	}
	return counts
}

// allowed returns ErrTooManyFailures if one of counts is used up. Where the counts cannot be asked
// for, the prefix's policy decides: guessing passwords must not become free while a store is away.
func (d *Directory) allowed(ctx context.Context, counts []failureCount) error {
	for _, c := range counts {
		switch dec, err := d.kv.Rate(ctx, c.key, c.rule, 1, true); {
		case err != nil && c.key.Prefix.FailsOpen(err):
			d.log.LogAttrs(ctx, slog.LevelError, "failed logins cannot be looked up", slog.Any("err", err))
		case err != nil:
			return fmt.Errorf("failed logins cannot be looked up: %w", err)
		case !dec.Allowed:
			return ErrTooManyFailures
		}
	}
	return nil
}

func (d *Directory) count(ctx context.Context, counts []failureCount) {
	ctx = context.WithoutCancel(ctx) // a client that hangs up does not get a free guess
	for _, c := range counts {
		if _, err := d.kv.Rate(ctx, c.key, c.rule, 1, false); err != nil {
			d.log.LogAttrs(ctx, slog.LevelError, "failed login cannot be counted", slog.Any("err", err))
		}
	}
}

// revision returns how often the password of an account was changed.
func (d *Directory) revision(ctx context.Context, id string) (int64, error) {
	if d.kv == nil {
		return 0, nil
	}
	return d.kv.Counter(ctx, kv.Key{Prefix: kv.TokenRevision, Name: id})
}

// forgetLogins makes every remembered login of an account worthless, in this process
// and in others that share the store.
func (d *Directory) forgetLogins(ctx context.Context, id string) error {
	d.seen.forget(id)
	if d.kv == nil {
		return nil
	}
	_, err := d.kv.Incr(context.WithoutCancel(ctx), kv.Key{Prefix: kv.TokenRevision, Name: id}, 1, 0)
	return err
}
