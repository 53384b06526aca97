package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// The TLS policies of a relay.
const (
	TLSNone     = "none"     // never
	TLSStart    = "starttls" // STARTTLS if it is offered, whatever the certificate; the default
	TLSRequire  = "require"  // STARTTLS with a valid certificate, or nothing
	TLSImplicit = "implicit" // TLS from the first octet with a valid certificate
)

// The time limits of RFC 5321, section 4.5.3.2, in short: most relays are near.
const (
	commandTimeout = 5 * time.Minute
	dataTimeout    = 10 * time.Minute
	writeTimeout   = 3 * time.Minute
)

// Relay is where everything goes.
type Relay struct {
	Address  string // host:port; "": there is none
	TLS      string // one of the policies; "": starttls
	Username string // for SASL PLAIN; "": no authentication
	Password string
	// TLSConfig is the base of the TLS configuration, such as roots; nil: the system's.
	TLSConfig *tls.Config
}

// check returns an error that says what is wrong with the settings.
func (r *Relay) check() error {
	if r.TLS == "" {
		r.TLS = TLSStart
	}
	if r.Address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(r.Address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("outbox: relay address %q: expected host:port", r.Address)
	}
	switch r.TLS {
	case TLSNone, TLSStart:
		ip := net.ParseIP(host)
		near := host == "localhost" || ip != nil && ip.IsLoopback()
		if r.Username != "" && !near {
			return fmt.Errorf("outbox: relay tls %q: a password needs require or implicit", r.TLS)
		}
	case TLSRequire, TLSImplicit:
	default:
		return fmt.Errorf("outbox: relay tls %q: expected none, starttls, require or implicit", r.TLS)
	}
	return nil
}

func (r *Relay) tlsConfig() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.TLSConfig != nil {
		c = r.TLSConfig.Clone()
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(r.Address)
	}
	// Who may be answered without TLS gains nothing by being asked for a certificate.
	c.InsecureSkipVerify = c.InsecureSkipVerify || r.TLS == TLSStart
	return c
}

// session is a connection to the relay on which messages can be sent.
type session struct {
	client *smtp.Client
	relay  *Relay
	used   int
	begun  bool // the relay answered MAIL of the message at hand
	stop   func() bool
}

