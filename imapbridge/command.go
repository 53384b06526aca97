package imapbridge

import (
	"context"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// State is what a session has reached, or a set of such states.
//
// Spec: RFC 3501, section 3.
type State uint8

// The states of a session.
const (
	NotAuthenticated State = 1 << iota
	Authenticated
	Selected

	anyState = NotAuthenticated | Authenticated | Selected
)

// String says what a command outside its states needs.
func (s State) String() string {
	switch s {
	case NotAuthenticated:
		return "only before login"
	case Selected:
		return "no mailbox is selected"
	}
	return "log in first"
}

// None is the argument of a command that takes none.
type None struct{}

// Command is an IMAP command: T is what Parse makes of its arguments and Run works on.
type Command[T any] struct {
	Name   string // upper case; "UID FETCH" for the form with UID
	Spec   string
	Caps   []imap.Cap // capabilities that it belongs to
	States State      // where it is lawful
	// KeepsNumbers says that no EXPUNGE may be told while the command runs.
	KeepsNumbers bool
	// Parse reads the arguments, the space before them included; nil: there are none.
	Parse func(p *wire.Parser) T
	// Run does it. It returns nil for a tagged OK, an *imap.Error to choose the answer's
	// type, code and text, or any other error, which the client is not told.
	Run func(ctx context.Context, s *Session, args T) error
}

// command is a Command whose argument type is hidden.
type command struct {
	name         string
	spec         string
	caps         []imap.Cap
	states       State
	keepsNumbers bool
	prepare      func(p *wire.Parser) (run func(ctx context.Context, s *Session) error)
}

var commands = map[string]*command{}

// register adds a command. It panics if there is one of that name.
func register[T any](c Command[T]) {
	if commands[c.Name] != nil {
		panic(fmt.Sprintf("imapbridge: command %s is registered twice", c.Name))
	}
	if c.Name == "" || c.States == 0 || c.Run == nil || c.Spec == "" {
		panic(fmt.Sprintf("imapbridge: command %q is not complete", c.Name))
	}
	commands[c.Name] = &command{
		name: c.Name, spec: c.Spec, caps: c.Caps, states: c.States, keepsNumbers: c.KeepsNumbers,
		prepare: func(p *wire.Parser) func(context.Context, *Session) error {
			var args T
			if c.Parse != nil {
				args = c.Parse(p)
			}
			return func(ctx context.Context, s *Session) error { return c.Run(ctx, s, args) }
		},
	}
}

// registerBoth adds a command and its UID form; uid tells Parse and Run which it is.
func registerBoth[T any](c func(uid bool) Command[T]) {
	plain, byUID := c(false), c(true)
	byUID.Name = "UID " + byUID.Name
	byUID.KeepsNumbers = false
	register(plain)
	register(byUID)
}

// sortedNames returns the keys of a registry in order.
func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
