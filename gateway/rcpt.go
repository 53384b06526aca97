package gateway

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sluice-mail/sluice/runtime"
)

// Recipient resolves an envelope recipient and runs the scripts of stage rcpt for it. tx
// is not changed. The recipient counts only if the outcome is accepted.
func (in *Intake) Recipient(ctx context.Context, tx *runtime.Transaction, p runtime.Path, original string) (runtime.Recipient, Outcome) {
	r := runtime.Recipient{Path: p, Original: original}
	a, err := in.o.Accounts.Resolve(ctx, p.Address)
	switch {
	case errors.Is(err, ErrUnknownRecipient):
		return r, unknownRecipient
	case err != nil:
		in.log.Error("recipient cannot be resolved", slog.String("message_id", tx.ID), slog.Any("err", err))
		return r, serverError
	}
	r.Account, r.Name, r.Detail = a.ID, a.Name, a.Detail
	now := *tx
	now.Stage, now.Rcpt = runtime.StageRcpt, r
	return r, in.Stage(ctx, &now)
}
