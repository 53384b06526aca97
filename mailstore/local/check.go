package local

import (
	"context"
	"fmt"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/sqlite"
)

// Check is Account.Check, or with deep Account.CheckOctets, of an account that is there.
func (s *Store) Check(ctx context.Context, account string, deep bool) (problems []string, err error) {
	err = s.with(ctx, account, func(a *Account) (err error) {
		problems, err = a.check(ctx, deep)
		return err
	})
	return problems, err
}

// Check compares everything that is kept twice: counters and rows, UIDs and what
// vanished, rows and blob files with their lengths. It returns a sentence for each
// thing that is not as it must be. An error means that the account could not be read.
func (a *Account) Check(ctx context.Context) (problems []string, err error) {
	return a.check(ctx, false)
}

// CheckOctets is Check that reads all blobs too and compares them with their names.
func (a *Account) CheckOctets(ctx context.Context) (problems []string, err error) {
	return a.check(ctx, true)
}

func (a *Account) check(ctx context.Context, deep bool) (problems []string, err error) {
	if err := a.db.Check(ctx); err != nil {
		return nil, a.wrap("check", err)
	}
	var blobs []idmap.Content
	err = a.read(ctx, func(c *sqlite.Conn) error {
		var err error
		if problems, err = idmap.Check(c); err != nil {
			return err
		}
		problems, err = checkLog(c, problems)
		if err != nil {
			return err
		}
		rows := c.Query(`SELECT blob, size FROM content`)
		for rows.Next() {
			var b idmap.Content
			rows.Scan(&b.BlobID, &b.Size)
			blobs = append(blobs, b)
		}
		return rows.Close()
	})
	if err != nil {
		return nil, a.wrap("check", err)
	}
	for _, b := range blobs {
		if err := ctx.Err(); err != nil {
			return nil, a.wrap("check", err)
		}
		if text := a.checkBlob(ctx, b, deep); text != "" {
			problems = append(problems, text)
		}
	}
	return problems, nil
}

// checkBlob returns what is wrong with a blob's file. A blob that was purged since its
// row was read is no problem.
func (a *Account) checkBlob(ctx context.Context, b idmap.Content, deep bool) string {
	path := a.s.blobPath(a.id, b.BlobID)
	if !deep && present(path, b.Size) {
		return ""
	}
	raw, err := readBlob(path, b.Size)
	if err == nil {
		if got := blobID(a.id, sum(raw)); deep && got != b.BlobID {
			return fmt.Sprintf("blob %s: the octets of %s are not those that were stored", b.BlobID, path)
		}
		return ""
	}
	known := true
	if rerr := a.read(ctx, func(c *sqlite.Conn) (err error) {
		_, _, known, err = idmap.FindContent(c, b.BlobID)
		return err
	}); rerr == nil && !known {
		return ""
	}
	return fmt.Sprintf("blob %s: %v", b.BlobID, err)
}

// checkLog looks for entries that the change log cannot have.
func checkLog(c *sqlite.Conn, problems []string) ([]string, error) {
	var n int
	err := c.QueryRow(`SELECT count(*) FROM changelog AS l, account AS a
		WHERE l.modseq > a.modseq`).Scan(&n)
	if err != nil {
		return problems, err
	}
	if n > 0 {
		problems = append(problems, fmt.Sprintf("%d entries of the change log are of the future", n))
	}
	var ids int
	err = c.QueryRow(`SELECT count(*) FROM email AS e, local AS f WHERE e.modseq > f.log_floor
		AND NOT EXISTS (SELECT 1 FROM changelog AS l WHERE l.modseq = e.modseq AND l.type = ? AND l.id = e.id)`, typeEmail).Scan(&ids)
	if err != nil {
		return problems, err
	}
	if ids > 0 {
		problems = append(problems, fmt.Sprintf("the change log misses the last change of %d Emails", ids))
	}
	return problems, nil
}
