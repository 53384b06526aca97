package imapbridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
)

// Need says what of a message must be read before something can be said of it.
type Need uint8

// What may be needed, from the cheapest on.
const (
	NeedEntry   Need = iota // what the view has
	NeedEmail               // the Email's row
	NeedMessage             // its octets
)

// FetchItem is a data item of FETCH.
type FetchItem struct {
	Name  string // upper case, as commands name it
	Spec  string
	Caps  []imap.Cap
	Needs Need
	// Seen reports whether fetching it sets \Seen.
	Seen bool
	// Parse reads what follows the name; nil: nothing does.
	Parse func(p *wire.Parser) any
	// Write writes the item: name, space and value.
	Write func(f *Fetched, arg any)
}

var fetchItems = map[string]*FetchItem{}

// registerFetchItem adds a data item. It panics if there is one of that name.
func registerFetchItem(i FetchItem) {
	if fetchItems[i.Name] != nil || i.Write == nil {
		panic("imapbridge: fetch item " + i.Name + " is registered twice or not complete")
	}
	fetchItems[i.Name] = &i
}

// Fetched is a message while its FETCH response is written.
type Fetched struct {
	W       *wire.Writer
	Session *Session
	Entry   *idmap.Entry
	Email   *idmap.Email  // if the item needs it
	Message *mail.Message // if the item needs it
}

// fetchCall is a data item with its argument.
type fetchCall struct {
	item *FetchItem
	arg  any
}

// FetchRequest is what FETCH asks for. Modifiers may change it before it runs.
type FetchRequest struct {
	UID bool
	Set wire.Set
	// Keep, if not nil, leaves out the messages for which it is false.
	Keep func(e *idmap.Entry) bool

	items  []fetchCall
	params []given[*FetchRequest]
}

// fetchModifiers are the modifiers of FETCH.
var fetchModifiers = params[*FetchRequest]{}

// Add asks for one more item, unless it is asked for already.
func (r *FetchRequest) Add(name string) {
	item := fetchItems[name]
	if !slices.ContainsFunc(r.items, func(c fetchCall) bool { return c.item == item }) {
		r.items = append(r.items, fetchCall{item: item})
	}
}

// errExpungeIssued answers a command about messages that are gone but still have their
// numbers.
//
// Spec: RFC 5530, section 3; RFC 2180, section 4.1.
var errExpungeIssued = no("EXPUNGEISSUED", "some of the messages were expunged meanwhile")

// fetchBatch is how many Emails are read at once.
const fetchBatch = 128

// fetch answers a FETCH.
func (s *Session) fetch(ctx context.Context, r *FetchRequest) error {
	sel := s.sel
	spans, err := sel.indexes(r.Set, r.UID)
	if err != nil {
		return err
	}
	if err := apply(ctx, s, r.params, r); err != nil {
		return err
	}
	if r.UID {
		r.Add("UID")
	}
	needs, sees := NeedEntry, false
	for _, c := range r.items {
		needs = max(needs, c.item.Needs)
		sees = sees || c.item.Seen
	}
	// UID goes first: some clients match answers to messages by it.
	slices.SortStableFunc(r.items, func(a, b fetchCall) int { return rank(a) - rank(b) })

	var told wire.Set // UIDs whose flags are told because fetching changes them
	if sees && !sel.readOnly {
		if told, err = s.markSeen(ctx, r, spans); err != nil {
			return err
		}
	}
	run := fetchRun{Session: s, request: r, needs: needs, told: told}
	for _, sp := range spans {
		for lo := sp.lo; lo < sp.hi; lo += fetchBatch {
			if err := run.do(ctx, span{lo, min(lo+fetchBatch, sp.hi)}); err != nil {
				return err
			}
			if err := s.w.Err(); err != nil {
				return err
			}
		}
	}
	switch {
	case run.broken:
		return no(imap.ResponseCodeServerBug, "some of the messages cannot be read")
	case run.gone && !r.UID:
		return errExpungeIssued
	}
	return nil
}

// rank orders the items of a response.
func rank(c fetchCall) int {
	if c.item.Name == "UID" {
		return 0
	}
	return 1
}

// fetchRun is a FETCH while its responses are written.
type fetchRun struct {
	*Session
	request *FetchRequest
	needs   Need
	told    wire.Set // UIDs whose flags are told because fetching changes them
	gone    bool     // some of the messages were expunged
	broken  bool     // some could not be read
}

