package runtime

import (
	"cmp"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// MailSettings say how actions are done that scripts ask for, in all languages. The zero value, and
// nil, is the default. It is not changed once a run has it.
type MailSettings struct {
	// Quarantine is the mailbox of quarantined mail, default "Quarantine"; it is made if it is not
	// there.
	Quarantine string `cbor:"quarantine,omitempty"`
	// ForbidAdd and ForbidDelete are header fields that scripts may not add or delete; see
	// mayAdd and mayDelete for those that are protected always.
	ForbidAdd    []string `cbor:"forbid_add,omitempty"`
	ForbidDelete []string `cbor:"forbid_delete,omitempty"`
	// HeaderSize is how long a value may be that a script gives a header field, in octets; 2048.
	HeaderSize int `cbor:"header_size,omitempty"`
	// Postmaster is where notifications come from, default postmaster at this server.
	Postmaster string `cbor:"postmaster,omitempty"`
	// NotifyFrom says who the envelope sender of notifications is, as ChooseSender reads it;
	// default the address in their From.
	NotifyFrom string `cbor:"notify_from,omitempty"`
	// NotifyRecipients bounds the recipients of one notification; 8.
	NotifyRecipients int `cbor:"notify_recipients,omitempty"`
}

// settings returns the settings of the run, defaults filled in.
func (e *Env) settings() MailSettings {
	var s MailSettings
	if e.View.Settings != nil {
		s = *e.View.Settings
	}
	s.Quarantine = cmp.Or(s.Quarantine, "Quarantine")
	s.HeaderSize = cmp.Or(s.HeaderSize, 2048)
	s.Postmaster = cmp.Or(s.Postmaster, "postmaster@"+cmp.Or(e.View.Hostname, "localhost"))
	s.NotifyRecipients = cmp.Or(s.NotifyRecipients, 8)
	return s
}

// redirectedFrom is the field by which a redirect that comes back is known again.
const redirectedFrom = "X-Sieve-Redirected-From"

// mayAdd says whether scripts may add header fields of that name.
//
// Spec: RFC 5293, section 5
func (s *MailSettings) mayAdd(name string) bool {
	return strings.EqualFold(name, "Subject") || !strings.EqualFold(name, redirectedFrom) && !containsName(s.ForbidAdd, name)
}

// mayDelete says whether scripts may delete header fields of that name.
//
// Spec: RFC 5293, section 5
func (s *MailSettings) mayDelete(name string) bool {
	return strings.EqualFold(name, "Subject") || !containsName([]string{"Received", "Auto-Submitted", redirectedFrom}, name) && !containsName(s.ForbidDelete, name)
}

// containsName says whether a name is in a list, without case.
func containsName(list []string, name string) bool {
	for _, one := range list {
		if strings.EqualFold(one, name) {
			return true
		}
	}
	return false
}

// ChooseSender returns the address that a choice names for the transaction: sender, recipient,
// orig_recipient, user_email or postmaster, or an address in angle brackets. It is NullSender for
// the null one and "" for an empty or unknown choice. user is the address of the script's owner.
func ChooseSender(v *View, choice, postmaster, user string) string {
	address := ""
	switch choice = strings.TrimSpace(choice); strings.ToLower(choice) {
	case "":
		return ""
	case "sender":
		address = v.From.Address
	case "recipient":
		address = v.Rcpt.Address
	case "orig_recipient":
		address = v.OriginalRecipient()
	case "user_email":
		address = user
	case "postmaster":
		address = postmaster
	default:
		inner, open := strings.CutPrefix(choice, "<")
		inner, shut := strings.CutSuffix(inner, ">")
		if !open || !shut {
			return ""
		}
		address = strings.TrimSpace(inner)
	}
	return cmp.Or(address, NullSender)
}

// OriginalRecipient returns the address that the sender used, or the recipient.
//
// Spec: RFC 3461, section 4.2
func (v *View) OriginalRecipient() string {
	o := v.Rcpt.Original
	if kind, address, ok := strings.Cut(o, ";"); ok && !strings.Contains(kind, "@") {
		o = address
	}
	o = strings.Trim(o, "<> ")
	if _, err := mail.ParseAddress(o); err != nil {
		return v.Rcpt.Address
	}
	return o
}
