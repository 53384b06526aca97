package runtime

import (
	"fmt"
	"iter"
)

// Nearest returns the one of names that a mistyped name is closest to, of several equally
// close the first in the order of the alphabet. It is "" if more than most octets would
// have to be put in, taken out or replaced in all of them.
func Nearest(name string, names iter.Seq[string], most int) string {
	best, at := "", most+1
	for n := range names {
		if d := distance(name, n, at+1); d < at || d == at && n < best {
			best, at = n, d
		}
	}
	return best
}

// Meant returns the hint that errors end in, such as `; is "key_get" meant?`, at what
// Nearest finds, or "".
func Meant(name string, names iter.Seq[string], most int) string {
	best := Nearest(name, names, most)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; is %q meant?", best)
}

// distance is the Levenshtein distance of two names in octets, at most most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last
			if a[i-1] != b[j-1] {
				cost = 1 + min(last, row[j], row[j-1])
			}
			last, row[j] = row[j], cost
		}
	}
	return min(row[len(b)], most)
}
