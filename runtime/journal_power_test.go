package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A killed process leaves octets that only the system's memory has. Once they are taken
// up they count, so they have to be on the disk before anything is built on them: a power
// loss later would take them away in a file that is not the last one any more.
func TestJournalMakesDurableWhatAKilledProcessLeft(t *testing.T) {
	name, content := crashed(t, "one", "two")
	var steps []string
	o := JournalOptions{
		syncOld: func(f *os.File) error {
			steps = append(steps, "sync "+filepath.Base(f.Name()))
			return f.Sync()
		},
		create: func(path string) (segmentFile, error) {
			steps = append(steps, "create")
			return createSegment(path)
		},
	}
	j, _, err := reopen(t, name, content, o)
	if err != nil {
		t.Fatal(err)
	}
	closeJournal(t, j)
	if got := fmt.Sprint(steps); got != "[sync "+name+" create]" {
		t.Errorf("steps at open: %s", got)
	}
}

// A file system may make a file's length durable before its octets: after a power loss
// it reads as zeros. That must not look like damage while nothing was promised in it.
func TestJournalPowerLossWhileAFileBegins(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	var newest string
	armed := false
	o := JournalOptions{SegmentSize: 1, create: func(path string) (segmentFile, error) {
		newest = path
		f, err := createSegment(path)
		return &diskFile{segmentFile: f, sync: func() error {
			if armed && path == newest && len(segmentFiles(t, after)) == 0 {
				if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
					t.Error(err)
				}
				lost := filepath.Join(after, filepath.Base(path))
				if err := os.WriteFile(lost, make([]byte, 4096), 0o600); err != nil {
					t.Error(err)
				}
			}
			return f.Sync()
		}}, err
	}}
	j := openJournal(t, dir, o)
	put(t, j, delivery("one", "a@b"))
	old := newest
	put(t, j, delivery("two", "a@b"))
	if newest == old {
		t.Fatal("no new file began")
	}
	armed = true
	put(t, j, delivery("three", "a@b"))
	if len(segmentFiles(t, after)) == 0 {
		t.Fatal("no new file was synced")
	}
	k := openJournal(t, after, JournalOptions{})
	wantBodies(t, k, "one", "two")
	if left, _ := filepath.Glob(filepath.Join(after, "*"+newSuffix)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestJournalLargeStuckDeliveryPinsNothing(t *testing.T) {
	j := openJournal(t, t.TempDir(), JournalOptions{SegmentSize: 4 << 10, MaxSegments: 3, MaxBytes: 60 << 10})
	put(t, j, delivery(strings.Repeat("s", 6<<10), "a@b")) // more than a file holds
	for i := range 200 {
		done(t, j, put(t, j, delivery(fmt.Sprint(i, strings.Repeat("x", 1000)), "a@b")))
	}
	if n := len(bodies(j)); n != 1 {
		t.Errorf("%d are pending", n)
	}
}

// The Done of a delivery lies in a later file: while the file of its Put cannot be
// removed, the others have to stay, or the delivery would come back.
func TestJournalFileThatCannotBeRemoved(t *testing.T) {
	dir := t.TempDir()
	var first string
	var broken atomic.Bool
	broken.Store(true)
	o := JournalOptions{SegmentSize: 1, remove: func(path string) error {
		if path == first && broken.Load() {
			return syscall.EIO
		}
		return os.Remove(path)
	}}
	j, err := OpenJournal(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	one := put(t, j, delivery("one", "a@b"))
	first = segmentFiles(t, dir)[0]
	two := put(t, j, delivery("two", "a@b"))
	done(t, j, one)
	put(t, j, delivery("three", "a@b"))
	done(t, j, two)
	after := t.TempDir()
	if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	wantBodies(t, openJournal(t, after, JournalOptions{}), "three")
	broken.Store(false)
	closeJournal(t, j)
	j = openJournal(t, dir, JournalOptions{})
	wantBodies(t, j, "three")
}

// What is done must not come back after the keys are forgotten by which it is known, nor
// must mail that its owner deleted lie about for years where little comes in.
func TestJournalFilesEndWithTheirDay(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1767225600, 0)
	j := openJournal(t, dir, JournalOptions{Now: func() time.Time { return now }})
	done(t, j, put(t, j, delivery("one", "a@b")))
	first := segmentFiles(t, dir)[0]
	done(t, j, put(t, j, delivery("two", "a@b")))
	if _, err := os.Stat(first); err != nil {
		t.Error(err)
	}
	now = now.Add(25 * time.Hour)
	done(t, j, put(t, j, delivery("three", "a@b")))
	if _, err := os.Stat(first); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of yesterday: %v", err)
	}
	now = now.Add(-100 * time.Hour) // a clock that is set back
	put(t, j, delivery("four", "a@b"))
	wantBodies(t, j, "four")
}

func TestJournalKeepKeys(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Unix(1767225600, 0)
	j := openJournal(t, t.TempDir(), JournalOptions{Now: func() time.Time { return now }})
	if got := j.KeepKeys(); got != 30*day {
		t.Errorf("nothing is pending: %s", got)
	}
	d := put(t, j, delivery("stuck", "a@b"))
	now = now.Add(40 * day)
	put(t, j, delivery("young", "a@b"))
	if got := j.KeepKeys(); got != 41*day {
		t.Errorf("one is 40 days old: %s", got)
	}
	done(t, j, d)
	if got := j.KeepKeys(); got != 30*day {
		t.Errorf("it is done: %s", got)
	}
}

func TestJournalGet(t *testing.T) {
	j := openJournal(t, t.TempDir(), JournalOptions{})
	d := put(t, j, delivery("one", "a@b"))
	if got, err := j.Get(d.Serial); err != nil || string(got.Raw) != "one" {
		t.Errorf("pending: %+v, %v", got, err)
	}
	done(t, j, d)
	if got, err := j.Get(d.Serial); err != nil || got != nil {
		t.Errorf("done: %+v, %v", got, err)
	}
}

func TestJournalSaysThatItFailed(t *testing.T) {
	var syncErr, writeErr error
	j := openJournal(t, t.TempDir(), brokenDisk(&syncErr, &writeErr))
	if err := j.Err(); err != nil {
		t.Error(err)
	}
	syncErr = syscall.EIO
	if err := j.Put(t.Context(), delivery("x", "a@b")); err == nil {
		t.Error("a broken disk takes a delivery")
	}
	syncErr = nil
	if err := j.Err(); !errors.Is(err, ErrJournalFailed) || !errors.Is(err, syscall.EIO) {
		t.Errorf("error is %v", err)
	}
}

func TestUnconfirmedForgetsTheOldestFirst(t *testing.T) {
	now := time.Unix(1767225600, 0)
	u := newUnconfirmed(time.Hour, 2)
	u.add("a", now)
	u.remove("a")
	u.add("b", now)
	u.add("a", now) // once more: it is the younger one now
	u.add("c", now)
	if !u.has("a", now) || !u.has("c", now) || u.has("b", now) || u.len() != 2 {
		t.Errorf("left are %v", u.at)
	}
}
