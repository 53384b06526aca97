package runtime

import (
	"sync"

	"github.com/sluice-mail/sluice/mail"
)

// View is what a program may see of its transaction: all of it is data, so that it
// crosses a pipe (CBOR). Programs do not change it.
type View struct {
	Transaction
	Raw []byte `cbor:"raw"` // the message's octets, nil before data
	// EditedHeader and EditedRaw are what earlier scripts of a chain have made of the
	// message, as Plan.KeepHeader and KeepRaw.
	EditedHeader []byte `cbor:"edited_header,omitempty"`
	EditedRaw    []byte `cbor:"edited_raw,omitempty"`
	// Flags are those that earlier scripts of a chain have given an implicit keep.
	Flags []string `cbor:"flags,omitempty"`

	Trust     Trust  `cbor:"trust"`
	Namespace string `cbor:"namespace"`
	Limits    Limits `cbor:"limits"`
	Script    string `cbor:"script"`
	// Settings say how actions are done; nil: as by default.
	Settings *MailSettings `cbor:"settings,omitempty"`
	// Stores are the names that the script may give for a store, "" among them; nil: not checked.
	Stores []string `cbor:"stores,omitempty"`
	// NoDefaultStore says that "" is not for the script, although it is among Stores.
	NoDefaultStore bool   `cbor:"no_default_store,omitempty"`
	Seed           uint64 `cbor:"seed"` // for random numbers, recorded

	once sync.Once
}

// Mail returns the message, parsed lazily and once; nil before data.
func (v *View) Mail() *mail.Message {
	v.once.Do(func() {
		if v.Message == nil && v.Raw != nil {
			v.Message = mail.New(v.Raw)
		}
	})
	return v.Message
}
