package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/sqlite"
)

// Resolve returns the account that address belongs to, or ErrUnknown: the account of
// exactly that name, else the one without "+detail", else the one that has it as an
// alias. A local part alone, or at the host name or localhost, means the same.
func (d *Directory) Resolve(ctx context.Context, address string) (Account, error) {
	var a Account
	err := d.db.Read(ctx, func(c *sqlite.Conn) (err error) {
		a, err = d.find(c, address, true)
		return err
	})
	return a, wrap("resolve", err)
}

const (
	byName  = `SELECT id, name FROM account WHERE key = ? AND removed = 0`
	byAlias = `SELECT a.id, a.name FROM alias JOIN account a ON a.id = alias.account WHERE alias.key = ? AND a.removed = 0`
)

// find is Resolve inside a transaction. Without details an address with a detail is
// only found if it is a name or alias as a whole.
func (d *Directory) find(c *sqlite.Conn, address string, details bool) (Account, error) {
	local, domain, ok := splitAddress(address)
	if !ok || len(address) > 4*maxName {
		return Account{}, ErrUnknown
	}
	plain, detail, plus := strings.Cut(local, "+")
	plus = plus && plain != "" && details
	for _, query := range []string{byName, byAlias} {
		a, err := lookUp(c, query, d.keys(local, domain))
		if errors.Is(err, ErrUnknown) && plus {
			a, err = lookUp(c, query, d.keys(plain, domain))
			a.Detail = detail
		}
		if !errors.Is(err, ErrUnknown) {
			return a, err
		}
	}
	return Account{}, ErrUnknown
}

// lookUp returns the account that the first of keys finds.
func lookUp(c *sqlite.Conn, query string, keys []string) (Account, error) {
	for _, key := range keys {
		var a Account
		err := c.QueryRow(query, key).Scan(&a.ID, &a.Name)
		if !errors.Is(err, sqlite.ErrNoRows) {
			return a, err
		}
	}
	return Account{}, ErrUnknown
}

// Get returns the account with this id, or ErrUnknown if there is none or it was
// removed.
func (d *Directory) Get(ctx context.Context, id string) (Account, error) {
	a := Account{ID: id}
	err := d.db.Read(ctx, func(c *sqlite.Conn) error { return living(c, id, &a.Name) })
	if err != nil {
		return Account{}, wrap("get", err)
	}
	return a, nil
}

// living reads the name of the account id into name, or returns ErrUnknown.
func living(c *sqlite.Conn, id string, name *string) error {
	err := c.QueryRow(`SELECT name FROM account WHERE id = ? AND removed = 0`, id).Scan(name)
	if errors.Is(err, sqlite.ErrNoRows) {
		return ErrUnknown
	}
	return err
}

// wrap says which act failed; the package's own errors stay recognisable in it.
func wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("account: %s: %w", act, err)
}