// do writes the responses of at most fetchBatch messages.
func (r *fetchRun) do(ctx context.Context, sp span) (err error) {
	entries := r.sel.entries
	var emails []idmap.Email
	if r.needs >= NeedEmail {
		rows := make([]int64, 0, sp.hi-sp.lo)
		for i := sp.lo; i < sp.hi; i++ {
			rows = append(rows, entries[i].Email)
		}
		if emails, err = r.backend.Emails(ctx, rows); err != nil {
			return err
		}
	}
	f := Fetched{W: r.w, Session: r.Session}
	for i := sp.lo; i < sp.hi; i++ {
		f.Entry, f.Email, f.Message = &entries[i], nil, nil
		if r.request.Keep != nil && !r.request.Keep(f.Entry) {
			continue
		}
		if r.needs >= NeedEmail {
			if f.Email = &emails[i-sp.lo]; f.Email.Row == 0 {
				r.gone = true
				continue
			}
			switch err := r.read(ctx, &f); {
			case errors.Is(err, errGone):
				r.gone = true
				continue
			case err != nil:
				r.logger().ErrorContext(ctx, "imap: message cannot be read", "mailbox", r.sel.mailbox.Path, "uid", f.Entry.UID, "err", err)
				r.srv.count.serverErrors.Add(1)
				r.broken = true
				continue
			}
		}
		r.writeFetched(r.request, &f, i, r.told)
	}
	return nil
}

// read reads the octets of a message if they are needed, or if the store did not keep
// its wire forms.
func (r *fetchRun) read(ctx context.Context, f *Fetched) error {
	described := len(f.Email.Envelope) > 0
	if r.needs < NeedMessage && described {
		return nil
	}
	var err error
	if f.Message, err = r.readMessage(ctx, f.Email); err != nil {
		return err
	}
	if !described {
		f.Email.Envelope, f.Email.BodyStructure, f.Email.Body = Describe(f.Message)
	}
	return nil
}

// errGone says that a message was expunged while its octets were asked for.
var errGone = errors.New("imapbridge: message is gone")

// readMessage reads a message's octets. If they are not there, but the message still is,
// something is wrong with the store.
func (s *Session) readMessage(ctx context.Context, e *idmap.Email) (*mail.Message, error) {
	raw, err := s.backend.Blob(ctx, e.BlobID)
	if errors.Is(err, mailstore.ErrNotFound) {
		if again, err := s.backend.Emails(ctx, []int64{e.Row}); err == nil && again[0].Row == 0 {
			return nil, errGone
		}
	}
	if err != nil {
		return nil, fmt.Errorf("imapbridge: read message: %w", err)
	}
	return mail.New(raw), nil
}

// writeFetched writes the response of the message at index i.
func (s *Session) writeFetched(r *FetchRequest, f *Fetched, i int, told wire.Set) {
	s.w.Text("* ").Uint(uint64(i + 1)).Text(" FETCH (")
	flags := false
	for n, c := range r.items {
		if n > 0 {
			s.w.Text(" ")
		}
		flags = flags || c.item.Name == "FLAGS"
		c.item.Write(f, c.arg)
	}
	if !flags && len(told) > 0 && told.Contains(uint32(f.Entry.UID)) {
		s.w.Text(" ")
		fetchItems["FLAGS"].Write(f, nil)
	}
	s.w.Text(")\r\n")
}

// markSeen sets \Seen on the messages that have it not, and returns their UIDs. Their
// flags are told in the answers.
func (s *Session) markSeen(ctx context.Context, r *FetchRequest, spans []span) (wire.Set, error) {
	var uids []imap.UID
	var set wire.Set
	for _, sp := range spans {
		for i := sp.lo; i < sp.hi; i++ {
			e := &s.sel.entries[i]
			if e.Flags&idmap.Seen == 0 && (r.Keep == nil || r.Keep(e)) {
				uids = append(uids, e.UID)
				set.Add(uint32(e.UID))
			}
		}
	}
	if len(uids) == 0 {
		return nil, nil
	}
	_, _, err := s.backend.Store(ctx, s.sel.mailbox.Number, uids, idmap.FlagChange{Op: idmap.FlagsAdd, Flags: idmap.Seen})
	if err != nil {
		return nil, err
	}
	return set, s.sync(ctx, syncHow{quiet: func(_, now *idmap.Entry) bool { return set.Contains(uint32(now.UID)) }})
}
