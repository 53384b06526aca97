package housekeeping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// every stands for * in a schedule's hour or week-day.
const every = -1

// Schedule says when a work is due: at a minute of an hour, or of every hour, on one
// day of the week or on every day. It is a value; the zero one is "0 0 *" at no day and
// is never due.
type Schedule struct {
	minute int // 0 to 59
	hour   int // 0 to 23, or every
	day    int // 1 (Monday) to 7 (Sunday), or every; 0: never
}

// ParseSchedule reads `<minute> <hour> <week-day>`, such as "0 3 *". The minute is 0 to
// 59; the hour 0 to 23, or * for every hour; the week-day 1 (Monday) to 7 (Sunday), or *
// for every day. The error says which field is wrong and what it may be.
func ParseSchedule(text string) (Schedule, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return Schedule{}, fmt.Errorf("schedule %s: expected 3 fields `<minute> <hour> <week-day>`, got %d", quote(text), len(fields))
	}
	var s Schedule
	var errs [3]error
	s.minute, errs[0] = field(fields[0], "minute", 0, 59, false)
	s.hour, errs[1] = field(fields[1], "hour", 0, 23, true)
	s.day, errs[2] = field(fields[2], "week-day", 1, 7, true)
	if err := errors.Join(errs[:]...); err != nil {
		return Schedule{}, fmt.Errorf("schedule %s: %w", quote(text), err)
	}
	return s, nil
}

func field(text, name string, low, high int, star bool) (int, error) {
	if text == "*" && star {
		return every, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && n >= low && n <= high && text[0] != '+' && text[0] != '-' && len(text) <= 2 {
		return n, nil
	}
	hint := fmt.Sprintf("%d to %d", low, high)
	if name == "week-day" {
		hint = "1 (Monday) to 7 (Sunday)"
	}
	if star {
		hint += " or *"
	}
	return 0, fmt.Errorf("%s %s: expected %s", name, quote(text), hint)
}

// quote shows a field of the configuration, cut to a length that fits a line.
func quote(text string) string {
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	return strconv.Quote(text)
}

// String returns the schedule as ParseSchedule reads it.
func (s Schedule) String() string {
	text := func(n int) string {
		if n == every {
			return "*"
		}
		return strconv.Itoa(n)
	}
	return text(s.minute) + " " + text(s.hour) + " " + text(s.day)
}

// Next returns the first due time after the given one, in its location.
//
// A time of day that does not happen, because clocks are put forward over it, is due as
// long after the change as it stands after the hour that is left out (02:30 becomes
// 03:30). A time of day that happens twice is due the first time only; so an hourly
// schedule leaves the repeated hour out. The zero time is returned for the zero Schedule.
func (s Schedule) Next(after time.Time) time.Time {
	if s.day == 0 {
		return time.Time{}
	}
	loc := after.Location()
	year, month, day := after.Date()
	first, last := s.hour, s.hour
	if s.hour == every {
		first, last = 0, 23
	}
	var best time.Time
	// A due time can lie a day behind or before its date where a location left out a
	// whole day, so two days more are looked at on both sides.
	for i, left := -2, 2; i < 13 && left > 0; i++ {
		if !best.IsZero() {
			left--
		}
		// Noon in UTC: the week-day of the date itself, whatever the location does.
		date := time.Date(year, month, day+i, 12, 0, 0, 0, time.UTC)
		if s.day != every && weekday(date) != s.day {
			continue
		}
		for h := first; h <= last; h++ {
			t := moment(date, h, s.minute, loc)
			if t.After(after) && (best.IsZero() || t.Before(best)) {
				best = t
			}
		}
	}
	return best
}

// weekday returns 1 for Monday to 7 for Sunday.
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

// moment returns the first moment at which clocks in loc show the date and time; if they
// never do, the moment that the clock of before the change would call so.
func moment(date time.Time, hour, minute int, loc *time.Location) time.Time {
	year, month, day := date.Date()
	wall := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	t := time.Date(year, month, day, hour, minute, 0, 0, loc)
	start, _ := t.ZoneBounds()
	if got := clock(t); got.Before(wall) {
		// In a gap, before the change: t's own offset is the one of before.
		return wall.Add(-offset(t)).In(loc)
	}
	if start.IsZero() {
		return t
	}
	// The offset before t's own gives another moment. In a gap it is the wanted one; else it
	// counts if it lies before the change, which is when the time happens twice.
	earlier := wall.Add(-offset(start.Add(-1))).In(loc)
	if clock(t).After(wall) || earlier.Before(start) {
		return earlier
	}
	return t
}

// clock returns what a clock shows at t as if it were UTC.
func clock(t time.Time) time.Time { return t.UTC().Add(offset(t)) }

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
