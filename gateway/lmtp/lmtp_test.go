package lmtp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
)

const plain = "Subject: hi\r\n\r\nhello\r\n"

func TestDelivery(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		h := &house{}
		_, addr := serve(t, network, h, nil)
		p := hello(t, network, addr)
		p.envelope("a@remote.example", "anna@example.org", "ben@example.org")
		p.raw(stuff(plain))
		p.want("250 2.0.0 delivered")
		p.want("250 2.0.0 delivered")
		p.say("QUIT")
		p.want("221 2.0.0")
		p.closed()
		for _, who := range []string{"anna", "ben"} {
			if diff := cmp.Diff([]string{"Return-Path: <a@remote.example>\r\n" + plain}, h.got(who)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", network, who, diff)
			}
		}
	}
}

func TestDataIsExact(t *testing.T) {
	tests := []struct{ name, raw string }{
		{"nothing", ""},
		{"a dot", ".\r\n"},
		{"dots in all places", ".a\r\n..b\r\n...\r\nc.\r\n"},
		{"long lines", strings.Repeat("x", 5000) + "\r\n" + strings.Repeat("y", 300_000) + "\r\n"},
		{"a line that fills the buffer, then its end", strings.Repeat("x", bufferSize-1) + "\r\n.\r\n"},
		{"a line that fills the buffer with its CR", strings.Repeat("x", bufferSize-1) + "\r\n.dot\r\n" + strings.Repeat("z", bufferSize) + "\r\n"},
		{"NUL and 8-bit", "a\x00b\x80\xff\r\n"},
		{"a bare CR", "a\rb\r\n\rc\r\n.\rd\r\n"},
		{"CR CR LF and a dot", "a\r\r\n.b\r\n\r\r\n.\r\n"},
		{"a bare LF", "a\nb\n.c\n\n.\r\n"},
		{"LF.LF is no end", "a\n.\nb\r\n"},
		{"LF.CRLF is no end", "a\n.\r\nb\r\n"},
		{"CRLF.LF is no end", "a\r\n.\nb\r\n"},
		{"CR.CR is no end", "a\r.\rb\r\n"},
		{"a smuggled command", "a\n.\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<ben@example.org>\r\n"},
	}
	h := &house{}
	_, addr := serve(t, "tcp", h, nil)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := hello(t, "tcp", addr)
			p.envelope("", "anna@example.org")
			p.raw(stuff(tt.raw))
			p.want("250 2.0.0")
			p.say("QUIT")
			p.want("221")
			all := h.got("anna")
			if len(all) != i+1 {
				t.Fatalf("%d messages", len(all))
			}
			if got := strings.TrimPrefix(all[i], "Return-Path: <>\r\n"); got != tt.raw {
				t.Errorf("stored %.200q, sent %.200q", got, tt.raw)
			}
		})
	}
}

func TestPiecesOfAnySizeAreOneMessage(t *testing.T) {
	raw := ".a\r\n..\r\r\n.b\rc\n.d\r\n" + strings.Repeat("x", 100) + "\r\n.\r\r\n"
	wire := stuff(raw) + "NOOP\r\n"
	for size := 1; size < 8; size++ {
		b := &body{server: New(Options{}), limit: 1 << 20}
		r := bufio.NewReaderSize(&pieces{wire, size}, 16) // a tiny buffer meets every split
		if err := b.read(r); err != nil {
			t.Fatal(err)
		}
		if string(b.raw) != raw {
			t.Errorf("in pieces of %d: %q, want %q", size, b.raw, raw)
		}
		if line, err := readLine(r, 100); err != nil || string(line) != "NOOP" {
			t.Errorf("behind the data: %q, %v", line, err)
		}
	}
}

// pieces gives its text in pieces of a size.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}

