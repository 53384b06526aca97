package runtime

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // so that zones are there on every machine

	"github.com/sluice-mail/sluice/mail"
)

// A time of scripts is what now returns: unix seconds, an int. Zones matter only where a time is
// taken apart, so that they stand beside it.

// timeParam is a time of the years 0 to 9999, zoneParam what it is seen in.
var (
	timeParam = Param{Name: "time", Kind: Int, Doc: "unix seconds, in the years 0 to 9999"}
	zoneParam = Param{Name: "zone", Kind: String, Optional: true, Default: "UTC", Doc: "such as `\"+0200\"`, `\"UTC\"` or `\"Europe/Berlin\"`; left out: UTC"}
)

const (
	firstSecond = -62167219200 // 0000-01-01 00:00:00 UTC
	lastSecond  = 253402300799 // 9999-12-31 23:59:59 UTC
)

func init() {
	register(Function{
		Name:   "date_parse",
		Family: "date",
		Doc: "Returns the time that text names in unix seconds, or null if it is no date: a date of mail (RFC 5322, with the liberties of old mail), " +
			"an RFC 3339 timestamp, or a date alone, such as `2026-01-31`, with a time behind it perhaps. Parts of a second are cut off.",
		Params: []Param{textParam, {Name: "zone", Kind: String, Optional: true, Default: "UTC", Doc: "of a date and time that names none"}},
		Result: Int, Trust: User,
		Examples: []Example{
			{Code: `date_parse("Thu, 1 Jan 2026 01:00:00 +0100")`, Want: `1767225600`},
			{Code: `date_parse("2026-01-01T00:00:00Z")`, Want: `1767225600`},
			{Code: `date_parse("2026-01-01T02:00:00.75+02:00")`, Want: `1767225600`},
			{Code: `date_parse("2026-01-01")`, Want: `1767225600`},
			{Code: `date_parse("2026-01-01 01:00", "Europe/Berlin")`, Want: `1767225600`},
			{Code: `date_parse("1 Jan 26 00:00 GMT (new year)")`, Want: `1767225600`},
			{Code: `date_parse("1960-01-01")`, Want: `-315619200`},
			{Code: `date_parse("2026-02-30")`, Want: `null`}, {Code: `date_parse("soon")`, Want: `null`}, {Code: `date_parse("")`, Want: `null`},
			{Code: `date_parse("2026-01-01", "Mars")`, Error: `date_parse: unknown time zone "Mars"`},
			{Code: `date_parse(1)`, Error: `date_parse: argument 1 (text): expected string, got int`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			zone, err := zoneNamed("date_parse", a.String(1))
			if err != nil {
				return nil, err
			}
			if t, ok := parseTime(strings.TrimSpace(cut(a.String(0), maxDateText)), zone); ok {
				return t.Unix(), nil
			}
			return nil, nil
		},
	})
	register(Function{
		Name:   "date_format",
		Family: "date",
		Doc: "Returns a time as text. A format is `rfc3339`, `rfc5322`, `date` (2026-01-31), `time` (23:59:59), or a text with these in it: " +
			"`%Y` year, `%y` its last two digits, `%m` month, `%d` day, `%e` day without zero, `%j` day of the year, `%H` hour, `%I` hour of 12, `%p` AM or PM, `%M` minute, `%S` second, " +
			"`%a` `%A` weekday in short and full, `%u` weekday as 1 (Monday) to 7, `%w` as 0 (Sunday) to 6, `%b` `%B` month in short and full, `%G` `%V` year and week of ISO 8601, " +
			"`%z` offset, `%Z` name of the zone, `%s` unix seconds, `%F` `%Y-%m-%d`, `%T` `%H:%M:%S`, `%%` a percent sign. Names are English.",
		Params: []Param{timeParam, {Name: "format", Kind: String, Optional: true, Default: "rfc3339", Doc: "see above; left out: rfc3339"}, zoneParam},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `date_format(1767225600)`, Want: `"2026-01-01T00:00:00Z"`},
			{Code: `date_format(1767225600, "rfc5322", "Europe/Berlin")`, Want: `"Thu, 01 Jan 2026 01:00:00 +0100"`},
			{Code: `date_format(0, "date")`, Want: `"1970-01-01"`}, {Code: `date_format(-1, "time")`, Want: `"23:59:59"`},
			{Code: `date_format(1767225600, "%a %e %b %Y, %H:%M %z", "-0330")`, Want: `"Wed 31 Dec 2025, 20:30 -0330"`},
			{Code: `date_format(1767225600, "%G-W%V-%u %j %y %I%p %s %F %T 100%%")`, Want: `"2026-W01-4 001 26 12AM 1767225600 2026-01-01 00:00:00 100%"`},
			{Code: `date_format(1767225600, "")`, Want: `""`},
			{Code: `date_format(0, "%Q")`, Error: `date_format: unknown part "%Q" of a format`}, {Code: `date_format(0, "5%")`, Error: `date_format: unknown part "%" of a format`},
			{Code: `date_format(999999999999)`, Error: `date_format: 999999999999 is not in the years 0 to 9999`},
			{Code: `date_format("today")`, Error: `date_format: argument 1 (time): expected int, got string`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			t, err := timeIn("date_format", a.Int(0), a.String(2))
			if err != nil {
				return nil, err
			}
			if err := e.made(16 * int64(len(a.String(1)))); err != nil {
				return nil, err
			}
			return formatTime(t, a.String(1))
		},
	})
	register(Function{
		Name:   "date_part",
		Family: "date",
		Doc: "Returns a part of a time. Parts that are ints: `year`, `month`, `day`, `hour`, `minute`, `second`, `weekday` (0 is Sunday), `yearday` (from 1), " +
			"`week` and `weekyear` (ISO 8601), `julian` (the modified Julian day), `offset` (seconds east of UTC). Texts: `date`, `time`, `zone`, `iso8601`, `std11`, as Sieve's date test has them.",
		Params: []Param{timeParam, {Name: "part", Kind: String, Doc: "name of the part"}, zoneParam},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `date_part(1767225600, "year")`, Want: `2026`}, {Code: `date_part(1767225600, "hour", "+0530")`, Want: `5`}, {Code: `date_part(1767225600, "minute", "+05:30")`, Want: `30`},
			{Code: `date_part(1767225600, "weekday")`, Want: `4`}, {Code: `date_part(0, "julian")`, Want: `40587`}, {Code: `date_part(1767225600, "yearday")`, Want: `1`}, {Code: `date_part(1767225600, "week")`, Want: `1`},
			{Code: `date_part(1767225600, "offset", "America/New_York")`, Want: `-18000`}, {Code: `date_part(1767225600, "zone", "America/New_York")`, Want: `"-0500"`},
			{Code: `date_part(1767225600, "date", "-0100")`, Want: `"2025-12-31"`},
			{Code: `date_part(0, "era")`, Error: `date_part: unknown part "era"`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			t, err := timeIn("date_part", a.Int(0), a.String(2))
			if err != nil {
				return nil, err
			}
			part := datePartNames[a.String(1)]
			if part == nil {
				return nil, fmt.Errorf("date_part: unknown part %q", cut(a.String(1), 40))
			}
			return part(t), nil
		},
	})
	register(Function{
		Name:   "weekday",
		Family: "date",
		Doc:    "Returns the English name of the day of a time: Monday to Sunday.",
		Params: []Param{timeParam, zoneParam},
		Result: String, Trust: User,
		Examples: []Example{{Code: `weekday(1767225600)`, Want: `"Thursday"`}, {Code: `weekday(1767225600, "America/Los_Angeles")`, Want: `"Wednesday"`}, {Code: `weekday(now())`, Want: `"Thursday"`}},
		Call: func(_ *Env, a Args) (Value, error) {
			t, err := timeIn("weekday", a.Int(0), a.String(1))
			return t.Weekday().String(), err
		},
	})
}

