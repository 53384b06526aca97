package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// applyWithin bounds an attempt to apply a promise, and so how long the peer waits for it. It
// is given its 250 then all the same, and the rest is done in the background.
const applyWithin = 30 * time.Second

// Deliver takes a message for its recipients: it runs the data and deliver scripts,
// writes one journal record with what was promised to all accepted recipients, and applies
// it. The Answer has one Outcome per recipient, in their order, and is to be confirmed or
// abandoned when it is known whether the peer got it.
//
// tx is the transaction with its message; its stage and recipient are set here. ctx ends
// the scripts; from the journal on nothing is broken off.
func (in *Intake) Deliver(ctx context.Context, tx *runtime.Transaction, rcpts []runtime.Recipient) (answer *Answer) {
	started := in.o.Now()
	in.messages.Add(1)
	answer = &Answer{in: in, Outcomes: make([]Outcome, len(rcpts))}
	defer func() {
		if x := recover(); x != nil {
			in.log.Error("gateway: internal error", slog.String("message_id", tx.ID), slog.Any("err", fmt.Errorf("%v\n%s", x, debug.Stack())))
			answer.close()
			answer.refuseOpen(serverError)
		}
		in.count(answer)
		in.log.Info("message answered with "+outcomesText(answer.Outcomes), slog.String("message_id", tx.ID),
			slog.Duration("took", in.o.Now().Sub(started)))
	}()
	if out := in.Room(); !out.Accepted() {
		answer.refuseOpen(out)
		return answer
	}
	d := &runtime.Delivery{Time: started, From: tx.From, Raw: tx.Message.Raw(), QueueID: tx.QueueID}
	in.plan(ctx, tx, rcpts, d, answer)
	if len(d.Plans) == 0 {
		answer.refuseOpen(serverError)
		return answer
	}
	if err := in.o.Journal.Put(ctx, d); err != nil {
		in.log.Error("journal", slog.String("message_id", tx.ID), slog.Any("err", err))
		answer.close()
		answer.refuseOpen(serverError)
		return answer
	}
	answer.acceptOpen()
	in.apply(context.WithoutCancel(ctx), d)
	return answer
}

// plan decides for each recipient and collects what is to be promised in d. Outcomes of
// recipients that are in d stay open.
func (in *Intake) plan(ctx context.Context, tx *runtime.Transaction, rcpts []runtime.Recipient, d *runtime.Delivery, answer *Answer) {
	hash := sha256.Sum256(d.Raw)
	ids := make([]string, len(rcpts))
	same := map[string]int{} // the first recipient with that id
	fresh := 0
	for i, r := range rcpts {
		ids[i] = runtime.DeliveryIDOf(r.Address, tx.From.Address, hash, tx.QueueID)
		if j, ok := same[ids[i]]; ok {
			answer.twins = append(answer.twins, [2]int{i, j})
			continue
		}
		same[ids[i]] = i
		switch in.answers.begin(ids[i], tx.QueueID != "", in.o.Journal.Unconfirmed) {
		case underWay:
			answer.Outcomes[i] = inOtherSession
			continue
		case isRepeat:
			in.repeats.Add(1)
			in.log.Info("repeat of a delivery whose answer was lost", slog.String("message_id", tx.ID), slog.String("account", r.Name))
			answer.Outcomes[i] = OK
			answer.ids = append(answer.ids, ids[i])
			continue
		}
		answer.fresh = append(answer.fresh, ids[i])
		fresh++
	}
	if fresh == 0 {
		return
	}
	data := *tx
	data.Stage, data.Rcpt = runtime.StageData, runtime.Recipient{}
	out, prior := in.stage(ctx, &data, false)
	if !out.Accepted() {
		in.setMarks(ctx, &data, prior)
		answer.refuseOpen(out)
		answer.close()
		return
	}
	first := true
	for i, r := range rcpts {
		if answer.Outcomes[i].Code != 0 || same[ids[i]] != i {
			continue
		}
		deliver := *tx
		deliver.Stage, deliver.Rcpt = runtime.StageDeliver, r
		actions, out := in.decide(ctx, &deliver, prior, first)
		if out.Accepted() {
			first = false
			d.Plans = append(d.Plans, runtime.RecipientPlan{ID: ids[i], Rcpt: r, Actions: actions})
			continue
		}
		answer.Outcomes[i] = out
		answer.drop(ids[i])
		if len(actions) > 0 { // marks of a refusal; no repeat is to be known by them
			d.Plans = append(d.Plans, runtime.RecipientPlan{Rcpt: r, Actions: actions})
		}
	}
}

// count counts the outcomes.
func (in *Intake) count(a *Answer) {
	for _, o := range a.Outcomes {
		switch {
		case o.Accepted():
			in.delivered.Add(1)
		case o.Temporary():
			in.deferred.Add(1)
		default:
			in.refused.Add(1)
		}
	}
}

// outcomesText is the codes of the outcomes, bounded.
func outcomesText(all []Outcome) string {
	var codes []string
	for i, o := range all {
		if i == 20 {
			codes = append(codes, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		codes = append(codes, fmt.Sprint(o.Code))
	}
	return strings.Join(codes, " ")
}
