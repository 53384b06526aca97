package expr

import (
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/sluice-mail/sluice/runtime"
)

// aliasLetter replaces the first letter of a function whose name is an operator word of
// expr-lang (such as `contains`) where it is called as a function. It is one character,
// so that places stay right.
const aliasLetter = 'ꙮ'

// aliases are the functions that a source calls by an operator word: alias to name.
type aliases map[string]string

// plain puts the names back into an error text.
func (a aliases) plain(text string) string {
	for alias, name := range a {
		text = strings.ReplaceAll(text, alias, name)
	}
	return text
}

// scan looks over the tokens before the parser, which recurses as deep as they nest
// before it counts a node. It returns the source with operator words that are called as
// functions made names, whether there is any code, and the first error.
func scan(source string, nesting int) (text string, found aliases, empty bool, err *file.Error) {
	lex := lexer.New()
	lex.Reset(file.NewSource(source))
	var prev, before lexer.Token // the last two tokens
	var pending *lexer.Token     // an operator word in the place of an operand
	var patched []int
	depth, run := 0, 0
	empty = true
	for {
		tok, e := lex.Next()
		if e != nil {
			fe, ok := e.(*file.Error)
			if !ok {
				fe = &file.Error{Location: prev.Location, Message: e.Error()}
			}
			return source, nil, false, fe
		}
		if pending != nil && tok.Is(lexer.Bracket, "(") {
			if found == nil {
				found = aliases{}
			}
			found[aliasOf(pending.Value)] = pending.Value
			patched = append(patched, pending.From)
		}
		pending = nil
		if tok.Is(lexer.EOF) {
			break
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
			return source, nil, false, &file.Error{Location: tok.Location,
				Message: (&runtime.LimitError{Limit: "nesting", Max: int64(nesting)}).Error()}
		}
		operand := operandNext(prev, before)
		if tok.Kind == lexer.Operator && operand && runtime.Lookup(tok.Value) != nil {
			pending = &tok
		}
		before, prev = prev, tok
	}
	if patched == nil {
		return source, nil, empty, nil
	}
	runes := []rune(source)
	for _, at := range patched {
		runes[at] = aliasLetter
	}
	return string(runes), found, empty, nil
}

func aliasOf(name string) string { return string(aliasLetter) + name[1:] }

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

// operandNext says whether an operand is to follow these tokens, the last one first.
func operandNext(last, before lexer.Token) bool {
	switch last.Kind {
	case "": // the start
		return true
	case lexer.Bracket:
		return strings.Contains("([{", last.Value)
	case lexer.Operator:
		if last.Value == "not" { // `a not contains b`, but `a and not contains(b, c)`
			return operandNext(before, lexer.Token{Kind: lexer.EOF})
		}
		return last.Value != "." && last.Value != "?." && !strings.HasPrefix(last.Value, "#")
	}
	return false
}
