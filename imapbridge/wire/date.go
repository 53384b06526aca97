package wire

import (
	"strings"
	"time"
)

// dateTimeLayout is RFC 3501's date-time without the quotes; the day has two places.
const dateTimeLayout = "_2-Jan-2006 15:04:05 -0700"

// Date reads a date, bare or quoted, and returns its midnight in UTC.
//
// Spec: RFC 3501, section 9, date.
func (p *Parser) Date() time.Time {
	start := p.pos
	s := p.AString()
	if p.err != nil {
		return time.Time{}
	}
	t, err := time.Parse("_2-Jan-2006", s)
	if err != nil {
		p.failAt(start, "expected a date such as 1-Feb-1994")
		return time.Time{}
	}
	return t
}

// DateTime reads a quoted date-time and keeps its zone.
//
// Spec: RFC 3501, section 9, date-time.
func (p *Parser) DateTime() time.Time {
	start := p.pos
	s := string(p.quoted())
	if p.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(dateTimeLayout, strings.TrimLeft(s, " "))
	if err != nil {
		p.failAt(start, `expected a date and time such as " 1-Feb-1994 21:52:25 -0800"`)
		return time.Time{}
	}
	return t
}

// AppendDateTime writes t to dst as a quoted date-time.
func AppendDateTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, dateTimeLayout)
	return append(dst, '"')
}
