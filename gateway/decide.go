package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// decide runs the deliver scripts of tx's recipient, one after the other as long as the
// plan leaves a keep, and makes what they ask for possible. prior is what the data
// scripts settled.
//
// A refusal may come with actions, which are marks.
func (in *Intake) decide(ctx context.Context, tx *runtime.Transaction, prior []runtime.Action, first bool) ([]runtime.Action, Outcome) {
	actions := prior
	if !first {
		actions = withoutSends(prior)
	}
	list := in.o.Library.For(tx)
	if len(list) == 0 || !keeps(actions) && len(prior) > 0 {
		settled, err := runtime.Settle(runtime.Plan{}, nil, actions, in.o.Limits)
		if err != nil {
			return nil, serverError // cannot be: an empty plan conflicts with nothing
		}
		list, actions = nil, settled.Actions
	}
	for i, s := range list {
		if i > 0 && !keeps(actions) {
			break
		}
		settled, onFailure := in.run(ctx, s, tx, actions)
		if onFailure != scripts.Accept {
			return nil, failedScript(onFailure)
		}
		actions = settled.Actions
		if settled.Refused != nil {
			return actions, answerOf(*settled.Refused)
		}
		if ends(actions) {
			break
		}
	}
	return in.possible(ctx, tx, actions)
}

// keeps says whether a keep, explicit or implicit, is among the actions.
func keeps(actions []runtime.Action) bool {
	return slices.ContainsFunc(actions, func(a runtime.Action) bool { return a.Kind == runtime.Keep })
}

// ends says whether a script asked that no later one of the stage is run.
func ends(actions []runtime.Action) bool {
	return slices.ContainsFunc(actions, func(a runtime.Action) bool { return a.Kind == runtime.Accept })
}

// ofNextStage returns what is left of a stage's actions at the next one.
func ofNextStage(actions []runtime.Action) []runtime.Action {
	return slices.DeleteFunc(slices.Clone(actions), func(a runtime.Action) bool { return a.Kind == runtime.Accept })
}

// withoutSends returns what data scripts settled as it counts for each recipient but the
// first: the message is stored for each, and sent or marked once.
func withoutSends(actions []runtime.Action) []runtime.Action {
	var out []runtime.Action
	for _, a := range actions {
		switch a.Kind {
		case runtime.Reply, runtime.Send, runtime.FileCopy, runtime.Mark:
		case runtime.Redirect, runtime.Pipe:
			if !a.Copy { // it cancelled the implicit keep, and still does
				out = append(out, runtime.Action{Kind: runtime.Discard})
			}
		default:
			out = append(out, a)
		}
	}
	return out
}

// possible replaces actions that cannot be done by a keep, and drops replies that must
// not be sent, so that what is promised can be done.
func (in *Intake) possible(ctx context.Context, tx *runtime.Transaction, actions []runtime.Action) ([]runtime.Action, Outcome) {
	if err := in.reachable(ctx, tx.Rcpt.Account, actions); err != nil {
		in.log.Error("account cannot be opened", slog.String("account", tx.Rcpt.Name), slog.Any("err", err))
		return nil, in.storeOutcome(err)
	}
	var boxes mailboxes
	out := make([]runtime.Action, 0, len(actions))
	var keepFlags []string
	var marks []runtime.Action
	keep := false
	instead := func(a runtime.Action, why string) {
		in.log.Warn("kept instead of "+string(a.Kind), slog.String("account", tx.Rcpt.Name), slog.String("message_id", tx.ID),
			slog.String("mailbox", a.Mailbox), slog.String("err", why))
		keep = true
		keepFlags = append(keepFlags, a.Flags...)
	}
	for _, a := range actions {
		switch {
		case (a.Kind == runtime.FileInto || a.Kind == runtime.FileCopy) && (!a.Create || a.SpecialUse != "" || a.MailboxID != ""):
			if boxes == nil {
				var err error
				if boxes, err = in.mailboxes(ctx, tx.Rcpt.Account); err != nil {
					in.log.Error("mailboxes cannot be read", slog.String("account", tx.Rcpt.Name), slog.Any("err", err))
					return nil, in.storeOutcome(err)
				}
			}
			there := boxes.resolve(&a)
			switch {
			case a.Kind == runtime.FileInto && !there && !a.Create:
				instead(a, "there is no such mailbox")
				continue
			case a.Kind == runtime.FileCopy && !there && !a.Create:
				in.log.Warn("no copy is filed: there is no such mailbox", slog.String("account", tx.Rcpt.Name),
					slog.String("message_id", tx.ID), slog.String("mailbox", a.Mailbox))
				continue
			case joined(out, a):
				continue
			}
		case a.Kind == runtime.Redirect:
			if err := in.redirectable(ctx, tx, &a); err != nil {
				instead(a, err.Error())
				continue
			}
			if m, ok := redirectMark(tx, &a); ok {
				marks = append(marks, m)
			}
		case a.Kind == runtime.Pipe && in.o.PipeFolder == "":
			if _, ok := runtime.InsteadOfPipe(actions, &a); ok {
				instead(a, "no folder of programs is configured")
			}
			continue
		case a.Kind == runtime.Reply:
			if why := in.silent(tx); why != "" {
				in.log.Info("no reply: "+why, slog.String("account", tx.Rcpt.Name), slog.String("message_id", tx.ID))
				continue
			}
		case a.As != "" && (len(a.Raw) > 0 || a.Kind == runtime.Mark) && (in.o.Sender == nil || !in.o.Sender.Ready()):
			in.log.Warn("no "+a.As+" is sent: no relay is configured", slog.String("account", tx.Rcpt.Name), slog.String("message_id", tx.ID))
			continue
		}
		out = append(out, a)
	}
	if keep {
		out = addKeep(out, keepFlags)
	}
	return append(out, marks...), OK
}

