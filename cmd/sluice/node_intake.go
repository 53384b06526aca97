package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/housekeeping"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/outbox"
	"github.com/sluice-mail/sluice/runtime"
)

// openIntake wires what all ways in share, and takes up deliveries that a crash left.
func (n *node) openIntake(ctx context.Context) error {
	j, err := runtime.OpenJournal(n.path("journal"), runtime.JournalOptions{Logger: n.log})
	if err != nil {
		return err
	}
	n.journal = j
	n.onClose("journal", j.Close)
	n.intake, err = gateway.New(gateway.Options{
		Hostname: n.config.Server.Hostname,
		Library:  n.library,
		Engine:   n.engine,
		Hosts:    n.host,
		Accounts: recipients{n.accounts},
		Store:    n.mail,
		Sender:   sender{n.outbox},
		Stores:   n.store,
		Journal:  j,
		Limits:   limitsOf(n.config),
		Room:     n.room,
		Record:   recordLevels[n.config.Explain.Record],
		Logger:   n.log,
	})
	if err != nil {
		return err
	}
	n.intake.Recover(ctx)
	return nil
}

var recordLevels = map[string]runtime.Level{"off": runtime.RecordOff, "summary": runtime.RecordSummary, "full": runtime.RecordFull}

// recipients lends the directory to the gateways.
type recipients struct{ d *account.Directory }

func (r recipients) Resolve(ctx context.Context, address string) (gateway.Account, error) {
	a, err := r.d.Resolve(ctx, address)
	if errors.Is(err, account.ErrUnknown) {
		return gateway.Account{}, gateway.ErrUnknownRecipient
	}
	return gateway.Account{ID: a.ID, Name: a.Name, Detail: a.Detail}, err
}

// sender lends the outbox to the gateways.
type sender struct{ b *outbox.Outbox }

func (s sender) Ready() bool { return s.b.HasRelay() }

func (s sender) Send(ctx context.Context, m gateway.Outgoing) error {
	err := s.b.Enqueue(ctx, outbox.Message{Key: m.Key, From: m.From, To: []string{m.To}, Raw: m.Raw})
	if errors.Is(err, outbox.ErrNoRelay) || errors.Is(err, outbox.ErrLoop) || errors.Is(err, outbox.ErrAddress) {
		return fmt.Errorf("%w: %w", gateway.ErrUnsendable, err)
	}
	return err
}

// room refuses mail below the min-free mark of the data directory's disk.
func (n *node) room() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(n.config.Database.DBPath, &fs); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if int64(fs.Bavail)*fs.Bsize < n.config.Database.MinFree {
		return mailstore.ErrNoSpace
	}
	return nil
}

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
		Vanished:    &vanished{n: n},
		VanishedTTL: time.Duration(c.IMAP.CacheRemovedIDTTL) * time.Second,
		Blobs:       n.mail,
		Schedules:   map[string]string{"purge-vanished": c.IMAP.CachePurgeEvery, "purge-blobs": c.Housekeeper.SchedulePurgeBlobs},
	})
	return err
}

// vanished forgets vanished ids, account after account, a batch a call.
type vanished struct {
	n    *node
	left []string // accounts of this round that are not done
	busy bool
}

func (v *vanished) PurgeVanished(ctx context.Context, before time.Time) (int, bool, error) {
	if !v.busy {
		ids, err := v.n.mail.AccountIDs(ctx)
		if err != nil {
			return 0, false, err
		}
		v.left, v.busy = ids, true
	}
	if len(v.left) == 0 {
		v.busy = false
		return 0, false, nil
	}
	removed, more, err := v.n.mail.PurgeVanished(ctx, v.left[0], time.Since(before))
	if err != nil || !more {
		v.left = v.left[1:]
	}
	if len(v.left) == 0 {
		v.busy = false
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, mailstore.ErrNotFound) {
		err = nil // the account went in the meantime
	}
	return removed, v.busy, err
}

// samePath compares mailbox paths: the first level INBOX is the inbox in any case.
func samePath(a, b string) bool {
	first := func(p string) string {
		head, rest, deep := strings.Cut(p, mailstore.Separator)
		if strings.EqualFold(head, "INBOX") {
			head = "INBOX"
		}
		if deep {
			return head + mailstore.Separator + rest
		}
		return head
	}
	return first(a) == first(b)
}
