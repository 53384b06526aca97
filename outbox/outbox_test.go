package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

func TestSends(t *testing.T) {
	r := newRelay(t)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("k1", "anna@example.org", "x@remote.example", "y@remote.example")); err != nil {
		t.Fatal(err)
	}
	got := r.next(t)
	if got.from != "anna@example.org" || !cmp.Equal(got.to, []string{"x@remote.example", "y@remote.example"}) || string(got.raw) != string(text) {
		t.Errorf("the relay got %+v", got)
	}
	b.until(t, "empty", empty)
}

func TestKeyIsTakenOnce(t *testing.T) {
	r := newRelay(t)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	for range 3 {
		if err := b.Enqueue(t.Context(), message("k1", "", "x@remote.example")); err != nil {
			t.Fatal(err)
		}
	}
	r.next(t)
	b.until(t, "empty", empty)
	b.stop()

	again := open(t, Options{Relay: Relay{Address: r.addr}}, b.path).run(t)
	if err := again.Enqueue(t.Context(), message("k1", "", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	if err := again.Enqueue(t.Context(), message("", "", "marker@remote.example")); err != nil {
		t.Fatal(err)
	}
	if got := r.next(t); got.to[0] != "marker@remote.example" {
		t.Errorf("a key that was sent before a restart was sent again: %+v", got)
	}
	if n := again.Stats().Enqueued; n != 1 {
		t.Errorf("%d messages taken, want 1", n)
	}
}

func TestKeysAreForgottenAfterThirtyDays(t *testing.T) {
	r := newRelay(t)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("k1", "", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	r.next(t)
	b.until(t, "empty", empty)
	b.clock.add(remember + time.Hour)
	if _, err := b.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Enqueue(t.Context(), message("k1", "", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	r.next(t)
}

func TestKeysAreKeptAsLongAsSomebodyMayAsk(t *testing.T) {
	r := newRelay(t)
	keep := 45 * 24 * time.Hour
	b := open(t, Options{Relay: Relay{Address: r.addr}, KeepKeys: func() time.Duration { return keep }}, "").run(t)
	if err := b.Enqueue(t.Context(), message("k1", "", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	r.next(t)
	b.until(t, "empty", empty)
	b.clock.add(40 * 24 * time.Hour)
	again := func() int64 {
		t.Helper()
		if _, err := b.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Enqueue(t.Context(), message("k1", "", "x@remote.example")); err != nil {
			t.Fatal(err)
		}
		return b.Stats().Enqueued
	}
	if n := again(); n != 1 {
		t.Errorf("%d messages taken with one key that is asked for still", n)
	}
	keep = 0 // never less than 30 days, and those are over
	if n := again(); n != 2 {
		t.Errorf("%d messages taken, want a second one", n)
	}
}

func TestClockThatIsSetBackHoldsNothingUp(t *testing.T) {
	r := newRelay(t)
	b := open(t, Options{Relay: Relay{Address: r.addr}, Retry: []time.Duration{time.Minute}}, "")
	b.clock.add(365 * 24 * time.Hour)
	if err := b.Enqueue(t.Context(), message("", "", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.clock.add(-365 * 24 * time.Hour)
	b.run(t)
	b.until(t, "empty", empty)
}

func TestRetriesAfter4xx(t *testing.T) {
	r := newRelay(t)
	busy := true
	r.answers(nil, func(mailing) error {
		if busy {
			return refuse(451, "busy")
		}
		return nil
	})
	b := open(t, Options{Relay: Relay{Address: r.addr}, Retry: []time.Duration{time.Minute, time.Hour}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "a@example.org", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "tried once", b.tried(1))
	b.pass(59 * time.Second)
	b.until(t, "not tried again within the minute", b.tried(1))
	b.pass(2 * time.Second)
	b.until(t, "tried twice", b.tried(2))
	b.pass(59 * time.Minute)
	b.until(t, "not tried again within the hour", b.tried(2))
	r.answers(nil, nil)
	b.pass(2 * time.Minute)
	r.next(t)
	b.until(t, "empty", empty)
	if s := b.Stats(); s.Deferred != 2 || s.Sent != 1 || s.Bounced != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestOutcomesArePerRecipient(t *testing.T) {
	r := newRelay(t)
	r.answers(func(to string) error {
		switch to {
		case "gone@remote.example":
			return refuse(550, "no such user")
		case "later@remote.example":
			return refuse(450, "mailbox busy")
		}
		return nil
	}, nil)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	m := message("", "a@example.org", "gone@remote.example", "ok@remote.example", "later@remote.example")
	if err := b.Enqueue(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	first, second := r.next(t), r.next(t)
	if first.from == "" {
		first, second = second, first
	}
	if !cmp.Equal(first.to, []string{"ok@remote.example"}) {
		t.Errorf("sent to %v", first.to)
	}
	if second.from != "" || !cmp.Equal(second.to, []string{"a@example.org"}) || !contains(second.raw, "gone@remote.example") || contains(second.raw, "later@") {
		t.Errorf("bounce from %q to %v:\n%s", second.from, second.to, second.raw)
	}
	b.until(t, "one recipient waits", func(all []Entry) bool {
		var states []string
		for _, e := range all {
			for _, r := range e.Recipients {
				states = append(states, r.State)
			}
		}
		return slices.Equal(states, []string{"failed", "sent", "queued"})
	})
}

func TestBounceIsADeliveryStatusNotification(t *testing.T) {
	r := newRelay(t)
	r.answers(func(to string) error {
		if to == "gone@remote.example" {
			return refuse(550, "no such user")
		}
		return nil
	}, nil)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "a@example.org", "gone@remote.example")); err != nil {
		t.Fatal(err)
	}
	got := r.next(t)
	m := mail.New(got.raw)
	root := m.Root()
	if root.Type+"/"+root.Subtype != "multipart/report" || root.Params["report-type"] != "delivery-status" || len(root.Parts) != 3 {
		t.Fatalf("structure %s/%s %v with %d parts", root.Type, root.Subtype, root.Params, len(root.Parts))
	}
	var types []string
	for _, p := range root.Parts {
		types = append(types, p.Type+"/"+p.Subtype)
	}
	if diff := cmp.Diff([]string{"text/plain", "message/delivery-status", "text/rfc822-headers"}, types); diff != "" {
		t.Error(diff)
	}
	status := root.Parts[1].Body()
	for _, line := range []string{
		"Reporting-MTA: dns; mail.example.org", "Final-Recipient: rfc822; gone@remote.example", "Action: failed", "Status: 5.1.1",
		"Remote-MTA: dns; 127.0.0.1", "Diagnostic-Code: smtp; 550 5.1.1 no such user",
	} {
		if !hasLine(status, line) {
			t.Errorf("status lacks %q:\n%s", line, status)
		}
	}
	if auto := m.Header().Values("Auto-Submitted"); !cmp.Equal(auto, []string{"auto-replied"}) {
		t.Errorf("Auto-Submitted %v", auto)
	}
	if !contains(root.Parts[2].Body(), "Subject: hi\r\n") || contains(got.raw, "hello") {
		t.Error("the header, and the header only, is to be returned")
	}
	b.until(t, "empty", empty)
}

func TestNullSenderNeverBounces(t *testing.T) {
	r := newRelay(t)
	r.answers(func(string) error { return refuse(550, "no") }, nil)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "", "gone@remote.example")); err != nil {
		t.Fatal(err)
	}
	if err := b.Enqueue(t.Context(), message("", "alsogone@example.org", "gone@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "three failures: two messages and one bounce", func(all []Entry) bool { return len(all) == 0 && b.Stats().Failed == 3 })
	if n := b.Stats().Bounced; n != 1 {
		t.Errorf("%d bounces, want 1", n)
	}
}

func TestTooOldBounces(t *testing.T) {
	r := newRelay(t)
	r.answers(func(to string) error {
		if to == "later@remote.example" {
			return refuse(450, "mailbox busy")
		}
		return nil
	}, nil)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "a@example.org", "later@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "tried", b.tried(1))
	b.pass(5 * 24 * time.Hour)
	got := r.next(t)
	if !contains(got.raw, "Status: 5.4.7") || !contains(got.raw, "450 4.1.1 mailbox busy") {
		t.Errorf("bounce:\n%s", got.raw)
	}
}

func TestBounceToOneOfOurs(t *testing.T) {
	r := newRelay(t)
	r.answers(func(string) error { return refuse(550, "no") }, nil)
	type local struct {
		to  string
		raw []byte
	}
	got := make(chan local, 10)
	fail := true
	b := open(t, Options{Relay: Relay{Address: r.addr}, Bounce: func(_ context.Context, to string, raw []byte) (bool, error) {
		if fail {
			fail = false
			return true, errors.New("disk full")
		}
		got <- local{to, raw}
		return true, nil
	}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "anna@example.org", "gone@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "the bounce was tried", b.tried(1))
	b.pass(2 * time.Minute)
	if m := <-got; m.to != "anna@example.org" || !contains(m.raw, "Action: failed") {
		t.Errorf("bounce to %s:\n%s", m.to, m.raw)
	}
	b.until(t, "empty", empty)
}

func TestRefusals(t *testing.T) {
	loop := []byte(strings.Repeat("Received: from a\r\n", MaxReceived+1) + "\r\n")
	tests := []struct {
		name  string
		relay string
		m     Message
		want  error
	}{
		{"no relay", "", message("", "a@x", "b@x"), ErrNoRelay},
		{"no recipient", "127.0.0.1:1", message("", "a@x"), ErrAddress},
		{"too many recipients", "127.0.0.1:1", message("", "a@x", slices.Repeat([]string{"b@x"}, MaxRecipients+1)...), ErrAddress},
		{"a second command in the recipient", "127.0.0.1:1", message("", "a@x", "b@x>\r\nRCPT TO:<c@x"), ErrAddress},
		{"a parameter in the sender", "127.0.0.1:1", message("", "a@x> SIZE=1", "b@x"), ErrAddress},
		{"an endless recipient", "127.0.0.1:1", message("", "a@x", strings.Repeat("b", 400)+"@x"), ErrAddress},
		{"too many hands", "127.0.0.1:1", Message{To: []string{"b@x"}, Raw: loop}, ErrLoop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := open(t, Options{Relay: Relay{Address: tt.relay}}, "")
			defer b.Close()
			if err := b.Enqueue(t.Context(), tt.m); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if all, err := b.List(t.Context(), 0, 0); err != nil || len(all) != 0 {
				t.Errorf("queue %v, %v", all, err)
			}
		})
	}
}

func TestRelaySettings(t *testing.T) {
	tests := []struct {
		name string
		r    Relay
		want string
	}{
		{"no port", Relay{Address: "relay.example"}, `relay address "relay.example": expected host:port`},
		{"an unknown policy", Relay{Address: "relay.example:25", TLS: "maybe"}, "expected none, starttls, require or implicit"},
		{"a password in the clear", Relay{Address: "relay.example:25", Username: "me"}, "a password needs require or implicit"},
		{"a password under TLS", Relay{Address: "relay.example:25", TLS: TLSRequire, Username: "me"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.r.check()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestBareLineEndsBecomeCRLF(t *testing.T) {
	r := newRelay(t)
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	raw := []byte("Subject: x\n\n.\nMAIL FROM:<evil@example.org>\r\n.\r\nend")
	if err := b.Enqueue(t.Context(), Message{From: "a@example.org", To: []string{"x@remote.example"}, Raw: raw}); err != nil {
		t.Fatal(err)
	}
	want := "Subject: x\r\n\r\n.\r\nMAIL FROM:<evil@example.org>\r\n.\r\nend\r\n"
	if got := r.next(t); string(got.raw) != want {
		t.Errorf("the relay got %q, want %q", got.raw, want)
	}
}

func TestRetryAndRemoveByHand(t *testing.T) {
	r := newRelay(t)
	r.answers(nil, func(mailing) error { return refuse(451, "busy") })
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("k", "a@example.org", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "tried once", b.tried(1))
	all, err := b.List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Retry(t.Context(), all[0].ID); err != nil {
		t.Fatal(err)
	}
	b.until(t, "tried twice", b.tried(2))
	if err := b.Remove(t.Context(), all[0].ID); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{b.Remove(t.Context(), all[0].ID), b.Retry(t.Context(), all[0].ID)} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	}
	b.until(t, "empty", empty)
	if n := b.Stats().Bounced; n != 0 {
		t.Errorf("%d bounces", n)
	}
}

func TestCrashAfterTheClaimDelaysTheMessage(t *testing.T) {
	r := newRelay(t)
	reached, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.answers(nil, func(mailing) error {
		once.Do(func() { close(reached) })
		<-hold
		return nil
	})
	b := open(t, Options{Relay: Relay{Address: r.addr}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("k", "a@example.org", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	<-reached
	b.stop() // between DATA and the relay's answer
	close(hold)
	r.next(t)

	again := open(t, Options{Relay: Relay{Address: r.addr}}, b.path).run(t)
	again.until(t, "waiting, with one attempt", func(all []Entry) bool {
		return len(all) == 1 && all[0].Recipients[0].Attempts == 1 && all[0].Recipients[0].Due.Equal(again.clock.Now().Add(time.Minute))
	})
	again.pass(time.Minute)
	r.next(t) // the documented repeat
	again.until(t, "empty", empty)
}

func TestRelayIsDownAndComesBack(t *testing.T) {
	r := newRelay(t)
	down := true
	var mu sync.Mutex
	b := open(t, Options{Relay: Relay{Address: r.addr}, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return nil, errors.New("connection refused")
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "a@example.org", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "tried", b.tried(1))
	mu.Lock()
	down = false
	mu.Unlock()
	b.pass(time.Minute)
	r.next(t)
}

func TestRequireNeedsTLS(t *testing.T) {
	r := newRelay(t) // offers none
	b := open(t, Options{Relay: Relay{Address: r.addr, TLS: TLSRequire, TLSConfig: &tls.Config{}}}, "").run(t)
	if err := b.Enqueue(t.Context(), message("", "a@example.org", "x@remote.example")); err != nil {
		t.Fatal(err)
	}
	b.until(t, "tried", func(all []Entry) bool {
		return len(all) == 1 && strings.Contains(all[0].Recipients[0].Answer, "STARTTLS")
	})
	select {
	case m := <-r.got:
		t.Errorf("sent without TLS: %+v", m)
	default:
	}
}

func TestGarbageFromTheRelay(t *testing.T) {
	for _, garbage := range []string{"", "hello?\r\n", "220 hi\r\n" + strings.Repeat("x", 100_000), "\x00\xff\xfe\r\n", "554 go away\r\n"} {
		t.Run(fmt.Sprintf("%.10q", garbage), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						io.WriteString(c, garbage)
						c.Close()
					}()
				}
			}()
			b := open(t, Options{Relay: Relay{Address: l.Addr().String()}}, "").run(t)
			if err := b.Enqueue(t.Context(), message("", "a@example.org", "x@remote.example")); err != nil {
				t.Fatal(err)
			}
			b.until(t, "waiting, not bounced", b.tried(1))
		})
	}
}

func BenchmarkEnqueue(b *testing.B) {
	box, err := Open(b.Context(), b.TempDir()+"/outbox.db", Options{Relay: Relay{Address: "127.0.0.1:1"}})
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := box.Enqueue(b.Context(), message("", "a@example.org", "x@remote.example")); err != nil {
				b.Error(err)
			}
		}
	})
}
