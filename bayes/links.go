package bayes

import "strings"

// What is read of a link.
const (
	maxLink  = 300
	maxSteps = 20 // words of its path
)

// links adds the links that stand in a text.
func (t *tokens) links(s string) {
	for len(t.list) < MaxTokens {
		i := strings.Index(s, "://")
		if i < 0 {
			return
		}
		start := i
		for start > 0 && i-start < 10 && isLetter(s[start-1]) {
			start--
		}
		end := i + 3
		for end < len(s) && s[end] > ' ' && s[end] < 0x7f && strings.IndexByte(`"<>)`, s[end]) < 0 {
			end++
		}
		t.link(s[start:end])
		s = s[end:]
	}
}

// link adds where a link leads: its scheme, its host and the domains above it, and the
// words of its path.
func (t *tokens) link(s string) {
	s = strings.ToLower(cut(s, maxLink))
	if scheme, rest, ok := strings.Cut(s, ":"); ok {
		t.add(word("scheme", scheme))
		s = rest
	}
	host, path, _ := strings.Cut(strings.TrimLeft(s, "/"), "/")
	t.domain("host", host)
	n := 0
	for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return r >= 0x80 || !isLetter(byte(r)) && (r < '0' || r > '9') }) {
		if n++; n > maxSteps {
			return
		}
		if len(step) > 1 && len(step) < 20 {
			t.add(word("path", step))
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
