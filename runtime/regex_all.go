package runtime

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxMatches = 10_000 // that one call finds
	// maxBlindMatches is what all the matches of a call may cost together without a look at the
	// time, in instructions times octets.
	maxBlindMatches = 1 << 24
)

// all returns the places of the first matches, at most n, of which none overlap, as
// regexp.FindAllStringSubmatchIndex does. The end of the run ends it.
//
// To look for the next match can cost as much as to look for the first, so that all of them
// together are quadratic in the text where a pattern wants it. Where that could take long they
// are looked for one by one, each by a search that the end of the run can stop.
func (p *pattern) all(e *Env, text string, n int) ([][]int, error) {
	if p.cost*int64(len(text))*int64(min(n, len(text)+1)) <= maxBlindMatches {
		return p.re.FindAllStringSubmatchIndex(text, n), nil
	}
	return p.oneByOne(e, text, n)
}

func (p *pattern) oneByOne(e *Env, text string, n int) ([][]int, error) {
	var found [][]int
	at, last := 0, -1
	for len(found) < n && at <= len(text) {
		if err := e.alive(); err != nil {
			return nil, err
		}
		m, err := p.from(e, text, at)
		if m == nil || err != nil {
			return found, err
		}
		if m[1] > m[0] || m[0] != last { // an empty match does not touch the one before it
			found, last = append(found, m), m[1]
		}
		if at = m[1]; m[1] == m[0] {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += max(size, 1)
		}
	}
	return found, nil
}

// from returns the place of the first match that begins at an offset or behind it.
func (p *pattern) from(e *Env, text string, at int) ([]int, error) {
	if at == 0 {
		t := timedText{text: strings.NewReader(text), run: e}
		m := p.re.FindReaderSubmatchIndex(&t)
		return m, t.err()
	}
	// The character in front is part of the search, since ^ and \b look at it; a pattern of its
	// own skips it and what lies before the match.
	p.once.Do(func() { p.behind, p.behindErr = regexp.Compile(`\A(?s:.)(?s:.*?)(` + p.re.String() + `)`) })
	if p.behindErr != nil {
		return nil, p.behindErr
	}
	_, size := utf8.DecodeLastRuneInString(text[:at])
	base := at - size
	t := timedText{text: strings.NewReader(text[base:]), run: e}
	m := p.behind.FindReaderSubmatchIndex(&t)
	if m == nil || t.err() != nil {
		return nil, t.err()
	}
	m = m[2:] // without the characters in front
	for i := range m {
		if m[i] >= 0 {
			m[i] += base
		}
	}
	return m, nil
}

// groupText returns what group i of a match holds, "" if it has no part in it.
func groupText(text string, m []int, i int) string {
	if m[2*i] < 0 {
		return ""
	}
	return text[m[2*i]:m[2*i+1]]
}