func TestOneAnswerPerRecipient(t *testing.T) {
	h := &house{filter: func(t *runtime.Task) error {
		if t.View().Stage != runtime.StageDeliver {
			return nil
		}
		var err error
		switch t.View().Rcpt.Name {
		case "ben":
			_, err = t.Invoke("reject", "no,\nnever")
		case "carl":
			_, err = t.Invoke("tempfail", strings.Repeat("word ", 300))
		}
		return err
	}}
	_, addr := serve(t, "tcp", h, nil)
	p := hello(t, "tcp", addr)
	p.envelope("a@remote.example", "anna@example.org", "ben@example.org", "carl@example.org")
	p.raw(stuff(plain))
	p.want("250 2.0.0")
	if got := p.answer(); got != "550-5.7.1 no,\n550 5.7.1 never" {
		t.Errorf("answer %q", got)
	}
	p.want("451-4.7.1 word word")
	p.envelope("a@remote.example", "anna@example.org") // the session goes on
}

func TestRecipients(t *testing.T) {
	_, addr := serve(t, "tcp", &house{}, func(o *Options) { o.MaxRecipients = 2 })
	p := hello(t, "tcp", addr)
	p.say("MAIL FROM:<>")
	p.want("250")
	for _, c := range [][2]string{
		{"RCPT TO:<who@elsewhere.example>", "550 5.1.1"},
		{"RCPT TO:<broken@example.org>", "451 4.3.0"},
		{"RCPT TO:<>", "501 5.1.3"},
		{"DATA", "503 5.5.1 no valid recipients"},
		{"rcpt to: <anna@example.org>", "250 2.1.5"},
		{"RCPT TO:<ben@example.org> ORCPT=rfc822;old+40example.org NOTIFY=NEVER", "250 2.1.5"},
		{"RCPT TO:<carl@example.org>", "452 4.5.3"},
	} {
		p.say("%s", c[0])
		p.want(c[1])
	}
}

func TestStagesSeeTheTransaction(t *testing.T) {
	seen := make(chan string, 20)
	h := &house{filter: func(t *runtime.Task) error {
		v := t.View()
		if v.Stage == runtime.StageDeliver || v.Stage == runtime.StageMail {
			seen <- strings.Join([]string{string(v.Stage), v.Client.IP.String(), v.Client.PTR, v.Client.Helo, v.From.Address, v.Rcpt.Address, v.QueueID}, " ")
		}
		return nil
	}}
	_, addr := serve(t, "tcp", h, nil)
	p := hello(t, "tcp", addr)
	p.say("XFORWARD NAME=client.remote.example ADDR=192.0.2.7 HELO=helo+2Eexample IDENT=4ABC PROTO=ESMTP SOURCE=REMOTE")
	p.want("250")
	p.envelope("a@remote.example", "anna@example.org")
	p.raw(stuff(plain))
	p.want("250")
	p.say("XFORWARD ADDR=[UNAVAILABLE]")
	p.want("250")
	p.say("RSET")
	p.want("250")
	p.say("MAIL FROM:<b@remote.example>")
	p.want("250")
	for _, want := range []string{
		"mail 192.0.2.7 client.remote.example helo.example a@remote.example  4ABC",
		"deliver 192.0.2.7 client.remote.example helo.example a@remote.example anna@example.org 4ABC",
		"mail 127.0.0.1  client.example b@remote.example  ",
	} {
		if got := <-seen; got != want {
			t.Errorf("script saw %q, want %q", got, want)
		}
	}
}

func TestStagesRefuse(t *testing.T) {
	for stage, want := range map[runtime.Stage][]string{
		runtime.StageConnect: {"421 4.7.1 later"},
		runtime.StageEhlo:    {"220", "451 4.7.1 later"},
		runtime.StageMail:    {"220", "250", "451 4.7.1 later"},
		runtime.StageRcpt:    {"220", "250", "250", "451 4.7.1 later"},
	} {
		h := &house{filter: func(t *runtime.Task) error {
			if t.View().Stage != stage {
				return nil
			}
			_, err := t.Invoke("tempfail", "later")
			return err
		}}
		_, addr := serve(t, "tcp", h, nil)
		p := dial(t, "tcp", addr)
		for i, w := range want {
			p.want(w)
			if i < len(want)-1 {
				p.say("%s", []string{"LHLO x", "MAIL FROM:<a@remote.example>", "RCPT TO:<anna@example.org>"}[i])
			}
		}
	}
}

