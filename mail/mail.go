// Package mail reads a message: its exact octets, header fields in their order,
// addresses, dates, charsets and the MIME tree. It is the one tolerant reader that
// scripts, the store, the IMAP bridge and search share.
//
//	Message
//	 ├─ Raw      the octets as they came; nothing here ever changes them
//	 ├─ Header   fields in order, each with its exact octets
//	 └─ Root     *Part
//	              ├─ Parts    children of a multipart
//	              └─ Message  what a message/rfc822 part holds, again a Message
//
// What it promises:
//
//   - No input is an error. Broken base64 gives what can be decoded, a multipart
//     without its end boundary ends at the end, an unknown charset is read as
//     windows-1252; bare LF, bare CR, NUL, raw 8-bit and lines of any length are
//     taken as they are.
//   - For every part Header().Raw() followed by Body() is Raw(), a slice of the
//     message's octets: children lie inside their parent, in order, and never
//     overlap. What IMAP calls BODY[1.2.MIME] is cut from these slices.
//   - Work and memory are bounded by the size of the message: MaxDepth, MaxParts
//     and MaxFields say how far it is taken apart.
//
// A line ends with LF, with any CRs in front of it; a CR alone is an ordinary octet.
//
// Spec: RFC 5322, RFC 2045 to 2047, RFC 2231, RFC 6532.
package mail

import "sync"

// How far a message is taken apart. What lies beyond stays as octets of the last
// part (or of the header) that was reached, and is never an error.
const (
	MaxDepth      = 32    // nested multiparts and messages
	MaxParts      = 1000  // parts of one message, those of nested messages included
	MaxFields     = 10000 // fields of a message's header
	MaxPartFields = 1000  // fields of the header of a body part
	MaxAddresses  = 10000 // addresses read from one field
)

// Message is a message and what is known of its structure, which is found when it
// is first asked for, and once. It may be used by many goroutines.
type Message struct {
	raw    []byte
	offset int   // of raw in the outermost message
	lazy   *lazy // nil: raw is all there is

	headerOnce sync.Once
	header     *Header
	rootOnce   sync.Once
	root       *Part
}

// New returns the message that raw is. It does not fail, and does no work yet.
//
// The message keeps raw; nobody may change it from now on.
func New(raw []byte) *Message { return &Message{raw: raw} }

// Raw returns the octets of the message, which must not be changed.
func (m *Message) Raw() []byte {
	if m.lazy != nil {
		return m.loaded()
	}
	return m.raw
}

// Size returns the number of octets of the message.
func (m *Message) Size() int64 {
	if m.lazy != nil {
		return m.lazy.size
	}
	return int64(len(m.raw))
}

// Header returns the header of the message.
func (m *Message) Header() *Header {
	m.headerOnce.Do(func() {
		head := m.raw
		if m.lazy != nil {
			head = m.lazy.head
		} else {
			head = head[:scanHeader(head, nil)]
		}
		m.header = newHeader(head, MaxFields)
	})
	return m.header
}

// Root returns the MIME tree: the part that is the message as a whole. Its Header
// is the header of the message.
func (m *Message) Root() *Part {
	m.rootOnce.Do(func() {
		if m.root == nil { // nested messages are built with the tree around them
			var b builder
			m.root = b.messageRoot(m, 0)
		}
	})
	return m.root
}

// Body returns the octets behind the header, as they stand.
func (m *Message) Body() []byte { return m.Raw()[len(m.Header().raw):] }
