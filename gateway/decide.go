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
	}
	return in.possible(ctx, tx, actions)
}

// keeps says whether a keep, explicit or implicit, is among the actions.
func keeps(actions []runtime.Action) bool {
	return slices.ContainsFunc(actions, func(a runtime.Action) bool { return a.Kind == runtime.Keep })
}

// withoutSends returns what data scripts settled as it counts for each recipient but the
// first: the message is stored for each, and sent or marked once.
func withoutSends(actions []runtime.Action) []runtime.Action {
	var out []runtime.Action
	for _, a := range actions {
		switch a.Kind {
		case runtime.Reply, runtime.Mark:
		case runtime.Redirect:
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
	var paths map[string]bool
	out := make([]runtime.Action, 0, len(actions))
	var keepFlags []string
	keep := false
	instead := func(a runtime.Action, why string) {
		in.log.Warn("kept instead of "+string(a.Kind), slog.String("account", tx.Rcpt.Name), slog.String("message_id", tx.ID),
			slog.String("mailbox", a.Mailbox), slog.String("err", why))
		keep = true
		keepFlags = append(keepFlags, a.Flags...)
	}
	for _, a := range actions {
		switch {
		case a.Kind == runtime.FileInto && !a.Create:
			if paths == nil {
				var err error
				if paths, err = in.mailboxes(ctx, tx.Rcpt.Account); err != nil {
					in.log.Error("mailboxes cannot be read", slog.String("account", tx.Rcpt.Name), slog.Any("err", err))
					return nil, in.storeOutcome(err)
				}
			}
			if !paths[foldPath(a.Mailbox)] {
				instead(a, "there is no such mailbox")
				continue
			}
		case a.Kind == runtime.Redirect:
			if err := in.redirectable(tx, a.Address); err != nil {
				instead(a, err.Error())
				continue
			}
		case a.Kind == runtime.Reply:
			if why := in.silent(tx); why != "" {
				in.log.Info("no reply: "+why, slog.String("account", tx.Rcpt.Name), slog.String("message_id", tx.ID))
				continue
			}
		}
		out = append(out, a)
	}
	if keep {
		out = addKeep(out, keepFlags)
	}
	return out, OK
}

// reachable opens the account that actions store in, or a redirect would fall back to: mail for
// one that is damaged stays with the peer.
func (in *Intake) reachable(ctx context.Context, account string, actions []runtime.Action) error {
	if !slices.ContainsFunc(actions, func(a runtime.Action) bool {
		return a.Kind == runtime.Keep || a.Kind == runtime.FileInto || a.Kind == runtime.Redirect
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

// mailboxes returns the paths of an account's mailboxes.
func (in *Intake) mailboxes(ctx context.Context, account string) (map[string]bool, error) {
	acct, release, err := in.o.Store.Account(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	defer release()
	all, _, err := acct.Mailboxes(ctx)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	paths := make(map[string]bool, len(all))
	for _, m := range all {
		paths[foldPath(m.Path)] = true
	}
	return paths, nil
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
