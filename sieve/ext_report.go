package sieve

import (
	"bytes"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// vnd.dovecot.report sends a report about the message, with the message, to whoever deals
// with such reports.
//
// Spec:   Pigeonhole (vnd.dovecot.report); RFC 5965
// Status: complete
func init() {
	text := func(name string) Arg { return Arg{Name: name, Kind: StringArgument} }
	register(Extension{
		Name: "vnd.dovecot.report", Spec: "Pigeonhole; RFC 5965", Status: "complete",
		// report [:headers_only] <feedback-type: string> <message: string> <address: string>
		Commands: []Command{{
			Name: "report", Args: []Arg{text("feedback-type"), text("message"), text("address")},
			Tags: []Tag{{Name: "headers_only"}}, Bind: bindReport,
		}},
	})
}

func bindReport(b *Binder, c *Call) Do {
	kind, message, address := c.Text("feedback-type"), c.Text("message"), c.Text("address")
	short := c.Tag("headers_only") != nil
	if s, ok := kind.Constant(); ok && !isToken(s) {
		b.Errorf(kind.Span, "report: %q is no feedback type; expected a word such as abuse", clip(s))
	}
	if s, ok := address.Constant(); ok {
		if _, err := sieveAddress(s); err != nil {
			b.Errorf(address.Span, "report: %s", err)
		}
	}
	c.lawful()
	return func(r *Run) error {
		a := runtime.Action{Kind: runtime.Send, As: runtime.AsReport}
		feedback := kind.Value(r)
		to, err := sieveAddress(address.Value(r))
		switch {
		case r.err != nil:
			return r.err
		case err != nil:
			a.Reason = err.Error()
			return r.Act(a)
		case !isToken(feedback):
			a.Reason = "\"" + clip(feedback) + "\" is no feedback type"
			return r.Act(a)
		case r.view.Mail() == nil:
			return nil
		}
		choice := r.mailOptions().ReportFrom
		from := r.choose(choice)
		if from == "" || from == runtime.NullSender {
			from = r.postmaster()
		}
		a.Address, a.Raw = to, r.report(feedback, message.Value(r), from, to, short)
		a.From = from
		if r.view.From.Address == "" {
			a.From = runtime.NullSender
		}
		if r.err != nil {
			return r.err
		}
		return r.Act(a)
	}
}

// report writes a feedback report.
//
// Spec: RFC 5965, section 2; RFC 6522
func (r *Run) report(kind, message, from, to string, short bool) []byte {
	c := r.compose()
	c.Addresses("From", plainAddress(from))
	c.Addresses("To", plainAddress(to))
	c.Text("Subject", "Report: "+mail.Shorten(r.subject(), 200))
	c.Raw("Auto-Submitted", "auto-generated (report)")
	c.Raw("Precedence", "bulk")
	c.Raw("MIME-Version", "1.0")
	raw := r.view.Mail().Raw()
	if short {
		raw = r.header().Raw()
	}
	r.work(len(raw))
	boundary := "=_" + c.id
	c.Raw("Content-Type", `multipart/report; report-type=feedback-report; boundary="`+boundary+`"`)
	c.WriteString("\r\nThis is a report in MIME format.\r\n\r\n--" + boundary + "\r\n")
	c.Part(message)
	c.WriteString("\r\n--" + boundary + "\r\n")
	c.Raw("Content-Type", "message/feedback-report")
	c.WriteString("\r\n")
	c.Raw("Version", "1")
	c.Raw("Feedback-Type", kind)
	c.Raw("User-Agent", "Sluice/1")
	c.Raw("Original-Mail-From", "<"+r.view.From.Address+">")
	if a := r.view.Rcpt.Address; a != "" {
		c.Raw("Original-Rcpt-To", "<"+a+">")
	}
	c.Raw("Arrival-Date", r.view.Time.Format(time.RFC1123Z))
	if ip := r.view.Client.IP; ip.IsValid() {
		c.Raw("Source-IP", ip.Unmap().String())
	}
	if u := r.userEmail(); u != "" {
		c.Raw("Dovecot-Reporting-User", "<"+u+">")
	}
	c.WriteString("\r\n--" + boundary + "\r\n")
	if short {
		c.Raw("Content-Type", "text/rfc822-headers")
	} else {
		c.Raw("Content-Type", "message/rfc822")
	}
	c.Raw("Content-Disposition", "attachment")
	if bytes.ContainsFunc(raw, func(c rune) bool { return c > '~' }) {
		c.Raw("Content-Transfer-Encoding", "8bit")
	}
	c.WriteString("\r\n")
	c.Write(raw)
	if !bytes.HasSuffix(raw, []byte("\n")) {
		c.WriteString("\r\n")
	}
	c.WriteString("\r\n--" + boundary + "--\r\n")
	return c.Bytes()
}

// isToken says whether s is a word of MIME.
//
// Spec: RFC 2045, section 5.1
func isToken(s string) bool {
	return s != "" && len(s) < 100 && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune(`()<>@,;:\"/[]?=`, c)
	})
}
