package housekeeping

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestNext(t *testing.T) {
	tests := []struct {
		name, schedule, zone, after, want string
	}{
		{"never twice a minute", "0 3 *", "Europe/Berlin", "2026-01-01 03:00 CET", "2026-01-02 03:00 CET"},
		{"a second before is before", "0 3 *", "Europe/Berlin", "2026-01-01 02:59 CET", "2026-01-01 03:00 CET"},
		{"2 is Tuesday", "45 5 2", "Europe/Berlin", "2026-01-01 00:00 CET", "2026-01-06 05:45 CET"},
		{"7 is Sunday, hour 0", "0 0 7", "Europe/Berlin", "2026-01-01 00:00 CET", "2026-01-04 00:00 CET"},
		{"1 is Monday", "0 0 1", "Europe/Berlin", "2026-01-04 00:00 CET", "2026-01-05 00:00 CET"},
		{"a week later on the same day", "0 3 4", "Europe/Berlin", "2026-01-01 03:00 CET", "2026-01-08 03:00 CET"},
		{"hourly", "15 * *", "Europe/Berlin", "2026-01-01 23:15 CET", "2026-01-02 00:15 CET"},
		{"hourly on Tuesdays ends with the day", "15 * 2", "Europe/Berlin", "2026-01-06 23:15 CET", "2026-01-13 00:15 CET"},
		{"02:30 does not happen", "30 2 *", "Europe/Berlin", "2026-03-29 00:00 CET", "2026-03-29 03:30 CEST"},
		{"and only once that day", "30 2 *", "Europe/Berlin", "2026-03-29 03:30 CEST", "2026-03-30 02:30 CEST"},
		{"hourly goes over the gap without a double", "30 * *", "Europe/Berlin", "2026-03-29 01:30 CET", "2026-03-29 03:30 CEST"},
		{"and goes on behind it", "30 * *", "Europe/Berlin", "2026-03-29 03:30 CEST", "2026-03-29 04:30 CEST"},
		{"a time that happens twice is due the first time", "30 2 *", "Europe/Berlin", "2026-10-25 00:00 CEST", "2026-10-25 02:30 CEST"},
		{"and not the second time", "30 2 *", "Europe/Berlin", "2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"},
		{"seen from between the two", "30 2 *", "Europe/Berlin", "2026-10-25 02:10 CET", "2026-10-26 02:30 CET"},
		{"hourly leaves the repeated hour out", "30 * *", "Europe/Berlin", "2026-10-25 02:30 CEST", "2026-10-25 03:30 CET"},
		{"a gap of half an hour", "15 2 *", "Australia/Lord_Howe", "2026-10-04 00:00 +1030", "2026-10-04 02:45 +11"},
		{"a gap at midnight", "10 0 *", "America/Sao_Paulo", "2018-11-03 12:00 -03", "2018-11-04 01:10 -02"},
		{"a day that is left out runs once, with the next", "0 3 *", "Pacific/Apia", "2011-12-29 03:00 -10", "2011-12-31 03:00 +14"},
		{"a weekly one of that day is not lost", "0 3 5", "Pacific/Apia", "2011-12-29 03:00 -10", "2011-12-31 03:00 +14"},
		{"29 February", "0 3 *", "UTC", "2028-02-28 03:00 UTC", "2028-02-29 03:00 UTC"},
		{"New Year", "0 0 *", "UTC", "2026-12-31 00:00 UTC", "2027-01-01 00:00 UTC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ParseSchedule(tt.schedule)
			if err != nil {
				t.Fatal(err)
			}
			got := s.Next(at(t, tt.after, tt.zone))
			if want := at(t, tt.want, tt.zone); !got.Equal(want) {
				t.Errorf("Next = %s, want %s", got.Format(layout), tt.want)
			}
		})
	}
}

const layout = "2006-01-02 15:04 MST"

// at reads a time whose zone's abbreviation chooses between two readings of one clock.
func at(t *testing.T, text, zone string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	naked, _, _ := cutLast(text, " ")
	wall, err := time.Parse("2006-01-02 15:04", naked)
	if err != nil {
		t.Fatal(err)
	}
	for u := wall.Add(-15 * time.Hour); u.Before(wall.Add(15 * time.Hour)); u = u.Add(15 * time.Minute) {
		if u.In(loc).Format(layout) == text {
			return u.In(loc)
		}
	}
	t.Fatalf("%s does not happen in %s", text, zone)
	return time.Time{}
}

