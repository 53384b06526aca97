package imapbridge

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
)

// Arguments of search keys.
func argText(p *wire.Parser) any   { p.SP(); return newNeedle(p.AString()) }
func argDate(p *wire.Parser) any   { p.SP(); return p.Date() }
func argNumber(p *wire.Parser) any { p.SP(); return int64(p.Number64()) }
func argSet(p *wire.Parser) any    { p.SP(); return p.Set() }
func argWord(p *wire.Parser) any   { p.SP(); return p.Atom() }

// headerArg is the argument of HEADER.
type headerArg struct {
	field string
	text  needle
}

// argHeader reads a field name and a text.
func argHeader(p *wire.Parser) any {
	p.SP()
	h := headerArg{field: p.AString()}
	p.SP()
	h.text = newNeedle(p.AString())
	return h
}

// The keys of RFC 3501.
func init() {
	const spec = "RFC 3501, section 6.4.4"
	add := func(name string, needs Need, arg wire.SearchArg, match func(c *Candidate, arg any) bool) {
		registerSearchKey(SearchKey{Name: name, Spec: spec, Needs: needs, Arg: arg, Match: match})
	}
	recent := func(c *Candidate) bool { return c.Session.sel.isRecent(c.Entry) }
	seen := func(c *Candidate) bool { return c.Entry.Flags&idmap.Seen != 0 }

	add("ALL", NeedEntry, nil, func(*Candidate, any) bool { return true })
	for name, bit := range map[string]idmap.Flags{
		"ANSWERED": idmap.Answered, "DELETED": idmap.Deleted, "DRAFT": idmap.Draft, "FLAGGED": idmap.Flagged, "SEEN": idmap.Seen,
	} {
		add(name, NeedEntry, nil, func(c *Candidate, _ any) bool { return c.Entry.Flags&bit != 0 })
		add("UN"+name, NeedEntry, nil, func(c *Candidate, _ any) bool { return c.Entry.Flags&bit == 0 })
	}
	add("NEW", NeedEntry, nil, func(c *Candidate, _ any) bool { return recent(c) && !seen(c) })
	add("OLD", NeedEntry, nil, func(c *Candidate, _ any) bool { return !recent(c) })
	add("RECENT", NeedEntry, nil, func(c *Candidate, _ any) bool { return recent(c) })
	add("KEYWORD", NeedEntry, argWord, func(c *Candidate, arg any) bool { return hasKeyword(c.Entry, arg.(string)) })
	add("UNKEYWORD", NeedEntry, argWord, func(c *Candidate, arg any) bool { return !hasKeyword(c.Entry, arg.(string)) })
	add("LARGER", NeedEntry, argNumber, func(c *Candidate, arg any) bool { return c.Entry.Size > arg.(int64) })
	add("SMALLER", NeedEntry, argNumber, func(c *Candidate, arg any) bool { return c.Entry.Size < arg.(int64) })
	add("UID", NeedEntry, argSet, func(c *Candidate, arg any) bool { return arg.(wire.Set).Contains(uint32(c.Entry.UID)) })

	for prefix, source := range map[string]struct {
		needs Need
		date  func(c *Candidate) (time.Time, bool)
	}{
		"":     {NeedEmail, func(c *Candidate) (time.Time, bool) { return c.Email.Received, true }},
		"SENT": {NeedMessage, sentDate},
	} {
		compare := func(name string, ok func(order int) bool) {
			add(prefix+name, source.needs, argDate, func(c *Candidate, arg any) bool {
				date, known := source.date(c)
				return known && ok(dayOf(date).Compare(arg.(time.Time)))
			})
		}
		compare("BEFORE", func(order int) bool { return order < 0 })
		compare("ON", func(order int) bool { return order == 0 })
		compare("SINCE", func(order int) bool { return order >= 0 })
	}

	for _, name := range []string{"From", "To", "Cc", "Bcc", "Subject"} {
		add(strings.ToUpper(name), NeedMessage, argText, func(c *Candidate, arg any) bool {
			return arg.(needle).inField(c.Message.Header(), name)
		})
	}
	add("HEADER", NeedMessage, argHeader, func(c *Candidate, arg any) bool {
		h := arg.(headerArg)
		return h.text.inField(c.Message.Header(), h.field)
	})
	add("BODY", NeedMessage, argText, func(c *Candidate, arg any) bool { return arg.(needle).inBody(c.Message) })
	add("TEXT", NeedMessage, argText, func(c *Candidate, arg any) bool {
		return arg.(needle).inHeader(c.Message.Header()) || arg.(needle).inBody(c.Message)
	})
}

// hasKeyword reports whether an entry has a keyword, in any case of letters.
func hasKeyword(e *idmap.Entry, word string) bool {
	for _, k := range e.Keywords {
		if strings.EqualFold(k, word) {
			return true
		}
	}
	return false
}

// sentDate returns the date of the Date field.
func sentDate(c *Candidate) (time.Time, bool) {
	values := c.Message.Header().Values("Date")
	if len(values) == 0 {
		return time.Time{}, false
	}
	t, err := mail.ParseDate(values[0])
	return t, err == nil
}

// dayOf returns the day that t names in its own zone, as midnight in UTC: RFC 3501
// compares dates without time and zone.
func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// needle is a text that is looked for without case.
type needle struct {
	lower string
	valid bool // it came as UTF-8
}

// newNeedle prepares a text.
func newNeedle(s string) needle { return needle{strings.ToLower(s), utf8.ValidString(s)} }

// in reports whether s holds the needle.
func (n needle) in(s string) bool {
	return n.lower == "" || strings.Contains(strings.ToLower(s), n.lower)
}

// inField reports whether one of the fields of that name holds the needle; the empty one
// asks only whether there is such a field.
func (n needle) inField(h *mail.Header, name string) bool {
	for _, f := range h.Fields() {
		if strings.EqualFold(f.Name, name) && (n.in(f.Text()) || n.in(f.Value())) {
			return true
		}
	}
	return false
}

// inHeader reports whether any field holds the needle, its name included.
func (n needle) inHeader(h *mail.Header) bool {
	for _, f := range h.Fields() {
		if n.in(f.Name + ": " + f.Text()) {
			return true
		}
	}
	return false
}

// inBody reports whether a text of the message holds the needle, decoded, or the header
// of a message within it.
func (n needle) inBody(m *mail.Message) bool {
	for part := range m.Root().All() {
		switch {
		case part.Type == "text":
			if n.in(part.Text()) {
				return true
			}
		case part.Message != nil:
			if n.inHeader(part.Message.Header()) {
				return true
			}
		}
	}
	return false
}
