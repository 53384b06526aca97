package imapbridge

import (
	"slices"

	"github.com/emersion/go-imap/v2"
)

// Extension is a capability that the server announces.
type Extension struct {
	Cap  imap.Cap
	Spec string
	// Early says that it is announced before login too.
	Early bool
	// Offer reports whether the session may have it now; nil: always.
	Offer func(s *Session) bool
	// Enable says that clients turn it on with ENABLE, and Implies what that turns on too.
	Enable  bool
	Implies []imap.Cap
}

var extensions = map[imap.Cap]*Extension{}

// announce adds a capability. It panics if it is there already.
func announce(e Extension) {
	if extensions[e.Cap] != nil || e.Cap == "" || e.Spec == "" {
		panic("imapbridge: capability " + string(e.Cap) + " is registered twice or not complete")
	}
	extensions[e.Cap] = &e
}

// Offers reports whether the session may use a capability now.
func (s *Session) Offers(c imap.Cap) bool {
	e := extensions[c]
	switch {
	case e == nil:
		return false
	case s.state == NotAuthenticated && !e.Early:
		return false
	}
	return e.Offer == nil || e.Offer(s)
}

// Enabled reports whether the client turned a capability on.
func (s *Session) Enabled(c imap.Cap) bool { return s.enabled[c] }

// capabilities returns what the session is offered now: IMAP4rev1 first, then in order.
func (s *Session) capabilities() []string {
	out := make([]string, 0, len(extensions))
	for c := range extensions {
		if c != imap.CapIMAP4rev1 && s.Offers(c) {
			out = append(out, string(c))
		}
	}
	slices.Sort(out)
	return append([]string{string(imap.CapIMAP4rev1)}, out...)
}

func init() {
	loggedOut := func(s *Session) bool { return s.state == NotAuthenticated }
	announce(Extension{Cap: imap.CapIMAP4rev1, Spec: "RFC 3501", Early: true})
	announce(Extension{Cap: imap.CapLiteralPlus, Spec: "RFC 7888", Early: true})
	announce(Extension{Cap: imap.CapSASLIR, Spec: "RFC 4959", Early: true, Offer: loggedOut})
	announce(Extension{Cap: imap.AuthCap("PLAIN"), Spec: "RFC 4616", Early: true, Offer: func(s *Session) bool {
		return loggedOut(s) && s.plainLoginAllowed()
	}})
	announce(Extension{Cap: imap.CapLoginDisabled, Spec: "RFC 3501, section 6.2.3", Early: true, Offer: func(s *Session) bool {
		return loggedOut(s) && !s.plainLoginAllowed()
	}})
	announce(Extension{Cap: imap.CapUIDPlus, Spec: "RFC 4315"})
	announce(Extension{Cap: imap.CapChildren, Spec: "RFC 3348"})
	announce(Extension{Cap: imap.CapSpecialUse, Spec: "RFC 6154"})
}
