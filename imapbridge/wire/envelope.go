package wire

// Envelope is a message's ENVELOPE. The texts are the fields' unfolded values, encoded
// words left as they are; nil is a field that is not there.
//
// Spec: RFC 3501, section 7.4.2.
type Envelope struct {
	Date, Subject        *string
	From, Sender         []Address
	ReplyTo              []Address
	To, Cc, Bcc          []Address
	InReplyTo, MessageID *string
}

// Address is an address structure of ENVELOPE. A group is begun by an Address with
// Group set and its name in Mailbox, and ended by one with Group set and none.
type Address struct {
	Name    string // encoded words left as they are
	Route   string // source route, "@a,@b"
	Mailbox string // local part, or the group's name
	Host    string
	Group   bool
}

// AppendEnvelope writes e to dst. Sender and Reply-To that are not there are From.
func AppendEnvelope(dst []byte, e *Envelope) []byte {
	sender, replyTo := e.Sender, e.ReplyTo
	if len(sender) == 0 {
		sender = e.From
	}
	if len(replyTo) == 0 {
		replyTo = e.From
	}
	dst = append(dst, '(')
	dst = appendText(dst, e.Date)
	dst = append(dst, ' ')
	dst = appendText(dst, e.Subject)
	for _, list := range [...][]Address{e.From, sender, replyTo, e.To, e.Cc, e.Bcc} {
		dst = append(dst, ' ')
		dst = appendAddresses(dst, list)
	}
	dst = append(dst, ' ')
	dst = appendText(dst, e.InReplyTo)
	dst = append(dst, ' ')
	dst = appendText(dst, e.MessageID)
	return append(dst, ')')
}

// appendText writes a field's text or NIL.
func appendText(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "NIL"...)
	}
	return AppendString(dst, *s)
}

// appendAddresses writes a list of addresses, NIL if it is empty.
func appendAddresses(dst []byte, list []Address) []byte {
	if len(list) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for _, a := range list {
		dst = append(dst, '(')
		dst = AppendNString(dst, a.Name, a.Name != "")
		dst = append(dst, ' ')
		dst = AppendNString(dst, a.Route, a.Route != "")
		dst = append(dst, ' ')
		dst = AppendNString(dst, a.Mailbox, a.Mailbox != "" || !a.Group)
		dst = append(dst, ' ')
		// A host of NIL means a group; an address without one has "".
		dst = AppendNString(dst, a.Host, !a.Group)
		dst = append(dst, ')')
	}
	return append(dst, ')')
}
