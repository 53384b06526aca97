package mailauth

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
)

// record is a DMARC record, as far as a receiver needs it.
type record struct {
	policy       string // p
	subdomains   string // sp, or else p
	missing      string // np, or else sp
	hasMissing   bool
	strictDKIM   bool // adkim=s
	strictSPF    bool // aspf=s
	percent      int  // pct
	organization bool // found at the organizational domain of another one
}

// parseRecord reads a record. A record whose policy cannot be read asks for none if it wants
// reports, and else is no record; anything else that cannot be read has its default.
//
// Spec: RFC 7489, sections 6.3 and 6.6.3; RFC 9091, section 4
func parseRecord(text string) (r record, ok bool) {
	version, rest, _ := strings.Cut(text, ";")
	if name, value, _ := strings.Cut(version, "="); strings.TrimSpace(name) != "v" || strings.TrimSpace(value) != "DMARC1" {
		return r, false
	}
	tags := tagList(rest)
	policy := func(tag, otherwise string) string {
		switch p := strings.ToLower(tags[tag]); p {
		case "none", "quarantine", "reject":
			return p
		}
		return otherwise
	}
	r.policy = policy("p", "")
	_, wrong := tags["sp"]
	if r.policy == "" || wrong && policy("sp", "") == "" {
		if !strings.Contains(tags["rua"], ":") {
			return r, false
		}
		r.policy, r.subdomains, r.missing, r.percent = None, None, None, 100
		return r, true
	}
	r.subdomains = policy("sp", r.policy)
	r.missing = policy("np", r.subdomains)
	_, r.hasMissing = tags["np"]
	r.strictDKIM = strings.EqualFold(tags["adkim"], "s")
	r.strictSPF = strings.EqualFold(tags["aspf"], "s")
	r.percent = 100
	if n, err := strconv.Atoi(tags["pct"]); err == nil && n >= 0 && n <= 100 {
		r.percent = n
	}
	return r, true
}

// errNoPolicy says that a domain has no record.
var errNoPolicy = errors.New("no record")

// discover finds the record for a domain of the From field: its own, or else that of its
// organizational domain. Several records at a name are none.
//
// Spec: RFC 7489, section 6.6.3
func (q *questions) discover(ctx context.Context, domain string) (record, error) {
	names := []string{domain}
	if org := organization(domain); org != domain {
		names = append(names, org)
	}
	for _, name := range names {
		texts, err := q.LookupTXT(ctx, "_dmarc."+name)
		if err != nil && !notFound(err) {
			return record{}, err
		}
		var all []string
		for _, t := range texts {
			version, _, _ := strings.Cut(t, ";")
			if name, value, _ := strings.Cut(version, "="); strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1" {
				all = append(all, t)
			}
		}
		if len(all) == 0 {
			continue
		}
		if len(all) > 1 {
			return record{}, errNoPolicy
		}
		r, ok := parseRecord(all[0])
		if !ok {
			return record{}, errNoPolicy
		}
		r.organization = name != domain
		return r, nil
	}
	return record{}, errNoPolicy
}

func notFound(err error) bool {
	d, ok := errors.AsType[*net.DNSError](err)
	return ok && d.IsNotFound
}

// exists says whether a name has addresses or takes mail; in doubt it does.
//
// Spec: RFC 9091, section 2.6
func (q *questions) exists(ctx context.Context, name string) bool {
	if addrs, err := q.LookupIPAddr(ctx, name); len(addrs) > 0 || err != nil && !notFound(err) {
		return true
	}
	mxs, err := q.LookupMX(ctx, name)
	return len(mxs) > 0 || err != nil && !notFound(err)
}
