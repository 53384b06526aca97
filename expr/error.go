package expr

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"

	"github.com/sluice-mail/sluice/runtime"
)

// lines finds the line of an offset in characters.
type lines struct {
	starts []int
	// origin, if not nil, says where in the file each character of a text stands that is
	// written in quotes there, and where its end is.
	origin []int
}

func newLines(source string) lines {
	starts, n := []int{0}, 0
	for _, r := range source {
		n++
		if r == '\n' {
			starts = append(starts, n)
		}
	}
	return lines{starts: starts}
}

// at returns the place of an offset; both count from 1.
func (l lines) at(offset int) (line, col int) {
	if l.starts == nil {
		return 1, 1
	}
	if l.origin != nil {
		offset = l.origin[max(0, min(offset, len(l.origin)-1))]
	}
	lo, hi := 0, len(l.starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; l.starts[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, offset - l.starts[lo] + 1
}

// failed turns what a run of the virtual machine returned into a runtime.SourceError.
func (p *Program) failed(s *state, err error) error {
	out := &runtime.SourceError{File: p.name, Msg: err.Error(), Err: err}
	out.Line, out.Col = p.lines.at(0)
	var fe *file.Error
	if errors.As(err, &fe) {
		out.Line, out.Col = p.lines.at(fe.From)
		out.Msg, out.Err = fe.Message, fe.Prev
		if ta, ok := fe.Prev.(*goruntime.TypeAssertionError); ok {
			out.Msg, out.Err = kindMismatch(ta), nil
		} else if _, ok := fe.Prev.(goruntime.Error); ok {
			out.Msg, out.Err = strings.TrimPrefix(fe.Message, "runtime error: "), nil
		}
	}
	if out.Msg == "memory budget exceeded" {
		limit := &runtime.LimitError{Limit: "memory", Max: s.task.Limits().Memory}
		out.Msg, out.Err = limit.Error(), limit
	}
	return out
}

var kindWords = strings.NewReplacer(
	"map[string]interface {}", "map", "[]interface {}", "list", "[]uint8", "bytes", "[]int", "list",
	"interface {}", "any", "float64", "float", "int64", "int", "nil", "null")

// kindMismatch says in words of scripts that an operator met a value of another kind.
func kindMismatch(err *goruntime.TypeAssertionError) string {
	text := strings.TrimPrefix(err.Error(), "interface conversion: interface {} is ")
	have, want, ok := strings.Cut(text, ", not ")
	if !ok {
		return "value of a wrong kind"
	}
	return fmt.Sprintf("expected %s, got %s", kindWords.Replace(want), kindWords.Replace(have))
}

// badText returns the offset in characters of the first octet that is not UTF-8, or -1.
func badText(source string) int {
	n := 0
	for i, r := range source {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(source[i:]); size == 1 {
				return n
			}
		}
		n++
	}
	return -1
}
