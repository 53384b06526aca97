package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/sqlite"
)

// Info is what List tells of an account.
type Info struct {
	Account
	Aliases []string // in byte order
	Created time.Time
	Removed time.Time // zero: it lives
}

// Add makes an account and returns it. It returns ErrName or ErrPassword for what
// cannot be one, and ErrTaken if the name is an account's or an alias already.
func (d *Directory) Add(ctx context.Context, name, password string) (Account, error) {
	if err := checkName(name); err != nil {
		return Account{}, wrap("add", err)
	}
	// Asked before the costly hash, and again with the write.
	err := d.db.Read(ctx, func(c *sqlite.Conn) error { return d.free(c, name) })
	if err != nil {
		return Account{}, wrap("add", err)
	}
	verifiers, err := d.makeVerifiers(ctx, password)
	if err != nil {
		return Account{}, wrap("add", err)
	}
	id, err := d.newID()
	if err != nil {
		return Account{}, wrap("add", err)
	}
	err = d.db.Write(ctx, func(tx *sqlite.Tx) error {
		if err := d.free(tx.Conn, name); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO account (id, name, key, created) VALUES (?, ?, ?, ?)`,
			id, name, fold(name), d.now().UnixMilli())
		if err != nil {
			return err
		}
		return putVerifiers(tx, id, verifiers)
	})
	if err != nil {
		return Account{}, wrap("add", err)
	}
	return Account{ID: id, Name: name}, nil
}

// free returns ErrTaken if name, or one that means the same, is somebody's.
func (d *Directory) free(c *sqlite.Conn, name string) error {
	switch a, err := d.find(c, name, false); {
	case err == nil:
		return fmt.Errorf("%w: %s is account %s", ErrTaken, name, a.Name)
	case !errors.Is(err, ErrUnknown):
		return err
	}
	return nil
}

// Passwd sets the password of the account name (not of an alias). Logins that are
// remembered are forgotten.
func (d *Directory) Passwd(ctx context.Context, name, password string) error {
	verifiers, err := d.makeVerifiers(ctx, password)
	if err != nil {
		return wrap("passwd", err)
	}
	var a Account
	err = d.db.Write(ctx, func(tx *sqlite.Tx) (err error) {
		if a, err = d.named(tx.Conn, name); err != nil {
			return err
		}
		return putVerifiers(tx, a.ID, verifiers)
	})
	if err != nil {
		return wrap("passwd", err)
	}
	return wrap("passwd", d.forgetLogins(ctx, a.ID))
}

// named returns the account of that name. An alias is not enough to change or remove
// what it leads to.
func (d *Directory) named(c *sqlite.Conn, name string) (Account, error) {
	local, domain, _ := splitAddress(name)
	a, err := lookUp(c, byName, d.keys(local, domain))
	if !errors.Is(err, ErrUnknown) {
		return a, err
	}
	if a, err := lookUp(c, byAlias, d.keys(local, domain)); err == nil {
		return Account{}, fmt.Errorf("%w: %.80q is an alias of %s", ErrUnknown, name, a.Name)
	}
	return Account{}, fmt.Errorf("%w: %.80q", ErrUnknown, name)
}

func putVerifiers(tx *sqlite.Tx, id string, verifiers []string) error {
	if _, err := tx.Exec(`DELETE FROM credential WHERE account = ?`, id); err != nil {
		return err
	}
	for n, v := range verifiers {
		if _, err := tx.Exec(`INSERT INTO credential (account, n, verifier) VALUES (?, ?, ?)`, id, n, v); err != nil {
			return err
		}
	}
	return nil
}

// Alias makes alias another address of the account that name names. It returns
// ErrTaken for one that could never be reached, because it is an account's name, with
// or without a detail, or an alias already.
func (d *Directory) Alias(ctx context.Context, name, alias string) error {
	if err := checkName(alias); err != nil {
		return wrap("alias", err)
	}
	err := d.db.Write(ctx, func(tx *sqlite.Tx) error {
		a, err := d.named(tx.Conn, name)
		if err != nil {
			return err
		}
		if err := d.free(tx.Conn, alias); err != nil {
			return err
		}
		local, domain, _ := splitAddress(alias)
		plain, _, _ := strings.Cut(local, "+")
		if b, err := lookUp(tx.Conn, byName, d.keys(plain, domain)); err == nil {
			return fmt.Errorf("%w: %s is account %s with a detail", ErrTaken, alias, b.Name)
		} else if !errors.Is(err, ErrUnknown) {
			return err
		}
		_, err = tx.Exec(`INSERT INTO alias (key, alias, account) VALUES (?, ?, ?)`, fold(alias), alias, a.ID)
		return err
	})
	return wrap("alias", err)
}

// Unalias takes alias from the account that name names, or returns ErrUnknown if it
// is not one of its aliases.
func (d *Directory) Unalias(ctx context.Context, name, alias string) error {
	err := d.db.Write(ctx, func(tx *sqlite.Tx) error {
		a, err := d.named(tx.Conn, name)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM alias WHERE key = ? AND account = ?`, fold(alias), a.ID)
		if err == nil && n == 0 {
			return fmt.Errorf("%w: %s has no alias %.80q", ErrUnknown, a.Name, alias)
		}
		return err
	})
	return wrap("unalias", err)
}

