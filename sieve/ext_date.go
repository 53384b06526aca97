package sieve

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// date tests the dates of header fields and the current one. A date is moved to the zone that is
// asked for and then taken apart. What is no date has no part: it matches nothing.
//
// Spec:   RFC 5260, sections 4 and 5
// Status: complete
func init() {
	part, keys := Arg{Name: "date-part", Kind: StringArgument}, Arg{Name: "key-list", Kind: ListArgument}
	zone := Tag{Name: "zone", Args: []Arg{{Name: "time-zone", Kind: StringArgument}}, Group: "zone"}
	register(Extension{
		Name: "date", Spec: "RFC 5260, sections 4 and 5", Status: "complete", Limits: "years 0000 to 9999",

		Tests: []Test{
			// date [<":zone" <time-zone: string>> / ":originalzone"] [COMPARATOR] [MATCH-TYPE]
			//      <header-name: string> <date-part: string> <key-list: string-list>
			{
				Name: "date", Args: []Arg{{Name: "header-name", Kind: StringArgument}, part, keys},
				Tags: []Tag{zone, {Name: "originalzone", Group: "zone"}}, Match: true, Bind: bindDate,
			},
			// currentdate [":zone" <time-zone: string>] [COMPARATOR] [MATCH-TYPE]
			//      <date-part: string> <key-list: string-list>
			{Name: "currentdate", Args: []Arg{part, keys}, Tags: []Tag{zone}, Match: true, Bind: bindCurrentDate},
		},
	})
}

func bindDate(b *Binder, c *Call) Check {
	names := b.headerNames([]Text{c.Text("header-name")})
	part, zone := b.datePart(c), b.dateZone(c)
	original := c.Tag("originalzone") != nil
	m, pick := c.Matcher("key-list"), c.pick
	return func(r *Run) (bool, error) {
		n := 0
		for _, f := range pick.fields(r, names) {
			for j := range f.found {
				r.work(len(f.found[j].Raw))
				t, err := mail.ParseDate(dateText(f.found[j].Value()))
				if err != nil {
					r.Note("date: field %s: %s", f.found[j].Name, err)
					continue
				}
				if !original {
					var ok bool
					if t, ok = zone.move(r, t); !ok {
						continue
					}
				}
				s, ok := part.of(r, t)
				if !ok {
					continue
				}
				n++
				if !m.Counting() && m.MatchText(r, s) {
					return true, nil
				}
			}
		}
		return m.Counting() && m.Count(r, n), nil
	}
}

func bindCurrentDate(b *Binder, c *Call) Check {
	part, zone := b.datePart(c), b.dateZone(c)
	m := c.Matcher("key-list")
	return func(r *Run) (bool, error) {
		t, ok := zone.move(r, r.view.Time)
		if !ok {
			return false, nil
		}
		s, ok := part.of(r, t)
		switch {
		case !ok:
			return false, nil
		case m.Counting():
			return m.Count(r, 1), nil
		}
		return m.MatchText(r, s), nil
	}
}

// dateText returns what is the date in a field: what stands behind the last semicolon of a
// Received field and the like.
func dateText(value string) string {
	return value[strings.LastIndexByte(value, ';')+1:]
}

// dateParts are the parts of a date by name.
//
// Spec: RFC 5260, section 4.2
var dateParts = map[string]func(t time.Time) string{
	"year":    func(t time.Time) string { return fmt.Sprintf("%04d", t.Year()) },
	"month":   func(t time.Time) string { return t.Format("01") },
	"day":     func(t time.Time) string { return t.Format("02") },
	"date":    func(t time.Time) string { return t.Format(time.DateOnly) },
	"julian":  func(t time.Time) string { return fmt.Sprint(julianDay(t)) },
	"hour":    func(t time.Time) string { return t.Format("15") },
	"minute":  func(t time.Time) string { return t.Format("04") },
	"second":  func(t time.Time) string { return t.Format("05") },
	"time":    func(t time.Time) string { return t.Format(time.TimeOnly) },
	"iso8601": func(t time.Time) string { return t.Format(time.RFC3339) },
	"std11":   func(t time.Time) string { return t.Format(time.RFC1123Z) },
	"zone":    func(t time.Time) string { return t.Format("-0700") },
	"weekday": func(t time.Time) string { return fmt.Sprint(int(t.Weekday())) },
}

// julianDay returns the Modified Julian Day of a date: days since 17 November 1858.
func julianDay(t time.Time) int64 {
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return days + 40587
}

// datePart is the part of a date that a test asks for.
type datePart struct {
	format func(t time.Time) string // nil: named by text in the run
	text   Text
}

func (b *Binder) datePart(c *Call) *datePart {
	p := &datePart{text: c.Text("date-part")}
	if s, ok := p.text.Constant(); ok {
		if p.format = dateParts[lowerASCII(s)]; p.format == nil {
			b.Errorf(p.text.Span, "unknown part of a date %q%s; known are %s", clip(s), meant(b, s, dateParts),
				strings.Join(sorted(names(dateParts)), ", "))
		}
	}
	return p
}

// of returns the part; false if there is none of that name, or the date has none.
func (p *datePart) of(r *Run, t time.Time) (string, bool) {
	format := p.format
	if format == nil {
		format = dateParts[lowerASCII(p.text.Value(r))]
	}
	if format == nil || t.Year() < 0 || t.Year() > 9999 {
		return "", false
	}
	return format(t), true
}

// dateZone is the zone that a test wants a date in. Without one it is that of the server.
type dateZone struct {
	given    bool // else it is that of the server
	text     Text
	location *time.Location // nil: not constant
}

func (b *Binder) dateZone(c *Call) *dateZone {
	use := c.Tag("zone")
	z := &dateZone{given: use != nil}
	if !z.given {
		return z
	}
	z.text = use.Text()
	if s, ok := z.text.Constant(); ok {
		if z.location = parseZone(s); z.location == nil {
			b.Errorf(z.text.Span, "%q is no time zone; expected an offset such as \"+0200\"", clip(s))
		}
	}
	return z
}

// move returns a date in the zone; false if the script names one that is none.
func (z *dateZone) move(r *Run, t time.Time) (time.Time, bool) {
	if !z.given {
		if l := r.Options().Zone; l != nil {
			return t.In(l), true
		}
		return t.Local(), true
	}
	l := z.location
	if l == nil {
		s := z.text.Value(r)
		if l = parseZone(s); l == nil {
			r.Note("%q is no time zone", clip(s))
			return t, false
		}
	}
	return t.In(l), true
}

// parseZone reads an offset such as +0200, nil if it is none.
//
// Spec: RFC 5260, section 4.1 (time-zone)
func parseZone(s string) *time.Location {
	if len(s) != 5 || s[0] != '+' && s[0] != '-' || !isNumber(s[1:]) {
		return nil
	}
	hours, minutes := int(s[1]-'0')*10+int(s[2]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	if hours > 23 || minutes > 59 {
		return nil
	}
	offset := hours*3600 + minutes*60
	if s[0] == '-' {
		offset = -offset
	}
	return time.FixedZone("", offset)
}
