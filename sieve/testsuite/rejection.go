package testsuite

import (
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// postmaster is who writes to senders whose mail was refused.
const postmaster = "postmaster@example.com"

// rejection returns the message that tells a sender that a message was refused after it had
// been taken: a short text and the disposition, as a server without a peer writes it.
//
// Spec: RFC 5429, section 2.2; RFC 8098
func rejection(tx *runtime.Transaction, reason string) []byte {
	const boundary = "=_rejection"
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: Postmaster <%s>", postmaster)
	line("To: <%s>", tx.From.Address)
	line("Subject: Rejected: %s", strings.Join(tx.Message.Header().Values("Subject"), " "))
	line("Auto-Submitted: auto-replied (rejected)")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=disposition-notification; boundary=\"%s\"", boundary)
	line("")
	line("--%s\r\nContent-Type: text/plain; charset=utf-8\r\n", boundary)
	line("Your message to <%s> was refused:\r\n%s\r\n", tx.Rcpt.Address, reason)
	line("--%s\r\nContent-Type: message/disposition-notification\r\n", boundary)
	line("Final-Recipient: rfc822; %s", tx.Rcpt.Address)
	for _, id := range tx.Message.Header().Values("Message-ID") {
		line("Original-Message-ID: %s", id)
	}
	line("Disposition: automatic-action/MDN-sent-automatically; deleted\r\n")
	line("--%s--", boundary)
	return []byte(b.String())
}
