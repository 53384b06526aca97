package testsuite

import (
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sieve"
)

func init() {
	text := func(set func(o *sieve.MailOptions, v string)) setting {
		return func(o *sieve.Options, v string) error {
			set(&o.Mail, v)
			return nil
		}
	}
	yes := func(set func(o *sieve.MailOptions, v bool)) setting {
		return text(func(o *sieve.MailOptions, v string) { set(o, v == "yes" || v == "true" || v == "y" || v == "1") })
	}
	period := func(set func(o *sieve.MailOptions, d time.Duration)) setting {
		return func(o *sieve.Options, v string) error {
			if v == "" {
				return nil
			}
			d, err := kv.ParseTTL(v)
			if d == 0 {
				d = -1 // no bound
			}
			set(&o.Mail, d)
			return err
		}
	}
	define(text(func(o *sieve.MailOptions, v string) { o.UserEmail = v }), "sieve_user_email")
	define(text(func(o *sieve.MailOptions, v string) { o.Postmaster = v }), "postmaster_address")
	define(text(func(o *sieve.MailOptions, v string) { o.RedirectFrom = v }), "sieve_redirect_envelope_from")
	define(text(func(o *sieve.MailOptions, v string) { o.NotifyFrom = v }), "sieve_notify_mailto_envelope_from")
	define(text(func(o *sieve.MailOptions, v string) { o.ReportFrom = v }), "sieve_report_from")
	define(text(func(o *sieve.MailOptions, v string) { o.VacationSubject = v }), "sieve_vacation_default_subject")
	define(text(func(o *sieve.MailOptions, v string) { o.VacationSubjectTemplate = v }), "sieve_vacation_default_subject_template")
	define(number(func(o *sieve.Options, n int) { o.Mail.VacationSubjectLength = n }), "sieve_vacation_max_subject_codepoints")
	define(yes(func(o *sieve.MailOptions, v bool) { o.VacationAnyRecipient = v }), "sieve_vacation_dont_check_recipient")
	define(yes(func(o *sieve.MailOptions, v bool) { o.VacationAnyRecipient = !v }), "sieve_vacation_check_recipient")
	define(yes(func(o *sieve.MailOptions, v bool) { o.VacationOriginalRecipient = v }), "sieve_vacation_use_original_recipient")
	define(yes(func(o *sieve.MailOptions, v bool) { o.VacationFromRecipient = v }), "sieve_vacation_send_from_recipient")
	define(yes(func(o *sieve.MailOptions, v bool) { o.VacationToHeader = v }), "sieve_vacation_to_header_ignore_envelope")
	define(period(func(o *sieve.MailOptions, d time.Duration) { o.VacationMin = d }), "sieve_vacation_min_period")
	define(period(func(o *sieve.MailOptions, d time.Duration) { o.VacationMax = d }), "sieve_vacation_max_period")
	define(period(func(o *sieve.MailOptions, d time.Duration) { o.VacationPeriod = d }), "sieve_vacation_default_period")
	define(period(func(o *sieve.MailOptions, d time.Duration) { o.DuplicatePeriod = d }), "sieve_duplicate_default_period")
	define(period(func(o *sieve.MailOptions, d time.Duration) { o.DuplicateMax = d }), "sieve_duplicate_max_period")
	define(number(func(o *sieve.Options, n int) { o.Mail.NotifyRecipients = n }), "sieve_notify_mailto_max_recipients")
}
