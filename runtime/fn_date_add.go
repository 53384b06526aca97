package runtime

import (
	"fmt"
	"math"
	"strings"
	"time"
)

func init() {
	unit := Param{Name: "unit", Kind: String, Doc: "second, minute, hour, day, week, month or year, with an s perhaps"}
	register(Function{
		Name:   "date_add",
		Family: "date",
		Doc: "Returns a time moved by an amount of a unit; below 0 is back. Seconds, minutes and hours are as long as they are; days and more keep the time of day in the zone, " +
			"whatever summer time does, and a day that the month does not have is its last one.",
		Params: []Param{timeParam, {Name: "amount", Kind: Int, Doc: "how many"}, unit, zoneParam},
		Result: Int, Trust: User,
		Examples: []Example{
			{Code: `date_add(0, 90, "minutes")`, Want: `5400`}, {Code: `date_add(0, -1, "day")`, Want: `-86400`}, {Code: `date_add(0, 2, "weeks")`, Want: `1209600`},
			{Code: `date_format(date_add(date_parse("2026-01-31"), 1, "month"), "date")`, Want: `"2026-02-28"`},
			{Code: `date_format(date_add(date_parse("2024-02-29"), 1, "year"), "date")`, Want: `"2025-02-28"`},
			{Code: `date_format(date_add(date_parse("2026-01-15"), -2, "months"), "date")`, Want: `"2025-11-15"`},
			{Code: `date_add(1774738800, 1, "day", "Europe/Berlin")`, Want: `1774821600`},
			{Code: `date_add(0, 1, "moon")`, Error: `date_add: unknown unit "moon"; known are second, minute, hour, day, week, month, year`},
			{Code: `date_add(0, 10000, "years")`, Error: `date_add: the result is not in the years 0 to 9999`},
			{Code: `date_add(0, "1", "day")`, Error: `date_add: argument 2 (amount): expected int, got string`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			t, err := timeIn("date_add", a.Int(0), a.String(3))
			if err != nil {
				return nil, err
			}
			u, err := unitNamed("date_add", a.String(2))
			if err != nil {
				return nil, err
			}
			// No unit takes a time that far.
			const most = 400_000_000_000
			if n := a.Int(1); n > -most && n < most {
				if t, ok := addUnits(t, u, n); ok {
					return t.Unix(), nil
				}
			}
			return nil, fmt.Errorf("date_add: the result is not in the years 0 to 9999")
		},
	})
	register(Function{
		Name:   "date_start",
		Family: "date",
		Doc:    "Returns the time at which the minute, hour, day, week (Monday), month or year of a time begins in the zone.",
		Params: []Param{timeParam, unit, zoneParam},
		Result: Int, Trust: User,
		Examples: []Example{
			{Code: `date_start(1767229261, "hour")`, Want: `1767229200`}, {Code: `date_start(1767229261, "day")`, Want: `1767225600`}, {Code: `date_start(1767225600, "week")`, Want: `1766966400`},
			{Code: `date_start(1769900000, "month", "Europe/Berlin")`, Want: `1767222000`}, {Code: `date_start(1769900000, "year")`, Want: `1767225600`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			t, err := timeIn("date_start", a.Int(0), a.String(2))
			if err != nil {
				return nil, err
			}
			u, err := unitNamed("date_start", a.String(1))
			if err != nil {
				return nil, err
			}
			return startOf(t, u).Unix(), nil
		},
	})
	register(Function{
		Name:   "is_time_between",
		Family: "date",
		Doc:    "Says whether the time of day of a time, in the zone, is not before from and before to. If to is before from, the span goes over midnight.",
		Params: []Param{timeParam, {Name: "from", Kind: String, Doc: "such as `\"22:00\"`"}, {Name: "to", Kind: String, Doc: "such as `\"06:30\"`; `\"24:00\"` is the end of the day"}, zoneParam},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `is_time_between(1767225600, "22:00", "06:30")`, Want: `true`}, {Code: `is_time_between(1767225600, "08:00", "17:00", "Asia/Tokyo")`, Want: `true`},
			{Code: `is_time_between(1767225600, "00:01", "24:00")`, Want: `false`}, {Code: `is_time_between(0, "00:00", "00:00")`, Want: `false`},
			{Code: `is_time_between(0, "8", "17:00")`, Error: `is_time_between: "8" is no time of day such as "22:00"`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			t, err := timeIn("is_time_between", a.Int(0), a.String(3))
			if err != nil {
				return nil, err
			}
			from, err := clockMinutes(a.String(1))
			if err != nil {
				return nil, err
			}
			to, err := clockMinutes(a.String(2))
			if err != nil {
				return nil, err
			}
			at := t.Hour()*60 + t.Minute()
			if to < from {
				return at >= from || at < to, nil
			}
			return at >= from && at < to, nil
		},
	})
	register(Function{
		Name:   "duration",
		Family: "date",
		Doc: "Returns how many seconds a duration has: numbers with the units ms, s, m, h, d (24 hours) and w behind them, such as `1h30m` or `1.5h`, " +
			"with spaces perhaps and a sign in front; a number alone is seconds. It is an int if there is no part of a second.",
		Params: []Param{{Name: "text", Kind: Any, Doc: "text, or a number of seconds"}},
		Result: Number, Trust: User,
		Examples: []Example{
			{Code: `duration("1h30m")`, Want: `5400`}, {Code: `duration("15m")`, Want: `900`}, {Code: `duration("30d")`, Want: `2592000`}, {Code: `duration("1.5h")`, Want: `5400`},
			{Code: `duration("250ms")`, Want: `0.25`}, {Code: `duration("-1w 2d")`, Want: `-777600`}, {Code: `duration("90")`, Want: `90`}, {Code: `duration(90)`, Want: `90`},
			{Code: `duration("")`, Error: `duration: "" is no duration such as "1h30m"`}, {Code: `duration("1x")`, Error: `duration: "1x" is no duration such as "1h30m"`},
			{Code: `duration("h")`, Error: `duration: "h" is no duration such as "1h30m"`}, {Code: `duration("99999999999999999999d")`, Error: `duration: "99999999999999999999d" is too long`},
			{Code: `duration([1])`, Error: `duration: argument 1 (text): expected string or number, got list`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			switch v := a[0].(type) {
			case int64, float64:
				return v, nil
			case string:
				return parseDuration(v)
			}
			k, _ := KindOf(a[0])
			return nil, fmt.Errorf("duration: argument 1 (text): expected string or number, got %s", k)
		},
	})
	register(Function{
		Name:   "duration_text",
		Family: "date",
		Doc:    "Returns seconds as a duration, in days, hours, minutes and seconds. Parts of a second are cut off.",
		Params: []Param{{Name: "seconds", Kind: Number, Doc: "seconds"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `duration_text(5400)`, Want: `"1h30m"`}, {Code: `duration_text(0)`, Want: `"0s"`}, {Code: `duration_text(-90061.5)`, Want: `"-1d1h1m1s"`}, {Code: `duration_text(1209600)`, Want: `"14d"`}},
		Call: func(_ *Env, a Args) (Value, error) {
			seconds := number(a[0])
			if !(math.Abs(seconds) < 1<<43) {
				return nil, fmt.Errorf("duration_text: %s seconds are out of range", numberText(a[0]))
			}
			return durationText(int64(seconds)), nil
		},
	})
}

// dateUnits are the units of dates, the smallest first.
var dateUnits = []string{"second", "minute", "hour", "day", "week", "month", "year"}

func unitNamed(function, name string) (string, error) {
	one := strings.TrimSuffix(name, "s")
	for _, u := range dateUnits {
		if u == one {
			return u, nil
		}
	}
	return "", fmt.Errorf("%s: unknown unit %q; known are %s", function, cut(name, 40), strings.Join(dateUnits, ", "))
}

// addUnits moves a time; false if it leaves the years 0 to 9999.
func addUnits(t time.Time, unit string, n int64) (time.Time, bool) {
	seconds := map[string]int64{"second": 1, "minute": 60, "hour": 3600}[unit]
	days := map[string]int64{"day": 1, "week": 7}[unit]
	months := map[string]int64{"month": 1, "year": 12}[unit]
	switch {
	case seconds > 0:
		t = time.Unix(t.Unix()+n*seconds, 0).In(t.Location())
	case days > 0 && n*days < 4e6 && n*days > -4e6:
		t = t.AddDate(0, 0, int(n*days))
	case months > 0 && n*months < 2e5 && n*months > -2e5:
		year, month, day := t.Date()
		// The last day of the month is the one before the first of the next.
		last := time.Date(year, month+time.Month(n*months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		t = time.Date(year, month+time.Month(n*months), min(day, last), t.Hour(), t.Minute(), t.Second(), 0, t.Location())
	default:
		return t, false
	}
	return t, t.Unix() >= firstSecond && t.Unix() <= lastSecond
}

// startOf returns the time at which the unit that t is in begins.
func startOf(t time.Time, unit string) time.Time {
	year, month, day := t.Date()
	switch unit {
	case "second":
		return t
	case "minute":
		return t.Add(-time.Duration(t.Second()) * time.Second)
	case "hour":
		return t.Add(-time.Duration(t.Minute()*60+t.Second()) * time.Second)
	case "week":
		day -= (int(t.Weekday()) + 6) % 7
	case "month":
		day = 1
	case "year":
		month, day = 1, 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, t.Location())
}

// clockMinutes reads a time of day, in minutes.
func clockMinutes(s string) (int, error) {
	var digits [4]int
	ok := len(s) == 5 && s[2] == ':'
	for i, at := range [4]int{0, 1, 3, 4} {
		if ok = ok && '0' <= s[at] && s[at] <= '9'; ok {
			digits[i] = int(s[at] - '0')
		}
	}
	hour, minute := digits[0]*10+digits[1], digits[2]*10+digits[3]
	if !ok || minute > 59 || hour*60+minute > 24*60 {
		return 0, fmt.Errorf(`is_time_between: %q is no time of day such as "22:00"`, cut(s, 40))
	}
	return hour*60 + minute, nil
}

// durationUnits are the units of a duration in milliseconds.
var durationUnits = map[string]float64{"ms": 1, "s": 1e3, "m": 60e3, "h": 3600e3, "d": 86400e3, "w": 7 * 86400e3}

// parseDuration reads a duration such as 1h30m.
func parseDuration(text string) (Value, error) {
	bad := fmt.Errorf(`duration: %q is no duration such as "1h30m"`, cut(text, 60))
	rest := strings.TrimSpace(text)
	sign := 1.0
	if r, ok := strings.CutPrefix(rest, "-"); ok {
		sign, rest = -1, r
	}
	if rest == "" || len(rest) > 100 {
		return nil, bad
	}
	total := 0.0
	for n := 0; rest != ""; n++ {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		amount, err := toFloat(rest[:digits])
		if err != nil {
			return nil, bad
		}
		rest = rest[digits:]
		unit := rest[:len(rest)-len(strings.TrimLeft(rest, "mshdw"))]
		size, ok := durationUnits[unit]
		if unit == "" && rest == "" && n == 0 {
			size, ok = 1e3, true
		}
		if !ok {
			return nil, bad
		}
		total += amount.(float64) * size
		rest = strings.TrimLeft(rest[len(unit):], " ")
	}
	if total >= 1<<53 {
		return nil, fmt.Errorf("duration: %q is too long", cut(text, 60))
	}
	seconds := sign * total / 1e3
	if seconds == math.Trunc(seconds) {
		return int64(seconds), nil
	}
	return seconds, nil
}

func durationText(seconds int64) string {
	var b strings.Builder
	if seconds < 0 {
		b.WriteByte('-')
		seconds = -seconds
	}
	for _, u := range []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}} {
		if n := seconds / u.size; n > 0 || u.size == 1 && strings.Trim(b.String(), "-") == "" {
			fmt.Fprintf(&b, "%d%s", n, u.name)
		}
		seconds %= u.size
	}
	return b.String()
}
