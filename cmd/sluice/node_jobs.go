package main

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/housekeeping"
	"github.com/sluice-mail/sluice/mailstore"
)

// keepImportKeys is how long imports stay idempotent: far longer than a delivery waits in the
// journal, which is what asks for the same import again.
const keepImportKeys = 30 * 24 * time.Hour

// openJobs wires the housekeeper.
func (n *node) openJobs(context.Context) error {
	c := n.config
	history, err := housekeeping.FileHistory(n.path("jobs.json"))
	if err != nil {
		return err
	}
	lock, err := n.store("")
	if err != nil {
		return err
	}
	stores := map[string]housekeeping.Store{}
	for id, s := range n.stores {
		stores[id] = housekeeping.Store{Purger: s, Schedule: c.Store[id].Purge.Frequency}
	}
	n.jobs, err = housekeeping.New(housekeeping.Options{Lock: lock, History: history, Logger: n.log}, housekeeping.Deps{
		Stores:      stores,
		Vanished:    vanished{&round{n: n}},
		VanishedTTL: time.Duration(c.IMAP.CacheRemovedIDTTL) * time.Second,
		Blobs:       n.mail,
		Accounts:    removed{n},
		Logs:        logs{&round{n: n}},
		Schedules: map[string]string{
			"purge-vanished": c.IMAP.CachePurgeEvery, "purge-blobs": c.Housekeeper.SchedulePurgeBlobs,
			"purge-accounts": c.Housekeeper.SchedulePurgeAccounts, "snapshot-log": c.Housekeeper.ScheduleSnapshotLog,
		},
	})
	return err
}

// round goes over all accounts, one batch of one account a call. It is used by one job, whose
// lease keeps calls apart.
type round struct {
	n    *node
	left []string // accounts of this round that are not done
	busy bool
}

func (r *round) batch(ctx context.Context, work func(id string) (removed int, more bool, err error)) (int, bool, error) {
	if !r.busy {
		ids, err := r.n.mail.AccountIDs(ctx)
		if err != nil || len(ids) == 0 {
			return 0, false, err
		}
		r.left, r.busy = ids, true
	}
	removed, more, err := work(r.left[0])
	if err != nil || !more {
		r.left = r.left[1:]
	}
	r.busy = len(r.left) > 0
	if errors.Is(err, mailstore.ErrNotFound) {
		err = nil // the account went in the meantime
	}
	return removed, r.busy, err
}

// vanished is what purge-vanished works on.
type vanished struct{ *round }

func (v vanished) PurgeVanished(ctx context.Context, before time.Time) (int, bool, error) {
	return v.batch(ctx, func(id string) (int, bool, error) {
		return v.n.mail.PurgeVanished(ctx, id, time.Since(before))
	})
}

// logs is what snapshot-log works on.
type logs struct{ *round }

func (l logs) SnapshotLog(ctx context.Context) (int, bool, error) {
	return l.batch(ctx, func(id string) (int, bool, error) {
		folded, err := l.n.mail.FoldChangelog(ctx, id)
		if err != nil {
			return folded, false, err
		}
		keys, more, err := l.n.mail.PruneKeys(ctx, id, keepImportKeys)
		return folded + keys, more, err
	})
}

// removed is what purge-accounts works on.
type removed struct{ n *node }

func (r removed) PurgeAccounts(ctx context.Context) (int, bool, error) {
	list, err := r.n.accounts.Removed(ctx)
	if err != nil || len(list) == 0 {
		return 0, false, err
	}
	id := list[0].ID
	count, more, err := r.n.mail.RemoveAccount(ctx, id)
	switch {
	case errors.Is(err, mailstore.ErrNotFound), err == nil && !more:
		if err := r.n.accounts.Forget(ctx, id); err != nil && !errors.Is(err, account.ErrUnknown) {
			return count, false, err
		}
		return count, len(list) > 1, nil
	}
	return count, more, err
}
