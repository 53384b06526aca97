package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/sqlite"
)

// clock is the test's own time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func openStore(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openAccount(t testing.TB, s *Store, id string) *Account {
	t.Helper()
	a, release, err := s.OpenAccount(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return a
}

func importTo(t testing.TB, a *Account, raw, path string) mailstore.Email {
	t.Helper()
	emails, _, err := a.Import(context.Background(), mailstore.Import{Raw: []byte(raw), Mailboxes: []mailstore.Filing{{Path: path}}})
	if err != nil {
		t.Fatal(err)
	}
	return emails[0]
}

// number returns a mailbox's number.
func number(t testing.TB, a *Account, path string) int64 {
	t.Helper()
	boxes, err := a.Backend().Mailboxes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		if b.Path == path {
			return b.Number
		}
	}
	t.Fatalf("no mailbox %s", path)
	return 0
}

// blobFiles returns the paths of all blob files below the store, relative to it.
func blobFiles(t testing.TB, s *Store) []string {
	t.Helper()
	var out []string
	dirs, err := s.topDirs()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		err := walkBlobs(context.Background(), d, func(_ string, f blobFile) {
			rel, err := filepath.Rel(s.dir, f.path)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, rel)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func wantClean(t testing.TB, s *Store, id string) {
	t.Helper()
	problems, err := s.Check(context.Background(), id, true)
	if err != nil || len(problems) > 0 {
		t.Errorf("check of %s: %v %s", id, err, strings.Join(problems, "\n"))
	}
}

func TestBlobFileNamesHashAndAccount(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	e := importTo(t, openAccount(t, s, "alice@example.org"), "x", "INBOX")
	id := string(e.BlobID)
	if e.BlobID != BlobID("alice@example.org", []byte("x")) {
		t.Error("the blob's id is not the hash over account and octets")
	}
	want := filepath.Join("blobs", id[:2], id[2:4], id+".alice@example.org")
	if got := blobFiles(t, s); len(got) != 1 || got[0] != want {
		t.Errorf("blob files are %v, want %s", got, want)
	}
}

func TestLevelsOfBlobsStayWhatTheyWere(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir, Options{BlobNestedLevels: 1})
	if err != nil {
		t.Fatal(err)
	}
	a, release, err := s.OpenAccount(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	e := importTo(t, a, "x", "INBOX")
	release()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{BlobNestedLevels: 3})
	if raw, err := openAccount(t, s, "alice").Blob(t.Context(), e.BlobID); err != nil || string(raw) != "x" {
		t.Errorf("got %q, %v", raw, err)
	}
}

func TestOneMessageForSeveralAccountsIsOneFile(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	var infos []os.FileInfo
	for _, id := range []string{"alice", "bob", "carol"} {
		e := importTo(t, openAccount(t, s, id), "for all of you", "INBOX")
		info, err := os.Stat(s.blobPath(id, string(e.BlobID)))
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
	}
	if !os.SameFile(infos[0], infos[1]) || !os.SameFile(infos[0], infos[2]) {
		t.Error("three accounts have three files")
	}
	if st := s.Stats(); st.BlobsWritten != 1 || st.BlobsLinked != 2 {
		t.Errorf("stats are %+v", st)
	}
	// What cannot be linked is written.
	e := importTo(t, openAccount(t, s, "alice"), "other", "INBOX")
	if err := os.Remove(s.blobPath("alice", string(e.BlobID))); err != nil {
		t.Fatal(err)
	}
	importTo(t, openAccount(t, s, "bob"), "other", "INBOX")
	wantClean(t, s, "bob")
}

func TestStoreIsOpenedByOneProcess(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir, Options{})
	if _, err := Open(t.Context(), dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second open: %v", err)
	}
}

