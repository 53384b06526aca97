package runtime

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// ErrTemporary is wrapped by errors of the network that may be gone in a while: no answer, or
// one that says that the server cannot tell now. A run that fails after one is a case for
// on-store-error, as a store that cannot be reached is.
var ErrTemporary = errors.New("temporary failure")

// DNSTypes are the types of records that a Resolver is asked for.
var DNSTypes = []string{"a", "aaaa", "cname", "mx", "ns", "ptr", "tlsa", "txt"}

// What a DNSAnswer says about a name.
const (
	DNSOK       = "ok"       // there are records
	DNSNXDomain = "nxdomain" // there is no such name
	DNSNoData   = "nodata"   // the name is there, and has no such record
)

// DNSAnswer is what the DNS says about a name and a type. It is shared: who gets one does not
// change it.
//
// It has no types of its own in it, so that a room that knows nothing of this one can make it.
type DNSAnswer struct {
	Status string // one of the constants DNS…
	// Values are the records: addresses; names in lower case without the dot at their end, "."
	// for the root; the octets of a text; usage, selector, matching type and hex digits of a
	// TLSA record, parted by blanks. MX records come in the order of their preferences.
	Values      []string
	Preferences []uint16      // of MX records, beside Values
	TTL         time.Duration // for how long the answer holds; whole seconds
	Secure      bool          // the server that was asked says that it checked it by DNSSEC
}

// Resolver asks the DNS for scripts. Many goroutines use it.
type Resolver interface {
	// Lookup returns the records of a name, in the form of DNSAnswer. The type is one of DNSTypes.
	// For ptr the name may be an IP address. What cannot be a name is one that is not there. That
	// there is no such name or no such record is an answer; an error wraps ErrTemporary, or is the
	// context's.
	Lookup(ctx context.Context, name, typ string) (DNSAnswer, error)
}

// HTTPRequest is a GET that a script asks for.
type HTTPRequest struct {
	URL     string
	Header  map[string]string
	Timeout time.Duration // for all of it; 0 or more than the fetcher's own: that
	MaxSize int64         // octets of the body, as they are read; 0 or more than the fetcher's own: that
	Stay    bool          // a redirect is the answer, and is not followed
}

// HTTPResponse is what a web server answers.
type HTTPResponse struct {
	Status int
	URL    string              // that answered, behind redirects
	Header map[string][]string // names in lower case
	Body   []byte
}

// Fetcher fetches over HTTP for scripts, from where the administrator allows it. Many goroutines
// use it.
type Fetcher interface {
	// Fetch does one GET. An error wraps ErrTemporary where another try may end well. It names the
	// host at most: URLs and headers hold secrets.
	Fetch(ctx context.Context, r HTTPRequest) (HTTPResponse, error)
}

// What a function whose effect is Network asks, if that is a service that can be faked.
const (
	asksDNS  = "dns"
	asksHTTP = "http"
)

// lookup asks the DNS. The type may be ip, too.
func (e *Env) lookup(name, typ string) (DNSAnswer, error) {
	switch {
	case e.live.DNS == nil:
		return DNSAnswer{}, errors.New("this run has no DNS")
	case typ == "ip":
		return e.addresses(name)
	}
	return e.live.DNS.Lookup(e.Context, name, typ)
}

// addresses returns the a records of a name and then the aaaa records. Where one question has
// records, the failure of the other is none.
func (e *Env) addresses(name string) (DNSAnswer, error) {
	a, err := e.live.DNS.Lookup(e.Context, name, "a")
	if err != nil && !errors.Is(err, ErrTemporary) {
		return a, err
	}
	b, err6 := e.live.DNS.Lookup(e.Context, name, "aaaa")
	if err6 != nil && !errors.Is(err6, ErrTemporary) {
		return b, err6
	}
	switch {
	case err == nil && a.Status == DNSOK && (err6 != nil || b.Status != DNSOK):
		return a, nil
	case err6 == nil && b.Status == DNSOK && (err != nil || a.Status != DNSOK):
		return b, nil
	case err != nil || err6 != nil:
		return DNSAnswer{}, cmp.Or(err, err6)
	case a.Status == DNSOK:
		a.Values = slices.Concat(a.Values, b.Values)
	case b.Status == DNSNXDomain:
		a.Status = DNSNXDomain
	}
	a.TTL, a.Secure = min(a.TTL, b.TTL), a.Secure && b.Secure
	return a, nil
}

// operation counts an operation beside the one that the call itself is.
func (e *Env) operation() error {
	r := e.run
	if r.ops++; r.ops > r.limits.Ops {
		return &LimitError{Limit: "ops", Max: int64(r.limits.Ops)}
	}
	return nil
}
