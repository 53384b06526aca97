package engine

import "sync/atomic"

// generation is what makes the cache coherent without a lock. Its low bits count the
// writes that are under way, the others the writes that are over.
//
// A reader that missed loads it before it reads the row and puts it into the entry; an
// entry counts only while the generation is the same and no write is under way. So:
//
//   - an entry that was filled before a write began never counts again, whether
//     ristretto still has it, gets it late, or keeps it instead of a newer one;
//   - a row that was read while a write was under way never becomes an entry;
//   - when a write is acknowledged, every later reader sees another generation.
//
// A write therefore needs neither Set nor Del, and whatever ristretto drops, delays or
// reorders costs a hit, never a wrong answer. Several keys share a generation; a write
// to one kills the entries of all of them.
type generation struct{ atomic.Uint64 }

// underWay bounds the concurrent writers of one generation.
const underWay = 1 << 20

// begin comes before the first effect of a write.
func (g *generation) begin() { g.Add(1) }

// end comes after its last.
func (g *generation) end() { g.Add(underWay - 1) }

// quiet returns the generation, and whether no write is under way.
func (g *generation) quiet() (uint64, bool) {
	n := g.Load()
	return n, n%underWay == 0
}
