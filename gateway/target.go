package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
)

// target does the actions of one delivery in the mail store, the outbox and the
// key-value stores. It is a runtime.Target.
type target struct {
	in *Intake
	d  *runtime.Delivery
	// stored is the message as it is stored, made when it is first needed.
	stored func() []byte
}

func (in *Intake) target(d *runtime.Delivery) *target {
	return &target{in: in, d: d, stored: sync.OnceValue(func() []byte { return mail.PrependReturnPath(d.Raw, d.From.Address) })}
}

// Do does one action. What can never be done any more, although it could when it was
// promised, is replaced by a keep, and logged. Mail for an account that was removed
// meanwhile goes with the account's other mail: it is dropped, and logged.
func (t *target) Do(ctx context.Context, d *runtime.Delivery, rcpt, index int, a runtime.Action) error {
	key := runtime.ActionKey(d, rcpt, index)
	r := d.Plans[rcpt].Rcpt
	switch a.Kind {
	case runtime.Keep, runtime.FileInto:
		return t.store(ctx, r, key, a)
	case runtime.Redirect:
		return t.send(ctx, r, key, a, Outgoing{Key: key, From: d.From.Address, To: a.Address, Raw: redirected(d.Raw, r.Address)})
	case runtime.Reply:
		return t.send(ctx, r, key, a, Outgoing{Key: key, To: d.From.Address, Raw: t.in.replyTo(d, r, key, a)})
	case runtime.Mark:
		return t.in.mark(ctx, a, d.Time)
	}
	return nil
}

// store files the message in a mailbox.
func (t *target) store(ctx context.Context, r runtime.Recipient, key string, a runtime.Action) error {
	f := mailstore.Filing{Path: "INBOX", Keywords: keywords(a.Flags)}
	if a.Kind == runtime.FileInto {
		f.Path, f.Create = a.Mailbox, a.Create
	}
	acct, release, err := t.in.o.Store.Account(ctx, r.Account)
	if errors.Is(err, mailstore.ErrNotFound) {
		return t.gone(r, err)
	}
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	defer release()
	im := mailstore.Import{Raw: t.stored(), Mailboxes: []mailstore.Filing{f}, ReceivedAt: t.d.Time, Key: key}
	_, _, err = acct.Import(ctx, im)
	for _, gone := range []error{mailstore.ErrNotFound, mailstore.ErrInvalidName, mailstore.ErrForbidden, mailstore.ErrLimit, mailstore.ErrInvalidKeyword} {
		if !errors.Is(err, gone) {
			continue
		}
		t.in.log.Warn("kept instead of filed", slog.String("account", r.Name), slog.String("mailbox", f.Path), slog.Any("err", err))
		im.Mailboxes = []mailstore.Filing{{Path: "INBOX"}}
		_, _, err = acct.Import(ctx, im)
		break
	}
	if errors.Is(err, mailstore.ErrNotFound) { // even the inbox
		return t.gone(r, err)
	}
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// gone ends what was to be stored in an account that was removed.
func (t *target) gone(r runtime.Recipient, err error) error {
	t.in.log.Warn("dropped: the account was removed after the mail was accepted", slog.String("account", r.Name),
		slog.String("message_id", t.d.Serial), slog.Any("err", err))
	return nil
}

// send gives mail to the outbox. A redirect that it will never take is kept, a reply is
// given up.
func (t *target) send(ctx context.Context, r runtime.Recipient, key string, a runtime.Action, m Outgoing) error {
	err := ErrUnsendable
	if t.in.o.Sender != nil {
		err = t.in.o.Sender.Send(ctx, m)
	}
	if !errors.Is(err, ErrUnsendable) {
		if err != nil {
			err = fmt.Errorf("gateway: %w", err)
		}
		return err
	}
	t.in.log.Warn("not sent: "+string(a.Kind), slog.String("account", r.Name), slog.Any("err", err))
	if a.Kind == runtime.Reply {
		return nil
	}
	return t.store(ctx, r, key, runtime.Action{Kind: runtime.Keep})
}

// mark sets a key. Its time counts from since, so that it is the same however late and
// however often it is done.
func (in *Intake) mark(ctx context.Context, a runtime.Action, since time.Time) error {
	ttl := a.TTL
	if ttl > 0 {
		if ttl -= in.o.Now().Sub(since); ttl < time.Millisecond {
			return nil // over already
		}
	}
	value, err := runtime.EncodeValue(a.Value)
	if err != nil {
		in.log.Error("mark has no value that can be kept", slog.String("store", a.Store), slog.Any("err", err))
		return nil
	}
	s, err := in.o.Stores(a.Store)
	if err != nil {
		in.log.Error("mark cannot be set", slog.String("store", a.Store), slog.Any("err", err))
		return nil // the store is not configured any more
	}
	err = s.Set(ctx, runtime.ScriptKey(kv.Script, a.Namespace, a.Key), value, ttl)
	switch {
	case errors.Is(err, kv.ErrNotFound), errors.Is(err, kv.ErrTooLarge), errors.Is(err, kv.ErrUnsupported):
		in.log.Error("mark cannot be set", slog.String("store", a.Store), slog.Any("err", err))
		return nil // and never will
	case err != nil:
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// system are the flags that JMAP spells as keywords. Spec: RFC 8621, section 4.1.1.
var system = map[string]string{`\seen`: "$seen", `\answered`: "$answered", `\flagged`: "$flagged", `\draft`: "$draft"}

// keywords returns IMAP flags as the mail store names them.
func keywords(flags []string) []string {
	var out []string
	for _, f := range flags {
		if k, ok := system[strings.ToLower(f)]; ok {
			f = k
		}
		out = append(out, f)
	}
	return out
}
