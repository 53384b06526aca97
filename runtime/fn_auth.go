package runtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// authRun is what a run knows of where its message comes from. A check is made once a run.
type authRun struct {
	spf        *SPFResult
	signatures []DKIMResult
	verified   bool
	dmarc      *DMARCResult
}

func init() {
	register(Function{
		Name:   "spf_check",
		Family: "auth",
		Doc: "Says whether the client may send mail of the sender (SPF): a map with `result` (pass, fail, softfail, neutral, none, temperror, permerror), the `domain` that was checked, and with fail the domain's `explanation`, if it has one; " +
			"that text is somebody else's. The null sender is checked as postmaster at `helo`. Where the client or the domain is not known the result is none. Without arguments the result that the gateway brought counts, if it did, and a run asks only once.",
		Params: []Param{
			{Name: "ip", Kind: String, Optional: true, Doc: "IP address of the client; that of the transaction"},
			{Name: "helo", Kind: String, Optional: true, Doc: "its name in HELO or EHLO; that of the transaction"},
			{Name: "sender", Kind: String, Optional: true, Doc: "envelope sender, `\"\"` for the null one; that of the transaction"},
		},
		Result: Map, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `spf_check()`, Want: `{"result": "pass", "domain": "example.net"}`},
			{Code: `spf_check("198.51.100.1")`, Want: `{"result": "fail", "domain": "example.net"}`},
			{Code: `spf_check("198.51.100.1", "x.example", "a@strict.example")`, Want: `{"result": "fail", "domain": "strict.example", "explanation": "198.51.100.1 is no server of strict.example"}`},
			{Code: `spf_check("192.0.2.25", "mx1.example.net", "bob@soft.example")`, Want: `{"result": "softfail", "domain": "soft.example"}`},
			{Code: `spf_check("192.0.2.25", "mx1.example.net", "")`, Want: `{"result": "none", "domain": "mx1.example.net"}`},
			{Code: `spf_check("2001:db8::25", "mx1.example.net", "a@example.net")`, Want: `{"result": "pass", "domain": "example.net"}`},
			{Code: `spf_check("192.0.2.25", "mx1.example.net", "a@tempfail.example")`, Want: `{"result": "temperror", "domain": "tempfail.example"}`},
			{Code: `spf_check("192.0.2.25", "mx1.example.net", "a@broken.example")`, Want: `{"result": "permerror", "domain": "broken.example"}`},
			{Code: `spf_check("mx1.example.net")`, Error: `spf_check: argument 1 (ip): "mx1.example.net" is no IP address`},
		},
		idle: func(e *Env, a Args) bool {
			return a[0] == nil && a[1] == nil && a[2] == nil && e.View.Auth != nil && e.View.Auth.SPF != nil
		},
		Call: func(e *Env, a Args) (Value, error) {
			if a[0] == nil && a[1] == nil && a[2] == nil {
				r, err := e.spf()
				if err != nil {
					return nil, err
				}
				return r.value(), nil
			}
			client, helo, sender := e.View.Client.IP, e.View.Client.Helo, e.View.From.Address
			if s := a.String(0); s != "" {
				var err error
				if client, err = netip.ParseAddr(s); err != nil {
					return nil, fmt.Errorf("argument 1 (ip): %.80q is no IP address", s)
				}
			}
			if a[1] != nil {
				helo = a.String(1)
			}
			if a[2] != nil {
				sender = a.String(2)
			}
			var r SPFResult
			err := e.ask(func(ctx context.Context, auth MailAuth) { r = auth.SPF(ctx, client, helo, sender) })
			if err != nil {
				return nil, err
			}
			return r.value(), nil
		},
	})
	register(Function{
		Name:   "dkim_verify",
		Family: "auth",
		Doc: "Verifies the DKIM signatures of the message as it came, in the order of the header, at most eight of them: a list of maps with `result` (pass, fail, policy, temperror, permerror), `domain`, `selector`, `identity`, `algorithm`, `partial`, `testing` and `error`. " +
			"It is empty for a message without signatures. RSA keys below 1024 bits and SHA-1 fail. A signature with `l=` covers a part of the body only: it is `partial`, and its result is policy. `testing` says that the domain only tries DKIM out.",
		Result: List, Effect: Network, Asks: asksDNS, Stages: reading, Trust: Admin,
		Examples: []Example{
			{Code: `dkim_verify()`, Want: `[]`},
			{Code: `is_empty(dkim_verify())`, Want: `true`},
		},
		idle: func(e *Env, _ Args) bool { return e.View.Auth != nil && e.View.Auth.DKIMKnown },
		Call: func(e *Env, _ Args) (Value, error) {
			signatures, err := e.signatures()
			if err != nil {
				return nil, err
			}
			out := make([]Value, len(signatures))
			for i, s := range signatures {
				out[i] = s.value()
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "dmarc_check",
		Family: "auth",
		Doc: "Says whether the domain of the From field vouches for the message (DMARC), by SPF or by a signature: a map with `result` (pass, fail, none, temperror, permerror), `policy` (what the domain wants done with mail that fails: none, quarantine, reject; `\"\"` without a record), " +
			"`disposition` (what it wants done with this message, where `pct` may be milder; none unless the result is fail), `domain`, `spf_aligned` and `dkim_aligned`. A From field that is not there just once, or names several domains, is permerror. It makes the checks of `spf_check()` and `dkim_verify()` if they were not made.",
		Result: Map, Effect: Network, Asks: asksDNS, Stages: reading, Trust: Admin,
		Examples: []Example{
			{Code: `dmarc_check()`, Want: `{"result": "pass", "policy": "reject", "disposition": "none", "domain": "example.net", "spf_aligned": true, "dkim_aligned": false}`},
			{Code: `dmarc_check("example.net")`, Error: `dmarc_check: called with 1 argument, takes 0: dmarc_check() -> map`},
		},
		idle: func(e *Env, _ Args) bool { return e.View.Auth != nil && e.View.Auth.DMARC != nil },
		Call: func(e *Env, _ Args) (Value, error) {
			r, err := e.dmarc()
			if err != nil {
				return nil, err
			}
			return r.value(), nil
		},
	})
	register(Function{
		Name:   "auth_results_header",
		Family: "auth",
		Doc: "Returns the value of an Authentication-Results field (RFC 8601) with what `spf_check()`, `dkim_verify()` and `dmarc_check()` say, under the name of this server; before there is a message only SPF. It is one line. " +
			"Fields of the same name that came with the message should be deleted if they bear this server's name: nobody else may write under it.",
		Result: String, Effect: Network, Asks: asksDNS, Trust: Admin,
		Examples: []Example{
			{Code: `auth_results_header()`, Want: `"mail.example.org; spf=pass smtp.mailfrom=alice@example.net; dkim=none; dmarc=pass policy.dmarc=reject header.from=example.net"`},
			{Code: `starts_with(auth_results_header(), "mail.example.org; spf=pass ")`, Want: `true`},
		},
		idle: func(e *Env, _ Args) bool {
			x := e.View.Auth
			return x != nil && x.SPF != nil && (e.View.Mail() == nil || x.DKIMKnown && x.DMARC != nil)
		},
		Call: func(e *Env, _ Args) (Value, error) {
			spf, err := e.spf()
			if err != nil {
				return nil, err
			}
			if e.View.Mail() == nil {
				return authHeader(e.View, spf, nil, nil), nil
			}
			signatures, err := e.signatures()
			if err != nil {
				return nil, err
			}
			dmarc, err := e.dmarc()
			if err != nil {
				return nil, err
			}
			return authHeader(e.View, spf, signatures, &dmarc), nil
		},
	})
}

// ask makes a check over the run's DNS.
func (e *Env) ask(check func(context.Context, MailAuth)) error {
	if e.live.Auth == nil || e.live.DNS == nil {
		return errors.New("no DNS here")
	}
	dns := &netResolver{r: e.live.DNS}
	check(e.Context, e.live.Auth(dns))
	return dns.refused
}

// spf returns the result for the transaction.
func (e *Env) spf() (SPFResult, error) {
	known := &e.run.auth
	if x := e.View.Auth; known.spf == nil && x != nil {
		known.spf = x.SPF
	}
	if known.spf == nil {
		var r SPFResult
		err := e.ask(func(ctx context.Context, auth MailAuth) {
			r = auth.SPF(ctx, e.View.Client.IP, e.View.Client.Helo, e.View.From.Address)
		})
		if err != nil {
			return r, err
		}
		known.spf = &r
	}
	return *known.spf, nil
}

// signatures returns the results of the message's signatures.
func (e *Env) signatures() ([]DKIMResult, error) {
	known := &e.run.auth
	if x := e.View.Auth; !known.verified && x != nil && x.DKIMKnown {
		known.signatures, known.verified = x.DKIM, true
	}
	if m := e.View.Mail(); !known.verified && m != nil {
		err := e.ask(func(ctx context.Context, auth MailAuth) { known.signatures = auth.DKIM(ctx, m.Raw()) })
		if err != nil {
			return nil, err
		}
		known.verified = true
	}
	return known.signatures, nil
}

// dmarc returns the result for the message.
func (e *Env) dmarc() (DMARCResult, error) {
	known := &e.run.auth
	if x := e.View.Auth; known.dmarc == nil && x != nil {
		known.dmarc = x.DMARC
	}
	if known.dmarc == nil && e.View.Mail() != nil {
		spf, err := e.spf()
		if err != nil {
			return DMARCResult{}, err
		}
		signatures, err := e.signatures()
		if err != nil {
			return DMARCResult{}, err
		}
		var r DMARCResult
		// By the run's seed, so that a run that is done once more is treated alike.
		sample := rand.New(rand.NewPCG(e.View.Seed, 0xd3a2c)).IntN(100)
		err = e.ask(func(ctx context.Context, auth MailAuth) {
			r = auth.DMARC(ctx, e.View.Mail().Header(), spf, signatures, sample)
		})
		if err != nil {
			return r, err
		}
		known.dmarc = &r
	}
	if known.dmarc == nil { // no message
		return DMARCResult{Result: "permerror", Disposition: "none"}, nil
	}
	return *known.dmarc, nil
}
