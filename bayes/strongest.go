package bayes

import (
	"cmp"
	"math"
	"slices"
)

// strongest are the chances of tokens.
type strongest []float64

// cut keeps the n that are farthest from 0.5. Of equals it keeps those that are
// nearer to 0, so that the result depends on the set alone and doubt is for ham.
func (s strongest) cut(n int) strongest {
	slices.SortFunc(s, func(a, b float64) int {
		if c := cmp.Compare(math.Abs(b-0.5), math.Abs(a-0.5)); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return s[:min(n, len(s))]
}
