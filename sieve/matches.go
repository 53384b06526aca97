package sieve

import "strings"

// pattern is a key of :matches: the pieces between its stars.
//
// Spec: RFC 5228, section 2.7.1
type pattern struct {
	segments []segment
	wild     int // wildcards
}

// segment is what stands between two stars: literals with single wildcards between them.
type segment struct {
	literals []string // one more than there are single wildcards
	size     int      // octets, each single wildcard counted as one
}

// maxCaptures is how many values of wildcards are kept by default, beside ${0}.
const maxCaptures = 32

// newPattern reads a pattern; see read.
func newPattern(key string, form func(string) string) *pattern {
	p := &pattern{}
	p.read(key, form)
	return p
}

// read reads a pattern; a backslash takes the meaning from what follows it. The literals are
// put into a form, unless the key is in it already.
func (p *pattern) read(key string, form func(string) string) {
	stars, singles := 0, 0
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case '*':
			stars++
		case '?':
			singles++
		case '\\':
			i++
		}
	}
	p.wild = stars + singles
	p.segments = make([]segment, 0, stars+1)
	literals := make([]string, 0, stars+singles+1)
	first, start := 0, 0         // of the segment in literals, and of the literal in key
	var unquoted strings.Builder // what the literal begins with, and is not in key as it is
	literal := func(end int) {
		s := key[start:end]
		if unquoted.Len() > 0 {
			unquoted.WriteString(s)
			s = unquoted.String()
			unquoted.Reset()
		}
		if form != nil {
			s = form(s)
		}
		literals = append(literals, s)
		start = end + 1
	}
	star := func(end int) {
		literal(end)
		seg := segment{literals: literals[first:len(literals):len(literals)]}
		seg.size = len(seg.literals) - 1
		for _, s := range seg.literals {
			seg.size += len(s)
		}
		p.segments = append(p.segments, seg)
		first = len(literals)
	}
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case '*':
			star(i)
		case '?':
			literal(i)
		case '\\':
			if i+1 < len(key) { // one at the end stands for itself
				unquoted.WriteString(key[start:i])
				i++
				start = i
			}
		}
	}
	star(len(key))
}

// matching is one attempt to match a pattern.
type matching struct {
	value  string // in the comparator's form
	places []int  // nil, or as of Comparator.Places
	work   func(n int) bool
	spans  []Span // of the wildcards, where they are wanted
	keep   bool
	most   int  // of the spans
	over   bool // work said no
}

// match says whether the whole value matches. Every star takes as little as it can, from
// left to right; since what follows a star is looked for from left to right, an earlier
// one never has to be tried again, and the time is at most length times pattern.
func (m *matching) match(p *pattern) bool {
	last := len(p.segments) - 1
	end := m.at(&p.segments[0], 0)
	if end < 0 {
		return false
	}
	if last == 0 {
		return end == len(m.value)
	}
	pos := end
	for i := 1; i < last; i++ {
		from, to := m.find(&p.segments[i], pos)
		if from < 0 {
			return false
		}
		pos = to
	}
	// The last piece must reach the end.
	s := &p.segments[last]
	if m.places == nil {
		from := len(m.value) - s.size
		if from < pos {
			return false
		}
		m.star(pos, from)
		return m.at(s, from) == len(m.value)
	}
	for from := pos; from <= len(m.value); from = m.next(from) {
		n := len(m.spans)
		m.star(pos, from)
		if m.at(s, from) == len(m.value) {
			return true
		}
		m.spans = m.spans[:n]
		if m.over || from == len(m.value) {
			return false
		}
	}
	return false
}

func (m *matching) star(from, to int) {
	if m.keep && len(m.spans) < m.most {
		m.spans = append(m.spans, Span{from, to})
	}
}

// at returns where a segment that begins at pos ends, -1 if it does not match there.
func (m *matching) at(s *segment, pos int) int {
	n := len(m.spans)
	for i, literal := range s.literals {
		if i > 0 {
			if pos >= len(m.value) {
				m.spans = m.spans[:n]
				return -1
			}
			next := m.next(pos)
			m.star(pos, next)
			pos = next
		}
		if !strings.HasPrefix(m.value[pos:], literal) {
			m.spans = m.spans[:n]
			return -1
		}
		pos += len(literal)
	}
	return pos
}

// find returns the first place from pos on at which a segment matches, after a star.
func (m *matching) find(s *segment, pos int) (from, to int) {
	start := pos
	for pos <= len(m.value) && !m.over {
		n := strings.Index(m.value[pos:], s.literals[0])
		if n < 0 {
			return -1, -1
		}
		if len(s.literals) > 1 && m.work(n+s.size) {
			m.over = true
			return -1, -1
		}
		k := len(m.spans)
		m.star(start, pos+n)
		if end := m.at(s, pos+n); end >= 0 {
			return pos + n, end
		}
		m.spans = m.spans[:k]
		if pos+n >= len(m.value) {
			return -1, -1
		}
		pos = m.next(pos + n)
	}
	return -1, -1
}

// next returns the place behind the character at i: an octet, or what comes from one
// character of the text where the comparator knows characters.
func (m *matching) next(i int) int {
	if m.places == nil {
		return i + 1
	}
	j := i + 1
	for j < len(m.value) && m.places[j] == m.places[i] {
		j++
	}
	return j
}