func cutLast(s, sep string) (string, string, bool) {
	i := strings.LastIndex(s, sep)
	return s[:i], s[i+1:], true
}

func TestParseScheduleErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", `schedule "": expected 3 fields`},
		{"five fields as cron has", "0 3 * * *", "expected 3 fields `<minute> <hour> <week-day>`, got 5"},
		{"every minute is not offered", "* 3 *", `minute "*": expected 0 to 59`},
		{"a minute too many", "60 3 *", `minute "60": expected 0 to 59`},
		{"hour 24", "0 24 *", `hour "24": expected 0 to 23 or *`},
		{"cron's Sunday", "0 0 0", `week-day "0": expected 1 (Monday) to 7 (Sunday) or *`},
		{"day 8", "0 0 8", `week-day "8"`},
		{"a sign", "+5 0 *", `minute "+5"`},
		{"minus nothing", "-0 0 *", `minute "-0"`},
		{"a step", "*/5 0 *", `minute "*/5"`},
		{"letters", "0 0 mon", `week-day "mon"`},
		{"every wrong field is named", "99 99 99", "hour \"99\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseSchedule(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

func TestZeroScheduleIsNeverDue(t *testing.T) {
	if got := (Schedule{}).Next(time.Now()); !got.IsZero() {
		t.Errorf("Next = %v", got)
	}
}

var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
	"Africa/Casablanca", "Asia/Kathmandu", "Asia/Tehran", "America/Havana",
}

// TestNextModel compares Next with a walk over the minutes that knows no calendar.
func TestNextModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		s := Schedule{
			minute: rapid.IntRange(0, 59).Draw(t, "minute"),
			hour:   rapid.IntRange(every, 23).Draw(t, "hour"),
			day:    rapid.SampledFrom([]int{every, every, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "day"),
		}
		from := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 60
		to := time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 60
		after := time.Unix(rapid.Int64Range(from, to).Draw(t, "after")*60, 0).In(loc)
		if near := rapid.Bool().Draw(t, "near a change"); near {
			if _, end := after.ZoneBounds(); !end.IsZero() {
				after = end.Add(time.Duration(rapid.IntRange(-1600, 1600).Draw(t, "off")) * time.Minute).In(loc)
			}
		}
		if got, want := s.Next(after), walk(s, after); !got.Equal(want) {
			t.Fatalf("%s after %s: got %s, want %s", s, after.Format(layout), got.Format(layout), want.Format(layout))
		}
	})
}

// walk goes minute by minute. A minute is due if its clock's face matches and was not shown
// before; faces that were jumped over are due as much later as they lie behind the jump.
func walk(s Schedule, after time.Time) time.Time {
	loc := after.Location()
	matches := func(face time.Time) bool {
		return face.Minute() == s.minute && (s.hour == every || face.Hour() == s.hour) && (s.day == every || weekday(face) == s.day)
	}
	face := func(t time.Time) time.Time {
		_, off := t.In(loc).Zone()
		return t.UTC().Add(time.Duration(off) * time.Second)
	}
	begin := after.Truncate(time.Minute).Add(-50 * time.Hour)
	shown := face(begin)
	pending := map[int64]bool{}
	for t := begin.Add(time.Minute); ; t = t.Add(time.Minute) {
		f := face(t)
		for missing := shown.Add(time.Minute); missing.Before(f); missing = missing.Add(time.Minute) {
			if matches(missing) {
				pending[t.Add(missing.Sub(shown)-time.Minute).Unix()] = true
			}
		}
		due := pending[t.Unix()] || f.After(shown) && matches(f)
		if f.After(shown) {
			shown = f
		}
		if due && t.After(after) {
			return t
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"0 3 *", "59 * 7", "0 0 1", "", "* * *", "0 3", "１ 2 3", "\x00 1 2"} {
		f.Add(seed, int64(1_767_225_600))
	}
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		s, err := ParseSchedule(text)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("error of %d octets", len(err.Error()))
			}
			return
		}
		again, err := ParseSchedule(s.String())
		if err != nil || again != s {
			t.Fatalf("%q prints as %q, which reads as %v, %v", text, s, again, err)
		}
		after := time.Unix(unix%(1<<33), 0).In(loc)
		next := s.Next(after)
		if !next.After(after) || next.Sub(after) > 8*24*time.Hour+2*time.Hour {
			t.Errorf("%s after %s is %s", s, after, next)
		}
	})
}
