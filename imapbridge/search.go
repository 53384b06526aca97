package imapbridge

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
)

// SearchKey is a key of SEARCH.
type SearchKey struct {
	Name  string // upper case
	Spec  string
	Caps  []imap.Cap
	Needs Need
	// Arg reads the argument, the space before it included; nil: there is none.
	Arg wire.SearchArg
	// Match reports whether a message has what the key asks for.
	Match func(c *Candidate, arg any) bool
}

var searchKeys = map[string]*SearchKey{}

// registerSearchKey adds a key. It panics if there is one of that name.
func registerSearchKey(k SearchKey) {
	if searchKeys[k.Name] != nil || k.Match == nil {
		panic("imapbridge: search key " + k.Name + " is registered twice or not complete")
	}
	searchKeys[k.Name] = &k
}

// searchArgs tells the parser how a key's argument is read.
func searchArgs(name string) (wire.SearchArg, bool) {
	k := searchKeys[name]
	if k == nil {
		return nil, false
	}
	return k.Arg, true
}

// Candidate is a message while SEARCH looks at it.
type Candidate struct {
	Session *Session
	Number  uint32 // sequence number
	Entry   *idmap.Entry
	Email   *idmap.Email  // if the key needs it
	Message *mail.Message // if the key needs it

	known Need // how much of it was read
	ctx   context.Context
}

// verdict is what is known of a key: no, yes, or that more must be read.
type verdict uint8

const (
	isNot verdict = iota
	isSo
	unknown
)

// evaluate asks a tree of keys about a candidate. Keys that need more than is known of
// it are unknown, so that cheap keys can settle the matter first.
func evaluate(k *wire.SearchKey, c *Candidate) verdict {
	switch k.Name {
	case wire.SearchAnd:
		out := isSo
		for i := range k.Keys {
			switch evaluate(&k.Keys[i], c) {
			case isNot:
				return isNot
			case unknown:
				out = unknown
			}
		}
		return out
	case wire.SearchOr:
		a := evaluate(&k.Keys[0], c)
		if a == isSo {
			return isSo
		}
		b := evaluate(&k.Keys[1], c)
		if b == isSo {
			return isSo
		}
		return max(a, b) // unknown if either is
	case wire.SearchNot:
		switch v := evaluate(&k.Keys[0], c); v {
		case isNot:
			return isSo
		case isSo:
			return isNot
		default:
			return v
		}
	case wire.SearchSet:
		return is(k.Arg.(wire.Set).Contains(c.Number))
	}
	key := searchKeys[k.Name]
	if key.Needs > c.known {
		return unknown
	}
	// Thousands of keys that read a large message take minutes. Whoever asked finds that
	// ctx ended and makes nothing of the verdict.
	if key.Needs == NeedMessage && c.ctx.Err() != nil {
		return isNot
	}
	return is(key.Match(c, k.Arg))
}

// is turns a bool into a verdict.
func is(b bool) verdict {
	if b {
		return isSo
	}
	return isNot
}

// resolveSets puts the session's numbers in the place of "*" in all sets of a tree.
func resolveSets(k *wire.SearchKey, sel *selected) {
	if set, ok := k.Arg.(wire.Set); ok {
		largest := uint32(len(sel.entries))
		if k.Name != wire.SearchSet { // UID
			largest = 0
			if n := len(sel.entries); n > 0 {
				largest = uint32(sel.entries[n-1].UID)
			}
		}
		k.Arg = set.Resolve(largest)
	}
	for i := range k.Keys {
		resolveSets(&k.Keys[i], sel)
	}
}

// searchBatch is how many Emails are read at once.
const searchBatch = 256

// stillSearching is how often a client that waits for a SEARCH hears that it goes on. If it
// is gone, nobody wants to know.
const stillSearching = 30 * time.Second

// search returns the indexes of the messages that a tree of keys finds, ascending.
func (s *Session) search(ctx context.Context, k wire.SearchKey) ([]int, error) {
	resolveSets(&k, s.sel)
	var found, open []int
	said := s.srv.o.Now()
	flush := func() error {
		more, err := s.searchOpen(ctx, &k, open, &said)
		found, open = append(found, more...), open[:0]
		return err
	}
	var c Candidate
	for i := range s.sel.entries {
		if i%searchBatch == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		c = s.candidate(ctx, i)
		switch v := evaluate(&k, &c); {
		case v == unknown:
			open = append(open, i)
		case v == isSo && len(open) == 0:
			found = append(found, i)
		case v == isSo:
			open = append(open, i) // keeps its place among those that are open
		}
		if len(open) == searchBatch {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return found, flush()
}

// candidate returns the message at index i, of which only the entry is known.
func (s *Session) candidate(ctx context.Context, i int) Candidate {
	return Candidate{Session: s, Number: uint32(i + 1), Entry: &s.sel.entries[i], ctx: ctx}
}

// searchOpen reads what is missing of messages and returns those that are found.
// said is when the client heard of us last.
func (s *Session) searchOpen(ctx context.Context, k *wire.SearchKey, open []int, said *time.Time) ([]int, error) {
	if len(open) == 0 {
		return nil, nil
	}
	rows := make([]int64, len(open))
	for n, i := range open {
		rows[n] = s.sel.entries[i].Email
	}
	emails, err := s.backend.Emails(ctx, rows)
	if err != nil {
		return nil, err
	}
	var found []int
	var c Candidate
	for n, i := range open {
		if now := s.srv.o.Now(); now.Sub(*said) >= stillSearching {
			*said = now
			if err := s.w.Text("* OK still searching\r\n").Flush(); err != nil {
				return nil, err
			}
		}
		c = s.candidate(ctx, i)
		v := evaluate(k, &c)
		if v == unknown {
			if emails[n].Row == 0 {
				continue // expunged meanwhile
			}
			c.Email, c.known = &emails[n], NeedEmail
			v = evaluate(k, &c)
		}
		if v == unknown {
			m, err := s.readMessage(ctx, c.Email)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil { // one lost message must not keep the others from being found
				s.srv.count.serverErrors.Add(1)
				s.logger().ErrorContext(ctx, "imap: message cannot be read", "mailbox", s.sel.mailbox.Path, "uid", c.Entry.UID, "err", err)
				continue
			}
			c.Message, c.known = m, NeedMessage
			v = evaluate(k, &c)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		if v == isSo {
			found = append(found, i)
		}
	}
	return found, nil
}
