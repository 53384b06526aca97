package sieve

import "slices"

// maxCapabilities is how many names of capabilities a registry may know.
const maxCapabilities = 256

// capabilitySet is a set of capabilities by their numbers in a registry. Number 0 is the base
// language, which is always on.
type capabilitySet [maxCapabilities / 64]uint64

func (s *capabilitySet) has(n int) bool { return s[uint(n)/64%uint(len(s))]&(1<<(uint(n)%64)) != 0 }
func (s *capabilitySet) add(n int)      { s[n/64] |= 1 << (n % 64) }
func (s *capabilitySet) remove(n int)   { s[n/64] &^= 1 << (n % 64) }

// wellKnown are the numbers of capabilities that the binder asks for itself.
type wellKnown struct{ variables, imap4flags, ihave, stalwartExpressions int }

// number gives the capabilities that a list of extensions names their numbers.
func (g *registry) number(list []Extension) {
	g.numbers = map[string]int{"": 0}
	give := func(name string) int {
		n, ok := g.numbers[name]
		if !ok {
			if n = len(g.numbers); n == maxCapabilities {
				panic("sieve: too many extensions")
			}
			g.numbers[name] = n
		}
		return n
	}
	for i := range list {
		e := &list[i]
		e.number = give(e.Name)
		for _, name := range slices.Concat(e.Implies, e.Needs, e.Excludes) {
			give(name)
		}
		if e.Always || e.Name == "" {
			g.always.add(e.number)
		}
	}
	g.known = wellKnown{give("variables"), give("imap4flags"), give(ihaveName), give(stalwartExpressionsName)}
}

// on says whether a capability is turned on.
func (b *Binder) on(n int) bool { return b.active.has(n) }

// asked says whether a require command names a capability, and where.
func (b *Binder) asked(capability string) (at Span, ok bool) {
	n, ok := b.lang.registry.numbers[capability]
	if !ok || !b.required.has(n) {
		return Span{}, false
	}
	return b.requiredAt[n], true
}
