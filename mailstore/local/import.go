package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// Import files a message, as mailstore.Account says. Keywords may be JMAP's or IMAP's
// names of flags; those that cannot be keywords are left out, since a delivery must
// not fail for them.
func (a *Account) Import(ctx context.Context, im mailstore.Import) ([]mailstore.Email, mailstore.State, error) {
	emails, st, err := a.importMail(ctx, im)
	if err != nil {
		return nil, "", a.wrap("import", err)
	}
	return emails, st, nil
}

func (a *Account) importMail(ctx context.Context, im mailstore.Import) (_ []mailstore.Email, _ mailstore.State, err error) {
	if len(im.Mailboxes) == 0 {
		return nil, "", fmt.Errorf("%w: a message has to go to a mailbox", mailstore.ErrNotFound)
	}
	if len(im.Key) > maxKey {
		return nil, "", fmt.Errorf("%w: a key of more than %d octets", mailstore.ErrLimit, maxKey)
	}
	filings := slices.Clone(im.Mailboxes)
	for i := range filings {
		path, err := cleanPath(filings[i].Path)
		if err != nil {
			return nil, "", err
		}
		filings[i].Path = path
	}
	if emails, st, done, err := a.before(ctx, im.Key, filings); err != nil || done {
		return emails, st, err
	}
	ready, release, err := a.stage(ctx, [][]byte{im.Raw})
	if err != nil {
		return nil, "", err
	}
	filed := false // false also if another import with this key came first
	defer func() { release(filed && err == nil) }()
	var emails []mailstore.Email
	var modseq uint64
	err = a.change(ctx, func(c *idmap.Change, tx *sqlite.Tx) (err error) {
		filed = false
		if emails, err = appliedEmails(tx.Conn, im.Key); err == nil && len(emails) == 0 {
			filed = true
			emails, err = a.file(c, tx, ready[0], filings, received(im.ReceivedAt, a.s.o.Now()))
			if err == nil && im.Key != "" {
				err = a.remember(tx, im.Key, emails)
			}
		}
		if err != nil {
			return err
		}
		modseq, err = idmap.ModSeq(tx.Conn)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	a.s.stats.imports.Add(int64(len(emails)))
	return emails, state(modseq), nil
}

// received is when a message came in, to the second, as IMAP and JMAP know it.
func received(at, now time.Time) time.Time {
	if at.IsZero() {
		at = now
	}
	return at.Truncate(time.Second)
}

// before answers what needs no octets on disk: that the key was applied already, or
// that a mailbox is not there.
func (a *Account) before(ctx context.Context, key string, filings []mailstore.Filing) (emails []mailstore.Email, st mailstore.State, done bool, err error) {
	err = a.read(ctx, func(c *sqlite.Conn) error {
		if emails, err = appliedEmails(c, key); err != nil {
			return err
		}
		if len(emails) > 0 {
			modseq, err := idmap.ModSeq(c)
			st = state(modseq)
			return err
		}
		for _, f := range filings {
			if f.Create {
				continue
			}
			if _, err := idmap.Find(c, f.Path); err != nil {
				return err
			}
		}
		return nil
	})
	return emails, st, len(emails) > 0, err
}

// file makes an Email for each filing, in the running commit.
func (a *Account) file(c *idmap.Change, tx *sqlite.Tx, r staged, filings []mailstore.Filing, at time.Time) ([]mailstore.Email, error) {
	cid, err := r.content(c, tx)
	if err != nil {
		return nil, err
	}
	var emails []mailstore.Email
	for _, f := range filings {
		m, err := idmap.Find(tx.Conn, f.Path)
		if errors.Is(err, idmap.ErrNotFound) && f.Create {
			m, err = a.make(c, tx, f.Path, "")
		}
		if err != nil {
			return nil, err
		}
		flags, keywords := filingFlags(f.Keywords)
		e := idmap.NewEmail{ID: a.s.newID('e'), ThreadID: r.thread, Content: cid, Received: at, Flags: flags, Keywords: keywords}
		if e.ThreadID == "" {
			e.ThreadID = "t" + e.ID[1:]
		}
		_, _, err = c.Add(m.Number, e)
		if errors.Is(err, idmap.ErrTooManyKeywords) {
			e.Keywords, keywords = nil, nil
			_, _, err = c.Add(m.Number, e)
		}
		if err != nil {
			return nil, err
		}
		emails = append(emails, mailstore.Email{
			ID: mailstore.ID(e.ID), BlobID: mailstore.ID(r.blob), ThreadID: mailstore.ID(e.ThreadID),
			MailboxIDs: []mailstore.ID{mailstore.ID(m.ID)}, Keywords: idmap.JoinKeywords(flags, keywords),
			Size: r.size, ReceivedAt: at,
		})
	}
	return emails, nil
}

// imapFlags are IMAP's names of what a script may set.
var imapFlags = map[string]idmap.Flags{
	`\seen`: idmap.Seen, `\answered`: idmap.Answered, `\flagged`: idmap.Flagged, `\draft`: idmap.Draft, `\deleted`: idmap.Deleted,
}

// filingFlags parts the names of flags from keywords, without repeats, and drops what
// cannot be a keyword.
func filingFlags(names []string) (idmap.Flags, []string) {
	flags, rest := idmap.SplitKeywords(names)
	var keywords []string
	seen := make(map[string]bool)
	for _, n := range rest {
		fold := strings.ToLower(n)
		if f, ok := imapFlags[fold]; ok {
			flags |= f
			continue
		}
		if idmap.ValidKeyword(n) && !seen[fold] && len(keywords) < idmap.MaxKeywordsOfEmail {
			seen[fold] = true
			keywords = append(keywords, n)
		}
	}
	return flags, keywords
}

// staged is a message whose octets are on disk and whose rows are not made yet.
type staged struct {
	blob, path, thread string
	size               int64
	envelope           []byte
	structure, body    []byte
}

// content returns the row of the octets, and makes it if need be.
func (r staged) content(c *idmap.Change, tx *sqlite.Tx) (int64, error) {
	cid, _, ok, err := idmap.FindContent(tx.Conn, r.blob)
	if err != nil || ok {
		return cid, err
	}
	return c.AddContent(idmap.Content{
		BlobID: r.blob, Size: r.size, Envelope: r.envelope, BodyStructure: r.structure, Body: r.body,
	})
}

// describe reads what the rows show of a message. The readers are made to take any
// input; should one panic all the same, the message is stored without its description.
func (a *Account) describe(raw []byte, r *staged) {
	defer func() {
		if p := recover(); p != nil {
			a.s.log.Error("mailstore/local: describe a message", "account", a.id, "err", fmt.Sprint(p))
		}
	}()
	m := mail.New(raw)
	r.thread = threadID(a.id, m)
	if a.s.o.Describe != nil {
		r.envelope, r.structure, r.body = a.s.o.Describe(m)
	}
}
