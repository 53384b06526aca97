package imapbridge

import (
	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// ESEARCH lets a client ask for less than all numbers: the least, the largest, how many,
// or all as a set.
//
// Spec: RFC 4731
func init() {
	announce(Extension{Cap: imap.CapESearch, Spec: "RFC 4731"})
	caps := []imap.Cap{imap.CapESearch}
	const spec = "RFC 4731, section 3.1"
	registerReturnOption(ReturnOption{Name: "MIN", Spec: spec, Caps: caps, Write: func(w *wire.Writer, r *SearchResult, _ any) {
		if len(r.Numbers) > 0 {
			w.Text(" MIN ").Uint(uint64(r.Numbers[0]))
		}
	}})
	registerReturnOption(ReturnOption{Name: "MAX", Spec: spec, Caps: caps, Write: func(w *wire.Writer, r *SearchResult, _ any) {
		if n := len(r.Numbers); n > 0 {
			w.Text(" MAX ").Uint(uint64(r.Numbers[n-1]))
		}
	}})
	registerReturnOption(ReturnOption{Name: "ALL", Spec: spec, Caps: caps, Write: func(w *wire.Writer, r *SearchResult, _ any) {
		if len(r.Numbers) == 0 {
			return
		}
		var set wire.Set
		for _, n := range r.Numbers {
			set.Add(n)
		}
		w.Text(" ALL ").Set(set)
	}})
	registerReturnOption(ReturnOption{Name: "COUNT", Spec: spec, Caps: caps, Write: func(w *wire.Writer, r *SearchResult, _ any) {
		w.Text(" COUNT ").Uint(uint64(len(r.Numbers)))
	}})
}

// tellESearch writes an ESEARCH response. It names the command's tag; without options
// ALL is meant.
func (s *Session) tellESearch(res *SearchResult, r searchRequest) {
	s.w.Text("* ESEARCH (TAG ").String(s.tag).Text(")")
	if r.uid {
		s.w.Text(" UID")
	}
	returns := r.returns
	if len(returns) == 0 {
		returns = []returnCall{{option: returnOptions["ALL"]}}
	}
	for _, c := range returns {
		c.option.Write(s.w, res, c.arg)
	}
	s.w.CRLF()
}
