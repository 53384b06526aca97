// Package mailauth finds out whether a message comes from where it says: SPF (RFC 7208), DKIM
// (RFC 6376) and DMARC (RFC 7489) over any resolver.
//
//	SPF(client, HELO, sender) ──┐
//	DKIM(message) ──────────────┼──► DMARC(From field) ──► disposition
//	records of the DNS ─────────┘
//
// It promises:
//
//   - a check always ends with a result: what the DNS does not tell in time is temperror, what
//     a record or a signature has wrong is permerror;
//   - a check asks a bounded number of questions in a bounded time, whatever records say, and
//     its CPU grows with the size of the message and not with what its header claims;
//   - only names that can be host names are asked for, and always absolute ones, so that no
//     search list of the machine comes in.
//
// Who brings the DNS decides what is cached.
package mailauth

import (
	"context"
	"net"
	"time"
)

// Resolver answers questions of the DNS. *net.Resolver is one. Names come with the dot at
// their end. That there is no such name or record is a *net.DNSError whose IsNotFound is set;
// any other error is temporary. Many goroutines use it.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Options says how a Checker checks. The zero value works.
type Options struct {
	// Resolver is asked; default net.DefaultResolver.
	Resolver Resolver
	// Timeout is how long one check may take; default 5 s. Where the context ends sooner, a
	// check takes three quarters of what is left, so that its caller sees the result.
	Timeout time.Duration
	// Questions is how many questions one check may ask; default 120, which is what SPF
	// can come to within its own limits (RFC 7208, section 4.6.4).
	Questions int
	// Signatures is how many DKIM signatures of a message are looked at, from the top;
	// default 8.
	Signatures int
	// Hostname is what the macro r of an explanation of SPF becomes; default unknown.
	Hostname string
	// Now is the time, for what asks for it in explanations; default time.Now.
	Now func() time.Time
}

// Checker checks. Many goroutines may use it.
type Checker struct{ o Options }

// New returns a checker.
func New(o Options) *Checker {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Questions <= 0 {
		o.Questions = 120
	}
	if o.Signatures <= 0 {
		o.Signatures = 8
	}
	if o.Hostname == "" {
		o.Hostname = "unknown"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Checker{o}
}

// The results of checks. A check has only those that its RFC gives it.
//
// Spec: RFC 8601, section 2.7
const (
	None      = "none"
	Neutral   = "neutral"
	Pass      = "pass"
	Fail      = "fail"
	SoftFail  = "softfail"
	Policy    = "policy"
	TempError = "temperror"
	PermError = "permerror"
)