// reachable opens the account that actions store in, or a redirect would fall back to: mail for
// one that is damaged stays with the peer.
func (in *Intake) reachable(ctx context.Context, account string, actions []runtime.Action) error {
	if !slices.ContainsFunc(actions, func(a runtime.Action) bool {
		return a.Kind == runtime.Keep || a.Kind == runtime.FileInto || a.Kind == runtime.Quarantine || a.Kind == runtime.FileCopy || a.Kind == runtime.Redirect ||
			a.Kind == runtime.Pipe
	}) {
		return nil
	}
	_, release, err := in.o.Store.Account(ctx, account)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	release()
	return nil
}

// addKeep adds an implicit keep, in front of the marks, to actions that lack one.
func addKeep(actions []runtime.Action, flags []string) []runtime.Action {
	if keeps(actions) {
		return actions
	}
	at := slices.IndexFunc(actions, func(a runtime.Action) bool { return a.Kind == runtime.Mark })
	if at < 0 {
		at = len(actions)
	}
	return slices.Insert(actions, at, runtime.Action{Kind: runtime.Keep, Implicit: true, Flags: runtime.NormalFlags(flags)})
}

// mailboxes are those of an account.
type mailboxes []mailstore.Mailbox

func (in *Intake) mailboxes(ctx context.Context, account string) (mailboxes, error) {
	acct, release, err := in.o.Store.Account(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	defer release()
	all, _, err := acct.Mailboxes(ctx)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return append(mailboxes{}, all...), nil
}

// resolve makes the path of an action that of the mailbox with the id or the special use
// that it asks for, if there is one, and says whether its mailbox is there.
//
// Spec: RFC 8579, section 4; RFC 9042, section 3.
func (m mailboxes) resolve(a *runtime.Action) bool {
	find := func(is func(b *mailstore.Mailbox) bool) bool {
		for i := range m {
			if is(&m[i]) {
				a.Mailbox = m[i].Path
				return true
			}
		}
		return false
	}
	id, role := mailstore.ID(a.MailboxID), strings.ToLower(strings.TrimPrefix(a.SpecialUse, `\`))
	a.MailboxID = ""
	if id != "" && find(func(b *mailstore.Mailbox) bool { return b.ID == id }) ||
		role != "" && find(func(b *mailstore.Mailbox) bool { return b.Role == role }) {
		a.SpecialUse = ""
		if runtime.IsInbox(a.Mailbox) && a.Kind == runtime.FileInto {
			a.Kind, a.Mailbox, a.Create = runtime.Keep, "", false
		}
		return true
	}
	path := foldPath(a.Mailbox)
	return find(func(b *mailstore.Mailbox) bool { return foldPath(b.Path) == path })
}

// joined adds a store to the one into the same mailbox, if there is one: that two names mean
// one mailbox is known only now.
func joined(actions []runtime.Action, a runtime.Action) bool {
	for i := range actions {
		b := &actions[i]
		if b.Kind == a.Kind && b.Kind != runtime.FileCopy && foldPath(b.Mailbox) == foldPath(a.Mailbox) {
			b.Flags = runtime.NormalFlags(slices.Concat(b.Flags, a.Flags))
			b.Copy = b.Copy && a.Copy
			return true
		}
	}
	return false
}

// foldPath makes two spellings of one mailbox equal.
func foldPath(path string) string {
	path = norm.NFC.String(strings.TrimSuffix(path, mailstore.Separator))
	top, below, nested := strings.Cut(path, mailstore.Separator)
	if !runtime.IsInbox(top) {
		return path
	}
	if nested {
		return "INBOX" + mailstore.Separator + below
	}
	return "INBOX"
}
