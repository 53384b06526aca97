package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
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
	case runtime.Keep, runtime.FileInto, runtime.Quarantine:
		return t.store(ctx, r, key, a)
	case runtime.Redirect:
		return t.send(ctx, r, key, a, Outgoing{Key: key, From: runtime.RedirectSender(&a, d.From.Address), To: a.Address,
			Raw: runtime.Redirected(d.Raw, &a, r.Address, t.in.newID("redirect", key)), Params: t.params(a)})
	case runtime.Send:
		if len(a.Raw) == 0 {
			return nil // it must not be sent; the plan says why
		}
		return t.send(ctx, r, key, a, Outgoing{Key: key, From: strings.Trim(a.From, "<>"), To: a.Address, Others: a.Others, Raw: a.Raw, Params: t.params(a)})
	case runtime.FileCopy:
		return t.fileCopy(ctx, r, key, a)
	case runtime.Pipe:
		return t.pipe(ctx, d.Plans[rcpt].Actions, r, key, a)
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
	if a.Kind != runtime.Keep {
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
	if f.Create && a.SpecialUse != "" {
		// Where that fails, the mailbox is there, or Import says what is wrong with it.
		_, _ = acct.CreateMailbox(ctx, f.Path, strings.ToLower(strings.TrimPrefix(a.SpecialUse, `\`)))
	}
	im := mailstore.Import{Raw: t.message(a), Mailboxes: []mailstore.Filing{f}, ReceivedAt: t.d.Time, Key: key}
	_, _, err = acct.Import(ctx, im)
	if never(err) {
		t.in.log.Warn("kept instead of filed", slog.String("account", r.Name), slog.String("mailbox", f.Path), slog.Any("err", err))
		im.Mailboxes = []mailstore.Filing{{Path: "INBOX"}}
		_, _, err = acct.Import(ctx, im)
	}
	if errors.Is(err, mailstore.ErrNotFound) { // even the inbox
		return t.gone(r, err)
	}
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// params returns the parameters of what is sent, the time of BY counted from now.
func (t *target) params(a runtime.Action) map[string]string {
	seconds, mode, ok := strings.Cut(a.Params["BY"], ";")
	n, err := strconv.Atoi(seconds)
	if !ok || err != nil {
		return a.Params
	}
	p := maps.Clone(a.Params)
	p["BY"] = fmt.Sprintf("%d;%s", n-int(t.in.o.Now().Sub(t.d.Time).Seconds()), mode)
	return p
}

// message returns the octets that a store files: the message, as the action has edited it,
// behind the line that says where it came from.
func (t *target) message(a runtime.Action) []byte {
	if len(a.Raw)+len(a.Header) == 0 {
		return t.stored()
	}
	return mail.PrependReturnPath(a.Message(t.d.Raw), t.d.From.Address)
}

// fileCopy files a message that a script composed. A copy that cannot be filed any more is
// given up: what it is a copy of was sent.
func (t *target) fileCopy(ctx context.Context, r runtime.Recipient, key string, a runtime.Action) error {
	acct, release, err := t.in.o.Store.Account(ctx, r.Account)
	if errors.Is(err, mailstore.ErrNotFound) {
		return t.gone(r, err)
	}
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	defer release()
	f := mailstore.Filing{Path: a.Mailbox, Create: a.Create, Keywords: keywords(a.Flags)}
	_, _, err = acct.Import(ctx, mailstore.Import{Raw: a.Raw, Mailboxes: []mailstore.Filing{f}, ReceivedAt: t.d.Time, Key: key})
	switch {
	case err == nil:
	case never(err):
		t.in.log.Warn("copy not filed", slog.String("account", r.Name), slog.String("mailbox", a.Mailbox), slog.Any("err", err))
	default:
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// never says that a store that failed will fail again.
func never(err error) bool {
	for _, e := range []error{mailstore.ErrNotFound, mailstore.ErrInvalidName, mailstore.ErrForbidden, mailstore.ErrLimit, mailstore.ErrInvalidKeyword} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// gone ends what was to be stored in an account that was removed.
func (t *target) gone(r runtime.Recipient, err error) error {
	t.in.log.Warn("dropped: the account was removed after the mail was accepted", slog.String("account", r.Name),
		slog.String("message_id", t.d.Serial), slog.Any("err", err))
	return nil
}

// send gives mail to the outbox. A redirect that it will never take is kept, any other mail
// is given up.
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
	if a.Kind != runtime.Redirect {
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
	key := runtime.ScriptKey(kv.Script, a.Namespace, a.Key)
	if a.Prefix != 0 {
		key = runtime.MemoryKey(a.Prefix, a.Key)
	}
	if in.o.Quotas != nil && a.Prefix == 0 && scripts.IsUser(a.Namespace) {
		err = in.o.Quotas.Set(ctx, s, a.Namespace, a.Key, value, ttl, in.o.Now())
	} else {
		err = s.Set(ctx, key, value, ttl)
	}
	var quota *runtime.QuotaError
	switch {
	case errors.As(err, &quota):
		in.log.Warn("mark not set", slog.String("account", strings.TrimPrefix(a.Namespace, scripts.UserNamespace(""))), slog.String("store", a.Store), slog.Any("err", err))
		return nil // the mail is not held up by it
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
