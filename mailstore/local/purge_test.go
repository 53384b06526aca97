package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore"
)

// purgeAll runs PurgeBlobs until its round is at an end.
func purgeAll(t *testing.T, s *Store) (removed int) {
	t.Helper()
	for range 100 {
		n, more, err := s.PurgeBlobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		removed += n
		if !more {
			return removed
		}
	}
	t.Fatal("PurgeBlobs does not come to an end")
	return 0
}

// expungeAll marks everything in a mailbox and expunges it.
func expungeAll(t testing.TB, a *Account, mb int64) {
	t.Helper()
	b := a.Backend()
	v, err := b.View(t.Context(), mb)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range v.Entries {
		if _, _, err := b.Store(t.Context(), mb, []imapUID{e.UID}, idmap.FlagChange{Op: idmap.FlagsAdd, Flags: idmap.Deleted}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.Expunge(t.Context(), mb, nil); err != nil {
		t.Fatal(err)
	}
}

func TestBlobsArePurgedWhenTheirLastEmailIsGone(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	inbox := number(t, a, "INBOX")
	importTo(t, a, "kept", "Archive")
	importTo(t, a, "copied", "INBOX")
	gone := importTo(t, a, "gone", "INBOX")
	if _, _, _, err := a.Backend().Copy(t.Context(), inbox, []imapUID{1}, number(t, a, "Sent")); err != nil {
		t.Fatal(err)
	}
	if n := purgeAll(t, s); n != 0 {
		t.Errorf("%d blobs were purged, all are in use", n)
	}
	expungeAll(t, a, inbox)
	if n := purgeAll(t, s); n != 1 {
		t.Errorf("%d blobs were purged, want 1", n)
	}
	if _, err := a.Blob(t.Context(), gone.BlobID); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("a purged blob: %v", err)
	}
	if n := len(blobFiles(t, s)); n != 2 {
		t.Errorf("%d files are left, want 2", n)
	}
	wantClean(t, s, "alice")

	// Octets that come back before the purge live on.
	expungeAll(t, a, number(t, a, "Archive"))
	importTo(t, a, "kept", "INBOX")
	if n := purgeAll(t, s); n != 0 {
		t.Errorf("%d blobs were purged, want 0", n)
	}
	wantClean(t, s, "alice")
}

func TestBlobThatIsBeingFiledIsNotPurged(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	importTo(t, a, "x", "INBOX")
	expungeAll(t, a, number(t, a, "INBOX"))
	// Between its rows and its file, the lock is held: an import of the same octets waits.
	filed := make(chan error, 1)
	crashPoint = func(string) {
		crashPoint = func(string) {}
		go func() {
			_, _, err := a.Import(t.Context(), mailstore.Import{Raw: []byte("x"), Mailboxes: []mailstore.Filing{{Path: "INBOX"}}})
			filed <- err
		}()
	}
	defer func() { crashPoint = func(string) {} }()
	if n := purgeAll(t, s); n != 1 {
		t.Errorf("%d purged, want 1", n)
	}
	if err := <-filed; err != nil {
		t.Fatal(err)
	}
	wantClean(t, s, "alice")
}

func TestFilesThatNoRowKnowsAreSweptWhenOld(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	s := openStore(t, dir, Options{Now: c.Now})
	a := openAccount(t, s, "alice")
	kept := importTo(t, a, "kept", "INBOX")
	orphan := s.blobPath("alice", blobID("alice", sum([]byte("orphan"))))
	stranger := s.blobPath("nobody", blobID("nobody", sum([]byte("x"))))
	temp := filepath.Join(s.tempDir(), "blob-1")
	for _, p := range []string{orphan, stranger, temp} {
		if err := makeDir(filepath.Dir(p)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		later := c.Now().Add(time.Second)
		if err := os.Chtimes(p, later, later); err != nil {
			t.Fatal(err)
		}
	}
	if n := purgeAll(t, s); n != 0 {
		t.Errorf("%d young files were swept", n)
	}
	c.pass(2 * time.Hour)
	if n := purgeAll(t, s); n != 2 {
		t.Errorf("%d files were swept, want the orphan and the temporary one", n)
	}
	for p, want := range map[string]bool{orphan: false, temp: false, stranger: true, s.blobPath("alice", string(kept.BlobID)): true} {
		if _, err := os.Stat(p); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", p, err == nil, want)
		}
	}
}

func TestLostDatabaseDoesNotTakeTheBlobsWithIt(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	s := openStore(t, dir, Options{Now: c.Now, MaxOpen: 1})
	a, release, err := s.OpenAccount(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	importTo(t, a, "all that is left", "INBOX")
	release()
	openAccount(t, s, "bob")   // alice's file is closed
	openAccount(t, s, "carol") // by the second release at the latest
	s.mu.Lock()
	h := s.accounts["alice"]
	s.mu.Unlock()
	if h != nil {
		h.closing = make(chan struct{})
		s.shut(h)
	}
	if err := os.Remove(s.dbPath("alice")); err != nil {
		t.Fatal(err)
	}
	c.pass(48 * time.Hour)
	openAccount(t, s, "alice") // a new, empty database
	c.pass(48 * time.Hour)
	if n := purgeAll(t, s); n != 0 || len(blobFiles(t, s)) != 1 {
		t.Errorf("%d files were swept, %d are left", n, len(blobFiles(t, s)))
	}
}

func TestRemoveAccount(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	a, release, err := s.OpenAccount(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	importTo(t, a, "shared", "INBOX")
	importTo(t, a, "mine", "INBOX")
	other := openAccount(t, s, "bob")
	e := importTo(t, other, "shared", "INBOX")

	if _, more, err := s.RemoveAccount(t.Context(), "alice"); err != nil || !more {
		t.Fatalf("while somebody holds it: more %v, %v", more, err)
	}
	if _, _, err := a.Mailboxes(t.Context()); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("a session that was open: %v", err)
	}
	if _, _, err := s.Account(t.Context(), "alice"); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("opening it: %v", err)
	}
	if ids, err := s.AccountIDs(t.Context()); err != nil || len(ids) != 1 {
		t.Errorf("accounts are %v, %v", ids, err)
	}
	if ids, err := s.RemovedAccounts(t.Context()); err != nil || len(ids) != 1 {
		t.Errorf("removed accounts are %v, %v", ids, err)
	}
	release()
	total := 0
	for range 10 {
		n, more, err := s.RemoveAccount(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if total += n; !more {
			break
		}
	}
	if total != 2 {
		t.Errorf("%d blobs were removed, want 2", total)
	}
	left, err := filepath.Glob(filepath.Join(dir, "accounts", "alice*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "alice.gone" {
		t.Errorf("left are %v, %v; want the mark that the id was used", left, err)
	}
	if _, _, err := s.RemoveAccount(t.Context(), "alice"); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("removing it again: %v", err)
	}
	if raw, err := other.Blob(t.Context(), e.BlobID); err != nil || string(raw) != "shared" {
		t.Errorf("the other account has %q, %v", raw, err)
	}
}

// Mail that was promised before an account was removed may be delivered after its data
// is gone. It must not make the account anew, which nobody could see or remove.
func TestRemovedAccountIsNeverMadeAnew(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	s := openStore(t, dir, Options{Now: c.Now})
	a, release, err := s.OpenAccount(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	importTo(t, a, "mine", "INBOX")
	release()
	for more := true; more; {
		if _, more, err = s.RemoveAccount(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{Now: c.Now})
	if _, _, err := s.Account(t.Context(), "alice"); !errors.Is(err, mailstore.ErrNotFound) {
		t.Errorf("opening it: %v", err)
	}
	for name, ids := range map[string]func() ([]string, error){
		"accounts":         func() ([]string, error) { return s.AccountIDs(t.Context()) },
		"removed accounts": func() ([]string, error) { return s.RemovedAccounts(t.Context()) },
	} {
		if list, err := ids(); err != nil || len(list) != 0 {
			t.Errorf("%s are %v, %v", name, list, err)
		}
	}
	// The marks do not pile up: by then nothing is on its way to it any more.
	c.pass(100 * 24 * time.Hour)
	purgeAll(t, s)
	if left, err := filepath.Glob(filepath.Join(dir, "accounts", "alice*")); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestPurgeVanishedMovesTheFloor(t *testing.T) {
	c := newClock()
	s := openStore(t, t.TempDir(), Options{Now: c.Now})
	a := openAccount(t, s, "alice")
	inbox := number(t, a, "INBOX")
	importTo(t, a, "x", "INBOX")
	expungeAll(t, a, inbox)
	if n, _, err := s.PurgeVanished(t.Context(), "alice", 0); err != nil || n != 0 {
		t.Errorf("purged %d, %v", n, err)
	}
	c.pass(31 * 24 * time.Hour)
	importTo(t, a, "y", "INBOX")
	expungeAll(t, a, inbox)
	if n, more, err := s.PurgeVanished(t.Context(), "alice", 0); err != nil || n != 1 || more {
		t.Errorf("purged %d, %v, %v", n, more, err)
	}
	v, err := a.Backend().View(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := a.Backend().Vanished(t.Context(), inbox, v.VanishedFloor-1); err != nil || ok {
		t.Errorf("below the floor: %v, %v", ok, err)
	}
	ranges, ok, err := a.Backend().Vanished(t.Context(), inbox, v.VanishedFloor)
	if err != nil || !ok || len(ranges) != 1 || ranges[0].First != 2 {
		t.Errorf("above the floor: %v, %v, %v", ranges, ok, err)
	}
	wantClean(t, s, "alice")
}

func TestFoldedChangesCannotBeCalculated(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{MaxChangelogEntries: 5})
	a := openAccount(t, s, "alice")
	_, old, err := a.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	importTo(t, a, "1", "INBOX")
	importTo(t, a, "2", "INBOX")
	_, recent, err := a.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := importTo(t, a, "3", "INBOX")
	n, err := s.FoldChangelog(t.Context(), "alice")
	if err != nil || n == 0 {
		t.Fatalf("folded %d, %v", n, err)
	}
	if _, err := a.EmailChanges(t.Context(), old, 0); !errors.Is(err, mailstore.ErrCannotCalculateChanges) {
		t.Errorf("from before the fold: %v", err)
	}
	ch, err := a.EmailChanges(t.Context(), recent, 0)
	if err != nil || len(ch.Created) != 1 || ch.Created[0] != last.ID {
		t.Errorf("from behind it: %+v, %v", ch, err)
	}
	if n, err := s.FoldChangelog(t.Context(), "alice"); err != nil || n != 0 {
		t.Errorf("folding again removed %d, %v", n, err)
	}
	wantClean(t, s, "alice")
}

func TestKeysArePruned(t *testing.T) {
	c := newClock()
	s := openStore(t, t.TempDir(), Options{Now: c.Now})
	a := openAccount(t, s, "alice")
	for range 2 {
		im := mailstore.Import{Key: "k", Raw: []byte("x"), Mailboxes: []mailstore.Filing{{Path: "INBOX"}}}
		if _, _, err := a.Import(t.Context(), im); err != nil {
			t.Fatal(err)
		}
	}
	if n, _, err := s.PruneKeys(t.Context(), "alice", time.Hour); err != nil || n != 0 {
		t.Errorf("pruned %d, %v", n, err)
	}
	c.pass(2 * time.Hour)
	if n, _, err := s.PruneKeys(t.Context(), "alice", time.Hour); err != nil || n != 1 {
		t.Errorf("pruned %d, %v", n, err)
	}
	if n, _, err := s.PruneKeys(t.Context(), "nobody", time.Hour); !errors.Is(err, mailstore.ErrNotFound) || n != 0 {
		t.Errorf("an absent account: %d, %v", n, err)
	}
}
