package runtime

import (
	"context"
	"slices"
	"sync"
)

// Gate bounds how many runs go on at once. Who waits is served in turn by name (the
// namespace of a run), so that one who asks for many places does not stand before those who
// ask for one; and where there are several places, nobody gets the last free one who holds
// all the others.
//
// A nil Gate bounds nothing. Many goroutines may use it.
type Gate struct {
	mu      sync.Mutex
	size    int
	taken   int
	held    map[string]int
	queues  map[string][]chan struct{}
	turns   []string // names that wait, the next one first
	waiting int
}

// NewGate returns a gate with so many places, at least one.
func NewGate(places int) *Gate {
	return &Gate{size: max(places, 1), held: map[string]int{}, queues: map[string][]chan struct{}{}}
}

// Enter waits for a place, which Leave with the same name gives back. It returns an error, and no
// place, when ctx ends before there is one.
func (g *Gate) Enter(ctx context.Context, name string) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	// Nobody may be passed who waits and could go in.
	if _, others := g.next(); g.may(name) && !others {
		g.take(name)
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if len(g.queues[name]) == 0 {
		g.turns = append(g.turns, name)
	}
	g.queues[name] = append(g.queues[name], turn)
	g.waiting++
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range g.queues[name] {
		if c == turn {
			g.unqueue(name, i)
			return context.Cause(ctx)
		}
	}
	g.leave(name) // the turn came at the same moment
	return context.Cause(ctx)
}

// Leave gives a place back.
func (g *Gate) Leave(name string) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(name)
}

// Load returns how many places are taken, and how many wait for one.
func (g *Gate) Load() (taken, waiting int) {
	if g == nil {
		return 0, 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken, g.waiting
}

// may says whether there is a place for name.
func (g *Gate) may(name string) bool {
	return g.taken < g.size && (g.held[name] < g.size-1 || g.size == 1)
}

func (g *Gate) take(name string) {
	g.taken++
	g.held[name]++
}

func (g *Gate) leave(name string) {
	g.taken--
	if g.held[name]--; g.held[name] <= 0 {
		delete(g.held, name)
	}
	for name, ok := g.next(); ok; name, ok = g.next() {
		turn := g.queues[name][0]
		g.unqueue(name, 0)
		if len(g.queues[name]) > 0 { // to the end of the line
			i := slices.Index(g.turns, name)
			g.turns = append(slices.Delete(g.turns, i, i+1), name)
		}
		g.take(name)
		close(turn)
	}
}

// next returns the first in turn whom there is a place for, if there is one.
func (g *Gate) next() (name string, ok bool) {
	for _, name := range g.turns {
		if g.may(name) {
			return name, true
		}
	}
	return "", false
}

// unqueue takes one who waits out of the line.
func (g *Gate) unqueue(name string, i int) {
	g.waiting--
	if g.queues[name] = slices.Delete(g.queues[name], i, i+1); len(g.queues[name]) > 0 {
		return
	}
	delete(g.queues, name)
	at := slices.Index(g.turns, name)
	g.turns = slices.Delete(g.turns, at, at+1)
}