func TestPipelining(t *testing.T) {
	h := &house{}
	_, addr := serve(t, "tcp", h, nil)
	p := hello(t, "tcp", addr)
	p.raw("MAIL FROM:<a@remote.example>\r\nRCPT TO:<anna@example.org>\r\nRCPT TO:<who@elsewhere.example>\r\nDATA\r\n")
	p.want("250 2.1.0")
	p.want("250 2.1.5")
	p.want("550 5.1.1")
	p.want("354")
	p.raw(stuff(plain) + "MAIL FROM:<b@remote.example>\r\nRCPT TO:<anna@example.org>\r\nQUI")
	p.want("250 2.0.0") // one recipient was taken: one answer
	p.want("250 2.1.0")
	p.want("250 2.1.5") // although half a command is here already
	p.raw("T\r\n")
	p.want("221")
}

func TestConfirmation(t *testing.T) {
	deliver := func(t *testing.T, addr, behind string) {
		p := hello(t, "tcp", addr)
		p.envelope("a@remote.example", "anna@example.org")
		p.raw(stuff(plain) + behind)
		p.want("250 2.0.0")
		switch {
		case behind != "":
			p.want("221")
		default:
			p.Close()
		}
	}
	t.Run("a session that ends without a word makes the next attempt a repeat", func(t *testing.T) {
		h := &house{}
		s, addr := serve(t, "tcp", h, nil)
		deliver(t, addr, "")
		waitFor(t, func() bool { return s.Stats().Open == 0 })
		deliver(t, addr, "")
		if n := len(h.got("anna")); n != 1 {
			t.Errorf("%d messages", n)
		}
	})
	t.Run("a QUIT that came with the data counts", func(t *testing.T) {
		h := &house{}
		_, addr := serve(t, "tcp", h, nil)
		deliver(t, addr, "QUIT\r\n")
		deliver(t, addr, "QUIT\r\n")
		if n := len(h.got("anna")); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
	t.Run("the next MAIL counts", func(t *testing.T) {
		h := &house{}
		_, addr := serve(t, "tcp", h, nil)
		p := hello(t, "tcp", addr)
		for range 3 {
			p.envelope("a@remote.example", "anna@example.org")
			p.raw(stuff(plain))
			p.want("250 2.0.0")
		}
		if n := len(h.got("anna")); n != 3 {
			t.Errorf("%d messages", n)
		}
	})
}

// waitFor waits for what has no event.
func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it never came")
		}
	}
}

func TestSizeLimits(t *testing.T) {
	h := &house{}
	s, addr := serve(t, "tcp", h, func(o *Options) { o.MaxMessageBytes, o.MaxBuffered = 10_000, 15_000 })
	p := hello(t, "tcp", addr)
	p.say("MAIL FROM:<> SIZE=10001")
	p.want("552 5.3.4")
	exact := strings.Repeat("x", 9_998) + "\r\n"
	for raw, want := range map[string]string{exact: "250 2.0.0", exact + "y\r\n": "552 5.3.4"} {
		p.envelope("", "anna@example.org", "ben@example.org")
		p.raw(stuff(raw))
		p.want(want)
		p.want(want)
	}
	waitFor(t, func() bool { return s.buffered.Load() == 0 })
	s.buffered.Store(10_000) // other sessions
	p.envelope("", "anna@example.org")
	p.raw(stuff(exact))
	p.want("452 4.3.1")
	s.buffered.Store(0)
	p.envelope("", "anna@example.org")
	if _, err := p.Write([]byte(strings.Repeat("x", 200_000))); err == nil {
		p.want("421 4.7.0")
	}
}

func TestFullDisk(t *testing.T) {
	h := &house{room: mailstore.ErrNoSpace}
	_, addr := serve(t, "tcp", h, nil)
	p := hello(t, "tcp", addr)
	p.say("MAIL FROM:<>")
	p.want("452 4.3.1")
}

