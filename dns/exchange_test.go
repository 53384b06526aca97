package dns

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// reply answers a question for addresses with one.
func reply(q *dns.Msg, address string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	rr, _ := dns.NewRR(q.Question[0].Name + " 60 A " + address)
	m.Answer = []dns.RR{rr}
	return m
}

func silent(dns.ResponseWriter, *dns.Msg) {}

func TestForgedAnswersAreIgnored(t *testing.T) {
	for name, forge := range map[string]func(m *dns.Msg){
		"another id":               func(m *dns.Msg) { m.Id++ },
		"another name":             func(m *dns.Msg) { m.Question[0].Name = "evil.example." },
		"another type":             func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"another class":            func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"two questions":            func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"no question":              func(m *dns.Msg) { m.Question = nil },
		"a question, no answer":    func(m *dns.Msg) { m.Response = false },
		"another kind of question": func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
	} {
		t.Run(name, func(t *testing.T) {
			r := resolver(t, Options{}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
				forged := reply(q, "203.0.113.66")
				forge(forged)
				_ = w.WriteMsg(forged)
				_, _ = w.Write([]byte("nonsense"))
				_ = w.WriteMsg(reply(q, "192.0.2.1"))
			}))
			a, err := r.Lookup(t.Context(), "bank.example", "a")
			if err != nil || len(a.Values) != 1 || a.Values[0] != "192.0.2.1" {
				t.Errorf("got %v, %v", a.Values, err)
			}
			if r.Stats().Dropped == 0 {
				t.Error("what was dropped is not counted")
			}
		})
	}
}

func TestWhoGuessesManyTimesIsNotHeard(t *testing.T) {
	overTCP := 0
	r := resolver(t, Options{Tries: 1, Timeout: 5 * time.Second}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if w.RemoteAddr().Network() == "tcp" {
			overTCP++
			_ = w.WriteMsg(reply(q, "192.0.2.1"))
			return
		}
		forged := reply(q, "203.0.113.66")
		for range maxForged {
			forged.Id++
			_ = w.WriteMsg(forged)
		}
		forged.Id = q.Id // a lucky one
		_ = w.WriteMsg(forged)
	}))
	a, err := r.Lookup(t.Context(), "bank.example", "a")
	if err != nil || len(a.Values) != 1 || a.Values[0] != "192.0.2.1" || overTCP != 1 {
		t.Errorf("got %v, %v, %d questions over TCP", a.Values, err, overTCP)
	}
}

func TestOnlyForgedAnswersAreNoAnswer(t *testing.T) {
	r := resolver(t, Options{Timeout: 50 * time.Millisecond, Tries: 2}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := reply(q, "203.0.113.66")
		m.Id++
		_ = w.WriteMsg(m)
	}))
	_, err := r.Lookup(t.Context(), "bank.example", "a")
	if !errors.Is(err, ErrTemporary) || !strings.HasSuffix(err.Error(), "no answer in time") {
		t.Error(err)
	}
}

func TestIdsAndPortsDiffer(t *testing.T) {
	var mu sync.Mutex
	ids, ports := map[uint16]bool{}, map[string]bool{}
	r := resolver(t, Options{Entries: -1}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		mu.Lock()
		ids[q.Id], ports[w.RemoteAddr().String()] = true, true
		mu.Unlock()
		answerZone(w, q)
	}))
	const n = 50
	for range n {
		if _, err := r.Lookup(t.Context(), "a.example.net", "a"); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ids) < n-3 || len(ports) < n-10 {
		t.Errorf("%d ids and %d ports for %d questions", len(ids), len(ports), n)
	}
}

func TestTruncatedAnswersAreAskedForOverTCP(t *testing.T) {
	var tcp atomic.Int64
	r := resolver(t, Options{}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for range 200 {
			rr, _ := dns.NewRR(q.Question[0].Name + ` 60 TXT "` + strings.Repeat("x", 100+len(m.Answer)%100) + `"`)
			m.Answer = append(m.Answer, rr)
		}
		if w.RemoteAddr().Network() == "udp" {
			if o := q.IsEdns0(); o == nil || o.UDPSize() != udpSize {
				t.Error("the question does not say how much is taken")
			}
			m.Truncate(512)
		} else {
			tcp.Add(1)
		}
		_ = w.WriteMsg(m)
	}))
	a, err := r.Lookup(t.Context(), "big.example", "txt")
	if err != nil || len(a.Values) != 100 || tcp.Load() != 1 {
		t.Errorf("%d records, %v, %d times over TCP", len(a.Values), err, tcp.Load())
	}
}

func TestAnswersCutInsideARecordAreAskedForOverTCP(t *testing.T) {
	r := resolver(t, Options{}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := reply(q, "192.0.2.1")
		if w.RemoteAddr().Network() == "udp" {
			m.Truncated = true
			b, _ := m.Pack()
			_, _ = w.Write(b[:len(b)-2])
			return
		}
		_ = w.WriteMsg(m)
	}))
	if a, err := r.Lookup(t.Context(), "x.example", "a"); err != nil || len(a.Values) != 1 {
		t.Error(a, err)
	}
}

