package engine

import "testing"

func TestAGenerationIsQuietOnlyBetweenWritesAndNeverTheSameAgain(t *testing.T) {
	var g generation
	seen := map[uint64]bool{}
	fresh := func(want bool) {
		t.Helper()
		n, quiet := g.quiet()
		if quiet != want {
			t.Errorf("%#x is quiet: %v", n, quiet)
		}
		if quiet && seen[n] {
			t.Errorf("%#x came again", n)
		}
		seen[n] = quiet
	}
	fresh(true)
	for range 100 {
		g.begin()
		fresh(false)
		g.begin() // two writers overlap
		fresh(false)
		g.end()
		fresh(false)
		g.end()
		fresh(true)
	}
}
