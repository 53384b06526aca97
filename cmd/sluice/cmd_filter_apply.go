package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/mailbox"
)

const (
	// filterBatch is how many messages are changed with one fsync of the journal.
	filterBatch = 256
	// filterMoment is how long changes may wait for company.
	filterMoment = time.Second
)

// apply does what the script decides.
func (f *filterRun) apply(cmd *cobra.Command, sum, path string) (err error) {
	ctx := cmd.Context()
	what, err := json.Marshal(map[string]any{"script": sum, "discard": f.o.discard, "discard_to": f.o.discardFolder, "create": f.o.create,
		"separator": f.o.separator, "send": f.o.send, "from": f.o.from, "from_given": f.o.fromGiven, "rcpt": f.o.rcpt, "namespace": f.o.namespace, "trust": f.o.trust})
	if err != nil {
		return err
	}
	ch, err := mailbox.Begin(f.source, mailbox.Options{
		What:  string(what),
		Extra: func(id string, d mailbox.Deed) error { return f.extra(context.WithoutCancel(ctx), id, d) },
		Known: func(extra json.RawMessage) error { return f.remember(ctx, extra) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ch.Close()) }()
	switch next := ch.Next(); {
	case next > 0 && next >= f.source.Len():
		fmt.Fprintln(cmd.ErrOrStderr(), "finishing a run that was broken off")
	case next > 0:
		fmt.Fprintf(cmd.ErrOrStderr(), "going on with a run that was broken off, at message %d of %d\n", next+1, f.source.Len())
	}
	b := &filterBatcher{f: f, cmd: cmd, ch: ch, tally: newTally(), out: bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16), began: time.Now()}
	bar := progressOf("filtering", "messages", int64(f.source.Len()), f.o.quiet)
	_ = bar.Set(ch.Next())
	err = f.each(ctx, ch.Next(), func(r *filtered) error {
		_ = bar.Add(1)
		return b.add(r)
	})
	_ = bar.Finish()
	interrupted := errors.Is(err, context.Canceled)
	if err == nil || interrupted {
		err = errors.Join(b.commit(), err)
	}
	if err == nil {
		if err = ch.Finish(); err == nil {
			err = b.commit() // what Finish could not do
		}
	}
	err = errors.Join(err, b.out.Flush())
	f.summary(cmd, b.tally, path)
	if j := ch.Journal(); j != "" {
		w := cmd.OutOrStdout()
		if f.o.json {
			w = cmd.ErrOrStderr()
		}
		fmt.Fprintf(w, "to take it back: sluice filter --undo %s\n", shellWord(j))
	}
	switch {
	case interrupted:
		return fmt.Errorf("interrupted at message %d of %d; start it again in the same way to go on", ch.Next()+1, f.source.Len())
	case err != nil:
		return err
	}
	return b.tally.failures()
}

// filterBatcher collects messages until their changes are worth an fsync.
type filterBatcher struct {
	f     *filterRun
	cmd   *cobra.Command
	ch    mailbox.Changer
	tally *tally
	out   *bufio.Writer
	began time.Time
	// waiting are the messages since the last commit: what is told of them depends on it. Without
	// --json and --verbose those that nothing is to be told of are only counted.
	waiting []*filtered
	edited  int // octets of changed messages among them
	next    int
}

func (b *filterBatcher) add(r *filtered) error {
	b.next = r.index + 1
	urgent := false
	if d := r.deed; d != nil && r.problem == nil {
		extra, hurry, err := b.f.extraOf(b.cmd.Context(), r)
		urgent = hurry
		if d.Extra = extra; err == nil {
			err = b.ch.Do(*d)
		}
		if err != nil {
			r.problem, r.changes = err, false
		}
		for i := range d.Stores {
			d.Stores[i].Raw = nil // the mailbox has it
		}
	}
	b.edited += r.edited()
	b.waiting = append(b.waiting, r)
	// What a message leaves in a store, the next one's script may ask for.
	if urgent || b.edited > maxEdited || b.ch.Pending() >= filterBatch || len(b.waiting) >= 4*filterBatch || b.ch.Pending() > 0 && time.Since(b.began) > filterMoment {
		return b.commit()
	}
	return nil
}

// commit does what was collected.
func (b *filterBatcher) commit() error {
	b.began = time.Now()
	failed, err := b.ch.Commit(b.next)
	bad := make(map[int]error, len(failed))
	for _, x := range failed {
		bad[x.Index] = x.Err
	}
	for _, r := range b.waiting {
		if e := bad[r.index]; e != nil {
			r.problem, r.changes = e, false
			delete(bad, r.index)
		}
		if err != nil && r.changes { // it is not known
			continue
		}
		b.tally.add(r)
		if e := b.f.report(b.cmd, b.out, r); e != nil && err == nil {
			err = e
		}
	}
	for i, e := range bad { // of a run that was gone on with
		b.tally.errors++
		fmt.Fprintf(b.cmd.ErrOrStderr(), "message %d: %v\n", i+1, e)
	}
	clear(b.waiting)
	b.waiting, b.edited = b.waiting[:0], 0
	return err
}

// shellWord quotes a path for a shell where it has to be.
func shellWord(s string) string {
	for _, r := range s {
		if !(r == '/' || r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}

// filterUndo puts back what a run did.
func filterUndo(cmd *cobra.Command, o *filterOptions) error {
	bar := progressOf("putting back", "messages", -1, o.quiet)
	u, err := mailbox.Undo(o.undo, func(done, all int) {
		bar.ChangeMax(all)
		_ = bar.Set(done)
	})
	_ = bar.Finish()
	if u == nil {
		return err
	}
	for _, x := range u.Failures {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", shown(x.Label), shown(x.Err.Error()))
	}
	if u.Already {
		fmt.Fprintln(cmd.OutOrStdout(), "this run was taken back before")
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s put back\n", count(u.Messages, "message"))
	stays := 0
	for _, x := range u.Extras {
		if leaves(x) {
			stays++
		}
	}
	if stays > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "what was sent for %s, or left in a store, stays\n", count(stays, "message"))
	}
	if err == nil && len(u.Failures) > 0 {
		err = &exitError{exitFailed, errors.New(count(len(u.Failures), "error"))}
	}
	return err
}
