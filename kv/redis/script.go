package redis

import (
	"cmp"
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sluice-mail/sluice/kv"
)

//go:embed lua/*.lua
var sources embed.FS

// script is a Lua script, which the server knows by its hash once it has seen it.
type script struct{ source, hash string }

// newScript joins the parts of a script behind the prelude. It panics if one is missing.
func newScript(parts ...string) *script {
	var b strings.Builder
	for _, name := range append([]string{"prelude"}, parts...) {
		text, err := sources.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(err)
		}
		b.Write(text)
	}
	sum := sha1.Sum([]byte(b.String()))
	return &script{b.String(), hex.EncodeToString(sum[:])}
}

var (
	putScript          = newScript("values", "put")
	incrScript         = newScript("values", "incr")
	deleteScript       = newScript("values", "drop", "delete")
	deletePrefixScript = newScript("values", "drop", "deleteprefix")
	listScript         = newScript("list")
	sweepScript        = newScript("sweep")
	rateScript         = newScript("limbs", "rate")
	lockScript         = newScript("lease", "lock")
	renewScript        = newScript("lease", "renew")
	unlockScript       = newScript("lease", "unlock")
	showScript         = newScript("lease", "show")
)

// call is one run of a script in one bucket.
type call struct {
	bucket int
	more   []string // further keys, without the bucket's base
	args   []any
}

// once is a command that the client never sends a second time after an error that leaves open what became of
// the first. It still follows MOVED and ASK, which say that nothing was done.
type once struct{ *redis.Cmd }

// NoRetry keeps the client from trying again.
func (once) NoRetry() bool { return true }

// command makes the command of a call; by is evalsha or eval, and text the hash or the source.
func (s *Store) command(ctx context.Context, by, text string, now string, c call) once {
	base := s.base(c.bucket)
	args := make([]any, 0, 7+len(c.more)+len(c.args))
	args = append(args, by, text, 3+len(c.more), base+"i", base+"x", base+"t")
	for _, k := range c.more {
		args = append(args, base+k)
	}
	args = append(args, now)
	return once{redis.NewCmd(ctx, append(args, c.args...)...)}
}

// milli is the time for a script: "" is the server's.
func (s *Store) milli() string {
	if s.clock == nil {
		return ""
	}
	return strconv.FormatInt(s.clock.Milli(), 10)
}

// bound gives the context of a round trip a deadline.
func (s *Store) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.timeout)
}

// run runs a script in one round trip; in two if the server has never seen it.
func (s *Store) run(ctx context.Context, sc *script, c call) (any, error) {
	inner, cancel := s.bound(ctx)
	defer cancel()
	now := s.milli()
	for wait := minWait; ; wait *= 2 {
		cmd := s.command(inner, "evalsha", sc.hash, now, c)
		err := s.client.Process(inner, cmd)
		if unknownScript(err) {
			cmd = s.command(inner, "eval", sc.source, now, c)
			err = s.client.Process(inner, cmd)
		}
		if !undone(err) || wait > maxWait || !pause(inner, wait) {
			return cmd.Val(), err
		}
	}
}

// runMany runs a script in many buckets, in one pipeline for each server; results are in the calls' order.
// Its scripts always return something. An error about the one row that a call names is its result.
func (s *Store) runMany(ctx context.Context, sc *script, calls []call) ([]any, error) {
	inner, cancel := s.bound(ctx)
	defer cancel()
	now := s.milli()
	results := make([]any, len(calls))
	left := make([]int, len(calls)) // calls without a result
	for i := range left {
		left[i] = i
	}
	by, text := "evalsha", sc.hash
	for wait := minWait; len(left) > 0; {
		pipe := s.client.Pipeline()
		cmds := make([]once, len(left))
		for i, n := range left {
			cmds[i] = s.command(inner, by, text, now, calls[n])
			_ = pipe.Process(inner, cmds[i])
		}
		_, failed := pipe.Exec(inner)
		var again []int
		slow := false
		for i, n := range left {
			err := cmds[i].Err()
			if err == nil && cmds[i].Val() == nil { // it was never sent
				err = cmp.Or(failed, errFormat)
			}
			switch {
			case err == nil:
				results[n] = cmds[i].Val()
			case unknownScript(err):
				again, by, text = append(again, n), "eval", sc.source
			case undone(err) && wait <= maxWait:
				again, slow = append(again, n), true
			case ofRow(err):
				results[n] = err
			default:
				return results, err
			}
		}
		if left = again; slow {
			if !pause(inner, wait) {
				return results, inner.Err()
			}
			wait *= 2
		}
	}
	return results, nil
}

// How long a script is kept that the cluster could not run while it moves a slot.
const (
	minWait = 4 * time.Millisecond
	maxWait = 128 * time.Millisecond
)

// pause waits, and returns false if the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ofRow reports whether a server's error is about one counter, and so no other call's.
func ofRow(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && kv.OfCounter(meaning(reply.Error()))
}

func unknownScript(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") }

// undone reports whether the server says that it did nothing because a slot is on its way to another one.
func undone(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "TRYAGAIN") }
