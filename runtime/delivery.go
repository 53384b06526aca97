package runtime

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// Delivery is one message with the settled plans of those recipients that were taken:
// what a 250 promises. It goes to the journal before the answer, and is applied after.
type Delivery struct {
	// Serial is unique for ever; the journal gives it.
	Serial  string          `cbor:"s"`
	Time    time.Time       `cbor:"t"`
	From    Path            `cbor:"f"`
	Raw     []byte          `cbor:"r"` // exactly DATA after dot-unstuffing, before the Return-Path line
	QueueID string          `cbor:"q,omitempty"`
	Plans   []RecipientPlan `cbor:"p"`
}

// RecipientPlan is what is to be done for one recipient of a Delivery.
type RecipientPlan struct {
	ID      string    `cbor:"i"` // DeliveryID
	Rcpt    Recipient `cbor:"r"`
	Actions []Action  `cbor:"a"`
}

// DeliveryID returns the name under which a peer's repeat of a delivery is known again:
// a hash over recipient, sender, the message's octets and the peer's queue id, 64 hex digits.
func DeliveryID(rcpt, from string, raw []byte, queueID string) string {
	return DeliveryIDOf(rcpt, from, sha256.Sum256(raw), queueID)
}

// DeliveryIDOf is DeliveryID for a message whose hash is known, so that a message for
// many recipients is hashed once.
func DeliveryIDOf(rcpt, from string, message [sha256.Size]byte, queueID string) string {
	b := make([]byte, 0, 256)
	for _, s := range []string{rcpt, from, queueID} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	sum := sha256.Sum256(append(b, message[:]...))
	return hex.EncodeToString(sum[:])
}

// ActionKey returns the name under which a Target knows that it has done action index
// of recipient rcpt (an index in d.Plans). It is the same after a restart, and never
// that of another action.
func ActionKey(d *Delivery, rcpt, index int) string {
	return d.Serial + "/" + strconv.Itoa(rcpt) + "/" + strconv.Itoa(index)
}