func TestAccountIDsAreChecked(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	for _, id := range []string{"", ".", "..", "../x", "a/b", "a\x00", "ä", ".hidden", strings.Repeat("x", 129)} {
		if _, _, err := s.Account(t.Context(), id); !errors.Is(err, ErrInvalidAccount) {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	for _, id := range []string{"a", "alice@example.org", "x.db", "A_b-c+d=1", strings.Repeat("x", 128)} {
		openAccount(t, s, id)
	}
	ids, err := s.AccountIDs(t.Context())
	if err != nil || len(ids) != 5 {
		t.Errorf("accounts are %v, %v", ids, err)
	}
}

func TestFullDiskIsErrNoSpaceAndLeavesNothing(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{MinFree: 1 << 62})
	a := openAccount(t, s, "alice")
	_, _, err := a.Import(t.Context(), mailstore.Import{Raw: []byte("x"), Mailboxes: []mailstore.Filing{{Path: "INBOX"}}})
	if !errors.Is(err, mailstore.ErrNoSpace) {
		t.Errorf("import: %v", err)
	}
	_, _, err = a.Backend().Append(t.Context(), number(t, a, "INBOX"), []idmap.Append{{Raw: []byte("x")}})
	if !errors.Is(err, mailstore.ErrNoSpace) {
		t.Errorf("append: %v", err)
	}
	if files := blobFiles(t, s); len(files) > 0 {
		t.Errorf("there are files: %v", files)
	}
	wantClean(t, s, "alice")
}

func TestDamagedDatabaseIsNamed(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	path := filepath.Join(dir, "accounts", "alice.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Account(t.Context(), "alice")
	if !errors.Is(err, sqlite.ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "account alice") {
		t.Errorf("error is %v", err)
	}
	importTo(t, openAccount(t, s, "bob"), "others are well", "INBOX")
	// It can be opened as soon as the file is repaired.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	openAccount(t, s, "alice")
}

func TestDamagedBlobIsNamed(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	e := importTo(t, a, "octets", "INBOX")
	path := s.blobPath("alice", string(e.BlobID))
	for _, tt := range []struct {
		name string
		harm func() error
	}{
		{"cut", func() error { return os.Truncate(path, 3) }},
		{"lost", func() error { return os.Remove(path) }},
	} {
		if err := tt.harm(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Blob(t.Context(), e.BlobID); !errors.Is(err, ErrDamagedBlob) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if problems, err := s.Check(t.Context(), "alice", false); err != nil || len(problems) != 1 {
			t.Errorf("%s: check says %v, %v", tt.name, problems, err)
		}
	}
	importTo(t, a, "octets", "INBOX") // brings the file back
	wantClean(t, s, "alice")
	if err := os.WriteFile(path, []byte("OCTETS"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems, err := s.Check(t.Context(), "alice", true); err != nil || len(problems) != 1 {
		t.Errorf("deep check of changed octets says %v, %v", problems, err)
	}
}

func TestIdleAccountsAreClosedAndUsedOnesAreNot(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{MaxOpen: 2})
	held := openAccount(t, s, "held")
	for i := range 5 {
		a, release, err := s.OpenAccount(t.Context(), fmt.Sprint("idle", i))
		if err != nil {
			t.Fatal(err)
		}
		importTo(t, a, "x", "INBOX")
		release()
		release() // twice is once
	}
	if st := s.Stats(); st.FilesOpen != 2 || st.FilesOpened != 6 {
		t.Errorf("stats are %+v", st)
	}
	importTo(t, held, "x", "INBOX")
	importTo(t, openAccount(t, s, "idle0"), "again", "INBOX")
}

func TestAccountsOpenAndCloseUnderManyUsers(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{MaxOpen: 1})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				a, release, err := s.OpenAccount(t.Context(), fmt.Sprint("a", (w+i)%3))
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := a.Mailboxes(t.Context()); err != nil {
					t.Error(err)
				}
				release()
			}
		})
	}
	wg.Wait()
}

func TestDescriptionIsMadeOnceAndKept(t *testing.T) {
	calls := 0
	s := openStore(t, t.TempDir(), Options{Describe: func(m *mail.Message) (envelope, structure, body []byte) {
		if calls++; bytes.HasPrefix(m.Raw(), []byte("panic")) {
			panic("a reader's mistake")
		}
		return []byte("envelope"), []byte("structure"), []byte("body")
	}})
	a := openAccount(t, s, "alice")
	importTo(t, a, "x", "INBOX")
	importTo(t, a, "x", "Archive")
	importTo(t, a, "panic", "INBOX")
	if calls != 2 {
		t.Errorf("%d calls for two blobs", calls)
	}
	v, err := a.Backend().View(t.Context(), number(t, a, "INBOX"))
	if err != nil {
		t.Fatal(err)
	}
	emails, err := a.Backend().Emails(t.Context(), []int64{v.Entries[0].Email, 999, v.Entries[1].Email})
	if err != nil {
		t.Fatal(err)
	}
	if e := emails[0]; string(e.Envelope) != "envelope" || string(e.BodyStructure) != "structure" || string(e.Body) != "body" {
		t.Errorf("kept is %+v", e)
	}
	if emails[1].Row != 0 || emails[2].Row == 0 {
		t.Errorf("rows are %d, %d", emails[1].Row, emails[2].Row)
	}
}

func TestConversationsByReferences(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	a := openAccount(t, s, "alice")
	first := importTo(t, a, "Message-ID: <1@x>\r\n\r\n", "INBOX")
	reply := importTo(t, a, "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n\r\n", "INBOX")
	later := importTo(t, a, "Message-ID: <3@x>\r\nReferences: <1@x>\r\n <2@x>\r\n\r\n", "Archive")
	other, alone := importTo(t, a, "Message-ID: <4@x>\r\n\r\n", "INBOX"), importTo(t, a, "none", "INBOX")
	if first.ThreadID != reply.ThreadID || first.ThreadID != later.ThreadID {
		t.Errorf("threads %s %s %s", first.ThreadID, reply.ThreadID, later.ThreadID)
	}
	if other.ThreadID == first.ThreadID || alone.ThreadID == other.ThreadID || alone.ThreadID == "" {
		t.Errorf("threads %s %s %s", first.ThreadID, other.ThreadID, alone.ThreadID)
	}
}
