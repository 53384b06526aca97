package runtime

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Places finds lines and columns in the source of a script. The zero value is that of an
// empty source; nobody changes one, so that many goroutines may use it.
type Places struct {
	source string
	starts []int // offsets of the lines
}

// NewPlaces returns the places of a source. Lines end in "\n".
func NewPlaces(source string) Places {
	starts := make([]int, 1, 1+strings.Count(source, "\n"))
	for i := 0; ; {
		n := strings.IndexByte(source[i:], '\n')
		if n < 0 {
			return Places{source, starts}
		}
		i += n + 1
		starts = append(starts, i)
	}
}

// Source returns the source.
func (p Places) Source() string { return p.source }

// Lines returns how many lines the source has; what follows the last line end is one.
func (p Places) Lines() int { return max(1, len(p.starts)) }

// Line returns the number, from 1, of the line that an offset in octets is in. It does not
// look at the line's text, as At does.
func (p Places) Line(offset int) int {
	return max(1, sort.Search(len(p.starts), func(i int) bool { return p.starts[i] > offset }))
}

// Start returns the offset of a line's first octet; beyond the last line it is the end of
// the source, before the first its start.
func (p Places) Start(line int) int {
	switch {
	case line < 1 || len(p.starts) == 0:
		return 0
	case line > len(p.starts):
		return len(p.source)
	}
	return p.starts[line-1]
}

// At returns the line and column of an offset in octets, which is cut to the source. Both
// count from 1, columns in characters (an octet that is not UTF-8 counts as one).
func (p Places) At(offset int) (line, col int) {
	offset = max(0, min(offset, len(p.source)))
	line = p.Line(offset)
	return line, 1 + utf8.RuneCountInString(p.source[p.Start(line):offset])
}
