package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// benchMessage is a message of about 20 KB with two attachments.
func benchMessage() []byte {
	var b strings.Builder
	b.WriteString("Return-Path: <news@lists.example.net>\r\n")
	for i := range 12 {
		fmt.Fprintf(&b, "Received: from h%d.example.net (h%d.example.net [192.0.2.%d])\r\n\tby mx.example.org with ESMTPS id %d;\r\n\tSat, 21 Nov 2026 08:00:%02d +0000\r\n", i, i, i, i, i)
	}
	b.WriteString("From: News <news@lists.example.net>\r\nTo: alice@example.test\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= of the week\r\nDate: Sat, 21 Nov 2026 08:00:00 +0000\r\nMessage-ID: <b1@lists.example.net>\r\nList-Id: <news.lists.example.net>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
	b.WriteString(strings.Repeat("A line of text that says nothing much.\r\n", 60))
	for range 2 {
		b.WriteString("--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 100))
	}
	b.WriteString("--b--\r\n")
	return []byte(b.String())
}

// inEachLanguage runs a benchmark over the same work in each language, on the embedded engine.
func inEachLanguage(b *testing.B, programs map[string]string) {
	s, err := engine.Open(b.Context(), engine.Options{Path: b.TempDir() + "/kv.db"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	v, _ := runtime.EncodeValue("value")
	if err := s.Set(b.Context(), runtime.ScriptKey(kv.Script, "a:admin", "key"), v, 0); err != nil {
		b.Fatal(err)
	}
	host := &runtime.Live{Stores: func(string) (kv.Store, error) { return s, nil }}
	e := newEngine(Default("data"))
	raw := benchMessage()
	for _, suffix := range []string{".sieve", ".expr", ".js"} {
		b.Run(suffix[1:], func(b *testing.B) {
			p, err := e.Compile("bench"+suffix, []byte(programs[suffix]), compileAll)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				// a message that nobody has parsed yet, as a delivery finds it
				tx := &runtime.Transaction{Stage: runtime.StageDeliver, From: runtime.Path{Address: "news@lists.example.net"}, Message: mail.New(raw)}
				tx.Rcpt.Address = "alice@example.test"
				res := e.Run(b.Context(), p, tx, runtime.RunOptions{Host: host, Trust: runtime.Admin, Namespace: "a:admin"})
				if res.Err != nil {
					b.Fatal(res.Err)
				}
			}
		})
	}
}

// One cached key_get and nothing else.
func BenchmarkKeyGet(b *testing.B) {
	inEachLanguage(b, map[string]string{
		".sieve": `require "vnd.sluice.expressions"; eval "key_get('', 'key')";`,
		".expr":  `key_get("", "key")`,
		".js":    `key_get("", "key");`,
	})
}

// The newsletter example on a message of 20 KB.
func BenchmarkSmallFilter(b *testing.B) {
	programs := map[string]string{}
	for _, suffix := range []string{".sieve", ".expr", ".js"} {
		source, err := os.ReadFile("../../examples/newsletter/newsletter" + suffix)
		if err != nil {
			b.Fatal(err)
		}
		programs[suffix] = string(source)
	}
	inEachLanguage(b, programs)
}

// Deliveries per second to a real server, each answered after fsync, by 16 clients.
func BenchmarkLMTPDelivery(b *testing.B) {
	for _, accounts := range []int{16, 1} {
		b.Run(fmt.Sprintf("16 clients to %d accounts", accounts), func(b *testing.B) {
			s := startServer(b, "", nil)
			for i := range accounts {
				s.addAccount(fmt.Sprintf("u%d", i), "secret")
			}
			raw := benchMessage()
			var left atomic.Int64
			b.ResetTimer()
			started := time.Now()
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for k := range 16 {
				wg.Go(func() {
					c, err := tryLMTP(s.lmtp)
					if err != nil {
						b.Error(err)
						return
					}
					defer c.close()
					to := []string{fmt.Sprintf("u%d@example.test", k%accounts)}
					for i := 0; left.Add(-1) >= 0; i++ {
						m := append(fmt.Appendf(nil, "X-Number: %d-%d\r\n", k, i), raw...)
						answers, err := c.trySend("news@lists.example.net", to, m)
						if err != nil || !strings.HasPrefix(answers[0], "250") {
							b.Errorf("%v %v", answers, err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(started).Seconds(), "messages/s")
			b.StopTimer()
			s.kill()
		})
	}
}
