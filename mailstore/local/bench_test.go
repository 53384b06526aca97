package local

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// benchBody makes messages of 20 KB.
var benchBody = bytes.Repeat([]byte("It was a dark and stormy night; the rain fell in torrents.\r\n"), 340)

func benchMessage(n int64) []byte {
	return fmt.Appendf(nil, "Message-ID: <%d@bench>\r\nSubject: %d\r\n\r\n%s", n, n, benchBody)
}

func benchImport(b *testing.B, accounts, workers int) {
	s := openStore(b, b.TempDir(), Options{})
	var list []*Account
	for i := range accounts {
		list = append(list, openAccount(b, s, fmt.Sprint("account", i)))
	}
	var n atomic.Int64
	one := func() {
		i := n.Add(1)
		_, _, err := list[int(i)%accounts].Import(context.Background(), mailstore.Import{
			Raw: benchMessage(i), Mailboxes: []mailstore.Filing{{Path: "INBOX"}},
		})
		if err != nil {
			b.Error(err)
		}
	}
	b.ReportAllocs()
	if workers == 1 {
		for b.Loop() {
			one()
		}
	} else {
		b.SetParallelism(workers / 2) // times GOMAXPROCS; right for two cores
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one()
			}
		})
	}
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkImport(b *testing.B) {
	b.Run("one by one", func(b *testing.B) { benchImport(b, 1, 1) })
	b.Run("16 goroutines, one account", func(b *testing.B) { benchImport(b, 1, 16) })
	b.Run("16 goroutines, 16 accounts", func(b *testing.B) { benchImport(b, 16, 16) })
}

func BenchmarkAppend200(b *testing.B) {
	s := openStore(b, b.TempDir(), Options{})
	a := openAccount(b, s, "alice")
	inbox := number(b, a, "INBOX")
	var n int64
	b.ReportAllocs()
	for b.Loop() {
		msgs := make([]idmap.Append, 200)
		for i := range msgs {
			n++
			msgs[i].Raw = benchMessage(n)
		}
		if _, _, err := a.Backend().Append(b.Context(), inbox, msgs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
}

// fill puts n messages without files into a mailbox.
func fill(b *testing.B, a *Account, mb int64, n int) {
	b.Helper()
	for done := 0; done < n; done += 1000 {
		err := a.change(b.Context(), func(c *idmap.Change, _ *sqlite.Tx) error {
			for i := done; i < min(done+1000, n); i++ {
				cid, err := c.AddContent(idmap.Content{BlobID: fmt.Sprint("blob", i), Size: 1000})
				if err != nil {
					return err
				}
				e := idmap.NewEmail{ID: a.s.newID('e'), Content: cid, Received: a.s.o.Now(), Flags: idmap.Seen}
				if i%10 == 0 {
					e.Keywords = []string{"$Forwarded"}
				}
				if _, _, err := c.Add(mb, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkView(b *testing.B) {
	const n = 10000
	s := openStore(b, b.TempDir(), Options{})
	a := openAccount(b, s, "alice")
	inbox := number(b, a, "INBOX")
	fill(b, a, inbox, n)
	b.Run("load 10000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v, err := idmap.NewViews(a.db).Get(b.Context(), inbox)
			if err != nil || len(v.Entries) != n {
				b.Fatal(len(v.Entries), err)
			}
		}
	})
	b.Run("after one flag of 10000", func(b *testing.B) {
		b.ReportAllocs()
		op := idmap.FlagsAdd
		for b.Loop() {
			b.StopTimer()
			_, _, err := a.Backend().Store(b.Context(), inbox, []imap.UID{77}, idmap.FlagChange{Op: op, Flags: idmap.Flagged})
			if err != nil {
				b.Fatal(err)
			}
			op = idmap.FlagsAdd + idmap.FlagsRemove - op
			b.StartTimer()
			if _, err := a.Backend().View(b.Context(), inbox); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Backend().View(b.Context(), inbox); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("status", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Backend().Status(b.Context(), inbox); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStore(b *testing.B) {
	s := openStore(b, b.TempDir(), Options{})
	a := openAccount(b, s, "alice")
	inbox := number(b, a, "INBOX")
	fill(b, a, inbox, 10000)
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n, " flags"), func(b *testing.B) {
			var uids []imap.UID
			for u := range n {
				uids = append(uids, imap.UID(u+1))
			}
			op := idmap.FlagsAdd
			b.ReportAllocs()
			for b.Loop() {
				_, _, err := a.Backend().Store(b.Context(), inbox, uids, idmap.FlagChange{Op: op, Flags: idmap.Flagged})
				if err != nil {
					b.Fatal(err)
				}
				op = idmap.FlagsAdd + idmap.FlagsRemove - op
			}
		})
	}
	b.Run("copy 1000", func(b *testing.B) {
		var uids []imap.UID
		for u := range 1000 {
			uids = append(uids, imap.UID(u+1))
		}
		sent := number(b, a, "Sent")
		b.ReportAllocs()
		for b.Loop() {
			if _, _, _, err := a.Backend().Copy(b.Context(), inbox, uids, sent); err != nil {
				b.Fatal(err)
			}
		}
	})
}
