package imapbridge

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mailstore"
)

// patternMax bounds the pattern of LIST, in octets; no mailbox has a longer name.
const patternMax = 2000

// list is the argument of LIST and LSUB.
type list struct{ reference, pattern string }

// parseList reads a reference and a pattern.
func parseList(p *wire.Parser) (l list) {
	p.SP()
	l.reference = p.Mailbox()
	p.SP()
	l.pattern = p.ListPattern()
	if len(l.reference)+len(l.pattern) > patternMax {
		p.Fail("pattern is too long")
	}
	return l
}

// full returns the pattern with its reference, a first level INBOX in capitals.
func (l list) full() string { return wire.CanonicalInbox(norm.NFC.String(l.reference + l.pattern)) }

// listed is a path that a pattern found; implied says that it is only there because
// something below it is.
type listed struct {
	path    string
	implied bool
}

// matchPaths returns the paths that pattern names, in order. A path that it does not
// name, but some level above it, makes that level implied.
//
// Spec: RFC 3501, sections 6.3.8 and 6.3.9.
func matchPaths(paths []string, pattern string) []listed {
	have := make(map[string]bool, len(paths))
	for _, p := range paths {
		have[p] = true
	}
	var out []listed
	for _, p := range paths {
		if matchMailbox(pattern, p) {
			out = append(out, listed{path: p})
			continue
		}
		for i := range len(p) {
			if p[i] != mailstore.Separator[0] {
				continue
			}
			if above := p[:i]; !have[above] && matchMailbox(pattern, above) {
				have[above] = true
				out = append(out, listed{path: above, implied: true})
			}
		}
	}
	return out
}

// matchMailbox reports whether a LIST pattern names a path. "*" stands for any octets,
// "%" for any but the separator. INBOX has no case.
func matchMailbox(pattern, path string) bool {
	if matchWildcards(pattern, path) {
		return true
	}
	first, _, _ := strings.Cut(path, mailstore.Separator)
	if first != "INBOX" {
		return false
	}
	n := min(len(pattern), len(first))
	return matchWildcards(strings.ToUpper(pattern[:n])+pattern[n:], path)
}

// matchWildcards walks the path once, keeping every place of the pattern that it can
// have reached, so that no pattern takes longer than the product of the lengths.
func matchWildcards(pattern, path string) bool {
	if !strings.ContainsAny(pattern, "*%") {
		return pattern == path
	}
	reached := make([]bool, len(pattern)+1)
	next := make([]bool, len(pattern)+1)
	spread := func(r []bool) { // a wildcard may stand for nothing
		for i := range len(pattern) {
			if r[i] && (pattern[i] == '*' || pattern[i] == '%') {
				r[i+1] = true
			}
		}
	}
	reached[0] = true
	spread(reached)
	for i := range len(path) {
		clear(next)
		any := false
		for j := range len(pattern) {
			if !reached[j] {
				continue
			}
			switch c := pattern[j]; {
			case c == '*', c == '%' && path[i] != mailstore.Separator[0]:
				next[j], any = true, true
			case c == path[i] && c != '%':
				next[j+1], any = true, true
			}
		}
		if !any {
			return false
		}
		spread(next)
		reached, next = next, reached
	}
	return reached[len(pattern)]
}
