package sieve

import (
	"strings"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// MailOptions say how scripts answer, notify, report, redirect and remember. The zero value
// works. A SenderChoice is one of the words sender, recipient, orig_recipient, user_email and
// postmaster, or an address in angle brackets, "<>" for the null one.
type MailOptions struct {
	// UserEmail is the address of the user for whom scripts run, "" if it is not known.
	UserEmail string
	// Postmaster is where notifications and reports come from, default postmaster at the
	// host's name.
	Postmaster string
	// RedirectFrom is a SenderChoice for redirects, default sender. Mail of the null sender
	// is redirected from the null sender always.
	RedirectFrom string

	// VacationMin and VacationMax bound the time in which a sender gets one vacation message,
	// default 1 and 60 days; below 0: no bound. VacationPeriod is it where the script does not
	// say, default 7 days.
	VacationMin, VacationMax, VacationPeriod time.Duration
	// VacationSubject is the subject where the message has none, default "Automated reply".
	VacationSubject string
	// VacationSubjectTemplate makes the subject of that of the message, which takes the place of
	// %$ and %{subject}. Default "Auto: %$".
	VacationSubjectTemplate string
	// VacationSubjectLength bounds the subject, in characters, default 256.
	VacationSubjectLength int
	// VacationAnyRecipient answers mail in whose header none of the recipient's addresses is.
	VacationAnyRecipient bool
	// VacationOriginalRecipient counts the address that the sender used among those of the
	// recipient.
	VacationOriginalRecipient bool
	// VacationFromRecipient sends vacation messages from the recipient, not from the null sender.
	VacationFromRecipient bool
	// VacationToHeader takes the To of a vacation message from the header, whoever the envelope
	// sender is.
	VacationToHeader bool

	// NotifyFrom is a SenderChoice for the envelope of notifications. Default: what :from says,
	// or postmaster.
	NotifyFrom string
	// NotifyRecipients bounds the recipients of one notification, default 8.
	NotifyRecipients int
	// ReportFrom is a SenderChoice for reports, default postmaster.
	ReportFrom string

	// DuplicatePeriod is how long a message is remembered where the script does not say,
	// default 7 days, and DuplicateMax the longest that a script may ask for, default 60 days.
	DuplicatePeriod, DuplicateMax time.Duration
}

func (o MailOptions) withDefaults() MailOptions {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	const day = 24 * time.Hour
	set(&o.VacationMin, day)
	set(&o.VacationMax, 60*day)
	set(&o.VacationPeriod, 7*day)
	set(&o.DuplicatePeriod, 7*day)
	set(&o.DuplicateMax, 60*day)
	if o.VacationSubject == "" {
		o.VacationSubject = "Automated reply"
	}
	if o.VacationSubjectTemplate == "" {
		o.VacationSubjectTemplate = "Auto: %$"
	}
	if o.VacationSubjectLength <= 0 {
		o.VacationSubjectLength = 256
	}
	if o.NotifyRecipients <= 0 {
		o.NotifyRecipients = 8
	}
	return o
}

// mailOptions returns the options of mail that the run follows now.
func (r *Run) mailOptions() *MailOptions { return &r.Options().Mail }

// postmaster returns where mail of the system comes from.
func (r *Run) postmaster() string {
	if p := r.mailOptions().Postmaster; p != "" {
		return p
	}
	return "postmaster@" + r.hostname()
}

func (r *Run) hostname() string {
	if r.view.Hostname == "" {
		return "localhost"
	}
	return r.view.Hostname
}

// userEmail returns the address of the user: the one that is configured, or the recipient.
func (r *Run) userEmail() string {
	if u := r.mailOptions().UserEmail; u != "" {
		return u
	}
	return r.view.Rcpt.Address
}

// originalRecipient returns the address that the sender used, or the recipient.
func (r *Run) originalRecipient() string { return r.view.OriginalRecipient() }

// choose returns the address that a SenderChoice names, runtime.NullSender for the null one
// and "" for an empty or unknown choice.
func (r *Run) choose(choice string) string {
	return runtime.ChooseSender(r.view, choice, r.postmaster(), r.userEmail())
}

// redirectFrom puts into a redirect what the options say of its sender.
func (r *Run) redirectFrom(a *runtime.Action) {
	a.From = r.choose(r.mailOptions().RedirectFrom)
	if a.From == r.view.From.Address || a.From == runtime.NullSender && r.view.From.Address == "" {
		a.From = ""
	}
	if u := r.mailOptions().UserEmail; u != "" && !strings.EqualFold(u, r.view.Rcpt.Address) {
		a.By = u
	}
}
