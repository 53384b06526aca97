package mail

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseDate reads the value of a date field. It keeps the zone that the field names;
// an unknown one, or none, is +0000. Besides what the standard writes it takes
// comments, missing weekdays, seconds and zones, years of two digits, zones by name,
// asctime's order, "22-Aug-2002", "2002/08/22", and RFC 3339.
//
// Spec: RFC 5322, sections 3.3 and 4.3.
func ParseDate(value string) (time.Time, error) {
	var d dateParts
	if err := d.parse(value); err != nil {
		return time.Time{}, fmt.Errorf("mail: date %.80q: %w", value, err)
	}
	return d.time()
}

// dateParts collects what the words of a date say; -1 is not said yet.
type dateParts struct {
	year, day, hour, minute, second int
	month                           time.Month
	offset                          int // seconds east
	zoned, pm, am                   bool
	value                           string
}

// maxDateWords bounds how many words of a field are looked at.
const maxDateWords = 16

func (d *dateParts) parse(value string) error {
	*d = dateParts{year: -1, day: -1, hour: -1, value: value}
	s := lexer{in: value}
	text := strings.ReplaceAll(s.until(""), ",", " ")
	n := 0
	for w := range strings.FieldsSeq(text) {
		if n++; n > maxDateWords {
			break
		}
		if err := d.word(w); err != nil {
			return err
		}
	}
	switch {
	case d.day < 0:
		return fmt.Errorf("no day")
	case d.month == 0:
		return fmt.Errorf("no month")
	case d.year < 0:
		return fmt.Errorf("no year")
	case d.hour < 0:
		return fmt.Errorf("no time")
	}
	return nil
}

func (d *dateParts) word(w string) error {
	digit := '0' <= w[0] && w[0] <= '9'
	switch {
	case w[0] == '+' || w[0] == '-':
		d.zone(w)
	case digit && strings.Contains(w, ":"):
		if date, clock, ok := strings.Cut(strings.ToUpper(w), "T"); ok {
			if err := d.hyphenated(date); err != nil {
				return err
			}
			w = clock
		}
		return d.clock(w)
	case digit && strings.ContainsAny(w, "-/"):
		return d.hyphenated(strings.ReplaceAll(w, "/", "-"))
	case digit:
		return d.number(w)
	default:
		d.name(w)
	}
	return nil
}

// number reads a day or a year.
func (d *dateParts) number(w string) error {
	if d.day >= 0 && d.year >= 0 {
		return nil // a zone without its sign, perhaps
	}
	n, err := strconv.Atoi(w)
	if err != nil || len(w) > 4 {
		return fmt.Errorf("number %.20q", w)
	}
	switch {
	case d.day < 0 && len(w) <= 2:
		d.day = n
	case d.year < 0:
		switch { // RFC 5322, section 4.3
		case len(w) <= 2 && n < 50:
			n += 2000
		case len(w) <= 3:
			n += 1900
		}
		d.year = n
	}
	return nil
}

// hyphenated reads 22-Aug-2002 or 2002-08-22.
func (d *dateParts) hyphenated(w string) error {
	p := strings.Split(w, "-")
	if len(p) != 3 {
		return fmt.Errorf("date %.20q", w)
	}
	if m, err := strconv.Atoi(p[1]); err == nil {
		if m < 1 || m > 12 || len(p[0]) != 4 {
			return fmt.Errorf("date %.20q", w)
		}
		d.month = time.Month(m)
		p[0], p[2] = p[2], p[0]
	} else {
		d.name(p[1])
	}
	if err := d.number(p[0]); err != nil {
		return err
	}
	return d.number(p[2])
}

// clock reads 12:34[:56[.7]], with a zone behind it perhaps.
func (d *dateParts) clock(w string) error {
	if i := strings.IndexAny(w, "+-Zz"); i > 0 {
		d.zone(w[i:])
		w = w[:i]
	}
	bad := fmt.Errorf("time %.20q", w)
	p := strings.Split(w, ":")
	if len(p) > 3 {
		return bad
	}
	limits := [3]int{23, 59, 60}
	var n [3]int
	for i, s := range p {
		if i == 2 {
			s, _, _ = strings.Cut(s, ".")
		}
		v, err := strconv.Atoi(s)
		if err != nil || v < 0 || v > limits[i] || len(s) > 2 {
			return bad
		}
		n[i] = v
	}
	if d.hour < 0 {
		d.hour, d.minute, d.second = n[0], n[1], n[2]
	}
	return nil
}

var monthNames = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// zoneNames are the zones that the standard knows by name, in hours. Military
// letters are not among them: they were defined the wrong way round.
var zoneNames = map[string]int{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0,
	"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}

// name reads a month or a zone; weekdays and what else there may be say nothing.
func (d *dateParts) name(w string) {
	w = strings.ToLower(strings.TrimSuffix(w, "."))
	if base, _, ok := strings.Cut(w, "+"); ok || strings.Contains(w, "-") {
		if !ok {
			base, _, _ = strings.Cut(w, "-")
		}
		if hours, known := zoneNames[base]; known && hours == 0 { // GMT+0200
			d.zone(w[len(base):])
		}
		return
	}
	if hours, ok := zoneNames[w]; ok {
		if !d.zoned {
			d.offset, d.zoned = hours*3600, true
		}
		return
	}
	switch w {
	case "am":
		d.am = true
		return
	case "pm":
		d.pm = true
		return
	}
	if len(w) < 3 || d.month != 0 {
		return
	}
	for i, m := range monthNames {
		if strings.HasPrefix(w, m) {
			d.month = time.Month(i + 1)
			return
		}
	}
}

// zone reads +hhmm, +hh:mm or +hh; one that cannot be is +0000.
func (d *dateParts) zone(w string) {
	if d.zoned {
		return
	}
	d.zoned = true
	sign := 1
	if w[0] == '-' {
		sign = -1
	}
	digits := strings.ReplaceAll(w[1:], ":", "")
	if len(digits) <= 2 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || len(digits) > 4 || n/100 > 23 || n%100 > 59 {
		return
	}
	d.offset = sign * (n/100*3600 + n%100*60)
}

func (d *dateParts) time() (time.Time, error) {
	hour := d.hour
	switch {
	case d.pm && hour < 12:
		hour += 12
	case d.am && hour == 12:
		hour = 0
	}
	t := time.Date(d.year, d.month, d.day, hour, d.minute, d.second, 0, time.FixedZone("", d.offset))
	if first := time.Date(d.year, d.month+1, 0, 0, 0, 0, 0, time.UTC); d.day < 1 || d.day > first.Day() {
		return time.Time{}, fmt.Errorf("mail: date %.80q: no such day", d.value)
	}
	return t, nil
}
