package runtime

import "time"

// ActionKind names what an Action does.
type ActionKind string

// The actions. The first group files, the second answers the peer, the third sends, the
// fourth leaves a mark in a store.
const (
	Keep     ActionKind = "keep"     // store in the inbox
	FileInto ActionKind = "fileinto" // store in Mailbox
	Discard  ActionKind = "discard"  // cancel the implicit keep

	Reject   ActionKind = "reject"   // refuse for good with Reason; RFC 5429
	EReject  ActionKind = "ereject"  // the same, at protocol level only
	TempFail ActionKind = "tempfail" // refuse for now with Reason: the peer tries again

	Redirect ActionKind = "redirect" // send on to Address
	Reply    ActionKind = "reply"    // answer the envelope sender with Subject and Reason as text

	Mark ActionKind = "mark" // set Key in Store to Value for TTL, once the mail is settled
)

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
	// Implicit says that Settle added this keep because nothing cancelled it.
	Implicit bool `json:"implicit,omitempty" cbor:"i,omitempty"`
}

// Plan is what one run of a script asks for, in the order in which it asked.
type Plan struct {
	Actions []Action `json:"actions" cbor:"a"`
	// KeepFlags are the flags that an implicit keep gets (RFC 5232, section 5).
	KeepFlags []string `json:"keep_flags,omitempty" cbor:"f,omitempty"`
}
