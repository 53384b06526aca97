package testsuite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// inbox is the name of the default mailbox.
const inbox = "INBOX"

// separator is the hierarchy separator of the mail store.
const separator = "."

// store is the mail store of a test file. It stays for the whole file.
type store struct {
	names map[string]*mailbox
	order []string
	// open is the mailbox that was looked at last; it is not read again until another one is
	// opened or the result is reset.
	open   string
	opened []message
}

type mailbox struct {
	id       string // M1 is the inbox, M2 the mailbox that was made next
	messages []message
}

// message is a stored message.
type message struct {
	raw   []byte
	flags []string
}

var (
	errNoMailbox = errors.New("the mailbox doesn't exist")
	errBadName   = errors.New("the mailbox name is invalid")
)

// mailboxName checks a name and writes the inbox in its one form.
func mailboxName(name string) (string, error) {
	switch {
	case strings.EqualFold(name, inbox):
		return inbox, nil
	case name == "", !utf8.ValidString(name), len(name) > 255*4,
		strings.HasPrefix(name, separator), strings.HasSuffix(name, separator), strings.Contains(name, separator+separator),
		strings.HasPrefix(name, " "), strings.HasPrefix(name, "~"), strings.Contains(name, "/"),
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errBadName
	}
	if top, rest, nested := strings.Cut(name, separator); nested && strings.EqualFold(top, inbox) {
		return inbox + separator + rest, nil
	}
	return name, nil
}

func (s *store) create(name string) error {
	name, err := mailboxName(name)
	if err != nil {
		return err
	}
	if s.names[name] == nil {
		s.order = append(s.order, name)
		s.names[name] = &mailbox{id: fmt.Sprintf("M%d", len(s.order))}
	}
	return nil
}

// has says whether there is a mailbox of that name.
func (s *store) has(name string) bool {
	name, err := mailboxName(name)
	return err == nil && s.names[name] != nil
}

func (s *store) add(name string, create bool, m message) error {
	name, err := mailboxName(name)
	if err != nil {
		return err
	}
	box := s.names[name]
	if box == nil {
		if !create {
			return fmt.Errorf("%w", errNoMailbox)
		}
		if err := s.create(name); err != nil {
			return err
		}
		box = s.names[name]
	}
	m.flags = slices.Clone(m.flags)
	box.messages = append(box.messages, m)
	return nil
}

// look returns a message of a mailbox, as it was when the mailbox was opened.
func (s *store) look(name string, index uint64) (message, bool) {
	name, err := mailboxName(name)
	if err != nil || s.names[name] == nil {
		s.open, s.opened = "", nil
		return message{}, false
	}
	if s.open != name {
		s.open, s.opened = name, slices.Clone(s.names[name].messages)
	}
	if index >= uint64(len(s.opened)) {
		return message{}, false
	}
	return s.opened[index], true
}

// close forgets which mailbox is open.
func (s *store) close() { s.open, s.opened = "", nil }
