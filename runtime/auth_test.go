package runtime

import (
	"context"
	"net/netip"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailauth"
)

// mailAuth is mailauth's checker with the results of the function table.
type mailAuth struct{ *mailauth.Checker }

func checker(dns NetResolver) MailAuth {
	return mailAuth{mailauth.New(mailauth.Options{Resolver: dns})}
}

func (a mailAuth) SPF(ctx context.Context, client netip.Addr, helo, sender string) SPFResult {
	return SPFResult(a.Checker.SPF(ctx, client, helo, sender))
}

func (a mailAuth) DKIM(ctx context.Context, message []byte) []DKIMResult {
	var out []DKIMResult
	for _, r := range a.Checker.DKIM(ctx, message) {
		out = append(out, DKIMResult(r))
	}
	return out
}

func (a mailAuth) DMARC(ctx context.Context, h *mail.Header, spf SPFResult, signatures []DKIMResult, sample int) DMARCResult {
	var list []mailauth.DKIMResult
	for _, r := range signatures {
		list = append(list, mailauth.DKIMResult(r))
	}
	return DMARCResult(a.Checker.DMARC(ctx, h, mailauth.SPFResult(spf), list, sample))
}
