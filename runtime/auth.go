package runtime

import (
	"context"
	"net/netip"

	"github.com/sluice-mail/sluice/mail"
)

// MailAuth says whether mail comes from where it says. Its checks always have a result; where a
// server did not answer, that is temperror. Many goroutines may use it.
//
// The results have no types of their own in them, so that a room that knows nothing of this one
// can make them.
type MailAuth interface {
	// SPF says whether the client may send mail of a sender, "" being the null one.
	SPF(ctx context.Context, client netip.Addr, helo, sender string) SPFResult
	// DKIM says what the signatures of a message are worth, in the order of its header.
	DKIM(ctx context.Context, message []byte) []DKIMResult
	// DMARC brings both together with the From field. sample, from 0 to 99, is what pct is
	// compared with.
	DMARC(ctx context.Context, h *mail.Header, spf SPFResult, signatures []DKIMResult, sample int) DMARCResult
}

// SPFResult is what SPF says.
//
// Spec: RFC 7208, section 2.6
type SPFResult struct {
	Result      string `cbor:"result"` // none, neutral, pass, fail, softfail, temperror or permerror
	Domain      string `cbor:"domain"` // that was checked
	Explanation string `cbor:"explanation,omitempty"`
}

// DKIMResult is what one signature is worth.
//
// Spec: RFC 8601, section 2.7.1
type DKIMResult struct {
	Result    string `cbor:"result"` // pass, fail, policy, temperror or permerror
	Domain    string `cbor:"domain"`
	Selector  string `cbor:"selector"`
	Identity  string `cbor:"identity"`
	Algorithm string `cbor:"algorithm"`
	Signature string `cbor:"signature"` // its first octets, which tell it from others
	Partial   bool   `cbor:"partial,omitempty"`
	Testing   bool   `cbor:"testing,omitempty"`
	Error     string `cbor:"error,omitempty"`
}

// DMARCResult is what DMARC says.
//
// Spec: RFC 7489, section 6
type DMARCResult struct {
	Result      string `cbor:"result"`      // none, pass, fail, temperror or permerror
	Policy      string `cbor:"policy"`      // none, quarantine or reject; "" without a record
	Disposition string `cbor:"disposition"` // the policy for this message: none, quarantine or reject
	Domain      string `cbor:"domain"`      // of the From field
	SPFAligned  bool   `cbor:"spf_aligned"`
	DKIMAligned bool   `cbor:"dkim_aligned"`
}

// AuthResults are results of checks that somebody in front of us has made, such as a milter
// that runs behind another one. What is here is not checked once more.
type AuthResults struct {
	SPF *SPFResult `cbor:"spf,omitempty"`
	// DKIM are the signatures; they count if DKIMKnown says so, and then also when there are none.
	DKIM      []DKIMResult `cbor:"dkim,omitempty"`
	DKIMKnown bool         `cbor:"dkim_known,omitempty"`
	DMARC     *DMARCResult `cbor:"dmarc,omitempty"`
}

// value returns the result as scripts see it.
func (r SPFResult) value() Value {
	v := map[string]Value{"result": r.Result, "domain": r.Domain}
	if r.Explanation != "" {
		v["explanation"] = r.Explanation
	}
	return v
}

// value returns the result as scripts see it.
func (r DKIMResult) value() Value {
	return map[string]Value{"result": r.Result, "domain": r.Domain, "selector": r.Selector, "identity": r.Identity,
		"algorithm": r.Algorithm, "partial": r.Partial, "testing": r.Testing, "error": r.Error}
}

// value returns the result as scripts see it.
func (r DMARCResult) value() Value {
	return map[string]Value{"result": r.Result, "policy": r.Policy, "disposition": r.Disposition, "domain": r.Domain,
		"spf_aligned": r.SPFAligned, "dkim_aligned": r.DKIMAligned}
}
