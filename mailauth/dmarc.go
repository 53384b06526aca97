package mailauth

import (
	"context"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// DMARCResult is what DMARC says.
type DMARCResult struct {
	// Result is none (the domain has no record), pass, fail, temperror or permerror (the From
	// field names no single domain).
	Result string
	// Policy is what the domain asks for with mail that fails: none, quarantine or reject; ""
	// without a record.
	Policy string
	// Disposition is what it asks for with this message, pct reckoned: none unless it fails.
	Disposition string
	Domain      string // of the From field
	SPFAligned  bool   // SPF passes for the domain
	DKIMAligned bool   // a signature of the domain passes
}

// DMARC brings the results of SPF and DKIM together with the From field. sample is a number
// from 0 to 99: of the messages that fail, those below pct are in the policy, and the others
// in the next milder one.
//
// Spec: RFC 7489, sections 3.1, 6.6.2 and 6.6.4
func (c *Checker) DMARC(ctx context.Context, h *mail.Header, spf SPFResult, signatures []DKIMResult, sample int) DMARCResult {
	res := DMARCResult{Result: PermError, Disposition: None, Domain: authorDomain(h)}
	if res.Domain == "" {
		return res
	}
	ctx, cancel, q := c.begin(ctx)
	defer cancel()
	r, err := q.discover(ctx, res.Domain)
	switch {
	case err == errNoPolicy:
		res.Result = None
		return res
	case err != nil:
		res.Result = TempError
		return res
	}
	res.Policy = r.policy
	if r.organization {
		if res.Policy = r.subdomains; r.hasMissing && !q.exists(ctx, res.Domain) {
			res.Policy = r.missing
		}
	}
	unsure := false // somebody could not be asked who might have said pass
	if aligned(res.Domain, spf.Domain, r.strictSPF) {
		res.SPFAligned = spf.Result == Pass
		unsure = spf.Result == TempError
	}
	for _, s := range signatures {
		if aligned(res.Domain, s.Domain, r.strictDKIM) {
			res.DKIMAligned = res.DKIMAligned || s.Result == Pass
			unsure = unsure || s.Result == TempError
		}
	}
	switch {
	case res.SPFAligned || res.DKIMAligned:
		res.Result = Pass
	case unsure:
		res.Result = TempError
	default:
		res.Result = Fail
		res.Disposition = res.Policy
		if sample >= r.percent {
			res.Disposition = milder[res.Policy]
		}
	}
	return res
}

// milder is what becomes of mail that pct leaves out.
var milder = map[string]string{"reject": "quarantine", "quarantine": None, None: None}

// aligned says whether a domain that was authenticated speaks for that of the From field.
//
// Spec: RFC 7489, section 3.1
func aligned(from, domain string, strict bool) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	switch {
	case domain == "":
		return false
	case domain == from:
		return true
	}
	return !strict && organization(domain) == organization(from)
}

// authorDomain returns the domain of the From field, "" if there is not just one field with
// just one domain in it.
//
// Spec: RFC 7489, section 6.6.1
func authorDomain(h *mail.Header) string {
	values := h.Values("From")
	if len(values) != 1 {
		return ""
	}
	domain := ""
	for _, a := range mail.ParseAddresses(values[0]).Addresses {
		d := asciiDomain(a.Domain)
		if d == "" || domain != "" && d != domain {
			return ""
		}
		domain = d
	}
	return domain
}
