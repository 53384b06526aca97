package expr_test

import (
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	exprlang "github.com/expr-lang/expr"
	"github.com/redis/go-redis/v9"

	"github.com/sluice-mail/sluice/expr"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/peers"
	"github.com/sluice-mail/sluice/runtime"
)

// A rule over the envelope, as bare expr-lang has it too.
const envelopeRule = `client_tls and sender endsWith "@example.net" and recipient_detail == "news" and not (client_helo startsWith "dynamic-")`

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure reports the processor time of one turn beside the wall time.
func measure(b *testing.B, name string, do func() error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		began := cpuTime(b)
		for b.Loop() {
			if err := do(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
	})
}

// heap is what a server holds beside its runs. Without it the collector would run all the time,
// and each write of a pointer would cost as it does meanwhile.
func heap(b *testing.B) {
	held := make([]byte, 64<<20)
	b.Cleanup(func() { goruntime.KeepAlive(held) })
}

func inEngine(b *testing.B, source string, host runtime.Host) func() error {
	p, err := expr.New(expr.Options{}).Compile("t.expr", []byte(source), runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin})
	if err != nil {
		b.Fatal(err)
	}
	e, tx := runtime.NewEngine(), runtime.ExampleTransaction()
	o := runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin"}
	return func() error { return e.Run(b.Context(), p, tx, o).Err }
}

// BenchmarkRule measures whole runs of a boolean rule over envelope fields, beside bare expr-lang
// with a map that is at hand, and with one that is made for the message.
func BenchmarkRule(b *testing.B) {
	env := func() map[string]any {
		tx := runtime.ExampleTransaction()
		return map[string]any{"client_tls": tx.Client.TLS, "sender": tx.From.Address, "recipient_detail": tx.Rcpt.Detail, "client_helo": tx.Client.Helo}
	}
	heap(b)
	p, err := exprlang.Compile(envelopeRule, exprlang.Env(env()), exprlang.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	at := env()
	measure(b, "bare expr with a map", func() error { _, err := exprlang.Run(p, at); return err })
	tx := runtime.ExampleTransaction()
	measure(b, "bare expr with a map for each message", func() error {
		_, err := exprlang.Run(p, map[string]any{
			"client_tls": tx.Client.TLS, "client_ip": tx.Client.IP, "client_ptr": tx.Client.PTR, "client_helo": tx.Client.Helo, "sender": tx.From.Address,
			"recipient": tx.Rcpt.Address, "recipient_detail": tx.Rcpt.Detail, "account": tx.Rcpt.Name, "queue_id": tx.QueueID, "hostname": tx.Hostname})
		return err
	})
	measure(b, "variables", inEngine(b, envelopeRule, nil))
	calls := strings.NewReplacer("client_tls", "client_tls()", "sender", "sender()", "recipient_detail", "recipient_detail()", "client_helo", "client_helo()")
	measure(b, "calls", inEngine(b, calls.Replace(envelopeRule), nil))
	measure(b, "nothing", inEngine(b, "true", nil))
}

// BenchmarkKeyGet measures a run that asks for a cached key, beside the answer of a Redis on a
// unix socket.
func BenchmarkKeyGet(b *testing.B) {
	heap(b)
	s, err := engine.Open(b.Context(), engine.Options{Path: b.TempDir() + "/kv.db"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	v, err := runtime.EncodeValue("value")
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Set(b.Context(), runtime.ScriptKey(kv.Script, "a:admin", "key"), v, 0); err != nil {
		b.Fatal(err)
	}
	host := &runtime.Live{Stores: func(string) (kv.Store, error) { return s, nil }}
	measure(b, "cached", inEngine(b, `key_get("", "key") == "value"`, host))
	r, err := peers.StartRedis(b.Context())
	peers.Need(b, err)
	defer r.Close()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: strings.TrimPrefix(r.URL, "unix://")})
	defer c.Close()
	if err := c.Set(b.Context(), "key", "value", 0).Err(); err != nil {
		b.Fatal(err)
	}
	measure(b, "go-redis GET on a unix socket", func() error { return c.Get(b.Context(), "key").Err() })
}
