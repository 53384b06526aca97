package outbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// maxBounceHeader bounds the octets of the returned header.
const maxBounceHeader = 64 << 10

// report writes the delivery status notification for the recipients that failed: a text
// for people, the status for machines, and the header of the message.
//
// Spec: RFC 3464; RFC 6522 (multipart/report); RFC 3834, section 2 (Auto-Submitted).
func (b *Outbox) report(it *item, gone []target, now time.Time) []byte {
	host := b.o.Hostname
	boundary := "=_" + rand.Text()
	header := mail.New(it.raw).Header().Raw()
	var w bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&w, format+"\r\n", args...) }

	line("Date: %s", now.Format(time.RFC1123Z))
	line("From: Mail Delivery System <MAILER-DAEMON@%s>", host)
	line("To: <%s>", it.from)
	line("Subject: Undelivered mail returned to sender")
	line("Message-ID: <%s@%s>", rand.Text(), host)
	if ids := mail.New(it.raw).Header().Values("Message-ID"); len(ids) > 0 && len(ids[0]) < 900 && isASCII(ids[0]) {
		line("In-Reply-To: %s", oneLine(ids[0]))
	}
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"", boundary)
	line("Content-Transfer-Encoding: 8bit")
	line("")
	line("This is a report of %s in MIME format.", host)
	line("")

	line("--%s", boundary)
	line("Content-Type: text/plain; charset=utf-8")
	line("Content-Transfer-Encoding: 8bit")
	line("")
	line("This is the mail system at %s.", host)
	line("")
	line("Your message could not be delivered to:")
	for _, t := range gone {
		line("")
		line("<%s>", oneLine(t.address))
		line("    %s", t.result.text())
		if t.result.expired {
			line("    It was tried since %s; there will be no more attempts.", it.created.Format(time.RFC1123Z))
		}
	}
	line("")

	line("--%s", boundary)
	line("Content-Type: message/%sdelivery-status", global(it, gone))
	line("Content-Transfer-Encoding: 8bit")
	line("")
	p := readParams(it.params)
	line("Reporting-MTA: dns; %s", host)
	if p.envid != "" {
		line("Original-Envelope-Id: %s", p.envid)
	}
	line("Arrival-Date: %s", it.created.Format(time.RFC1123Z))
	for _, t := range gone {
		line("")
		kind := "rfc822"
		if !isASCII(t.address) {
			kind = "utf-8" // RFC 6533
		}
		if o := p.rcpt.OriginalRecipient; o != "" {
			line("Original-Recipient: rfc822; %s", o)
		}
		line("Final-Recipient: %s; %s", kind, oneLine(t.address))
		line("Action: failed")
		line("Status: %s", t.result.status())
		if t.result.fromRelay {
			line("Remote-MTA: dns; %s", relayHost(b.relay.Load().Address))
			line("Diagnostic-Code: smtp; %s", t.result.text())
		}
		line("Last-Attempt-Date: %s", now.Format(time.RFC1123Z))
	}
	line("")

	line("--%s", boundary)
	line("Content-Type: text/rfc822-headers; charset=utf-8")
	line("Content-Transfer-Encoding: 8bit")
	line("")
	if len(header) > maxBounceHeader {
		header = header[:bytes.LastIndexByte(header[:maxBounceHeader], '\n')+1]
	}
	w.Write(header)
	if !bytes.HasSuffix(header, []byte("\n")) {
		line("")
	}
	line("--%s--", boundary)
	return w.Bytes()
}

// global returns the prefix of the type for reports with addresses beyond ASCII.
//
// Spec: RFC 6533, section 3.
func global(it *item, gone []target) string {
	for _, t := range gone {
		if !isASCII(t.address) {
			return "global-"
		}
	}
	return ""
}

func relayHost(address string) string {
	if i := strings.LastIndexByte(address, ':'); i > 0 {
		address = address[:i]
	}
	return strings.Trim(address, "[]")
}

// oneLine keeps a text from ending its line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
