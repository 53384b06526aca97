package imapbridge

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// ReturnOption is a return option of SEARCH.
type ReturnOption struct {
	Name string // upper case
	Spec string
	Caps []imap.Cap
	// Parse reads the argument, the space before it included; nil: there is none.
	Parse func(p *wire.Parser) any
	// Write writes space, name, space and value of the result; nothing if there is none.
	Write func(w *wire.Writer, r *SearchResult, arg any)
}

// SearchResult is what a SEARCH found.
type SearchResult struct {
	Session *Session
	Numbers []uint32 // UIDs or sequence numbers, ascending
	Indexes []int    // of the session's entries
}

var returnOptions = map[string]*ReturnOption{}

// registerReturnOption adds a return option.
func registerReturnOption(o ReturnOption) {
	if returnOptions[o.Name] != nil || o.Write == nil {
		panic("imapbridge: return option " + o.Name + " is registered twice or not complete")
	}
	returnOptions[o.Name] = &o
}

// returnCall is a return option with its argument.
type returnCall struct {
	option *ReturnOption
	arg    any
}

// searchRequest is the argument of SEARCH.
type searchRequest struct {
	uid      bool
	extended bool // RETURN was given
	returns  []returnCall
	charset  string
	key      wire.SearchKey
}

// SEARCH names the messages that have what its keys ask for.
func init() {
	registerBoth(func(uid bool) Command[searchRequest] {
		return Command[searchRequest]{
			Name:         "SEARCH",
			Spec:         "RFC 3501, section 6.4.4",
			States:       Selected,
			KeepsNumbers: true,
			Parse:        func(p *wire.Parser) searchRequest { return parseSearch(p, uid) },
			Run:          runSearch,
		}
	})
}

// parseSearch reads return options, charset and keys.
func parseSearch(p *wire.Parser, uid bool) searchRequest {
	r := searchRequest{uid: uid}
	p.SP()
	if p.AcceptWord("RETURN") {
		r.extended = true
		p.SP()
		p.List(func() {
			name := p.Word()
			o := returnOptions[name]
			if o == nil {
				p.Failf("unknown return option %s", name)
				return
			}
			call := returnCall{option: o}
			if o.Parse != nil {
				call.arg = o.Parse(p)
			}
			for _, given := range r.returns {
				if given.option == o {
					p.Failf("return option %s is given twice", name)
				}
			}
			r.returns = append(r.returns, call)
		})
		p.SP()
	}
	if p.AcceptWord("CHARSET") {
		p.SP()
		r.charset = strings.ToUpper(p.AString())
		p.SP()
	}
	r.key = p.SearchKeys(searchArgs)
	return r
}

// runSearch answers a SEARCH.
func runSearch(ctx context.Context, s *Session, r searchRequest) error {
	switch r.charset {
	case "", "UTF-8", "US-ASCII":
	default:
		return no("BADCHARSET (UTF-8 US-ASCII)", "this charset is not known")
	}
	if !textsValid(&r.key) {
		return no("BADCHARSET (UTF-8 US-ASCII)", "a text is not UTF-8")
	}
	found, err := s.search(ctx, r.key)
	if err != nil {
		return err
	}
	res := &SearchResult{Session: s, Indexes: found, Numbers: make([]uint32, len(found))}
	for n, i := range found {
		res.Numbers[n] = uint32(i + 1)
		if r.uid {
			res.Numbers[n] = uint32(s.sel.entries[i].UID)
		}
	}
	if r.extended {
		s.tellESearch(res, r)
		return nil
	}
	s.w.Text("* SEARCH")
	for _, n := range res.Numbers {
		s.w.Text(" ").Uint(uint64(n))
	}
	s.w.CRLF()
	return nil
}

// textsValid reports whether all texts of a tree of keys are UTF-8.
func textsValid(k *wire.SearchKey) bool {
	switch arg := k.Arg.(type) {
	case needle:
		if !arg.valid {
			return false
		}
	case headerArg:
		if !arg.text.valid {
			return false
		}
	}
	for i := range k.Keys {
		if !textsValid(&k.Keys[i]) {
			return false
		}
	}
	return true
}
