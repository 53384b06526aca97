package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/peers"
)

// sharedServer is a store's server that tests stop and start.
type sharedServer struct {
	toml          string
	pause, resume func() error
}

// sharedServers start one of each kind.
var sharedServers = map[string]func(t *testing.T) sharedServer{
	"redis": func(t *testing.T) sharedServer {
		r, err := peers.StartRedis(context.Background())
		peers.Need(t, err)
		t.Cleanup(r.Close)
		return sharedServer{fmt.Sprintf("type = \"redis\"\nurls = [%q]\n", r.URL), r.Pause, r.Resume}
	},
	"postgres": func(t *testing.T) sharedServer {
		p, err := peers.StartPostgres(context.Background(), peers.PostgresOptions{Fsync: true})
		peers.Need(t, err)
		t.Cleanup(p.Close)
		return sharedServer{fmt.Sprintf("type = \"postgres\"\nurls = [%q]\n", p.URL()), p.Pause, p.Resume}
	},
}

// Two servers on two data directories, with one store between them.
func twoServers(t *testing.T, kind string, scripts map[string]string, toml string) (a, b *server, between sharedServer) {
	t.Helper()
	between = sharedServers[kind](t)
	toml = "[storage]\nlookup = \"shared\"\n[store.\"shared\"]\n" + between.toml + toml
	for _, s := range []**server{&a, &b} {
		*s = startServer(t, toml, scripts)
		(*s).addAccount("ida", "secret")
	}
	return a, b, between
}

// answerOf delivers a message and returns the answer.
func answerOf(t *testing.T, s *server, from string) string {
	t.Helper()
	c, err := tryLMTP(s.lmtp)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	defer c.close()
	return c.send(from, []string{"ida@example.test"}, []byte("Subject: x\r\n\r\nx\r\n"))[0]
}

// The rate limit, the greylist and the lock of a filter are the same on both machines.
func TestTwoServersShareLimitsGreylistAndLocks(t *testing.T) {
	for kind := range sharedServers {
		t.Run(kind, func(t *testing.T) {
			a, b, _ := twoServers(t, kind, map[string]string{
				"grey.expr":  `if key_add("", "waits " + sender(), 1, "1h") { tempfail("come again") } else { keep() }`,
				"limit.expr": `if sender() != "new@remote.test" or rate_limit("", sender(), "5/1h").allowed { keep() } else { reject("too many") }`,
				// Reading and writing are two steps: without the lock some are lost.
				"count.js": `if (sender() === "new@remote.test") keep();
					else if (lock_try("", "count", "30s") === null) tempfail("busy");
					else { const n = key_get("", "count"); key_set("", "count", (n === null ? 0 : n) + 1); keep(); }`,
			}, "timeout = 15000\n[limits]\ntime = 20000\n[[script]]\npath = \"$DIR/grey.expr\"\nstage = \"rcpt\"\n[[script]]\npath = \"$DIR/limit.expr\"\n[[script]]\npath = \"$DIR/count.js\"\n")

			if got := answerOf(t, a, "new@remote.test"); !strings.HasPrefix(got, "45") {
				t.Errorf("an unknown sender was answered %s", got)
			}
			for i, s := range []*server{b, a, b, a, b} {
				if got := answerOf(t, s, "new@remote.test"); !strings.HasPrefix(got, "250") {
					t.Errorf("message %d: %s", i, got)
				}
			}
			for _, s := range []*server{a, b} {
				if got := answerOf(t, s, "new@remote.test"); !strings.HasPrefix(got, "550") {
					t.Errorf("over the limit: %s", got)
				}
			}

			const messages = 5 // of each sender
			var wg sync.WaitGroup
			for i := range 8 {
				s := []*server{a, b}[i%2]
				wg.Go(func() {
					c, err := tryLMTP(s.lmtp)
					if err != nil {
						t.Error(err)
						return
					}
					defer c.close()
					for n := 0; n < messages; {
						answers, err := c.trySend(fmt.Sprintf("s%d@remote.test", i), []string{"ida@example.test"}, []byte("Subject: x\r\n\r\nx\r\n"))
						if err != nil {
							t.Error(err)
							return
						}
						if strings.HasPrefix(answers[0], "250") {
							n++
						} else if !strings.HasPrefix(answers[0], "45") {
							t.Errorf("answered %s", answers[0])
							return
						}
					}
				})
			}
			wg.Wait()
			for _, s := range []*server{a, b} {
				if got, want := strings.TrimSpace(s.sluice("", "kv", "get", "--script", "admin", "count")), fmt.Sprint(8*messages); got != want {
					t.Errorf("counted %s under the lock, want %s", got, want)
				}
			}
			a.stop()
			b.stop()
		})
	}
}

// A store that hangs raises in scripts, lets no password be tried, costs little, and is
// found again by itself.
func TestAStoreThatHangsIsSurvived(t *testing.T) {
	for kind := range sharedServers {
		t.Run(kind, func(t *testing.T) {
			a, _, between := twoServers(t, kind, map[string]string{
				"set.expr": `key_set("", "last", sender())`,
			}, "timeout = 500\n[[script]]\npath = \"$DIR/set.expr\"\non-store-error = \"tempfail\"\n")
			if got := answerOf(t, a, "one@remote.test"); !strings.HasPrefix(got, "250") {
				t.Fatal(got)
			}
			a.login("ida", "secret").Close()

			if err := between.pause(); err != nil {
				t.Fatal(err)
			}
			for range 20 {
				if got := answerOf(t, a, "two@remote.test"); !strings.HasPrefix(got, "45") {
					t.Errorf("without its store the filter answered %s", got)
				}
			}
			if _, err := a.tryLogin("ida", "secret"); err == nil {
				t.Error("a password was tried although failures cannot be counted")
			}
			if got := a.metric("sluice_kv_unavailable_total"); got < 20 {
				t.Errorf("%v calls are told to have failed", got)
			}
			if got := a.metric("sluice_kv_breaker_opened_total"); got < 1 || got > 20 {
				t.Errorf("the breaker opened %v times", got)
			}
			if err := between.resume(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			for !strings.HasPrefix(answerOf(t, a, "three@remote.test"), "250") {
				if ctx.Err() != nil {
					t.Fatal("the store is not found again")
				}
			}
			a.login("ida", "secret").Close()
			a.stop()
		})
	}
}
