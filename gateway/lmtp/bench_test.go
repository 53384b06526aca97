package lmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mailstore/local"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// BenchmarkDelivery counts LMTP deliveries with fsync: the journal's, the blob's and
// the account's. One operation is one message.
func BenchmarkDelivery(b *testing.B) {
	for _, accounts := range []int{16, 1} {
		b.Run(fmt.Sprintf("16 clients to %d", accounts), func(b *testing.B) { deliveries(b, 16, accounts) })
	}
}

func deliveries(b *testing.B, clients, accounts int) {
	store, err := local.Open(b.Context(), b.TempDir(), local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	j, err := runtime.OpenJournal(b.TempDir(), runtime.JournalOptions{})
	if err != nil {
		b.Fatal(err)
	}
	e := runtime.NewEngine()
	h := &house{}
	in, err := gateway.New(gateway.Options{
		Hostname: "mail.example.org", Library: scripts.New(scripts.Options{Engine: e}), Engine: e, Accounts: h, Store: store, Journal: j,
		Hosts:  func(runtime.Trust) runtime.Host { return &runtime.Live{} },
		Stores: func(string) (kv.Store, error) { return nil, errors.New("no store") },
	})
	if err != nil {
		b.Fatal(err)
	}
	s := New(Options{Intake: in})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(context.Background(), ln)
	peers := make([]*peer, clients)
	for i := range peers {
		peers[i] = hello(b, "tcp", ln.Addr().String())
	}
	text := "Subject: bench\r\n\r\n" + strings.Repeat("All work and no play makes a dull message.\r\n", 100)
	var next atomic.Int64
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				p.envelope("a@remote.example", fmt.Sprintf("user%d@example.org", i%accounts))
				p.raw(stuff(fmt.Sprintf("X-N: %d\r\n", n) + text))
				p.want("250 2.0.0")
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	if err := errors.Join(s.Shutdown(context.Background()), j.Close(), store.Close()); err != nil {
		b.Error(err)
	}
}
