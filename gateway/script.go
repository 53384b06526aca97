package gateway

import (
	"context"
	"log/slog"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// run runs one script and settles its plan with what earlier scripts settled. A failure
// is logged, counted and settled; onFailure is what the script's settings say about
// it then, Accept where it did not fail.
func (in *Intake) run(ctx context.Context, s scripts.Script, tx *runtime.Transaction, prior []runtime.Action) (settled runtime.Settled, onFailure scripts.OnFailure) {
	in.scriptRuns.Add(1)
	limits := in.o.Limits
	if in.o.LimitsOf != nil {
		limits = in.o.LimitsOf(&s)
	}
	o := runtime.RunOptions{
		Host: in.o.Hosts(s.Trust), Limits: limits, Trust: s.Trust, Namespace: s.Namespace, Stores: s.Stores, NoDefaultStore: s.NoDefaultStore, Record: in.o.Record, Now: in.o.Now, Settings: in.settings(),
	}
	o.After(prior) // it sees the message as earlier scripts have edited it
	res := in.o.Engine.Run(ctx, s.Program, tx, o)
	settled = res.Settle(prior, limits)
	in.note(tx, res.Record)
	in.say(&s, tx, res.Record)
	onFailure = scripts.Accept
	if res.Err != nil {
		in.scriptErrors.Add(1)
		in.log.Warn("script failed", slog.String("script", s.Path), slog.String("language", s.Program.Language()),
			slog.String("stage", string(tx.Stage)), slog.String("account", tx.Rcpt.Name),
			slog.String("message_id", tx.ID), slog.Any("err", res.Err))
		onFailure = s.OnError
		if res.StoreErr != nil {
			onFailure = s.OnStoreError
		} else if tx.Stage == runtime.StageDeliver {
			onFailure = scripts.Accept // a broken filter never costs mail
		}
	}
	return settled, onFailure
}

// Stage runs the scripts of a stage before the data (connect, ehlo, mail, rcpt) and
// returns the answer: that of the first script that refuses, or OK.
func (in *Intake) Stage(ctx context.Context, tx *runtime.Transaction) Outcome {
	out, _ := in.stage(ctx, tx, true)
	return out
}

// stage runs the scripts of a stage that is not delivery. Their plans are joined. Marks
// are set at once if set is true, since nothing is promised at these stages.
func (in *Intake) stage(ctx context.Context, tx *runtime.Transaction, set bool) (Outcome, []runtime.Action) {
	var prior []runtime.Action
	for _, s := range in.o.Library.For(tx) {
		settled, onFailure := in.run(ctx, s, tx, prior)
		if out := failedScript(onFailure); !out.Accepted() {
			return out, nil
		}
		prior = settled.Actions
		if settled.Refused == nil {
			if ends(prior) {
				break
			}
			continue
		}
		if set {
			in.setMarks(ctx, tx, prior)
		}
		return answerOf(*settled.Refused), prior
	}
	if set {
		in.setMarks(ctx, tx, prior)
	}
	return OK, ofNextStage(prior)
}

func (in *Intake) setMarks(ctx context.Context, tx *runtime.Transaction, actions []runtime.Action) {
	for _, a := range actions {
		if a.Kind != runtime.Mark {
			continue
		}
		if err := in.mark(ctx, a, in.o.Now()); err != nil {
			in.log.Warn("mark not set", slog.String("stage", string(tx.Stage)), slog.String("message_id", tx.ID),
				slog.String("store", a.Store), slog.Any("err", err))
		}
	}
}

// answerOf is the answer that an action asks for.
func answerOf(a runtime.Action) Outcome {
	if a.Kind == runtime.TempFail {
		return refusal(451, a.Reason)
	}
	return refusal(550, a.Reason)
}
