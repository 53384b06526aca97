package sieve

// smallProgram is a program with room for what most short scripts need, in one piece of memory. It
// just fits a size class of the allocator, 1,536 octets with its header.
type smallProgram struct {
	program    program
	conditions [5]Condition
	lists      [3]*Condition
	steps      [8]step
	strings    [1]Text
	names      [3]headerName
	matchers   [4]Matcher
	keys       [4]Key
	chains     [2]chain
	branches   [4]branch
	isFolded   [2]isFolded
	contained  [4]containsKey
	headers    [3]string
	marks      [smallScript]mark
}

// smallScript is how many commands and tests a short script has at most.
const smallScript = 14

// newProgram returns the program that b makes, with memory for a script of some nodes.
func (b *Binder) newProgram(nodes int) *program {
	if nodes > smallScript {
		return &program{marks: make([]mark, 0, nodes)}
	}
	s := &smallProgram{}
	b.conditions.free, b.lists.free, b.steps.free = s.conditions[:], s.lists[:], s.steps[:]
	b.strings.free, b.names.free = s.strings[:], s.names[:]
	b.matchers.free, b.keys.free = s.matchers[:], s.keys[:]
	b.chains.free, b.branches.free = s.chains[:], s.branches[:]
	b.isFolded.free, b.contained.free = s.isFolded[:], s.contained[:]
	s.program.marks, s.program.headers.names = s.marks[:0], s.headers[:0]
	return &s.program
}
