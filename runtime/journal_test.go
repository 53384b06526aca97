package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// delivery returns a delivery of one message to these recipients.
func delivery(body string, rcpts ...string) *Delivery {
	d := &Delivery{Time: time.Unix(1767225600, 0).UTC(), From: Path{Address: "alice@example.net"}, Raw: []byte(body), QueueID: "Q"}
	for _, r := range rcpts {
		d.Plans = append(d.Plans, RecipientPlan{
			ID:   DeliveryID(r, d.From.Address, d.Raw, d.QueueID),
			Rcpt: Recipient{Path: Path{Address: r}, Account: "a-" + r},
			Actions: []Action{
				{Kind: FileInto, Mailbox: "Läden", Flags: []string{`\Seen`}},
				{Kind: Quarantine, Mailbox: "Quarantine", Create: true, Reason: "a virus, ähnlich", Header: []byte("X-A: b\r\n\r\n")},
				{Kind: Accept},
				{Kind: Mark, Key: "k", Value: map[string]Value{"n": int64(1), "f": 1.0, "b": []byte{0xff}, "l": []Value{nil, true}}, TTL: time.Hour},
			},
		})
	}
	return d
}

func openJournal(t testing.TB, dir string, o JournalOptions) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func closeJournal(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, j *Journal, d *Delivery) *Delivery {
	t.Helper()
	if err := j.Put(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func done(t testing.TB, j *Journal, d *Delivery) {
	t.Helper()
	if err := j.Done(d.Serial); err != nil {
		t.Fatal(err)
	}
}

// bodies returns the messages that are pending, in order.
func bodies(j *Journal) []string {
	out := []string{}
	for d := range j.All() {
		out = append(out, string(d.Raw))
	}
	return out
}

func wantBodies(t testing.TB, j *Journal, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if d := cmp.Diff(want, bodies(j)); d != "" {
		t.Errorf("pending (-want +got):\n%s", d)
	}
}

func TestJournalKeepsWhatIsNotDone(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, JournalOptions{})
	one, two, three := put(t, j, delivery("one", "a@b", "c@d")), put(t, j, delivery("two", "a@b")), put(t, j, delivery("three", "a@b"))
	done(t, j, two)
	done(t, j, two)
	wantBodies(t, j, "one", "three")
	closeJournal(t, j)

	j = openJournal(t, dir, JournalOptions{})
	if d := cmp.Diff([]*Delivery{one, three}, j.Pending()); d != "" {
		t.Errorf("pending after reopening (-want +got):\n%s", d)
	}
	done(t, j, one)
	done(t, j, three)
	closeJournal(t, j)
	j = openJournal(t, dir, JournalOptions{})
	wantBodies(t, j)
	if s := j.Stats(); s.Segments != 1 {
		t.Errorf("%d files for nothing", s.Segments)
	}
}

func TestJournalStoresAMessageOnceForAllRecipients(t *testing.T) {
	j := openJournal(t, t.TempDir(), JournalOptions{})
	var rcpts []string
	for i := range 20 {
		rcpts = append(rcpts, fmt.Sprintf("r%d@example.org", i))
	}
	put(t, j, delivery(strings.Repeat("x", 100_000), rcpts...))
	if n := j.Stats().Octets; n > 120_000 {
		t.Errorf("%d octets for a message of 100,000", n)
	}
}

func TestJournalSerialsAreUnique(t *testing.T) {
	now := time.Unix(1, 0)
	seen := map[string]bool{}
	for range 10_000 {
		s := newSerial(now)
		if seen[s] {
			t.Fatalf("serial %s twice", s)
		}
		seen[s] = true
	}
	if newSerial(now) > newSerial(now.Add(time.Second)) {
		t.Error("serials do not sort by time")
	}
}

func TestJournalOneProcess(t *testing.T) {
	dir := t.TempDir()
	openJournal(t, dir, JournalOptions{})
	if _, err := OpenJournal(dir, JournalOptions{}); err == nil || !strings.Contains(err.Error(), "has it open") {
		t.Errorf("opened twice: %v", err)
	}
}

func TestJournalSharesAnFsync(t *testing.T) {
	var armed atomic.Bool
	var syncs atomic.Int64
	started, release := make(chan struct{}), make(chan struct{})
	j := openJournal(t, t.TempDir(), JournalOptions{create: func(path string) (segmentFile, error) {
		f, err := createSegment(path)
		return &diskFile{segmentFile: f, sync: func() error {
			if armed.Load() && syncs.Add(1) == 1 {
				close(started)
				<-release
			}
			return f.Sync()
		}}, err
	}})
	armed.Store(true)
	var wg sync.WaitGroup
	putOne := func(i int) {
		wg.Go(func() {
			if err := j.Put(t.Context(), delivery(fmt.Sprint(i), "a@b")); err != nil {
				t.Error(err)
			}
		})
	}
	putOne(0)
	<-started
	for i := range 99 {
		putOne(i + 1)
	}
	for queued := 0; queued < 99; goruntime.Gosched() { // all others come while the first fsync is under way
		j.mu.Lock()
		queued = len(j.queue)
		j.mu.Unlock()
	}
	close(release)
	wg.Wait()
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d fsyncs for one delivery and 99 that came meanwhile", n)
	}
}

func TestJournalPutEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j := openJournal(t, t.TempDir(), JournalOptions{})
	if err := j.Put(ctx, delivery("x", "a@b")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	wantBodies(t, j)
}

func TestJournalLimits(t *testing.T) {
	j := openJournal(t, t.TempDir(), JournalOptions{MaxRecord: 10_000, MaxBytes: 20_000})
	if err := j.Put(t.Context(), delivery(strings.Repeat("x", 10_001), "a@b")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large a delivery: %v", err)
	}
	for range 3 {
		put(t, j, delivery(strings.Repeat("x", 8_000), "a@b"))
	}
	if err := j.Put(t.Context(), delivery("x", "a@b")); !errors.Is(err, ErrJournalFull) {
		t.Errorf("a full journal: %v", err)
	}
}

func TestJournalSegments(t *testing.T) {
	dir := t.TempDir()
	o := JournalOptions{SegmentSize: 4 << 10, MaxSegments: 3}
	j := openJournal(t, dir, o)
	stuck := put(t, j, delivery("stuck", "a@b"))
	for i := range 100 {
		done(t, j, put(t, j, delivery(fmt.Sprint(i, strings.Repeat("x", 1000)), "a@b")))
	}
	if n := j.Stats().Segments; n > 4 {
		t.Errorf("%d files for one delivery", n)
	}
	wantBodies(t, j, "stuck")
	closeJournal(t, j)
	j = openJournal(t, dir, o)
	wantBodies(t, j, "stuck")
	if s := j.Pending()[0].Serial; s != stuck.Serial {
		t.Errorf("serial is %s, was %s", s, stuck.Serial)
	}
	done(t, j, stuck)
	closeJournal(t, j)
	j = openJournal(t, dir, o)
	wantBodies(t, j)
}

func TestJournalAfterClose(t *testing.T) {
	j := openJournal(t, t.TempDir(), JournalOptions{})
	closeJournal(t, j)
	if err := j.Put(t.Context(), delivery("x", "a@b")); !errors.Is(err, ErrClosed) {
		t.Errorf("put: %v", err)
	}
	if err := j.Done("x"); !errors.Is(err, ErrClosed) {
		t.Errorf("done: %v", err)
	}
	closeJournal(t, j)
}

// diskFile is a segment on a disk that fails.
type diskFile struct {
	segmentFile
	sync  func() error
	write func([]byte) (int, error)
}

func (f *diskFile) Sync() error {
	if f.sync != nil {
		return f.sync()
	}
	return f.segmentFile.Sync()
}

func (f *diskFile) Write(b []byte) (int, error) {
	if f.write != nil {
		return f.write(b)
	}
	return f.segmentFile.Write(b)
}

// brokenDisk returns options whose segments fail as *sync and *write say; a failing
// write leaves half of it behind.
func brokenDisk(syncErr, writeErr *error) JournalOptions {
	return JournalOptions{create: func(path string) (segmentFile, error) {
		f, err := createSegment(path)
		return &diskFile{segmentFile: f,
			sync: func() error {
				if *syncErr != nil {
					return *syncErr
				}
				return f.Sync()
			},
			write: func(b []byte) (int, error) {
				if *writeErr != nil {
					n, _ := f.Write(b[:len(b)/2])
					return n, *writeErr
				}
				return f.Write(b)
			}}, err
	}}
}

