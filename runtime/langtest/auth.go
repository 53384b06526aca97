package langtest

import (
	"context"
	"net/netip"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailauth"
	"github.com/sluice-mail/sluice/runtime"
)

// mailAuth is mailauth's checker with the results of the function table.
type mailAuth struct{ *mailauth.Checker }

func checker(dns runtime.NetResolver) runtime.MailAuth {
	return mailAuth{mailauth.New(mailauth.Options{Resolver: dns})}
}

func (a mailAuth) SPF(ctx context.Context, client netip.Addr, helo, sender string) runtime.SPFResult {
	return runtime.SPFResult(a.Checker.SPF(ctx, client, helo, sender))
}

func (a mailAuth) DKIM(ctx context.Context, message []byte) []runtime.DKIMResult {
	var out []runtime.DKIMResult
	for _, r := range a.Checker.DKIM(ctx, message) {
		out = append(out, runtime.DKIMResult(r))
	}
	return out
}

func (a mailAuth) DMARC(ctx context.Context, h *mail.Header, spf runtime.SPFResult, signatures []runtime.DKIMResult, sample int) runtime.DMARCResult {
	var list []mailauth.DKIMResult
	for _, r := range signatures {
		list = append(list, mailauth.DKIMResult(r))
	}
	return runtime.DMARCResult(a.Checker.DMARC(ctx, h, mailauth.SPFResult(spf), list, sample))
}
