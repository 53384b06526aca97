package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
)

// wholePlan asks for everything that a plan can: two stores, a redirect, a vacation message
// with its copy, and three marks.
var wholePlan = map[string]string{
	"plan.sieve": `require ["fileinto", "mailbox", "copy", "imap4flags", "variables", "vacation", "fcc", "vnd.sluice.expressions"];
if header :matches "message-id" "*" { set "id" "${1}"; }
vacation :handle "${id}" :fcc "Answers" :create "away";
redirect :copy "elsewhere@far.test";
fileinto :create :copy "Copies";
eval "mark('', 'seen ' + header('message-id'), 1)";
keep :flags "$Seen";`,
}

// dieAt has the process killed at the nth step of what its intake does: before and behind
// each write to journal, mail store, outbox and key-value store.
func dieAt(n string) {
	at, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return
	}
	var steps atomic.Int64
	step := func() {
		if steps.Add(1) == at {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	wrapIntake = func(o *gateway.Options) {
		o.Journal = dyingJournal{o.Journal, step}
		o.Store = dyingStore{o.Store, step}
		o.Sender = dyingSender{o.Sender, step}
		stores := o.Stores
		o.Stores = func(name string) (kv.Store, error) {
			s, err := stores(name)
			return dyingKV{s, step}, err
		}
	}
}

type dyingJournal struct {
	gateway.Journal
	step func()
}

func (d dyingJournal) Put(ctx context.Context, m *runtime.Delivery) error {
	d.step()
	defer d.step()
	return d.Journal.Put(ctx, m)
}

func (d dyingJournal) Done(serial string) error {
	d.step()
	defer d.step()
	return d.Journal.Done(serial)
}

type dyingStore struct {
	mailstore.Store
	step func()
}

func (d dyingStore) Account(ctx context.Context, id string) (mailstore.Account, func(), error) {
	a, release, err := d.Store.Account(ctx, id)
	return dyingAccount{a, d.step}, release, err
}

type dyingAccount struct {
	mailstore.Account
	step func()
}

func (d dyingAccount) Import(ctx context.Context, im mailstore.Import) ([]mailstore.Email, mailstore.State, error) {
	d.step()
	defer d.step()
	return d.Account.Import(ctx, im)
}

type dyingSender struct {
	gateway.Sender
	step func()
}

func (d dyingSender) Send(ctx context.Context, m gateway.Outgoing) error {
	d.step()
	defer d.step()
	return d.Sender.Send(ctx, m)
}

type dyingKV struct {
	kv.Store
	step func()
}

func (d dyingKV) Set(ctx context.Context, k kv.Key, v []byte, ttl time.Duration) error {
	d.step()
	defer d.step()
	return d.Store.Set(ctx, k, v, ttl)
}

// The server is killed between any two steps of a delivery, started again, and the MTA
// sends what was not answered once more: two stores, a redirect, a vacation message with its
// copy, and marks, each once.
func TestKilledBetweenAnyTwoStepsOfADelivery(t *testing.T) {
	relay := freeAddress(t)
	s := newServer(t, fmt.Sprintf("[relay]\naddress = %q\n[[script]]\npath = \"$DIR/plan.sieve\"\n", relay), wholePlan)
	s.start()
	s.addAccount("ida", "secret")
	s.stop()
	var acked []string
	killed := 0
	for at := 1; ; at++ {
		s.env = []string{fmt.Sprintf("SLUICE_TEST_DIE_AT=%d", at)}
		s.start()
		id := fmt.Sprintf("<step-%d@remote.test>", at)
		raw := []byte("From: a@remote.test\r\nTo: ida@example.test\r\nMessage-ID: " + id + "\r\n\r\nstep\r\n")
		c := dialLMTP(t, s.lmtp)
		answers, err := c.trySend("a@remote.test", []string{"ida@example.test"}, raw)
		if err == nil {
			// No step was left to die at.
			if !strings.HasPrefix(answers[0], "250") {
				t.Fatalf("step %d: %s", at, answers[0])
			}
			acked = append(acked, id)
			c.close()
			s.env = nil
			s.stop()
			break
		}
		<-s.exited
		s.cmd = nil
		killed++
		s.env = nil
		s.start()
		c = dialLMTP(t, s.lmtp)
		if got := c.send("a@remote.test", []string{"ida@example.test"}, raw)[0]; !strings.HasPrefix(got, "250") {
			t.Fatalf("step %d, second attempt: %s", at, got)
		}
		acked = append(acked, id)
		c.close()
		s.stop()
	}
	if killed < 12 {
		t.Errorf("the server was killed at %d steps, a delivery has more", killed)
	}
	t.Logf("killed at %d steps", killed)
	s.start()
	for _, box := range []string{"INBOX", "Copies", "Answers"} {
		times := map[string]int{}
		for _, m := range s.mailbox(s.login("ida", "secret"), box) {
			times[strings.TrimPrefix(about(m.raw), "re ")]++
		}
		for _, id := range acked {
			if times[id] != 1 {
				t.Errorf("%s is %d times in %s", id, times[id], box)
			}
		}
	}
	for _, id := range acked {
		s.sluice("", "kv", "get", "--script", "admin", "seen "+id)
	}
	checkRelay(t, s, relay, acked)
	s.stop()
}

// about returns the id of a message, and of one that answers another "re " and that one's.
func about(raw []byte) string {
	if re := mail.New(raw).Header().Values("In-Reply-To"); len(re) > 0 {
		return "re " + re[0]
	}
	return messageID(raw)
}

// sink is a relay that counts messages.
type sink struct {
	mu    sync.Mutex
	times map[string]int
	came  chan struct{}
}

func (k *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return k, nil }
func (k *sink) Mail(string, *smtp.MailOptions) error        { return nil }
func (k *sink) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (k *sink) Reset()                                      {}
func (k *sink) Logout() error                               { return nil }

func (k *sink) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.times[about(append([]byte("X-Sink: 1\r\n"), raw...))]++
	k.mu.Unlock()
	k.came <- struct{}{}
	return nil
}

// checkRelay lets the relay answer at last, and expects every message once.
func checkRelay(t *testing.T, s *server, addr string, acked []string) {
	t.Helper()
	k := &sink{times: map[string]int{}, came: make(chan struct{}, 10*len(acked))}
	srv := smtp.NewServer(k)
	srv.Domain = "relay.test"
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	s.sluice("", "outbox", "retry", "all")
	for n := range 2 * len(acked) {
		select {
		case <-k.came:
		case <-time.After(60 * time.Second):
			t.Fatalf("the relay got %d of %d messages; queued are\n%s", n, 2*len(acked), tail(s.sluice("", "outbox", "list"), 2000))
		}
	}
	for deadline := time.Now().Add(30 * time.Second); strings.Contains(s.sluice("", "outbox", "list"), "queued"); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the outbox is not empty:\n%s", s.sluice("", "outbox", "list"))
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range acked {
		if k.times[id] != 1 || k.times["re "+id] != 1 {
			t.Errorf("the relay got %s %d times, and its answer %d times", id, k.times[id], k.times["re "+id])
		}
	}
	if len(k.times) != 2*len(acked) {
		t.Errorf("the relay got %d messages, want %d", len(k.times), 2*len(acked))
	}
}
