package dns

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// maxAliases bounds the CNAME records that lead from a name to its records.
const maxAliases = 8

var errAliases = fmt.Errorf("more than %d aliases", maxAliases)

// maxRecords bounds the records of an answer; what is beyond is left out.
const maxRecords = 512

// chain is how far the answer to a question has come.
type chain struct {
	name    string // that is looked for, behind the aliases so far
	typ     uint16
	aliases int
	ttl     time.Duration // the shortest so far
	secure  bool          // all so far was
}

// read takes what a server says. It returns an answer, or else nil, and the name that has to be asked
// next is c.name. An error is one of this server.
func (c *chain) read(m *dns.Msg) (*Answer, error) {
	c.secure = c.secure && m.AuthenticatedData
	for {
		a := Answer{Status: OK}
		alias := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || host(h.Name) != c.name {
				continue
			}
			switch {
			case h.Rrtype == c.typ:
				a.add(rr)
				c.shorten(h.Ttl)
			case h.Rrtype == dns.TypeCNAME && alias == "":
				alias = host(rr.(*dns.CNAME).Target)
				c.shorten(h.Ttl)
			}
		}
		if len(a.Values) > 0 {
			a.sort()
			a.TTL, a.Secure = c.ttl, c.secure
			return &a, nil
		}
		if alias == "" {
			break
		}
		if c.aliases++; c.aliases > maxAliases {
			return nil, errAliases
		}
		c.name = alias
	}
	return c.nothing(m)
}

// nothing is read where there are no records: in the whole answer, or behind its aliases.
//
// Spec: RFC 2308, sections 2 and 5; RFC 6604, section 3
func (c *chain) nothing(m *dns.Msg) (*Answer, error) {
	referral := false
	for _, rr := range m.Ns {
		switch rr := rr.(type) {
		case *dns.SOA:
			c.shorten(min(rr.Hdr.Ttl, rr.Minttl))
			if m.Rcode == dns.RcodeNameError {
				return &Answer{Status: NXDomain, TTL: c.ttl, Secure: c.secure}, nil
			}
			return &Answer{Status: NoData, TTL: c.ttl, Secure: c.secure}, nil
		case *dns.NS:
			referral = true
		}
	}
	switch {
	case m.Rcode == dns.RcodeNameError: // nobody says for how long
		return &Answer{Status: NXDomain, Secure: c.secure}, nil
	case len(m.Answer) > 0 && c.aliases > 0 && !answers(m, c.name):
		return nil, nil // it names an alias, and not what that has
	case referral && !m.Authoritative:
		return nil, errors.New("the server does not look further (referral)")
	}
	return &Answer{Status: NoData, Secure: c.secure}, nil
}

// answers says whether the question of m was for name.
func answers(m *dns.Msg, name string) bool {
	return len(m.Question) == 1 && host(m.Question[0].Name) == name
}

// shorten notes a time to live in seconds. A value whose highest bit is set is none.
//
// Spec: RFC 2181, section 8
func (c *chain) shorten(ttl uint32) {
	if ttl >= 1<<31 {
		ttl = 0
	}
	c.ttl = min(c.ttl, time.Duration(ttl)*time.Second)
}

// add adds a record. One that is there already is not added again.
func (a *Answer) add(rr dns.RR) {
	if len(a.Values) >= maxRecords {
		return
	}
	v := ""
	switch rr := rr.(type) {
	case *dns.A:
		v = rr.A.String()
	case *dns.AAAA:
		v = rr.AAAA.String()
		if rr.AAAA.To4() != nil {
			v = "::ffff:" + v
		}
	case *dns.CNAME:
		v = host(rr.Target)
	case *dns.NS:
		v = host(rr.Ns)
	case *dns.PTR:
		v = host(rr.Ptr)
	case *dns.TXT:
		var b strings.Builder
		for _, s := range rr.Txt {
			b.WriteString(octets(s))
		}
		v = b.String()
	case *dns.TLSA:
		v = fmt.Sprintf("%d %d %d %s", rr.Usage, rr.Selector, rr.MatchingType, strings.ToLower(rr.Certificate))
	case *dns.MX:
		for i, p := range a.Preferences {
			if p == rr.Preference && a.Values[i] == host(rr.Mx) {
				return
			}
		}
		a.Values, a.Preferences = append(a.Values, host(rr.Mx)), append(a.Preferences, rr.Preference)
		return
	default:
		return
	}
	if !slices.Contains(a.Values, v) {
		a.Values = append(a.Values, v)
	}
}

// sort puts MX records into the order of their preferences; equal ones stay as they came.
func (a *Answer) sort() {
	if len(a.Preferences) < 2 {
		return
	}
	order := make([]int, len(a.Values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(a.Preferences[i]) - int(a.Preferences[j]) })
	values, preferences := make([]string, len(order)), make([]uint16, len(order))
	for i, j := range order {
		values[i], preferences[i] = a.Values[j], a.Preferences[j]
	}
	a.Values, a.Preferences = values, preferences
}

// rcodeText is what an answer without records and without a name says.
func rcodeText(rcode int) string {
	if s := dns.RcodeToString[rcode]; s != "" {
		return s
	}
	return "RCODE " + strconv.Itoa(rcode)
}
