package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// sweepBatch bounds how many names of blob files one call of PurgeBlobs keeps in memory.
const sweepBatch = 50000

// sweep is how far a round of PurgeBlobs has come. Guarded by Store.purgeMu.
type sweep struct {
	running  bool
	accounts []string // whose dead blobs are still to be purged
	dirs     []string // directories of blobs still to be swept
}

// PurgeVanished forgets what vanished from an account's mailboxes longer than olderThan
// ago (0: Options.CachedVanishedTTL), a batch at a time: more says that there is work
// left. The floor moves first, so that a client from before it is answered from what
// lives.
func (s *Store) PurgeVanished(ctx context.Context, account string, olderThan time.Duration) (removed int, more bool, err error) {
	if olderThan <= 0 {
		olderThan = s.o.CachedVanishedTTL
	}
	err = s.with(ctx, account, func(a *Account) error {
		return a.wrap("purge vanished", a.db.Write(ctx, func(tx *sqlite.Tx) error {
			n, touched, rest, err := idmap.PurgeVanished(tx, s.o.Now().Add(-olderThan), purgeBatch)
			removed, more = n, rest
			tx.OnCommit(func() { a.views.Changed(touched) })
			return err
		}))
	})
	return removed, more, err
}

// PurgeBlobs does a part of a round over all accounts: it removes blobs that no Email
// has, files that were being written longer than Options.BlobTempTTL ago, and files of
// that age that no row knows. more says that the round is not at its end. An account
// that cannot be opened is left alone; its error is returned and the round goes on with
// the next call.
func (s *Store) PurgeBlobs(ctx context.Context) (removed int, more bool, err error) {
	s.purgeMu.Lock()
	defer s.purgeMu.Unlock()
	w := &s.sweep
	if !w.running {
		ids, err := s.AccountIDs(ctx)
		if err != nil {
			return 0, false, err
		}
		dirs, err := s.topDirs()
		if err != nil {
			return 0, false, fmt.Errorf("mailstore/local: purge blobs: %w", err)
		}
		*w = sweep{running: true, accounts: ids, dirs: dirs}
		n, err := s.sweepTemp()
		if err == nil {
			err = s.sweepGone()
		}
		if err != nil {
			return n, true, fmt.Errorf("mailstore/local: purge blobs: %w", err)
		}
		removed += n
	}
	for len(w.accounts) > 0 {
		if err := ctx.Err(); err != nil {
			return removed, true, fmt.Errorf("mailstore/local: purge blobs: %w", err)
		}
		id := w.accounts[0]
		n, rest, err := s.purgeAccount(ctx, id)
		removed += n
		if err != nil || !rest {
			w.accounts = w.accounts[1:]
		}
		if err != nil && !errors.Is(err, mailstore.ErrNotFound) {
			return removed, true, err
		}
		if removed >= purgeBatch {
			return removed, true, nil
		}
	}
	n, err := s.sweepOrphans(ctx, w)
	w.running = len(w.dirs) > 0
	return removed + n, w.running, err
}

// purgeAccount removes a batch of an account's dead blobs: the row first, then the
// file, under the lock that a new Email on the same octets has to take.
func (s *Store) purgeAccount(ctx context.Context, id string) (removed int, more bool, err error) {
	err = s.with(ctx, id, func(a *Account) error {
		var dead []string
		err := a.read(ctx, func(c *sqlite.Conn) error {
			rows := c.Query(`SELECT blob FROM content INDEXED BY content_dead WHERE dead <> 0 LIMIT ?`, purgeBatch)
			for rows.Next() {
				var b string
				rows.Scan(&b)
				dead = append(dead, b)
			}
			return rows.Close()
		})
		if err != nil {
			return a.wrap("purge blobs", err)
		}
		more = len(dead) >= purgeBatch
		removed, err = a.removeDead(ctx, dead)
		return a.wrap("purge blobs", err)
	})
	return removed, more, err
}

// crashPoint is called between the steps of a removal; tests set it.
var crashPoint = func(string) {}