// maxDateText is how much of a text is looked at for a date.
const maxDateText = 1 << 10

// datePartNames are the parts of a time by name.
//
// Spec: RFC 5260, section 4.2
var datePartNames = map[string]func(t time.Time) Value{
	"year":    func(t time.Time) Value { return int64(t.Year()) },
	"month":   func(t time.Time) Value { return int64(t.Month()) },
	"day":     func(t time.Time) Value { return int64(t.Day()) },
	"hour":    func(t time.Time) Value { return int64(t.Hour()) },
	"minute":  func(t time.Time) Value { return int64(t.Minute()) },
	"second":  func(t time.Time) Value { return int64(t.Second()) },
	"weekday": func(t time.Time) Value { return int64(t.Weekday()) },
	"yearday": func(t time.Time) Value { return int64(t.YearDay()) },
	"week": func(t time.Time) Value {
		_, w := t.ISOWeek()
		return int64(w)
	},
	"weekyear": func(t time.Time) Value {
		y, _ := t.ISOWeek()
		return int64(y)
	},
	"julian": func(t time.Time) Value {
		_, offset := t.Zone()
		return int64(math.Floor(float64(t.Unix()+int64(offset))/86400)) + 40587
	},
	"offset": func(t time.Time) Value {
		_, offset := t.Zone()
		return int64(offset)
	},
	"date":    func(t time.Time) Value { return t.Format(time.DateOnly) },
	"time":    func(t time.Time) Value { return t.Format(time.TimeOnly) },
	"zone":    func(t time.Time) Value { return t.Format("-0700") },
	"iso8601": func(t time.Time) Value { return t.Format(time.RFC3339) },
	"std11":   func(t time.Time) Value { return t.Format(time.RFC1123Z) },
}

