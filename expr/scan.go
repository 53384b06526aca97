package expr

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/sluice-mail/sluice/runtime"
)

// scan looks over the tokens before the parser, which recurses as deep as they nest
// before it counts a node. It says whether there is any code, and returns the first error.
// calls are the offsets of operators' names that are called as functions.
func scan(source string, nesting int) (empty bool, calls []int, err *file.Error) {
	lex := lexer.New()
	lex.Reset(file.NewSource(source))
	var prev lexer.Token
	depth, run := 0, 0
	empty = true
	value, name := false, -1 // a value ends here; the offset of a name that may be called
	for {
		tok, e := lex.Next()
		if e != nil {
			fe, ok := e.(*file.Error)
			if !ok {
				fe = &file.Error{Location: prev.Location, Message: e.Error()}
			}
			return false, nil, fe
		}
		if tok.Is(lexer.EOF) {
			return empty, calls, nil
		}
		empty = false
		if name >= 0 && tok.Is(lexer.Bracket, "(") {
			calls = append(calls, name)
		}
		name = -1
		if tok.Kind == lexer.Operator && calledOperators[tok.Value] != "" && !value && !prev.Is(lexer.Operator, ".") && !prev.Is(lexer.Operator, "?.") {
			name = tok.From
		}
		value = endsValue(tok, value)
		switch {
		case tok.Kind == lexer.Bracket && strings.Contains("([{", tok.Value):
			depth++
		case tok.Kind == lexer.Bracket:
			depth--
		case prefixes(tok, prev):
			run++
		default:
			run = 0
		}
		if depth > nesting || run > nesting {
			return false, nil, &file.Error{Location: tok.Location,
				Message: (&runtime.LimitError{Limit: "nesting", Max: int64(nesting)}).Error()}
		}
		prev = tok
	}
}

// prefixes says whether a token makes the parser recurse without ending an operand:
// signs, `not`, and the heads of `if` and `let`.
func prefixes(tok, prev lexer.Token) bool {
	if tok.Kind == lexer.Identifier {
		return prev.Is(lexer.Operator, "let")
	}
	switch tok.Value {
	case "+", "-", "!", "not", "if", "let", "=":
		return tok.Kind == lexer.Operator
	}
	return false
}

// calledOperators are the operators that are functions of the table too, and the names that
// stand for them while a source is parsed, which have as many characters.
var calledOperators = map[string]string{"contains": "\u1d9c" + "ontains", "matches": "\u1d50atches"}

// endsValue says whether a value may end with a token, so that an operator follows. before
// says it of what stands in front.
func endsValue(tok lexer.Token, before bool) bool {
	switch tok.Kind {
	case lexer.Bracket:
		return strings.Contains(")]}", tok.Value)
	case lexer.Operator:
		return tok.Value == "#" || tok.Value == "not" && before
	}
	return true
}

// nameCalls gives the operators that are called as functions, at these offsets, names that the
// parser takes for functions.
func nameCalls(source string, calls []int) string {
	if calls == nil {
		return source
	}
	runes := []rune(source)
	for _, at := range calls {
		for word, other := range calledOperators {
			if strings.HasPrefix(string(runes[at:min(at+len(word), len(runes))]), word) {
				copy(runes[at:], []rune(other))
			}
		}
	}
	return string(runes)
}

// renameCalls gives them their own names again.
func renameCalls(place *ast.Node) {
	if c, ok := (*place).(*ast.CallNode); ok {
		if name, ok := c.Callee.(*ast.IdentifierNode); ok {
			for word, other := range calledOperators {
				if name.Value == other {
					name.Value = word
				}
			}
		}
	}
	for _, child := range children(*place) {
		renameCalls(child)
	}
}
