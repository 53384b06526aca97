package imapbridge

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mailstore"
)

// stillHere is how often an idle client hears from the server, so that both, and what is
// between them, know that the connection lives.
const stillHere = 2 * time.Minute

// IDLE tells changes as they happen, until the client says DONE.
func init() {
	announce(Extension{Cap: imap.CapIdle, Spec: "RFC 2177", Early: true})
	register(Command[None]{
		Name:   "IDLE",
		Spec:   "RFC 2177, section 3",
		Caps:   []imap.Cap{imap.CapIdle},
		States: Authenticated | Selected,
		Run:    func(ctx context.Context, s *Session, _ None) error { return s.idle(ctx) },
	})
}

// doneLine is what came while a session was idle.
type doneLine struct {
	line string
	err  error
}

// idle waits for changes and for DONE. A second goroutine reads, and has ended when idle
// returns.
func (s *Session) idle(ctx context.Context) error {
	var changed <-chan struct{}
	if s.sel != nil {
		var cancel func()
		changed, cancel = s.backend.Watch(s.sel.mailbox.Number)
		defer cancel()
	}
	if err := s.continueWith("idling"); err != nil {
		return nil // the next read sees that the connection is gone
	}
	s.moveDeadline()
	done := make(chan doneLine, 1)
	go func() {
		line, err := s.r.Line(16)
		done <- doneLine{line, err}
	}()
	tick := time.NewTicker(stillHere)
	defer tick.Stop()
	for {
		if s.sel != nil {
			if err := s.idleSync(ctx); err != nil {
				_ = s.w.Flush()
				s.kill()
				<-done
				return nil
			}
		}
		if s.w.Flush() != nil {
			s.kill()
		}
		select {
		case d := <-done:
			return s.idleDone(d)
		case <-changed:
		case <-tick.C:
			s.w.Text("* OK still here\r\n")
		}
	}
}

// idleSync tells what changed. An error means that the session cannot go on.
func (s *Session) idleSync(ctx context.Context) error {
	err := s.sync(ctx, syncHow{expunges: true})
	switch {
	case errors.Is(err, mailstore.ErrNotFound):
		s.bye("", "the mailbox was deleted")
	case err != nil && ctx.Err() == nil:
		s.logger().ErrorContext(ctx, "imap: mailbox cannot be read", "mailbox", s.sel.mailbox.Path, "err", err)
		s.bye(imap.ResponseCodeServerBug, "server error")
	case err != nil:
		s.bye(imap.ResponseCodeUnavailable, "server is shutting down")
	}
	return err
}

// idleDone ends IDLE by what the client sent.
func (s *Session) idleDone(d doneLine) error {
	if refused := (*wire.RefusedError)(nil); errors.As(d.err, &refused) {
		return bad("expected DONE")
	}
	if d.err != nil {
		s.lost(d.err)
		return nil
	}
	if !strings.EqualFold(d.line, "DONE") {
		return bad("expected DONE")
	}
	return nil
}