// connect opens a session: greeting, EHLO, TLS as the policy says, authentication.
func (b *Outbox) connect(ctx context.Context) (*session, error) {
	r := b.relay.Load()
	if r.Address == "" {
		return nil, ErrNoRelay
	}
	s := &session{relay: r}
	err := b.hello(ctx, s)
	if err == nil && r.Username != "" {
		err = s.client.Auth(sasl.NewPlainClient("", r.Username, r.Password))
		if err != nil {
			err = fmt.Errorf("authentication: %w", err)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (b *Outbox) hello(ctx context.Context, s *session) error {
	r := s.relay
	if r.TLS == TLSRequire {
		return b.open(ctx, s, true)
	}
	if err := b.open(ctx, s, false); err != nil {
		return err
	}
	if offered, _ := s.client.Extension("STARTTLS"); !offered || r.TLS != TLSStart {
		return nil
	}
	// The client starts TLS only on a fresh connection. If that fails a policy that would
	// take plain text anyway goes on in plain text.
	s.close()
	err := b.open(ctx, s, true)
	if err == nil || ctx.Err() != nil {
		return err
	}
	s.close()
	return b.open(ctx, s, false)
}

// open connects and says EHLO, under STARTTLS if that is asked for.
func (b *Outbox) open(ctx context.Context, s *session, startTLS bool) error {
	conn, err := b.o.Dial(ctx, "tcp", s.relay.Address)
	if err != nil {
		return err
	}
	conn = &patient{conn}
	// Whatever the client waits for ends when the outbox is stopped.
	s.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if s.relay.TLS == TLSImplicit {
		t := tls.Client(conn, s.relay.tlsConfig())
		conn.SetDeadline(time.Now().Add(commandTimeout))
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return err
		}
		conn = t
	}
	if startTLS {
		s.client, err = smtp.NewClientStartTLS(conn, s.relay.tlsConfig())
		if err != nil {
			conn.Close()
			return err
		}
	} else {
		s.client = smtp.NewClient(conn)
	}
	s.client.CommandTimeout, s.client.SubmissionTimeout = commandTimeout, dataTimeout
	return s.client.Hello(b.o.Hostname)
}

// patient bounds each write, which the client does not do while it sends a message.
type patient struct{ net.Conn }

func (p *patient) Write(data []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return p.Conn.Write(data)
}

func (s *session) close() {
	if s.stop != nil {
		s.stop()
	}
	if s.client != nil {
		s.client.Close() // what was to be said is said; the connection is not used again
	}
	s.client, s.stop = nil, nil
}

// quit ends the session politely.
func (s *session) quit() {
	if s.client != nil && s.client.Quit() == nil {
		s.client = nil
	}
	s.close()
}

// send sends it to its due recipients and sets their results. It says whether the session
// can be used again.
func (s *session) send(it *item, now time.Time) (usable bool) {
	all := func(err error) bool {
		r := resultOf(err)
		for i := range it.to {
			if it.to[i].result.kind == pending {
				it.to[i].result = r
			}
		}
		return r.fromRelay
	}
	s.used++
	s.begun = false
	utf8 := !isASCII(it.from)
	for _, t := range it.to {
		utf8 = utf8 || !isASCII(t.address)
	}
	if ok, _ := s.client.Extension("SMTPUTF8"); utf8 && !ok {
		return all(&smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7}, Message: "the relay does not take addresses beyond ASCII"})
	}
	p := readParams(it.params)
	from := it.from
	if p.by != nil {
		left := p.by.within(now.Sub(it.created))
		offered, _ := s.client.Extension("DELIVERBY")
		switch {
		case left <= 0 && p.by.back:
			return all(&smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 4, 7}, Message: "delivery time expired"})
		case offered:
			from = s.deliverBy(from, p, left)
		case p.by.back:
			return all(&smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "the relay cannot promise to deliver by a time"})
		}
	}
	if err := s.client.Mail(from, &smtp.MailOptions{Size: int64(len(it.raw)), UTF8: utf8, Return: p.ret, EnvelopeID: p.envid}); err != nil {
		return all(err) && s.reset()
	}
	s.begun = true
	taken := false
	for i := range it.to {
		t := &it.to[i]
		if err := s.client.Rcpt(t.address, &p.rcpt); err != nil {
			if t.result = resultOf(err); !t.result.fromRelay {
				return all(err)
			}
			continue
		}
		taken = true
	}
	if !taken {
		return s.reset()
	}
	w, err := s.client.Data()
	if err != nil {
		return all(err) && s.reset()
	}
	if _, err := w.Write(it.raw); err != nil {
		return all(err)
	}
	answer, err := w.CloseWithResponse()
	if err != nil {
		return all(err)
	}
	for i := range it.to {
		if it.to[i].result.kind == pending {
			it.to[i].result = result{kind: delivered, code: 250, message: answer.StatusText, fromRelay: true}
		}
	}
	return true
}

func (s *session) reset() bool {
	return s.client.Reset() == nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// kind says what became of a recipient.
type kind uint8

const (
	pending kind = iota
	delivered
	temporary
	permanent
)

// result is what became of a recipient in one attempt.
type result struct {
	kind      kind
	code      int
	enhanced  smtp.EnhancedCode
	message   string
	fromRelay bool // the relay said so; else the connection did not last
	expired   bool // temporary, but the message is too old to go on
}

// resultOf reads an error of the client. Only a 5xx of the relay is for good.
func resultOf(err error) result {
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		r := result{kind: temporary, code: e.Code, enhanced: e.EnhancedCode, message: e.Message, fromRelay: e.Code != 421}
		if e.Code/100 == 5 {
			r.kind = permanent
		}
		return r
	}
	return result{kind: temporary, message: err.Error()}
}

// maxAnswer bounds the octets of an answer that are kept.
const maxAnswer = 500

// text returns the answer in one line.
func (r result) text() string {
	text := strings.Join(strings.FieldsFunc(r.message, func(c rune) bool { return c < ' ' || c == 0x7f }), " ")
	if r.code != 0 {
		if r.enhanced[0] > 0 {
			text = fmt.Sprintf("%d.%d.%d %s", r.enhanced[0], r.enhanced[1], r.enhanced[2], text)
		}
		text = fmt.Sprintf("%d %s", r.code, text)
	}
	if len(text) > maxAnswer {
		text = strings.ToValidUTF8(text[:maxAnswer], "") + "..."
	}
	return text
}

// status returns the enhanced status code of RFC 3463.
func (r result) status() string {
	switch {
	case r.expired:
		return "5.4.7"
	case r.enhanced[0] > 0:
		return fmt.Sprintf("%d.%d.%d", r.enhanced[0], r.enhanced[1], r.enhanced[2])
	case r.kind == delivered:
		return "2.0.0"
	case r.kind == permanent:
		return "5.0.0"
	}
	return "4.0.0"
}
