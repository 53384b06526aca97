package main

import (
	"context"
	"errors"
	"strings"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/mailstore/local"
	"github.com/sluice-mail/sluice/runtime"
)

// boxes answers what scripts ask of the mail store of their account.
type boxes struct{ store *local.Store }

var _ runtime.MailStore = boxes{}

// with hands the account and its mailboxes to do. An account that is not there has nothing.
func (b boxes) with(ctx context.Context, account string, do func(a *local.Account, list []mailstore.Mailbox) error) error {
	if account == "" {
		return nil
	}
	a, release, err := b.store.OpenAccount(ctx, account)
	if err != nil {
		return err
	}
	defer release()
	list, _, err := a.Mailboxes(ctx)
	if err != nil {
		return err
	}
	return do(a, list)
}

// Exists says whether there is a mailbox of that path.
func (b boxes) Exists(ctx context.Context, account, path string) (ok bool, err error) {
	err = b.with(ctx, account, func(_ *local.Account, list []mailstore.Mailbox) error {
		ok = find(list, path) != nil
		return nil
	})
	return ok, err
}

// SpecialUse says whether a mailbox has an attribute, which is a role with a backslash.
func (b boxes) SpecialUse(ctx context.Context, account, mailbox, use string) (ok bool, err error) {
	role := strings.ToLower(strings.TrimPrefix(use, `\`))
	err = b.with(ctx, account, func(_ *local.Account, list []mailstore.Mailbox) error {
		for _, m := range list {
			ok = ok || m.Role == role && m.Role != "" && (mailbox == "" || samePath(m.Path, mailbox))
		}
		return nil
	})
	return ok, err
}

// MailboxID says whether a mailbox has this id.
func (b boxes) MailboxID(ctx context.Context, account, id string) (ok bool, err error) {
	err = b.with(ctx, account, func(_ *local.Account, list []mailstore.Mailbox) error {
		for _, m := range list {
			ok = ok || string(m.ID) == id
		}
		return nil
	})
	return ok, err
}

// Metadata returns an annotation of a mailbox, or of the account where mailbox is "".
func (b boxes) Metadata(ctx context.Context, account, mailbox, name string) (value string, ok bool, err error) {
	err = b.with(ctx, account, func(a *local.Account, list []mailstore.Mailbox) error {
		id := mailstore.ID("")
		if mailbox != "" {
			m := find(list, mailbox)
			if m == nil {
				return nil
			}
			id = m.ID
		}
		all, err := a.Metadata(ctx, id, name)
		if errors.Is(err, mailstore.ErrNotFound) {
			return nil // deleted at once
		}
		value, ok = all[strings.ToLower(name)]
		return err
	})
	return value, ok, err
}

func find(list []mailstore.Mailbox, path string) *mailstore.Mailbox {
	for i := range list {
		if samePath(list[i].Path, path) {
			return &list[i]
		}
	}
	return nil
}
