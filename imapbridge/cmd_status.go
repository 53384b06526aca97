package imapbridge

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// StatusItem is an item of STATUS: a number.
type StatusItem struct {
	Name  string // upper case
	Spec  string
	Caps  []imap.Cap
	Value func(st *idmap.Status, m *idmap.Mailbox) uint64
}

var statusItems = map[string]*StatusItem{}

// registerStatusItem adds an item of STATUS.
func registerStatusItem(i StatusItem) {
	if statusItems[i.Name] != nil {
		panic("imapbridge: status item " + i.Name + " is registered twice")
	}
	statusItems[i.Name] = &i
}

// status is the argument of STATUS.
type status struct {
	path  string
	items []*StatusItem
}

// STATUS tells a mailbox's counters without opening it.
func init() {
	for name, value := range map[string]func(st *idmap.Status, m *idmap.Mailbox) uint64{
		"MESSAGES":    func(st *idmap.Status, _ *idmap.Mailbox) uint64 { return uint64(st.Messages) },
		"RECENT":      func(st *idmap.Status, _ *idmap.Mailbox) uint64 { return uint64(st.Recent) },
		"UIDNEXT":     func(st *idmap.Status, _ *idmap.Mailbox) uint64 { return uint64(st.UIDNext) },
		"UIDVALIDITY": func(st *idmap.Status, _ *idmap.Mailbox) uint64 { return uint64(st.UIDValidity) },
		"UNSEEN":      func(st *idmap.Status, _ *idmap.Mailbox) uint64 { return uint64(st.Unseen) },
	} {
		registerStatusItem(StatusItem{Name: name, Spec: "RFC 3501, section 6.3.10", Value: value})
	}
	register(Command[status]{
		Name:   "STATUS",
		Spec:   "RFC 3501, section 6.3.10",
		States: Authenticated | Selected,
		Parse: func(p *wire.Parser) (st status) {
			st.path = oneMailbox(p)
			p.SP()
			p.List(func() {
				name := p.Word()
				item := statusItems[name]
				if item == nil {
					p.Failf("unknown status item %s", name)
					return
				}
				if slices.Contains(st.items, item) {
					return
				}
				st.items = append(st.items, item)
			})
			if len(st.items) == 0 {
				p.Fail("expected a status item")
			}
			return st
		},
		Run: func(ctx context.Context, s *Session, st status) error {
			m, err := s.mailbox(ctx, st.path)
			if err != nil {
				return err
			}
			return s.tellStatus(ctx, m, st.items)
		},
	})
}

// tellStatus writes a STATUS response.
func (s *Session) tellStatus(ctx context.Context, m idmap.Mailbox, items []*StatusItem) error {
	values, err := s.backend.Status(ctx, m.Number)
	if err != nil {
		return err
	}
	s.w.Text("* STATUS ").Mailbox(m.Path, s.Enabled(imap.CapUTF8Accept)).Text(" (")
	for i, item := range items {
		if i > 0 {
			s.w.Text(" ")
		}
		s.w.Text(item.Name).Text(" ").Uint(item.Value(&values, &m))
	}
	s.w.Text(")").CRLF()
	return nil
}