func TestBadInput(t *testing.T) {
	tests := []struct {
		name  string
		say   string
		wants []string
	}{
		{"an unknown command", "FROB\r\n", []string{"500 5.5.2"}},
		{"nothing", "\r\n", []string{"500 5.5.2"}},
		{"SMTP", "EHLO x\r\n", []string{"500 5.5.1"}},
		{"octets that are no text", "NOOP \x80\xfe\r\n", []string{"500 5.5.2"}},
		{"a NUL", "NOOP \x00\r\n", []string{"500 5.5.2"}},
		{"a bare CR", "NO\rOP\r\n", []string{"500 5.5.2"}},
		{"a long line", "NOOP " + strings.Repeat("x", 100_000) + "\r\nNOOP\r\n", []string{"500 5.5.6", "250"}},
		{"an endless line", strings.Repeat("x", maxSkip+2*bufferSize), []string{"421 4.7.0"}},
		{"too many errors", strings.Repeat("FROB\r\n", maxErrors), append(slices.Repeat([]string{"500 5.5.2"}, maxErrors), "421 4.7.0")},
		{"RCPT before MAIL", "RCPT TO:<a@b>\r\n", []string{"503 5.5.1"}},
		{"DATA before MAIL", "DATA\r\n", []string{"503 5.5.1"}},
		{"MAIL twice", "MAIL FROM:<>\r\nMAIL FROM:<>\r\n", []string{"250", "503 5.5.1"}},
		{"no brackets", "MAIL FROM:a@b\r\n", []string{"501 5.1.7"}},
		{"an open bracket", "MAIL FROM:<a@b\r\n", []string{"501 5.1.7"}},
		{"a control character", "MAIL FROM:<a\x01@b>\r\n", []string{"501 5.1.7"}},
		{"an unknown parameter", "MAIL FROM:<> FROB=1\r\n", []string{"555 5.5.4"}},
		{"a parameter twice", "MAIL FROM:<> SIZE=1 size=2\r\n", []string{"501 5.1.7"}},
		{"a size that is none", "MAIL FROM:<> SIZE=-1\r\n", []string{"555 5.5.4"}},
		{"glued parameters", "MAIL FROM:<>SIZE=1\r\n", []string{"501 5.1.7"}},
		{"a long address", "MAIL FROM:<" + strings.Repeat("a", maxPath) + "@b>\r\n", []string{"501 5.1.7 the address has more than 512 octets"}},
		{"many parameters", "MAIL FROM:<>" + strings.Repeat(" X=1", maxParams+1) + "\r\n", []string{"501 5.1.7 too many parameters"}},
		{"STARTTLS that is not offered", "STARTTLS\r\n", []string{"503 5.5.1"}},
		{"XFORWARD with nonsense", "XFORWARD ADDR=x\r\nXFORWARD\r\nXFORWARD FROB=1\r\nXFORWARD NAME=+0\r\n", slices.Repeat([]string{"501 5.5.4"}, 4)},
	}
	_, addr := serve(t, "tcp", &house{}, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := hello(t, "tcp", addr)
			go p.Write([]byte(tt.say)) // the server may stop to listen in the middle
			for _, w := range tt.wants {
				p.want(w)
			}
		})
	}
	t.Run("half a command", func(t *testing.T) {
		p := hello(t, "tcp", addr)
		p.raw("MAIL FR")
		p.Close()
	})
	t.Run("half a message", func(t *testing.T) {
		p := hello(t, "tcp", addr)
		p.envelope("", "anna@example.org")
		p.raw("Subject: half\r\n")
		p.Close()
	})
	t.Run("commands before LHLO", func(t *testing.T) {
		p := dial(t, "tcp", addr)
		p.want("220")
		p.say("MAIL FROM:<>")
		p.want("503 5.5.1")
	})
}

