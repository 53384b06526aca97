package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// udpSize is the largest answer that is taken over UDP: what passes everywhere in one piece.
const udpSize = 1232

// resolve asks until it has an answer, also behind aliases.
func (r *Resolver) resolve(ctx context.Context, k key) (Answer, error) {
	c := chain{name: k.name, typ: k.typ, ttl: 1 << 62, secure: true}
	for range maxAliases + 1 {
		a, err := r.ask(ctx, &c)
		if err != nil {
			return Answer{}, err
		}
		if a != nil {
			return *a, nil
		}
	}
	return Answer{}, errAliases
}

// ask asks one server after the other for the name that a chain has come to.
func (r *Resolver) ask(ctx context.Context, c *chain) (*Answer, error) {
	list, err := r.servers.list()
	if err != nil {
		return nil, err
	}
	said := make([]bool, len(list)) // who said why not is not asked again
	first := r.servers.firstOf(len(list))
	for i := range r.o.Tries {
		at := (first + i) % len(list)
		if said[at] {
			continue
		}
		var a *Answer
		next := *c
		if a, said[at], err = r.askOne(ctx, list[at], &next); err == nil {
			*c = next
			r.servers.prefer(at)
			return a, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// askOne asks one server. said says that an error is what it said.
func (r *Resolver) askOne(ctx context.Context, server netip.AddrPort, c *chain) (a *Answer, said bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	m, err := r.exchange(ctx, server, c, true)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) {
		m, err = r.exchange(ctx, server, c, false) // a server from before EDNS
	}
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			err = errors.New("no answer in time")
		}
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			err = errno // without the addresses on both ends
		}
		return nil, false, err
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return nil, true, errors.New(rcodeText(m.Rcode))
	}
	a, err = c.read(m)
	return a, true, err
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// exchange sends a question and returns its answer. Each has an id and a port of its own, so that
// who does not see it cannot guess both.
//
// Spec: RFC 5452
func (r *Resolver) exchange(ctx context.Context, server netip.AddrPort, c *chain, edns bool) (*dns.Msg, error) {
	r.asked.Add(1)
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(c.name), c.typ) // with a random id, recursion desired
	q.AuthenticatedData = true             // RFC 6840, section 5.7
	if edns {
		q.SetEdns0(udpSize, false)
	}
	packet, err := q.Pack()
	if err != nil {
		return nil, fmt.Errorf("the question cannot be written: %w", err)
	}
	m, err := r.overUDP(ctx, server, q, packet)
	if errors.Is(err, errForged) || err == nil && m.Truncated {
		m, err = r.overTCP(ctx, server, q, packet)
	}
	return m, err
}

// maxForged is how many packets that answer another question are borne. Where there are more, somebody
// guesses, and the question is asked over TCP, where that is of no use.
const maxForged = 16

var errForged = errors.New("answers to other questions")

func (r *Resolver) overUDP(ctx context.Context, server netip.AddrPort, q *dns.Msg, packet []byte) (*dns.Msg, error) {
	conn, err := dial(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	for range maxForged {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if m := match(q, buf[:n]); m != nil {
			return m, nil
		}
		r.dropped.Add(1) // the right one may still come
	}
	return nil, errForged
}

// overTCP is not bothered by answers to other questions: nobody but the server can send one.
func (r *Resolver) overTCP(ctx context.Context, server netip.AddrPort, q *dns.Msg, packet []byte) (*dns.Msg, error) {
	conn, err := dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	m := match(q, buf)
	if m == nil || m.Truncated {
		r.dropped.Add(1)
		return nil, errors.New("the server answers another question")
	}
	return m, nil
}

func dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, server.String())
}

// match returns the answer to q that a packet holds, nil if it holds none. Of a truncated one only the
// head is sure to be right.
//
// Spec: RFC 5452, section 9.1
func match(q *dns.Msg, packet []byte) *dns.Msg {
	if len(packet) < 12 || binary.BigEndian.Uint16(packet) != q.Id { // before it costs anything
		return nil
	}
	m := new(dns.Msg)
	err := m.Unpack(packet)
	switch {
	case m.Id != q.Id || !m.Response || m.Opcode != dns.OpcodeQuery:
		return nil
	case len(m.Question) == 0 && m.Rcode == dns.RcodeFormatError:
		return m // it did not read so far
	case len(m.Question) != 1 || m.Question[0].Qtype != q.Question[0].Qtype || m.Question[0].Qclass != dns.ClassINET ||
		!strings.EqualFold(m.Question[0].Name, q.Question[0].Name):
		return nil
	case err != nil && !m.Truncated:
		return nil
	}
	return m
}
