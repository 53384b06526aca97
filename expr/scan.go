package expr

import (
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/sluice-mail/sluice/runtime"
)

// scan looks over the tokens before the parser, which recurses as deep as they nest
// before it counts a node. It says whether there is any code, and returns the first error.
func scan(source string, nesting int) (empty bool, err *file.Error) {
	lex := lexer.New()
	lex.Reset(file.NewSource(source))
	var prev lexer.Token
	depth, run := 0, 0
	empty = true
	for {
		tok, e := lex.Next()
		if e != nil {
			fe, ok := e.(*file.Error)
			if !ok {
				fe = &file.Error{Location: prev.Location, Message: e.Error()}
			}
			return false, fe
		}
		if tok.Is(lexer.EOF) {
			return empty, nil
		}
		empty = false
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
			return false, &file.Error{Location: tok.Location,
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
