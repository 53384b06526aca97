package testsuite

import (
	"context"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// specialUse is the annotation that gives a mailbox a special use.
//
// Spec: RFC 6154, section 4
const specialUse = "/private/specialuse"

// mailStore is the suite as runs see its mail store.
type mailStore suite

var _ runtime.MailStore = (*mailStore)(nil)

// SpecialUse says whether a mailbox, or any, has a special use.
func (m *mailStore) SpecialUse(_ context.Context, _, mailbox, use string) (bool, error) {
	s := (*suite)(m)
	if mailbox == "" {
		return s.used(use) != "", nil
	}
	name, err := mailboxName(mailbox)
	return err == nil && s.hasUse(name, use), nil
}

// MailboxID says whether a mailbox has an id.
func (m *mailStore) MailboxID(_ context.Context, _, id string) (bool, error) {
	return (*suite)(m).identified(id) != "", nil
}

// Metadata returns an annotation.
func (m *mailStore) Metadata(_ context.Context, _, mailbox, name string) (string, bool, error) {
	if mailbox != "" {
		var err error
		if mailbox, err = mailboxName(mailbox); err != nil || m.store.names[mailbox] == nil {
			return "", false, nil
		}
	}
	v, ok := m.meta[mailbox][strings.ToLower(name)]
	return v, ok, nil
}

func (s *suite) hasUse(name, use string) bool {
	return slices.ContainsFunc(strings.Fields(s.meta[name][specialUse]), func(have string) bool { return strings.EqualFold(have, use) })
}

// used returns the first mailbox with a special use, "" if none has it.
func (s *suite) used(use string) string {
	for _, name := range s.store.order {
		if s.hasUse(name, use) {
			return name
		}
	}
	return ""
}

func (s *suite) identified(id string) string {
	for _, name := range s.store.order {
		if s.store.names[name].id == id {
			return name
		}
	}
	return ""
}

// place returns the mailbox that an action finds by id or special use, "" if it names one, or
// there is none.
func (s *suite) place(a *runtime.Action) string {
	if a.MailboxID != "" {
		if name := s.identified(a.MailboxID); name != "" {
			return name
		}
	}
	if a.SpecialUse != "" {
		return s.used(a.SpecialUse)
	}
	return ""
}