// timeIn returns a time of a script in the zone of that name.
func timeIn(function string, seconds int64, zone string) (time.Time, error) {
	l, err := zoneNamed(function, zone)
	if err != nil {
		return time.Time{}, err
	}
	if seconds < firstSecond+86400 || seconds > lastSecond-86400 { // whatever the zone is
		return time.Time{}, fmt.Errorf("%s: %d is not in the years 0 to 9999", function, seconds)
	}
	return time.Unix(seconds, 0).In(l), nil
}

// zones are the zones by name that scripts have asked for and that there are: a few hundred.
var zones sync.Map

// zoneNamed returns the zone of a name or of an offset, such as +0200 or +02:00.
func zoneNamed(function, name string) (*time.Location, error) {
	switch name {
	case "", "UTC", "Z", "GMT":
		return time.UTC, nil
	}
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	if seconds, ok := offsetOf(name); ok {
		return time.FixedZone("", seconds), nil
	}
	l, err := time.LoadLocation(name)
	// Local is that of this machine, none of the script's business; other spellings of one name
	// would be kept without end.
	if err != nil || name == "Local" || path.Clean(name) != name {
		return nil, fmt.Errorf("%s: unknown time zone %q", function, cut(name, 60))
	}
	zones.Store(name, l)
	return l, nil
}

// offsetOf reads an offset such as +0200 or -03:30.
func offsetOf(s string) (seconds int, ok bool) {
	if len(s) == 6 && s[3] == ':' {
		s = s[:3] + s[4:]
	}
	if len(s) != 5 || s[0] != '+' && s[0] != '-' || strings.Trim(s[1:], "0123456789") != "" {
		return 0, false
	}
	hours, _ := strconv.Atoi(s[1:3])
	minutes, _ := strconv.Atoi(s[3:])
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// plainTimes are dates without a zone.
var plainTimes = []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"}

// parseTime reads a date.
func parseTime(s string, zone *time.Location) (time.Time, bool) {
	for _, layout := range plainTimes {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(s)); err == nil {
		return t, true
	}
	t, err := mail.ParseDate(s)
	return t, err == nil
}
