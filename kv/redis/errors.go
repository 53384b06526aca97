package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
)

// replies says what the errors of a server mean to a caller. The words are looked for anywhere, because older
// servers put them behind the script's place. Texts are our own: a server's may name keys.
var replies = []struct {
	word string
	is   error
	text string
}{
	{"hash value is not an integer", kv.ErrNotCounter, ""},
	{"would overflow", kv.ErrOverflow, ""},
	{"OOM command not allowed", kv.ErrFull, "the server's memory is full"},
	{"No space left on device", kv.ErrFull, "the server's disk is full"},
	{"MISCONF", kv.ErrUnavailable, "the server cannot write to its disk"},
	{"WRONGPASS", kv.ErrUnavailable, "the server does not take this user name and password"},
	{"invalid password", kv.ErrUnavailable, "the server does not take this password"},
	{"AUTH", kv.ErrUnavailable, "the server wants another login"},
	{"NOPERM", kv.ErrUnavailable, "the server does not allow this user what is needed"},
	{"READONLY", kv.ErrUnavailable, "the server is a replica"},
	{"LOADING", kv.ErrUnavailable, "the server is loading its data"},
	{"MASTERDOWN", kv.ErrUnavailable, "the replica has lost its master"},
	{"CLUSTERDOWN", kv.ErrUnavailable, "the cluster is down"},
	{"TRYAGAIN", kv.ErrUnavailable, "the cluster is moving the slot"},
	{"non local key", kv.ErrUnavailable, "the cluster is moving the slot"},
	{"MOVED", kv.ErrUnavailable, "the cluster has moved the slot"},
	{"ASK", kv.ErrUnavailable, "the cluster is moving the slot"},
	{"NOREPLICAS", kv.ErrUnavailable, "the server has too few replicas"},
	{"BUSY", kv.ErrUnavailable, "the server is busy with another script"},
	{"max number of clients", kv.ErrUnavailable, "the server takes no more connections"},
	{"UNBLOCKED", kv.ErrUnavailable, "the server became a replica"},
}

// errReply is a server's error that nothing explains; its first word is its code.
var errReply = errors.New("the server refused")

// fail turns an error of the client into one of the contract. A context that ended is its own error.
func fail(ctx context.Context, act string, err error) error {
	if err == nil {
		return nil
	}
	var reply redis.Error
	switch {
	case errors.Is(err, redis.ErrClosed):
		return kv.ErrClosed
	case errors.Is(err, errFormat):
		return fmt.Errorf("kv/redis: %s: %w", act, errFormat)
	case errors.As(err, &reply):
		return fmt.Errorf("kv/redis: %s: %w", act, meaning(reply.Error()))
	case ctx.Err() != nil:
		return fmt.Errorf("kv/redis: %s: %w", act, ctx.Err())
	case over(ctx):
		return fmt.Errorf("kv/redis: %s: %w", act, context.DeadlineExceeded)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("kv/redis: %s: %w: no answer in time", act, kv.ErrUnavailable)
	}
	return fmt.Errorf("kv/redis: %s: %w: %w", act, kv.ErrUnavailable, err)
}

// over reports whether the deadline has passed: connections notice it a moment before the context does.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

// meaning explains a server's error.
func meaning(reply string) error {
	for _, r := range replies {
		if strings.Contains(reply, r.word) {
			if r.text == "" {
				return r.is
			}
			return fmt.Errorf("%w: %s", r.is, r.text)
		}
	}
	code, _, _ := strings.Cut(reply, " ")
	if strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		code = "ERR"
	}
	return fmt.Errorf("%w: %s", errReply, code)
}
