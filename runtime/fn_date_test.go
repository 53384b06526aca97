package runtime

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDatesOverSummerTime(t *testing.T) {
	s := newSession(t)
	for code, want := range map[string]string{
		// In Berlin 2026-03-29 has 23 hours, 2026-10-25 has 25.
		`date_add(date_parse("2026-03-29", "Europe/Berlin"), 24, "hours", "Europe/Berlin")`:                                           `1774825200`,
		`date_format(date_add(date_parse("2026-03-28 12:00", "Europe/Berlin"), 1, "day", "Europe/Berlin"), "%T %z", "Europe/Berlin")`: `"12:00:00 +0200"`,
		`date_format(date_add(date_parse("2026-10-25", "Europe/Berlin"), 1, "day", "Europe/Berlin"), "rfc3339", "Europe/Berlin")`:     `"2026-10-26T00:00:00+01:00"`,
		`date_format(date_start(1792915200, "day", "Europe/Berlin"), "rfc3339", "Europe/Berlin")`:                                     `"2026-10-25T00:00:00+02:00"`,
		`date_format(date_parse("1 Jan 2026 00:00 +0530"), "rfc3339", "+05:30")`:                                                      `"2026-01-01T00:00:00+05:30"`,
		`date_part(-62167132800, "year")`:          `0`,
		`date_part(253402214399, "year", "+1400")`: `9999`,
		`date_part(-1, "julian")`:                  `40586`,
	} {
		v, err := ParseLiteral(want)
		if err != nil {
			t.Fatal(err)
		}
		s.want(code, v)
	}
}

func TestZonesOfTheMachineAndOtherSpellingsAreRefused(t *testing.T) {
	for _, name := range []string{"Local", "../etc/passwd", "/etc/localtime", "Europe//Berlin", "./Europe/Berlin", "Europe/Berlin/.", "+2500", "+02", "+0x00", strings.Repeat("a", 1000), "\x00", "\xff"} {
		if l, err := zoneNamed("f", name); err == nil {
			t.Errorf("%.40q is %s", name, l)
		}
	}
}

func TestAddingMonthsAndTakingThemAwayStaysInTheMonth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-1e10, 1e10).Draw(t, "time"), 0).UTC()
		n := rapid.Int64Range(-500, 500).Draw(t, "months")
		to, ok := addUnits(at, "month", n)
		if !ok {
			t.Fatal("out of range")
		}
		want := int64(at.Year())*12 + int64(at.Month()) - 1 + n
		if got := int64(to.Year())*12 + int64(to.Month()) - 1; got != want || to.Day() > at.Day() || to.Format(time.TimeOnly) != at.Format(time.TimeOnly) {
			t.Errorf("%s and %d months is %s", at, n, to)
		}
	})
}

func TestDurationsAreWrittenAsTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-1<<42, 1<<42).Draw(t, "seconds")
		if v, err := parseDuration(durationText(n)); err != nil || v != Value(n) {
			t.Errorf("%d is %s, which is %v, %v", n, durationText(n), v, err)
		}
	})
}

// FuzzDates holds that no text, format or duration makes a function of dates panic or leave its
// range.
func FuzzDates(f *testing.F) {
	for _, s := range []string{"Thu, 1 Jan 2026 01:00:00 +0100", "2026-01-01T00:00:00Z", "1h30m", "%Y-%m-%d %z", "Europe/Berlin", "22:00", "-1w 2d", "%", "9999-12-31T23:59:59-23:59"} {
		f.Add(s, int64(1767225600))
	}
	f.Fuzz(func(t *testing.T, s string, at int64) {
		if moment, ok := parseTime(s, time.UTC); ok && (moment.Year() < -1 || moment.Year() > 10000) {
			t.Errorf("%q is in the year %d", s, moment.Year())
		}
		if v, err := parseDuration(s); err == nil {
			if k, _ := KindOf(v); k != Int && k != Float {
				t.Errorf("%q is %v", s, v)
			}
		}
		_, _ = clockMinutes(s)
		moment, err := timeIn("f", at, s)
		if err != nil {
			moment = time.Unix(at%1e11, 0).UTC()
		}
		_, _ = formatTime(moment, s)
		for _, unit := range dateUnits {
			if to, ok := addUnits(moment, unit, at); ok && (to.Unix() < firstSecond || to.Unix() > lastSecond) {
				t.Errorf("%s and %d %ss is %s", moment, at, unit, to)
			}
		}
	})
}

func BenchmarkDateFormat(b *testing.B) {
	t := time.Unix(1767225600, 0).UTC()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := formatTime(t, "%a %e %b %Y, %H:%M %z"); err != nil {
			b.Fatal(err)
		}
	}
}
