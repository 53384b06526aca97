package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
)

// redirectable says why a message cannot be sent on for an action, or nil. Mail that was
// sent on within the last hours is not sent on again: it goes in a circle.
func (in *Intake) redirectable(ctx context.Context, tx *runtime.Transaction, a *runtime.Action) error {
	if in.o.Sender == nil || !in.o.Sender.Ready() {
		return errors.New("no relay is configured")
	}
	h := tx.Message.Header()
	if err := runtime.CheckRedirect(h, a, tx.Rcpt.Address); err != nil {
		return err
	}
	key := runtime.RedirectKey(h, a, tx.Rcpt.Address)
	if key == "" {
		return nil
	}
	s, err := in.o.Stores("")
	if err == nil {
		_, err = s.Get(ctx, runtime.MemoryKey(kv.SieveDuplicate, runtime.MemoryOf(tx.Rcpt, key)))
	}
	switch {
	case err == nil:
		return errors.New("mail loop: it was sent to that address before")
	case !errors.Is(err, kv.ErrNotFound): // as the table of prefixes says: it goes on
		in.log.Warn("redirects cannot be remembered", slog.String("message_id", tx.ID), slog.Any("err", err))
	}
	return nil
}

// redirectMark remembers a redirect; false for a message that cannot be known again.
func redirectMark(tx *runtime.Transaction, a *runtime.Action) (runtime.Action, bool) {
	key := runtime.RedirectKey(tx.Message.Header(), a, tx.Rcpt.Address)
	return runtime.Action{Kind: runtime.Mark, Prefix: kv.SieveDuplicate, Key: runtime.MemoryOf(tx.Rcpt, key), Value: true, TTL: runtime.RedirectMemory}, key != ""
}

// newID returns the left and right part of a Message-ID that is the same for the same key.
func (in *Intake) newID(what, key string) string {
	sum := sha256.Sum256([]byte(what + "\x00" + key))
	return fmt.Sprintf("%s@%s", hex.EncodeToString(sum[:16]), in.o.Hostname)
}

func sameAddress(a, b string) bool {
	return a != "" && strings.EqualFold(strings.Trim(a, "<> "), strings.Trim(b, "<> "))
}

// oneLine leaves out what would end the line or is no text.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
