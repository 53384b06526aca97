package runtime

import (
	"fmt"
	"regexp"
	"strings"
)

// SourceError is an error at a place of a script, found when it was compiled or run. Line
// and Col count from 1, columns count characters.
type SourceError struct {
	File      string // the script's name
	Line, Col int
	Msg       string // without a place
	// Err is the cause, such as a *LimitError or an error of a store; nil for an error of
	// the source and for what the script itself threw.
	Err error
}

// Error returns file:line:col: message.
func (e *SourceError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// WithoutPlace returns the text of a script's error without the place in front of it: a
// name, a line and a column.
func WithoutPlace(err error) string {
	text := err.Error()
	if at := place.FindStringIndex(text); at != nil {
		return text[at[1]:]
	}
	return text
}

var place = regexp.MustCompile(`^\S*:[0-9]+:[0-9]+: `)

// MaxSourceErrors is how many errors of one script are told at most.
const MaxSourceErrors = 20

// SourceErrors are what is wrong with a script, in the order of the source.
type SourceErrors []*SourceError

// Error returns the errors, one a line.
func (l SourceErrors) Error() string {
	text := make([]string, len(l))
	for i, e := range l {
		text[i] = e.Error()
	}
	return strings.Join(text, "\n")
}

// Unwrap returns the errors one by one.
func (l SourceErrors) Unwrap() []error {
	all := make([]error, len(l))
	for i, e := range l {
		all[i] = e
	}
	return all
}