func TestTimeouts(t *testing.T) {
	_, addr := serve(t, "tcp", &house{}, func(o *Options) { o.CommandTimeout, o.DataTimeout = 50*time.Millisecond, 50*time.Millisecond })
	p := hello(t, "tcp", addr)
	p.want("421 4.4.2")
	p.closed()
	p = hello(t, "tcp", addr)
	p.envelope("", "anna@example.org")
	p.raw("Subject: slow\r\n")
	p.want("421 4.4.2")
	p.closed()
}

func TestTooManyConnections(t *testing.T) {
	s, addr := serve(t, "tcp", &house{}, func(o *Options) { o.MaxConnections = 2 })
	one, two := hello(t, "tcp", addr), hello(t, "tcp", addr)
	three := dial(t, "tcp", addr)
	three.want("421 4.3.2 too many connections")
	three.closed()
	one.say("QUIT")
	one.want("221")
	waitFor(t, func() bool { return s.Stats().Open == 1 })
	hello(t, "tcp", addr)
	two.say("NOOP")
	two.want("250")
	if n := s.Stats().Turned; n != 1 {
		t.Errorf("%d turned away", n)
	}
}

func TestShutdownLetsAMessageEnd(t *testing.T) {
	h := &house{}
	s, addr := serve(t, "tcp", h, nil)
	idle, busy := hello(t, "tcp", addr), hello(t, "tcp", addr)
	busy.envelope("", "anna@example.org")
	busy.raw("Subject: x\r\n")
	waitFor(t, func() bool { // the server waits for data
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.sessions {
			c.mu.Lock()
			waits := !c.idle
			c.mu.Unlock()
			if waits {
				return true
			}
		}
		return false
	})
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	idle.want("421 4.3.2")
	idle.closed()
	busy.raw("\r\n.\r\n")
	busy.want("250 2.0.0")
	busy.want("421 4.3.2")
	busy.closed()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("it still listens")
	}
}

func TestShutdownBreaksOffWhatTakesTooLong(t *testing.T) {
	s, addr := serve(t, "tcp", &house{}, nil)
	p := hello(t, "tcp", addr)
	p.envelope("", "anna@example.org")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Error("no error")
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	h := &house{}
	_, addr := serve(t, "tcp", h, func(o *Options) {
		o.TLS = func() *tls.Config { panic("out of cheese") }
	})
	other := hello(t, "tcp", addr)
	p := hello(t, "tcp", addr)
	p.say("STARTTLS")
	p.want("421 4.3.0")
	p.closed()
	other.say("NOOP")
	other.want("250")
}

// certificate makes one for localhost.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSTARTTLS(t *testing.T) {
	h := &house{}
	conf := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	_, addr := serve(t, "tcp", h, func(o *Options) { o.TLS = func() *tls.Config { return conf } })
	p := dial(t, "tcp", addr)
	p.want("220")
	p.say("LHLO x")
	if got := p.want("250"); !strings.Contains(got, "STARTTLS") {
		t.Errorf("not offered: %q", got)
	}
	p.say("STARTTLS")
	p.want("220 2.0.0")
	p.Conn = tls.Client(p.Conn, &tls.Config{InsecureSkipVerify: true})
	p.r = bufio.NewReader(p.Conn)
	p.say("MAIL FROM:<>")
	p.want("503 5.5.1 say LHLO first")
	p.say("LHLO x")
	if got := p.want("250"); strings.Contains(got, "STARTTLS") {
		t.Errorf("offered again: %q", got)
	}
	p.envelope("", "anna@example.org")
	p.raw(stuff(plain))
	p.want("250 2.0.0")

	q := hello(t, "tcp", addr)
	q.raw("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
	q.want("503 5.5.1")
	q.closed()
}

// TestClientOfGoSMTP has somebody else's client deliver.
func TestClientOfGoSMTP(t *testing.T) {
	h := &house{}
	_, addr := serve(t, "unix", h, nil)
	conn, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.SendMail("a@remote.example", []string{"anna@example.org", "ben@example.org"}, strings.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Error(err)
	}
	if len(h.got("anna")) != 1 || len(h.got("ben")) != 1 {
		t.Errorf("stored %v", h.mail)
	}
}
