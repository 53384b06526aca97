package runtime

import (
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
)

// ActionKind names what an Action does.
type ActionKind string

// The actions. The first group files, the second answers the peer, the third sends, the
// fourth gives the message to a program, the fifth leaves a mark in a store.
const (
	Keep     ActionKind = "keep"     // store in the inbox
	FileInto ActionKind = "fileinto" // store in Mailbox, or where SpecialUse or MailboxID say
	Discard  ActionKind = "discard"  // cancel the implicit keep
	// Quarantine stores in Mailbox because of Reason, in place of other stores.
	Quarantine ActionKind = "quarantine"
	FileCopy   ActionKind = "fcc" // store Raw, a message that the run composed; RFC 8580

	Reject   ActionKind = "reject"   // refuse for good with Reason; RFC 5429
	EReject  ActionKind = "ereject"  // the same, at protocol level only
	TempFail ActionKind = "tempfail" // refuse for now with Reason: the peer tries again

	Accept ActionKind = "accept" // let the peer go on, and ask no later script of the stage

	Redirect ActionKind = "redirect" // send on to Address
	Reply    ActionKind = "reply"    // answer the envelope sender with Subject and Reason as text
	Send     ActionKind = "send"     // send Raw, a message that the run composed, to Address and Others

	Pipe ActionKind = "pipe" // give the message to the external program Program; vnd.dovecot.pipe

	Mark ActionKind = "mark" // set Key in Store to Value for TTL, once the mail is settled
)

// What a Send is, in Action.As.
const (
	AsVacation = "vacation"
	AsNotify   = "notify"
	AsReport   = "report"
)

// NullSender is the null reverse-path in Action.From.
const NullSender = "<>"

// Action is one thing that a script asks for. It is one struct so that a plan goes to
// the journal, a pipe, JSON and a golden file as it is. Fields that a kind does not
// name above are zero.
type Action struct {
	Kind    ActionKind    `json:"action" cbor:"k"`
	Mailbox string        `json:"mailbox,omitempty" cbor:"m,omitempty"`
	Create  bool          `json:"create,omitempty" cbor:"c,omitempty"` // make the mailbox if it is not there
	Flags   []string      `json:"flags,omitempty" cbor:"f,omitempty"`  // IMAP spelling: \Seen, $Label
	Copy    bool          `json:"copy,omitempty" cbor:"y,omitempty"`   // leaves the implicit keep alone; RFC 3894
	Address string        `json:"address,omitempty" cbor:"a,omitempty"`
	Reason  string        `json:"reason,omitempty" cbor:"r,omitempty"`
	Subject string        `json:"subject,omitempty" cbor:"u,omitempty"`
	Store   string        `json:"store,omitempty" cbor:"s,omitempty"`
	Key     string        `json:"key,omitempty" cbor:"e,omitempty"`
	Value   Value         `json:"value,omitempty" cbor:"v,omitempty"`
	TTL     time.Duration `json:"ttl,omitempty" cbor:"t,omitempty"`
	// Namespace is the key space of a mark; it is set by the runtime, never by a script.
	Namespace string `json:"namespace,omitempty" cbor:"n,omitempty"`
	// Prefix is where a mark goes that is no script's own: KV_SIEVE_DUPLICATE or
	// KV_SIEVE_VACATION. Zero is KV_SCRIPT.
	Prefix kv.Prefix `json:"prefix,omitempty" cbor:"x,omitempty"`
	// Implicit says that Settle added this keep because nothing cancelled it.
	Implicit bool `json:"implicit,omitempty" cbor:"i,omitempty"`

	// Header takes the place of the message's header in a store or redirect, the empty line
	// included. Nil: the message's own.
	Header []byte `json:"header,omitempty" cbor:"h,omitempty"`
	// Raw takes the place of the whole message in a store or redirect; Header is not looked at
	// then. Of a send and an fcc it is the message.
	Raw []byte `json:"raw,omitempty" cbor:"w,omitempty"`

	// As says what a send is: vacation, notify or report. A send without Raw is one that must
	// not be sent, and Reason says why; it still excludes what that kind excludes.
	As string `json:"as,omitempty" cbor:"as,omitempty"`
	// Others are further recipients of a send.
	Others []string `json:"others,omitempty" cbor:"o,omitempty"`
	// From is the envelope sender of a redirect or send, NullSender for the null one. "" is
	// that of the message for a redirect, the null one for a send.
	From string `json:"from,omitempty" cbor:"fr,omitempty"`
	// By is the address that redirects, as the trace of a redirect says; "": the recipient.
	By string `json:"by,omitempty" cbor:"by,omitempty"`
	// Params are ESMTP parameters of a redirect or send: NOTIFY, RET, ENVID and ORCPT (RFC
	// 3461), BY (RFC 2852, counted from when the delivery came in), without xtext.
	Params map[string]string `json:"params,omitempty" cbor:"p,omitempty"`

	// SpecialUse is the attribute of the mailbox that a fileinto prefers to Mailbox, such as
	// \Junk; RFC 8579. MailboxID is its id, which goes before both; RFC 9042.
	SpecialUse string `json:"special_use,omitempty" cbor:"su,omitempty"`
	MailboxID  string `json:"mailbox_id,omitempty" cbor:"mi,omitempty"`

	// Program is the name of the program of a pipe, in the folder that is configured, and Args
	// are its arguments. Try says that it is no error of the script if the program fails.
	Program string   `json:"program,omitempty" cbor:"pr,omitempty"`
	Args    []string `json:"args,omitempty" cbor:"ar,omitempty"`
	Try     bool     `json:"try,omitempty" cbor:"tr,omitempty"`
}

// Recipients returns to whom a redirect or send goes.
func (a *Action) Recipients() []string {
	if a.Address == "" {
		return nil
	}
	return append([]string{a.Address}, a.Others...)
}

// Message returns the octets that the action is about, where raw is the message as it came.
func (a *Action) Message(raw []byte) []byte {
	switch {
	case len(a.Raw) > 0:
		return a.Raw
	case len(a.Header) > 0:
		body := mail.New(raw).Body()
		return append(append(make([]byte, 0, len(a.Header)+len(body)), a.Header...), body...)
	}
	return raw
}

// Plan is what one run of a script asks for, in the order in which it asked.
type Plan struct {
	Actions []Action `json:"actions" cbor:"a"`
	// KeepFlags are the flags that an implicit keep gets (RFC 5232, section 5).
	KeepFlags []string `json:"keep_flags,omitempty" cbor:"f,omitempty"`
	// FlagsSet says that KeepFlags take the place of what earlier scripts gave; else they are
	// added to it.
	FlagsSet bool `json:"flags_set,omitempty" cbor:"s,omitempty"`
	// KeepHeader and KeepRaw are what an implicit keep stores, as Action.Header and Raw.
	KeepHeader []byte `json:"keep_header,omitempty" cbor:"h,omitempty"`
	KeepRaw    []byte `json:"keep_raw,omitempty" cbor:"w,omitempty"`
}
