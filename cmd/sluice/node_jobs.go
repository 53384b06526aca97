package main

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/housekeeping"
	"github.com/sluice-mail/sluice/mailstore"
)

// keepKeys is how long imports and sends stay idempotent: as long as the journal may ask for them
// again, and a bounce may come again. 0: for ever, since the journal is not open.
func (n *node) keepKeys() time.Duration {
	if n.journal == nil {
		return 0
	}
	return max(n.journal.KeepKeys(), time.Duration(n.config().Relay.Lifetime)*time.Second+24*time.Hour)
}

// openJobs wires the housekeeper.
func (n *node) openJobs(context.Context) error {
	c := n.config()
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
		Blobs:       blobs{n},
		Accounts:    removed{n, map[string]bool{}},
		Logs:        logs{&round{n: n}},
		Schedules: map[string]string{
			"purge-vanished": c.IMAP.CachePurgeEvery, "purge-blobs": c.Housekeeper.SchedulePurgeBlobs,
			"purge-accounts": c.Housekeeper.SchedulePurgeAccounts, "snapshot-log": c.Housekeeper.ScheduleSnapshotLog,
		},
	})
	return err
}

// round goes over all accounts, one batch of one account a call. It is used by one job, whose
// lease keeps calls apart. An account that fails is told at the end and keeps no other waiting.
type round struct {
	n      *node
	left   []string // accounts of this round that are not done
	busy   bool
	failed []error
}

func (r *round) batch(ctx context.Context, work func(id string) (removed int, more bool, err error)) (int, bool, error) {
	if !r.busy {
		ids, err := r.n.mail.AccountIDs(ctx)
		if err != nil || len(ids) == 0 {
			return 0, false, err
		}
		r.left, r.busy, r.failed = ids, true, nil
	}
	removed, more, err := work(r.left[0])
	if err != nil || !more {
		r.left = r.left[1:]
	}
	r.busy = len(r.left) > 0
	if err != nil && !errors.Is(err, mailstore.ErrNotFound) { // not found: it went in the meantime
		r.failed = append(r.failed, err)
	}
	if r.busy {
		return removed, true, nil
	}
	return removed, false, errors.Join(r.failed...)
}

// vanished is what purge-vanished works on.
type vanished struct{ *round }

func (v vanished) PurgeVanished(ctx context.Context, before time.Time) (int, bool, error) {
	return v.batch(ctx, func(id string) (int, bool, error) {
		return v.n.mail.PurgeVanished(ctx, id, time.Since(before))
	})
}

func (v vanished) Due(ctx context.Context) (int64, error) {
	return v.n.mail.DueVanished(ctx, time.Duration(v.n.config().IMAP.CacheRemovedIDTTL)*time.Second)
}

// blobs is what purge-blobs works on.
type blobs struct{ n *node }

func (b blobs) PurgeBlobs(ctx context.Context) (int, bool, error) { return b.n.mail.PurgeBlobs(ctx) }
func (b blobs) Due(ctx context.Context) (int64, error)            { return b.n.mail.DueBlobs(ctx) }

// logs is what snapshot-log works on.
type logs struct{ *round }

func (l logs) SnapshotLog(ctx context.Context) (int, bool, error) {
	return l.batch(ctx, func(id string) (int, bool, error) {
		folded, err := l.n.mail.FoldChangelog(ctx, id)
		if err != nil {
			return folded, false, err
		}
		keep := l.n.keepKeys()
		if keep == 0 {
			return folded, false, nil
		}
		keys, more, err := l.n.mail.PruneKeys(ctx, id, keep)
		return folded + keys, more, err
	})
}

func (l logs) Due(ctx context.Context) (int64, error) { return l.n.mail.DueChangelog(ctx) }

// removed is what purge-accounts works on.
type removed struct {
	n    *node
	held map[string]bool // accounts that somebody still uses: they wait for the next run
}

func (r removed) PurgeAccounts(ctx context.Context) (int, bool, error) {
	list, err := r.n.accounts.Removed(ctx)
	if err != nil {
		return 0, false, err
	}
	for _, a := range list {
		if r.held[a.ID] {
			continue
		}
		count, more, err := r.n.mail.RemoveAccount(ctx, a.ID)
		switch {
		case errors.Is(err, mailstore.ErrNotFound), err == nil && !more:
			if err := r.n.accounts.Forget(ctx, a.ID); err != nil && !errors.Is(err, account.ErrUnknown) {
				return count, false, err
			}
		case err != nil:
			return count, false, err
		case count == 0:
			r.held[a.ID] = true
			continue
		}
		return count, true, nil
	}
	clear(r.held)
	return 0, false, nil
}

// Due counts the deleted accounts that wait.
func (r removed) Due(ctx context.Context) (int64, error) {
	list, err := r.n.accounts.Removed(ctx)
	return int64(len(list)), err
}