// Remove hides the account that name names from everybody and gives up its aliases.
// Its data is removed later, by whoever asks Removed.
func (d *Directory) Remove(ctx context.Context, name string) error {
	var a Account
	err := d.db.Write(ctx, func(tx *sqlite.Tx) (err error) {
		if a, err = d.named(tx.Conn, name); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE account SET removed = ? WHERE id = ?`, max(d.now().UnixMilli(), 1), a.ID); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM alias WHERE account = ?`,
			`DELETE FROM credential WHERE account = ?`,
			`DELETE FROM due WHERE account = ?`,
		} {
			if _, err := tx.Exec(query, a.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return wrap("remove", err)
	}
	return wrap("remove", d.forgetLogins(ctx, a.ID))
}

// Forget drops what is left of a removed account, after its data is gone. An account
// that lives is ErrTaken.
func (d *Directory) Forget(ctx context.Context, id string) error {
	err := d.db.Write(ctx, func(tx *sqlite.Tx) error {
		var name string
		if err := living(tx.Conn, id, &name); err == nil {
			return fmt.Errorf("%w: account %s was not removed", ErrTaken, name)
		} else if !errors.Is(err, ErrUnknown) {
			return err
		}
		_, err := tx.Exec(`DELETE FROM account WHERE id = ?`, id)
		return err
	})
	return wrap("forget", err)
}

// List returns the accounts by name.
func (d *Directory) List(ctx context.Context) ([]Info, error) {
	var list []Info
	err := d.db.Read(ctx, func(c *sqlite.Conn) (err error) {
		if list, err = infos(c, `SELECT id, name, created, removed FROM account WHERE removed = 0 ORDER BY key`); err != nil {
			return err
		}
		at := make(map[string]int, len(list))
		for i, info := range list {
			at[info.ID] = i
		}
		rows := c.Query(`SELECT account, alias FROM alias ORDER BY key`)
		for rows.Next() {
			var id, alias string
			if rows.Scan(&id, &alias) != nil {
				break // Close has the error
			}
			if i, ok := at[id]; ok {
				list[i].Aliases = append(list[i].Aliases, alias)
			}
		}
		return rows.Close()
	})
	return list, wrap("list", err)
}

// Removed returns the accounts that were removed and whose data may still be there,
// the longest removed first.
func (d *Directory) Removed(ctx context.Context) ([]Info, error) {
	var list []Info
	err := d.db.Read(ctx, func(c *sqlite.Conn) (err error) {
		list, err = infos(c, `SELECT id, name, created, removed FROM account WHERE removed <> 0 ORDER BY removed, id`)
		return err
	})
	return list, wrap("removed", err)
}

func infos(c *sqlite.Conn, query string) ([]Info, error) {
	var list []Info
	rows := c.Query(query)
	for rows.Next() {
		var info Info
		var created, removed int64
		if err := rows.Scan(&info.ID, &info.Name, &created, &removed); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		info.Created = time.UnixMilli(created)
		if removed != 0 {
			info.Removed = time.UnixMilli(removed)
		}
		list = append(list, info)
	}
	return list, rows.Close()
}