func TestOverTCPToo(t *testing.T) {
	for name, say := range map[string]func(w dns.ResponseWriter, q *dns.Msg){
		"another question is refused": func(w dns.ResponseWriter, q *dns.Msg) { m := reply(q, "203.0.113.1"); m.Id++; _ = w.WriteMsg(m) },
		"truncated again": func(w dns.ResponseWriter, q *dns.Msg) {
			m := reply(q, "203.0.113.1")
			m.Truncated = true
			_ = w.WriteMsg(m)
		},
		"closed at once": func(w dns.ResponseWriter, _ *dns.Msg) { _ = w.Close() },
		"silence":        silent,
	} {
		t.Run(name, func(t *testing.T) {
			r := resolver(t, Options{Timeout: 100 * time.Millisecond, Tries: 1}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
				if w.RemoteAddr().Network() != "udp" {
					say(w, q)
					return
				}
				m := new(dns.Msg).SetReply(q)
				m.Truncated = true
				_ = w.WriteMsg(m)
			}))
			if a, err := r.Lookup(t.Context(), "x.example", "a"); !errors.Is(err, ErrTemporary) {
				t.Error(a, err)
			}
		})
	}
}

func TestServersFromBeforeEDNSAreAskedWithoutIt(t *testing.T) {
	for _, question := range []bool{true, false} {
		r := resolver(t, Options{}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
			if q.IsEdns0() == nil {
				_ = w.WriteMsg(reply(q, "192.0.2.1"))
				return
			}
			m := new(dns.Msg).SetRcode(q, dns.RcodeFormatError)
			if !question {
				m.Question = nil
			}
			_ = w.WriteMsg(m)
		}))
		if a, err := r.Lookup(t.Context(), "old.example", "a"); err != nil || len(a.Values) != 1 {
			t.Error(a, err)
		}
	}
}

func TestOneServerAfterTheOther(t *testing.T) {
	var broken, quiet, good atomic.Int64
	fails := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		broken.Add(1)
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
	})
	hangs := serve(t, func(dns.ResponseWriter, *dns.Msg) { quiet.Add(1) })
	works := serve(t, func(w dns.ResponseWriter, q *dns.Msg) { good.Add(1); answerZone(w, q) })
	r := resolver(t, Options{Timeout: 200 * time.Millisecond}, fails, hangs, netip.MustParseAddrPort("127.0.0.1:1"), works)
	r.o.Tries = 4
	for range 2 { // the second time at once
		if a, err := r.Lookup(t.Context(), "example.net", "ns"); err != nil || a.Status != OK {
			t.Fatal(a, err)
		}
		r.cache = newCache(10)
	}
	if broken.Load() != 1 || quiet.Load() != 1 || good.Load() != 2 {
		t.Errorf("asked %d, %d, %d times", broken.Load(), quiet.Load(), good.Load())
	}
}

func TestAServerThatSaidWhyNotIsNotAskedAgain(t *testing.T) {
	var asked atomic.Int64
	r := resolver(t, Options{Tries: 5}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		asked.Add(1)
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
	}))
	if _, err := r.Lookup(t.Context(), "x.example", "a"); !errors.Is(err, ErrTemporary) || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestALostPacketIsSentAgain(t *testing.T) {
	var asked atomic.Int64
	r := resolver(t, Options{Timeout: 100 * time.Millisecond}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if asked.Add(1) == 2 {
			answerZone(w, q)
		}
	}))
	if a, err := r.Lookup(t.Context(), "a.example.net", "a"); err != nil || len(a.Values) != 2 {
		t.Error(a, err)
	}
}

func TestTimeIsBounded(t *testing.T) {
	r := resolver(t, Options{Timeout: 50 * time.Millisecond, Tries: 3}, serve(t, silent))
	began := time.Now()
	_, err := r.Lookup(t.Context(), "slow.example", "a")
	if took := time.Since(began); !errors.Is(err, ErrTemporary) || took < 140*time.Millisecond || took > 2*time.Second {
		t.Errorf("took %s: %v", took, err)
	}
	if err == nil || err.Error() != "temporary failure: slow.example: no answer in time" {
		t.Error(err)
	}
}

func TestErrorsDoNotNameAddresses(t *testing.T) {
	r := resolver(t, Options{Tries: 1}, netip.MustParseAddrPort("127.0.0.1:1"))
	if _, err := r.Lookup(t.Context(), "x.example", "a"); err == nil || err.Error() != "temporary failure: x.example: connection refused" {
		t.Error(err)
	}
}

func TestRecordsOfAnAnswerAreBounded(t *testing.T) {
	r := resolver(t, Options{}, serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if m.Truncated = w.RemoteAddr().Network() == "udp"; !m.Truncated {
			m.Compress = true
			for i := range maxRecords + 500 {
				m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
					A: []byte{192, 0, byte(i >> 8), byte(i)}})
			}
		}
		_ = w.WriteMsg(m)
	}))
	if a, err := r.Lookup(t.Context(), "many.example", "a"); err != nil || len(a.Values) != maxRecords {
		t.Errorf("%d records, %v", len(a.Values), err)
	}
}
