package kv

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// units are those that a TTL may be written in, largest first.
var units = []struct {
	name string
	d    time.Duration
}{
	{"d", 24 * time.Hour},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
	{"ms", time.Millisecond},
}

// ParseTTL reads a time to live: a number of seconds ("90") or a number with a unit
// ("500ms", "90s", "15m", "24h", "30d"). 0 means for ever. Fractions and sums of units
// are not taken, so that no two people read one differently.
func ParseTTL(s string) (time.Duration, error) {
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	bad := func(why string) (time.Duration, error) {
		return 0, fmt.Errorf("%w: ttl %q: %s; want seconds, or a number with ms, s, m, h or d, such as 15m", ErrInvalid, clip(s), why)
	}
	switch {
	case s == "":
		return bad("is empty")
	case s[0] == '-':
		return bad("is negative")
	case digits == 0:
		return bad("does not begin with a number")
	}
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if err != nil {
		return bad("is too long")
	}
	unit := time.Second
	if name := s[digits:]; name != "" {
		unit = 0
		for _, u := range units {
			if u.name == name {
				unit = u.d
			}
		}
		if unit == 0 {
			return bad(fmt.Sprintf("has no unit %q", clip(name)))
		}
	}
	if n > math.MaxInt64/int64(unit) {
		return bad("is too long")
	}
	return time.Duration(n) * unit, nil
}

// FormatTTL writes d, rounded up to milliseconds, as ParseTTL reads it, in the largest unit that fits.
func FormatTTL(d time.Duration) string {
	ms := millis(d)
	for _, u := range units {
		if step := u.d.Milliseconds(); ms%step == 0 && ms != 0 {
			return strconv.FormatInt(ms/step, 10) + u.name
		}
	}
	return "0"
}

// millis rounds d up, so that no positive time becomes "never".
func millis(d time.Duration) int64 {
	ms := d.Milliseconds()
	if time.Duration(ms)*time.Millisecond < d {
		ms++
	}
	return ms
}

// Deadline returns the moment ttl after now, both in unix milliseconds; 0 is never. A
// negative ttl is ErrInvalid.
func Deadline(now int64, ttl time.Duration) (int64, error) {
	switch {
	case ttl < 0:
		return 0, fmt.Errorf("%w: ttl %v is negative", ErrInvalid, ttl)
	case ttl == 0:
		return 0, nil
	}
	return now + millis(ttl), nil
}

// Live reports whether a row with this deadline is there at now.
func Live(deadline, now int64) bool { return deadline == 0 || deadline > now }

// Moment turns a deadline into Value.Expires.
func Moment(deadline int64) time.Time {
	if deadline == 0 {
		return time.Time{}
	}
	return time.UnixMilli(deadline)
}
