package imapbridge

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/sluice-mail/sluice/mailstore"
)

// specialUse are the attributes of JMAP's roles that have one.
//
// Spec: RFC 6154, section 2; RFC 8621, section 2.
var specialUse = map[string]imap.MailboxAttr{
	"all":       imap.MailboxAttrAll,
	"archive":   imap.MailboxAttrArchive,
	"drafts":    imap.MailboxAttrDrafts,
	"flagged":   imap.MailboxAttrFlagged,
	"important": imap.MailboxAttrImportant,
	"junk":      imap.MailboxAttrJunk,
	"sent":      imap.MailboxAttrSent,
	"trash":     imap.MailboxAttrTrash,
}

// LIST names mailboxes, with what is special about them and whether they have any below.
func init() {
	register(Command[list]{
		Name:   "LIST",
		Spec:   "RFC 3501, section 6.3.8",
		Caps:   []imap.Cap{imap.CapChildren, imap.CapSpecialUse},
		States: Authenticated | Selected,
		Parse:  parseList,
		Run: func(ctx context.Context, s *Session, l list) error {
			if l.pattern == "" { // asks for the separator and the root
				s.tellMailbox("LIST", []string{`\Noselect`}, "")
				return nil
			}
			all, err := s.backend.Mailboxes(ctx)
			if err != nil {
				return err
			}
			paths := make([]string, len(all))
			roles := make(map[string]string, len(all))
			parents := make(map[string]bool, len(all))
			for i, m := range all {
				paths[i], roles[m.Path] = m.Path, m.Role
				for j := strings.LastIndex(m.Path, mailstore.Separator); j > 0; j = strings.LastIndex(m.Path[:j], mailstore.Separator) {
					parents[m.Path[:j]] = true
				}
			}
			for _, m := range matchPaths(paths, l.full()) {
				var attrs []string
				if m.implied {
					attrs = append(attrs, `\Noselect`)
				}
				if parents[m.path] {
					attrs = append(attrs, `\HasChildren`)
				} else {
					attrs = append(attrs, `\HasNoChildren`)
				}
				if use, ok := specialUse[roles[m.path]]; ok {
					attrs = append(attrs, string(use))
				}
				s.tellMailbox("LIST", attrs, m.path)
			}
			return nil
		},
	})
}

// tellMailbox writes a LIST or LSUB response.
func (s *Session) tellMailbox(response string, attrs []string, path string) {
	s.w.Text("* " + response + " (" + strings.Join(attrs, " ") + `) "/" `)
	s.w.Mailbox(path, s.Enabled(imap.CapUTF8Accept)).CRLF()
}
