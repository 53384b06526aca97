package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	"github.com/sluice-mail/sluice/kv"
)

// ErrNewer says that the tables were made by a newer version of this program.
var ErrNewer = errors.New("tables are of a newer version")

// own are the errors that operations return as they are.
var own = []error{kv.ErrNotFound, kv.ErrNotCounter, kv.ErrNotOwner, kv.ErrLocked, kv.ErrInvalid, kv.ErrOverflow}

// fail names the act, and says whether the server, the caller or the row is the reason.
func (s *Store) fail(ctx context.Context, act string, err error) error {
	for _, e := range own {
		if errors.Is(err, e) {
			return fmt.Errorf("kv/postgres: %s: %w", act, err)
		}
	}
	if errors.Is(err, puddle.ErrClosedPool) || s.closed.Load() {
		return fmt.Errorf("kv/postgres: %s: %w", act, kv.ErrClosed)
	}
	switch code := state(err); {
	case code == "22003" || code == "2200H": // a number or the sequence is at its end
		return fmt.Errorf("kv/postgres: %s: %w", act, kv.ErrOverflow)
	case code == "53100": // disk full
		return fmt.Errorf("kv/postgres: %s: %w: %w", act, kv.ErrFull, err)
	case code == "" || code == "57014": // no answer, or a statement that was broken off
		if ctx.Err() != nil {
			return fmt.Errorf("kv/postgres: %s: %w", act, ctx.Err())
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		// Not the caller's deadline but ours. It must not look like the caller's.
		return fmt.Errorf("kv/postgres: %s: %w: no answer within %v", act, kv.ErrUnavailable, s.timeout)
	}
	return fmt.Errorf("kv/postgres: %s: %w: %w", act, kv.ErrUnavailable, err)
}

// state is the server's five-letter reason, or "" if it is not the server who says so.
func state(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// after draws conclusions from a failure for the operations to come.
func (s *Store) after(err error) {
	code := state(err)
	switch {
	case code == "42P01" || code == "42883" || code == "3F000" || code == "0A000":
		// The tables are gone, or others than they were: a server that was set up anew. Make them again.
		s.schema.is.Store(false)
		s.pool.Reset()
	case strings.HasPrefix(code, "57P"), code == "25006", code == "" && !pgconn.Timeout(err) && !errors.Is(err, context.Canceled) && !isOwn(err):
		// The server is going down, was exchanged for another, or is gone: what is idle leads nowhere.
		s.pool.Reset()
	}
}

func isOwn(err error) bool {
	for _, e := range own {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
