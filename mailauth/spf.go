package mailauth

import (
	"context"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"
)

// SPFResult is what SPF says.
type SPFResult struct {
	Result string // none, neutral, pass, fail, softfail, temperror or permerror
	// Domain is the one that was checked: that of the sender, or for the null sender of HELO.
	Domain string
	// Explanation is what the domain wants refused clients to read; only with fail. It is
	// visible ASCII and somebody else's text.
	Explanation string
}

// SPF says whether a client may send mail of a sender. The null sender "" is postmaster at
// helo. Without a client or a domain the result is none.
//
// Spec: RFC 7208, sections 2.4 and 4
func (c *Checker) SPF(ctx context.Context, client netip.Addr, helo, sender string) SPFResult {
	ctx, cancel, q := c.begin(ctx)
	defer cancel()
	q.cut = true // RFC 7208, section 7.3
	local, domain := splitAddress(sender)
	if sender == "" || domain == "" {
		local, domain = "", helo
	}
	if local == "" || strings.Contains(local, "@") {
		local = "postmaster" // the library parts an address at its first @
	}
	client = client.Unmap().WithZone("")
	res := SPFResult{Result: None, Domain: asciiDomain(domain)}
	if !client.IsValid() || res.Domain == "" {
		return res
	}
	result, _ := spf.CheckHostWithSender(client.AsSlice(), helo, local+"@"+res.Domain, spf.WithContext(ctx), spf.WithResolver(q))
	res.Result = string(result)
	switch {
	case q.exceeded():
		res.Result = PermError
	case result == spf.PermError && ctx.Err() != nil:
		res.Result = TempError
	case result == spf.Fail:
		m := macros{client: client, helo: helo, local: local, sender: res.Domain, domain: res.Domain, receiver: c.o.Hostname, now: c.o.Now()}
		res.Explanation = q.explanation(ctx, m)
	}
	return res
}
