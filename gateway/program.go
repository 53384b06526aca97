package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// Of the time in which a promise is to be kept, pipeMargin is left for what follows a program
// that hangs, and a program is not started where there is less than pipeLeast for it.
const (
	pipeMargin = 5 * time.Second
	pipeLeast  = 2 * time.Second
)

// errNoTime says that a program is started later.
var errNoTime = errors.New("no time left to start the program")

// pipe gives the message to a program. One that has failed has failed for good: the mail is
// kept in its place. One that was broken off because the server stops is run again, and so is
// one that ended just before a crash; the key in its environment is the same then.
func (t *target) pipe(ctx context.Context, actions []runtime.Action, r runtime.Recipient, key string, a runtime.Action) error {
	if _, done := t.in.piped.Load(key); done {
		return nil
	}
	limited := ctx
	if end, ok := ctx.Deadline(); ok {
		if time.Until(end) < pipeMargin+pipeLeast {
			return fmt.Errorf("gateway: %w", errNoTime)
		}
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, end.Add(-pipeMargin))
		defer cancel()
	}
	x := runtime.External{Name: a.Program, Args: a.Args, Input: a.Message(t.d.Raw)}
	x.Env = runtime.ExternalEnv(&runtime.Transaction{From: t.d.From, Rcpt: r, Hostname: t.in.o.Hostname})
	x.Env[runtime.ExternalKey] = key
	res, err := t.in.o.PipeOptions.Run(limited, t.in.o.PipeFolder, x)
	if ctx.Err() != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	log := t.in.log.With(slog.String("account", r.Name), slog.String("message_id", t.d.Serial))
	if res.Errors != "" {
		log.Info("external program "+a.Program+" writes to the standard error", slog.String("err", res.Errors))
	}
	if err == nil && res.Exit != 0 {
		err = fmt.Errorf("%w: %q: exit status %d", runtime.ErrProgramFailed, a.Program, res.Exit)
	}
	if err != nil {
		keep, wanted := runtime.InsteadOfPipe(actions, &a)
		log.Warn("message not piped", slog.Any("err", err))
		if wanted {
			if err := t.store(ctx, r, key, keep); err != nil {
				return err
			}
		}
	}
	t.in.piped.Store(key, true)
	return nil
}

// forgetPipes forgets which programs were run for a delivery that is done.
func (in *Intake) forgetPipes(d *runtime.Delivery) {
	for rcpt, p := range d.Plans {
		for index, a := range p.Actions {
			if a.Kind == runtime.Pipe {
				in.piped.Delete(runtime.ActionKey(d, rcpt, index))
			}
		}
	}
}
