package scripts

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// matches says whether one of the script's patterns matches the recipient's account name
// or, since a name may be a local part only, its address.
func (s *Script) matches(r runtime.Recipient) bool {
	for _, p := range s.accounts {
		if p == "*" || r.Name != "" && match(p, r.Name) || r.Address != "" && match(p, r.Address) {
			return true
		}
	}
	return false
}

// match compares a pattern, in which * stands for any run of characters, with a name.
// Letters have no case. Its time is bounded by the product of the two lengths.
func match(pattern, name string) bool {
	pattern, name = strings.ToLower(pattern), strings.ToLower(name)
	p, n := 0, 0
	star, mark := -1, 0 // the last *, and where the name goes on if it takes one more
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p, n = p+1, n+1
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
