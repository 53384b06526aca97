package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// HideAccount makes an account disappear at once, for good. Its data is removed by
// RemoveAccount. It returns ErrNotFound if there is no such account.
func (s *Store) HideAccount(_ context.Context, id string) error {
	if !s.exists(id) {
		return fmt.Errorf("mailstore/local: remove account %.64q: %w", id, mailstore.ErrNotFound)
	}
	f, err := os.OpenFile(s.removedPath(id), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), syncDir(s.accountDir()))
	}
	if err != nil {
		return fmt.Errorf("mailstore/local: remove account %s: %w", id, err)
	}
	s.mu.Lock()
	h := s.accounts[id]
	s.mu.Unlock()
	if h != nil {
		<-h.ready
		if h.acct != nil {
			h.acct.hidden.Store(true)
		}
	}
	return nil
}

// RemoveAccount hides an account and removes a batch of its data: more says that it has
// to be called again, also because somebody still holds the account. It goes on where a
// process ended, and returns ErrNotFound when there is nothing of the account.
func (s *Store) RemoveAccount(ctx context.Context, id string) (removed int, more bool, err error) {
	if !ValidAccountID(id) {
		return 0, false, fmt.Errorf("mailstore/local: remove account %.64q: %w", id, ErrInvalidAccount)
	}
	if _, err := os.Lstat(s.removedPath(id)); err != nil {
		if err := s.HideAccount(ctx, id); err != nil {
			return 0, false, err
		}
	}
	s.purgeMu.Lock() // one removal at a time, and no purge beside it
	defer s.purgeMu.Unlock()
	if !s.shutHidden(id) {
		return 0, true, nil
	}
	removed, more, err = s.removeBatch(ctx, id)
	if err != nil {
		err = fmt.Errorf("mailstore/local: remove account %s: %w", id, err)
	}
	return removed, more, err
}

// keepGone is how long it is known that an id was an account's. Whatever was on its way to
// the account when it was removed has come to an end by then.
const keepGone = 90 * 24 * time.Hour

func (s *Store) gonePath(id string) string { return filepath.Join(s.accountDir(), id+".gone") }

// wasRemoved says whether the removal of an account has begun or is over.
func (s *Store) wasRemoved(id string) bool {
	for _, mark := range []string{s.removedPath(id), s.gonePath(id)} {
		if _, err := os.Lstat(mark); err == nil {
			return true
		}
	}
	return false
}

// sweepGone removes old marks of removed accounts.
func (s *Store) sweepGone() error {
	entries, err := os.ReadDir(s.accountDir())
	if err != nil {
		return err
	}
	before := s.o.Now().Add(-keepGone)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".gone") {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(s.accountDir(), e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// RemovedAccounts returns the accounts that were hidden and whose data is still there.
func (s *Store) RemovedAccounts(context.Context) ([]string, error) {
	ids, err := s.removedIDs()
	if err != nil {
		return nil, fmt.Errorf("mailstore/local: list removed accounts: %w", err)
	}
	return ids, nil
}

// shutHidden closes the account's file and says whether nobody holds it any more.
func (s *Store) shutHidden(id string) bool {
	s.mu.Lock()
	h := s.accounts[id]
	if h == nil {
		s.mu.Unlock()
		return true
	}
	idle := h.users == 0 && h.closing == nil
	if idle {
		h.closing = make(chan struct{})
	}
	s.mu.Unlock()
	<-h.ready
	if h.acct != nil {
		h.acct.hidden.Store(true)
	}
	if idle {
		s.shut(h)
	}
	return idle
}

// removeBatch removes blob files, then their rows; at the end the files that had none,
// the database, and the mark last.
func (s *Store) removeBatch(ctx context.Context, id string) (removed int, more bool, err error) {
	if _, err := os.Lstat(s.dbPath(id)); err == nil {
		removed, err = s.removeBlobs(ctx, id)
		if err != nil {
			return removed, false, err
		}
		if removed > 0 {
			return removed, true, nil
		}
	}
	dirs, err := s.topDirs()
	if err != nil {
		return 0, false, err
	}
	for _, dir := range dirs {
		var failed error
		err := walkBlobs(ctx, dir, func(account string, f blobFile) {
			if account == id {
				failed = errors.Join(failed, os.Remove(f.path))
				removed++
			}
		})
		if err := errors.Join(err, failed); err != nil {
			return removed, false, err
		}
	}
	// The journal first: were the database gone and the journal not, an account of that
	// name that is made later would be given its pages.
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(s.dbPath(id) + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return removed, false, err
		}
	}
	if err := syncDir(s.accountDir()); err != nil {
		return removed, false, err
	}
	// The mark stays for a while under another name: mail that was promised before must
	// not make the account anew.
	return removed, false, errors.Join(os.Rename(s.removedPath(id), s.gonePath(id)), syncDir(s.accountDir()))
}

func (s *Store) removeBlobs(ctx context.Context, id string) (removed int, err error) {
	a, err := s.openFile(ctx, id)
	if errors.Is(err, sqlite.ErrCorrupt) {
		s.log.Warn("mailstore/local: removing an account whose file is damaged", "account", id, "err", err)
		return 0, nil // the walk over all files finds its blobs
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	var blobs []string
	err = a.db.Read(ctx, func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT blob FROM content LIMIT ?`, purgeBatch)
		for rows.Next() {
			var b string
			rows.Scan(&b)
			blobs = append(blobs, b)
		}
		return rows.Close()
	})
	if err != nil {
		return 0, err
	}
	for _, b := range blobs {
		if strings.ContainsAny(b, "/.") || len(b) != 64 {
			continue // no name that we gave
		}
		if err := os.Remove(s.blobPath(id, b)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
	}
	err = a.db.Write(ctx, func(tx *sqlite.Tx) error {
		for _, b := range blobs {
			if _, err := tx.Exec(`DELETE FROM content WHERE blob = ?`, b); err != nil {
				return err
			}
		}
		return nil
	})
	return len(blobs), err
}
