package runtime

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// namedFormats are the formats of date_format that have names, as Go writes them.
var namedFormats = map[string]string{
	"rfc3339": time.RFC3339, "rfc5322": time.RFC1123Z, "date": time.DateOnly, "time": time.TimeOnly,
}

// formatLetters are the parts of a format, as Go writes them.
var formatLetters = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'j': "002", 'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'z': "-0700", 'Z': "MST", 'F': time.DateOnly, 'T': time.TimeOnly,
}

// formatTime writes a time in a format.
func formatTime(t time.Time, format string) (Value, error) {
	if layout, ok := namedFormats[format]; ok {
		return t.Format(layout), nil
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) {
			return nil, fmt.Errorf(`date_format: unknown part "%%" of a format`)
		}
		switch c := format[i]; c {
		case '%':
			b.WriteByte('%')
		case 'e':
			b.WriteString(strconv.Itoa(t.Day()))
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'u':
			b.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 'w':
			b.WriteString(strconv.Itoa(int(t.Weekday())))
		case 'G', 'V':
			year, week := t.ISOWeek()
			if c == 'G' {
				fmt.Fprintf(&b, "%04d", year)
			} else {
				fmt.Fprintf(&b, "%02d", week)
			}
		default:
			layout, ok := formatLetters[c]
			if !ok {
				_, n := utf8.DecodeRuneInString(format[i:])
				return nil, fmt.Errorf("date_format: unknown part %q of a format", format[i-1:i+n])
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String(), nil
}
