package mailbox

import (
	"encoding/json"
	"slices"
	"strings"
)

// Deed is what shall become of one message.
type Deed struct {
	Index int // in the source
	// Stores are the mailboxes that the message shall be in, each once. The one that it is
	// in may be among them.
	Stores []Store
	// Remove says that it shall not stay where it is, unless that is among Stores. Without Stores it
	// is laid aside, where nothing but Undo finds it.
	Remove bool
	// Extra is for Options.Extra, which does it when the rest is done.
	Extra json.RawMessage
}

// Store is a mailbox that a message shall be in.
type Store struct {
	Folder string // as Source.Resolve returns it
	Create bool   // make the mailbox if it is not there
	Flags  []string
	Raw    []byte // in place of the message; nil: the message as it is

	at, octets int64 // where Raw is kept meanwhile
}

// edited says whether something is to be stored in place of the message.
func (s *Store) edited() bool { return s.Raw != nil || s.octets > 0 }

// here returns the store in the mailbox that the message is in, nil if there is none.
func (d *Deed) here(folder string) *Store {
	i := slices.IndexFunc(d.Stores, func(s Store) bool { return s.Folder == folder })
	if i < 0 {
		return nil
	}
	return &d.Stores[i]
}

// Changes says whether a deed changes anything for a message that is in folder and has
// these flags.
func (d *Deed) Changes(folder string, have []string) bool {
	here := d.here(folder)
	if here == nil {
		return d.Remove || len(d.Stores) > 0
	}
	return len(d.Stores) > 1 || here.edited() || len(missingFlags(have, here.Flags)) > 0
}

// missingFlags returns what of want is not among have, without case.
func missingFlags(have, want []string) []string {
	var out []string
	for _, f := range want {
		same := func(g string) bool { return strings.EqualFold(f, g) }
		if !slices.ContainsFunc(have, same) && !slices.ContainsFunc(out, same) {
			out = append(out, f)
		}
	}
	return out
}