func (a *Account) removeDead(ctx context.Context, blobs []string) (removed int, err error) {
	var locked []string
	for _, b := range blobs {
		if unlock, ok := a.s.busy.tryLock(a.s.blobPath(a.id, b)); ok { // else it is about to live again
			defer unlock()
			locked = append(locked, b)
		}
	}
	if len(locked) == 0 {
		return 0, nil
	}
	var gone []string
	err = a.db.Write(ctx, func(tx *sqlite.Tx) error {
		gone = gone[:0]
		for _, b := range locked {
			n, err := tx.Exec(`DELETE FROM content WHERE blob = ? AND dead <> 0
				AND NOT EXISTS (SELECT 1 FROM email WHERE email.cid = content.cid)`, b)
			if err != nil {
				return err
			}
			if n > 0 {
				gone = append(gone, b)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	crashPoint("rows removed")
	for _, b := range gone {
		if err := os.Remove(a.s.blobPath(a.id, b)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// sweepTemp removes files that were being written when a process ended.
func (s *Store) sweepTemp() (removed int, err error) {
	entries, err := os.ReadDir(s.tempDir())
	if err != nil {
		return 0, err
	}
	before := s.o.Now().Add(-s.o.BlobTempTTL)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(s.tempDir(), e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// topDirs returns the first level of blob directories.
func (s *Store) topDirs() ([]string, error) {
	entries, err := os.ReadDir(s.blobDir())
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) == 2 {
			dirs = append(dirs, filepath.Join(s.blobDir(), e.Name()))
		}
	}
	return dirs, nil
}

// blobFile is a file in the tree.
type blobFile struct {
	path, blob string
	changed    time.Time
}

// sweepOrphans looks at some directories for files that no row knows.
func (s *Store) sweepOrphans(ctx context.Context, w *sweep) (removed int, err error) {
	found := make(map[string][]blobFile)
	n := 0
	before := s.o.Now().Add(-s.o.BlobTempTTL)
	for len(w.dirs) > 0 && n < sweepBatch {
		err := walkBlobs(ctx, w.dirs[0], func(account string, f blobFile) {
			if f.changed.Before(before) {
				found[account] = append(found[account], f)
				n++
			}
		})
		if err != nil {
			return 0, fmt.Errorf("mailstore/local: sweep blobs: %w", err)
		}
		w.dirs = w.dirs[1:]
	}
	var failed error
	for account, files := range found {
		if !s.exists(account) {
			continue // its database may come back
		}
		err := s.with(ctx, account, func(a *Account) error {
			if err := a.writable(ctx); err != nil {
				return a.wrap("sweep blobs", err)
			}
			for _, f := range files {
				gone, err := a.sweepFile(ctx, f)
				if err != nil {
					return a.wrap("sweep blobs", err)
				}
				if gone {
					removed++
				}
			}
			return nil
		})
		failed = errors.Join(failed, err)
	}
	return removed, failed
}

// sweepFile removes a file that no row knows, unless it is older than the database:
// then the rows may have been lost, and the file is what is left.
func (a *Account) sweepFile(ctx context.Context, f blobFile) (gone bool, err error) {
	if f.changed.Before(a.created) {
		return false, nil
	}
	unlock, ok := a.s.busy.tryLock(f.path)
	if !ok {
		return false, nil
	}
	defer unlock()
	var known bool
	err = a.read(ctx, func(c *sqlite.Conn) (err error) {
		_, _, known, err = idmap.FindContent(c, f.blob)
		return err
	})
	if err != nil || known {
		return false, err
	}
	if err := os.Remove(f.path); err != nil {
		return false, err
	}
	a.s.log.Info("mailstore/local: removed a blob file that no row knew", "account", a.id)
	return true, nil
}

// walkBlobs calls fn for each blob file below dir.
func walkBlobs(ctx context.Context, dir string, fn func(account string, f blobFile)) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
		if e.IsDir() {
			return ctx.Err()
		}
		blob, account, ok := strings.Cut(e.Name(), ".")
		if !ok || len(blob) != 64 || !ValidAccountID(account) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil // it went meanwhile
		}
		fn(account, blobFile{path, blob, info.ModTime()})
		return nil
	})
}

// exists says whether the account has a database and was not removed.
func (s *Store) exists(id string) bool {
	if !ValidAccountID(id) {
		return false
	}
	_, err := os.Lstat(s.dbPath(id))
	_, removed := os.Lstat(s.removedPath(id))
	return err == nil && removed != nil
}

func (s *Store) removedPath(id string) string { return filepath.Join(s.accountDir(), id+".removed") }

// removedIDs returns the accounts whose removal has begun.
func (s *Store) removedIDs() ([]string, error) {
	entries, err := os.ReadDir(s.accountDir())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".removed"); ok && ValidAccountID(id) {
			ids = append(ids, id)
		}
	}
	return slices.Clip(ids), nil
}
