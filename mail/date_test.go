package mail

import (
	"testing"
	"time"
)

func TestDates(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"as the standard writes it", "Thu, 22 Aug 2002 12:36:23 +0100", "2002-08-22T12:36:23+01:00"},
		{"with a comment", "Thu, 22 Aug 2002 07:36:16 -0400 (EDT)", "2002-08-22T07:36:16-04:00"},
		{"with comments everywhere", "(a)Thu(b),(c)22 Aug (d(e)) 2002 07:36:16 -0400", "2002-08-22T07:36:16-04:00"},
		{"without a weekday", "22 Aug 2002 12:36:23 +0000", "2002-08-22T12:36:23Z"},
		{"with a wrong weekday", "Mon, 22 Aug 2002 12:36:23 +0000", "2002-08-22T12:36:23Z"},
		{"without seconds", "22 Aug 2002 12:36 +0000", "2002-08-22T12:36:00Z"},
		{"without a zone", "22 Aug 2002 12:36:23", "2002-08-22T12:36:23Z"},
		{"with a zone by name", "22 Aug 2002 12:36:23 EDT", "2002-08-22T12:36:23-04:00"},
		{"in GMT", "22 Aug 2002 12:36:23 GMT", "2002-08-22T12:36:23Z"},
		{"with hours behind GMT", "22 Aug 2002 12:36:23 GMT+0200", "2002-08-22T12:36:23+02:00"},
		{"with a military zone, which says nothing", "22 Aug 2002 12:36:23 A", "2002-08-22T12:36:23Z"},
		{"with a zone that cannot be", "22 Aug 2002 12:36:23 +9999", "2002-08-22T12:36:23Z"},
		{"with a zone without its sign", "22 Aug 2002 12:36:23 01800", "2002-08-22T12:36:23Z"},
		{"with a half hour zone", "22 Aug 2002 12:36:23 -0330", "2002-08-22T12:36:23-03:30"},
		{"with a year of two digits", "22 Aug 02 12:36:23 +0000", "2002-08-22T12:36:23Z"},
		{"of the last century", "22 Aug 97 12:36:23 +0000", "1997-08-22T12:36:23Z"},
		{"with a year of three digits", "22 Aug 102 12:36:23 +0000", "2002-08-22T12:36:23Z"},
		{"as asctime writes it", "Thu Aug 22 12:36:23 2002", "2002-08-22T12:36:23Z"},
		{"as date writes it", "Thu Aug 22 12:36:23 PDT 2002", "2002-08-22T12:36:23-07:00"},
		{"with hyphens", "22-Aug-2002 12:36:23 +0100", "2002-08-22T12:36:23+01:00"},
		{"with slashes", "2002/08/22 Thu 12:36:23 GMT", "2002-08-22T12:36:23Z"},
		{"with a long month and no commas", "Thursday 22 August 2002 12:36:23 +0100", "2002-08-22T12:36:23+01:00"},
		{"in RFC 3339", "2002-08-22T12:36:23.5+01:00", "2002-08-22T12:36:23+01:00"},
		{"in RFC 3339 and UTC", "2002-08-22t12:36:23z", "2002-08-22T12:36:23Z"},
		{"in the afternoon", "22 Aug 2002 12:36:23 PM +0000", "2002-08-22T12:36:23Z"},
		{"after midnight", "22 Aug 2002 12:36:23 AM +0000", "2002-08-22T00:36:23Z"},
		{"with a leap second", "31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		{"with a leap day", "29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00Z"},
		{"with the zone at the time", "22 Aug 2002 12:36:23+0100", "2002-08-22T12:36:23+01:00"},
		{"folded", "Thu,\r\n 22 Aug 2002\r\n\t12:36:23 +0100", "2002-08-22T12:36:23+01:00"},
	} {
		got, err := ParseDate(tt.in)
		if err != nil || got.Format(time.RFC3339) != tt.want {
			t.Errorf("%s: %q: got %v %v, want %s", tt.name, tt.in, got.Format(time.RFC3339), err, tt.want)
		}
	}
	for _, in := range []string{
		"", "   ", "(((", "foo", "22 Aug 2002", "Aug 2002 12:36:23", "22 2002 12:36:23", "22 Aug 12:36:23",
		"32 Aug 2002 12:36:23", "30 Feb 2002 12:36:23", "29 Feb 2023 00:00:00", "0 Aug 2002 12:36:23", "22 Aug 2002 24:00:00", "22 Aug 2002 12:60:00",
		"22 Aug 2002 12:36:61", "22 Aug 2002 1:2:3:4", "99999999999999999999 Aug 2002 12:36", "2002-13-22T12:36:23Z", "22 Aug 2002 123:36:23",
	} {
		if got, err := ParseDate(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
		}
	}
}
