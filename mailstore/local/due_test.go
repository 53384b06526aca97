package local

import (
	"testing"
	"time"
)

// What a dry run says is what the purge then removes.
func TestDueIsWhatAPurgeRemoves(t *testing.T) {
	c := newClock()
	s := openStore(t, t.TempDir(), Options{Now: c.Now, MaxChangelogEntries: 1})
	a := openAccount(t, s, "alice")
	importTo(t, a, "kept", "Archive")
	importTo(t, a, "gone", "INBOX")
	expungeAll(t, a, number(t, a, "INBOX"))
	const month = 30 * 24 * time.Hour
	if n, err := s.DueVanished(t.Context(), month); err != nil || n != 0 {
		t.Errorf("%d ranges are due too early, %v", n, err)
	}
	c.pass(month + time.Hour)
	vanished, err := s.DueVanished(t.Context(), month)
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := s.PurgeVanished(t.Context(), "alice", month); err != nil || int64(n) != vanished || n == 0 {
		t.Errorf("%d ranges were due, %d purged, %v", vanished, n, err)
	}
	blobs, err := s.DueBlobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := purgeAll(t, s); int64(n) != blobs || n != 1 {
		t.Errorf("%d blobs were due, %d purged", blobs, n)
	}
	entries, err := s.DueChangelog(t.Context())
	if err != nil || entries == 0 {
		t.Fatalf("%d entries are due, %v", entries, err)
	}
	if _, err := s.FoldChangelog(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for what, due := range map[string]func() (int64, error){
		"vanished": func() (int64, error) { return s.DueVanished(t.Context(), month) },
		"blobs":    func() (int64, error) { return s.DueBlobs(t.Context()) },
	} {
		if n, err := due(); err != nil || n != 0 {
			t.Errorf("%s: %d are due after the purge, %v", what, n, err)
		}
	}
}
