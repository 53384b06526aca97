package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/outbox"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// openIntake wires what all ways in share, and takes up deliveries that a crash left.
func (n *node) openIntake(ctx context.Context) error {
	j, err := runtime.OpenJournal(n.path("journal"), runtime.JournalOptions{Logger: n.log})
	if err != nil {
		return err
	}
	n.journal = j
	n.onClose("journal", j.Close)
	o := gateway.Options{
		Hostname:   n.config().Server.Hostname,
		Library:    n.library,
		Engine:     n.engine,
		Hosts:      n.host,
		Accounts:   recipients{n.accounts},
		Store:      n.mail,
		Sender:     sender{n.outbox},
		Stores:     n.store,
		Quotas:     n.quotas,
		Journal:    j,
		PipeFolder: n.config().Sieve.Programs.Pipe, PipeOptions: n.config().programOptions(),
		LimitsOf: func(s *scripts.Script) runtime.Limits {
			return limitsOf(n.config(), s.Trust, s.Program.Language())
		},
		Settings: func() *runtime.MailSettings { return n.config().mailSettings() },
		Room:     n.room,
		Record:   recordLevels[n.config().Explain.Record],
		Logger:   n.log,
	}
	if wrapIntake != nil {
		wrapIntake(&o)
	}
	if n.intake, err = gateway.New(o); err != nil {
		return err
	}
	n.intake.Recover(ctx)
	return nil
}

// wrapIntake lets tests put faults between the intake and what it works with.
var wrapIntake func(*gateway.Options)

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
	err := s.b.Enqueue(ctx, outbox.Message{Key: m.Key, From: m.From, To: append([]string{m.To}, m.Others...), Raw: m.Raw, Params: m.Params})
	if errors.Is(err, outbox.ErrNoRelay) || errors.Is(err, outbox.ErrLoop) || errors.Is(err, outbox.ErrAddress) {
		return fmt.Errorf("%w: %w", gateway.ErrUnsendable, err)
	}
	return err
}

// room refuses mail below the min-free mark of the data directory's disk.
func (n *node) room() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(n.config().Database.DBPath, &fs); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if int64(fs.Bavail)*fs.Bsize < n.config().Database.MinFree {
		return mailstore.ErrNoSpace
	}
	return nil
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
