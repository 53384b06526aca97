package sieve

import (
	"sync"

	"github.com/sluice-mail/sluice/runtime"
)

// Script is the tree of a source. Parse makes it; nobody changes it afterwards.
type Script struct {
	Name     string
	Source   string
	Commands []*Node
	// Comments are all comments of the source, in order.
	Comments []Comment

	nodes  int // commands and tests
	tests  int
	broken map[*Node]bool // commands in which a syntax error stands, outside of their blocks
	once   sync.Once
	places runtime.Places // made by lines
}

// Comment is a comment as it stands in the source.
type Comment struct {
	Span
	// Text is what stands in the source, # or /* */ included, line end excluded.
	Text string
}

// Node is a command or a test. Their grammar is the same, but that only a command has a
// block or ends in a semicolon.
//
// Spec: RFC 5228, sections 2.9, 8.2 (arguments)
type Node struct {
	Span
	Name     string // as written
	NameSpan Span
	Args     []Argument
	// Tests are the test or the tests of a test list, which Parens tells apart. ParensSpan is
	// the list with its parentheses.
	Tests      []*Node
	Parens     bool
	ParensSpan Span
	// Block holds the commands between braces, if HasBlock.
	Block     []*Node
	HasBlock  bool
	BlockSpan Span
}

// ArgumentKind says what an Argument is.
type ArgumentKind uint8

// The kinds of arguments that the grammar knows.
const (
	TagArgument    ArgumentKind = iota + 1 // :is
	NumberArgument                         // 100K
	StringArgument                         // "a" or text:
	ListArgument                           // ["a", "b"]
)

func (k ArgumentKind) String() string {
	switch k {
	case TagArgument:
		return "tag"
	case NumberArgument:
		return "number"
	case StringArgument:
		return "string"
	case ListArgument:
		return "string list"
	}
	return "argument"
}

// Argument is an argument of a command or test.
type Argument struct {
	Span
	Kind ArgumentKind
	// Tag is the name without its colon, as written.
	Tag string
	// Number is the value with its quantifier multiplied in; Quantifier is K, M, G or 0.
	Number     uint64
	Quantifier byte
	// Strings are the elements of a list, or the one string.
	Strings []String
}

// String is a string or an element of a list.
type String struct {
	Span
	// Value has its escapes and dots undone. Its line ends are CRLF.
	Value string
	// Multiline says that it was written with text:.
	Multiline bool
}
