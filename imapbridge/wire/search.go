package wire

// Names of SearchKey nodes that hold other keys, or a set of sequence numbers.
const (
	SearchAnd = "AND" // all of Keys; what a list in parentheses is
	SearchOr  = "OR"  // one of two Keys
	SearchNot = "NOT" // not its one Key
	SearchSet = "SET" // Arg is a Set of sequence numbers
)

// Bounds of a search.
const (
	searchDepth = 50
	searchKeys  = 20_000
)

// SearchKey is a node of what SEARCH asks for.
//
// Spec: RFC 3501, section 6.4.4.
type SearchKey struct {
	Name string      // upper case
	Arg  any         // what the key's SearchArg returned
	Keys []SearchKey // of SearchAnd, SearchOr, SearchNot
}

// SearchArg reads what follows a key's name, the space included, and returns it.
type SearchArg func(p *Parser) any

// SearchKeys reads search keys to the end of the command, at least one, and returns
// their conjunction. args knows the keys that are not of the tree itself.
func (p *Parser) SearchKeys(args func(name string) (SearchArg, bool)) SearchKey {
	s := searchParser{Parser: p, args: args}
	and := SearchKey{Name: SearchAnd}
	for {
		and.Keys = append(and.Keys, s.key(0))
		for p.Accept(' ') {
		}
		if !p.More() {
			break
		}
	}
	if p.err != nil {
		return SearchKey{}
	}
	return and
}

// searchParser counts what it reads.
type searchParser struct {
	*Parser
	args  func(string) (SearchArg, bool)
	count int
}

// key reads one key.
func (p *searchParser) key(depth int) SearchKey {
	p.count++
	switch {
	case p.count > searchKeys:
		p.Fail("too many search keys")
	case depth > searchDepth:
		p.Fail("search keys are nested too deep")
	}
	if p.err != nil {
		return SearchKey{}
	}
	switch {
	case p.Next('('):
		and := SearchKey{Name: SearchAnd}
		p.List(func() { and.Keys = append(and.Keys, p.key(depth+1)) })
		if len(and.Keys) == 0 {
			p.Fail("a list of search keys cannot be empty")
		}
		return and
	case p.IsSet():
		return SearchKey{Name: SearchSet, Arg: p.Set()}
	}
	start := p.pos
	name := p.Word()
	if p.err != nil {
		return SearchKey{}
	}
	switch name {
	case SearchNot:
		p.SP()
		return SearchKey{Name: name, Keys: []SearchKey{p.key(depth + 1)}}
	case SearchOr:
		p.SP()
		a := p.key(depth + 1)
		p.SP()
		return SearchKey{Name: name, Keys: []SearchKey{a, p.key(depth + 1)}}
	}
	arg, ok := p.args(name)
	if !ok {
		p.failAt(start, "unknown search key "+name)
		return SearchKey{}
	}
	k := SearchKey{Name: name}
	if arg != nil {
		k.Arg = arg(p.Parser)
	}
	return k
}