func TestJournalDiskErrors(t *testing.T) {
	for _, tt := range []struct {
		name        string
		sync, write error
		goesOn      bool
	}{
		{name: "fsync fails", sync: syscall.EIO},
		{name: "write fails", write: syscall.EIO},
		{name: "the disk is full", write: syscall.ENOSPC, goesOn: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var syncErr, writeErr error
			j, err := OpenJournal(dir, brokenDisk(&syncErr, &writeErr))
			if err != nil {
				t.Fatal(err)
			}
			before := put(t, j, delivery("before", "a@b"))
			syncErr, writeErr = tt.sync, tt.write
			if err := j.Put(t.Context(), delivery("broken", "a@b")); err == nil {
				t.Fatal("a broken disk takes a delivery")
			}
			syncErr, writeErr = nil, nil
			err = j.Put(t.Context(), delivery("after", "a@b"))
			want := []string{"before"}
			switch {
			case tt.goesOn && err != nil:
				t.Errorf("put after the disk has room again: %v", err)
			case tt.goesOn:
				want = append(want, "after")
			case !errors.Is(err, ErrJournalFailed) || !errors.Is(err, syscall.EIO):
				t.Errorf("put after a disk error: %v", err)
			case !errors.Is(j.Done(before.Serial), ErrJournalFailed):
				t.Error("done is taken after a disk error")
			}
			wantBodies(t, j, want...)
			closeJournal(t, j)
			j = openJournal(t, dir, JournalOptions{})
			got := bodies(j)
			if tt.sync != nil && len(got) == 2 && got[1] == "broken" {
				got = got[:1] // its write was whole, only not known to be durable
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("pending after reopening (-want +got):\n%s", d)
			}
			put(t, j, delivery("more", "a@b"))
		})
	}
}

func TestJournalGoesOnWhereNoNewFileCanBegin(t *testing.T) {
	var full atomic.Bool
	dir := t.TempDir()
	j := openJournal(t, dir, JournalOptions{SegmentSize: 1, create: func(path string) (segmentFile, error) {
		f, err := createSegment(path)
		return &diskFile{segmentFile: f, write: func(b []byte) (int, error) {
			if full.Load() {
				return 0, syscall.ENOSPC
			}
			return f.Write(b)
		}}, err
	}})
	put(t, j, delivery("one", "a@b"))
	full.Store(true)
	if err := j.Put(t.Context(), delivery("two", "a@b")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	full.Store(false)
	put(t, j, delivery("three", "a@b"))
	wantBodies(t, j, "one", "three")
	closeJournal(t, j)
	j = openJournal(t, dir, JournalOptions{})
	wantBodies(t, j, "one", "three")
}

func TestJournalRefusesNewerVersions(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, JournalOptions{})
	put(t, j, delivery("x", "a@b"))
	closeJournal(t, j)
	path := segmentFiles(t, dir)[0]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(segmentMagic)] = segmentVersion + 1
	sealHead(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir, JournalOptions{}); !errors.Is(err, ErrNewerJournal) {
		t.Errorf("error is %v", err)
	}
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestDeliveryID(t *testing.T) {
	base := DeliveryID("a@b", "c@d", []byte("raw"), "Q")
	for name, other := range map[string]string{
		"recipient":            DeliveryID("x@b", "c@d", []byte("raw"), "Q"),
		"sender":               DeliveryID("a@b", "x@d", []byte("raw"), "Q"),
		"octets":               DeliveryID("a@b", "c@d", []byte("rav"), "Q"),
		"queue id":             DeliveryID("a@b", "c@d", []byte("raw"), "R"),
		"where one field ends": DeliveryID("a@bc", "@d", []byte("raw"), "Q"),
	} {
		if other == base {
			t.Errorf("%s does not count", name)
		}
	}
	if base != DeliveryID("a@b", "c@d", bytes.Clone([]byte("raw")), "Q") || len(base) != 64 {
		t.Errorf("id %q is not stable", base)
	}
}
