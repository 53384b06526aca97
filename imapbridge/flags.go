package imapbridge

import (
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// systemFlags pairs the bits with their names, in the order in which they are told.
var systemFlags = [...]struct {
	bit  idmap.Flags
	name string
}{
	{idmap.Answered, `\Answered`},
	{idmap.Flagged, `\Flagged`},
	{idmap.Deleted, `\Deleted`},
	{idmap.Seen, `\Seen`},
	{idmap.Draft, `\Draft`},
}

// appendFlags writes an entry's flags to dst, in parentheses.
func appendFlags(dst []byte, e *idmap.Entry, recent bool) []byte {
	dst = append(dst, '(')
	start := len(dst)
	add := func(name string) {
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = append(dst, name...)
	}
	for i := range systemFlags {
		if e.Flags&systemFlags[i].bit != 0 {
			add(systemFlags[i].name)
		}
	}
	if recent {
		add(`\Recent`)
	}
	for _, k := range e.Keywords {
		add(k)
	}
	return append(dst, ')')
}

// splitFlags parts the flags of a command into bits and keywords, each keyword once in
// any case of letters. \Recent, which clients cannot set, is left out.
func splitFlags(flags []string) (bits idmap.Flags, keywords []string) {
next:
	for _, f := range flags {
		if strings.HasPrefix(f, `\`) {
			for i := range systemFlags {
				if systemFlags[i].name == f {
					bits |= systemFlags[i].bit
				}
			}
			continue
		}
		for _, k := range keywords {
			if strings.EqualFold(k, f) {
				continue next
			}
		}
		keywords = append(keywords, f)
	}
	slices.Sort(keywords)
	return bits, keywords
}

// applyFlags returns the flags and keywords that an entry has after a change that
// nothing else came between.
func applyFlags(e *idmap.Entry, c *idmap.FlagChange) (idmap.Flags, []string) {
	has := func(list []string, word string) bool {
		return slices.ContainsFunc(list, func(k string) bool { return strings.EqualFold(k, word) })
	}
	switch c.Op {
	case idmap.FlagsReplace:
		return c.Flags, c.Keywords
	case idmap.FlagsAdd:
		keywords := slices.Clone(e.Keywords)
		for _, k := range c.Keywords {
			if !has(keywords, k) {
				keywords = append(keywords, k)
			}
		}
		return e.Flags | c.Flags, keywords
	default:
		keywords := slices.DeleteFunc(slices.Clone(e.Keywords), func(k string) bool { return has(c.Keywords, k) })
		return e.Flags &^ c.Flags, keywords
	}
}

// sameKeywords reports whether two lists hold the same keywords in any order and case.
func sameKeywords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, k := range a {
		if !slices.ContainsFunc(b, func(o string) bool { return strings.EqualFold(k, o) }) {
			return false
		}
	}
	return true
}
