package runtime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sealHead makes the checksum of a segment's head right again.
func sealHead(b []byte) {
	binary.LittleEndian.PutUint32(b[segmentHead-4:], crc32.Checksum(b[:segmentHead-4], castagnoli))
}

// crashed returns the only file of a journal whose process died after these Puts.
func crashed(t *testing.T, texts ...string) (path string, content []byte) {
	t.Helper()
	dir := t.TempDir()
	j, err := OpenJournal(dir, JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range texts {
		put(t, j, delivery(s, "a@b"))
	}
	path = segmentFiles(t, dir)[0]
	if content, err = os.ReadFile(path); err != nil { // before Close seals it
		t.Fatal(err)
	}
	closeJournal(t, j)
	return filepath.Base(path), content
}

// reopen opens a journal that consists of this file.
func reopen(t *testing.T, name string, content []byte, o JournalOptions) (*Journal, string, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(dir, o)
	return j, path, err
}

// fastDisk are options of a journal whose disk never waits, for tests of what is written
// and not of when.
var fastDisk = JournalOptions{
	create: func(path string) (segmentFile, error) {
		f, err := createSegment(path)
		return &diskFile{segmentFile: f, sync: func() error { return nil }}, err
	},
	syncFolder: func(string) error { return nil },
}

// lastRecord returns where the last record begins.
func lastRecord(content []byte) int {
	marker := string(content[len(segmentMagic)+1 : len(segmentMagic)+1+markerSize])
	return strings.LastIndex(string(content), marker)
}

func TestJournalCutAtEveryOctetOfTheLastRecord(t *testing.T) {
	name, content := crashed(t, "one", "two", "three")
	for n := lastRecord(content); n < len(content); n++ {
		j, path, err := reopen(t, name, content[:n], fastDisk)
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", n, len(content), err)
		}
		wantBodies(t, j, "one", "two")
		if n%16 != 0 && n < len(content)-2 { // what goes on from there is the same everywhere
			closeJournal(t, j)
			continue
		}
		put(t, j, delivery("four", "a@b"))
		closeJournal(t, j)
		j, err = OpenJournal(filepath.Dir(path), fastDisk)
		if err != nil {
			t.Fatalf("cut at %d, opened again: %v", n, err)
		}
		wantBodies(t, j, "one", "two", "four")
		closeJournal(t, j)
	}
}

func TestJournalCutWithinItsHead(t *testing.T) {
	name, content := crashed(t)
	for n := range segmentHead {
		j, _, err := reopen(t, name, content[:n], fastDisk)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		wantBodies(t, j)
		closeJournal(t, j)
	}
}

func TestJournalFlippedOctets(t *testing.T) {
	name, content := crashed(t, "one", "two", "three", "four")
	last := lastRecord(content)
	for at := range len(content) {
		if at > segmentHead+2*recordHead && at%4 != 0 {
			continue // octets of payloads are all alike
		}
		b := slices.Clone(content)
		b[at] ^= 0x10
		j, path, err := reopen(t, name, b, fastDisk)
		var damage *DamagedError
		switch {
		case at < segmentHead:
			if !errors.As(err, &damage) && !errors.Is(err, ErrNewerJournal) {
				t.Fatalf("octet %d of the head flipped: %v", at, err)
			}
		case at < last:
			// Three was written when one and two were durable, four when three was: only
			// the last one cannot be told from a write that was under way.
			if !errors.As(err, &damage) {
				t.Fatalf("octet %d flipped: %v", at, err)
			}
			if damage.File != path || damage.Offset > int64(at) || !strings.Contains(err.Error(), path) {
				t.Fatalf("octet %d flipped, error names %s at %d", at, damage.File, damage.Offset)
			}
		case err != nil:
			t.Fatalf("octet %d of the last record flipped: %v", at, err)
		default:
			wantBodies(t, j, "one", "two", "three")
		}
		if err == nil {
			closeJournal(t, j)
		}
	}
}

func TestJournalSalvage(t *testing.T) {
	name, content := crashed(t, "one", "two", "three", "four")
	b := slices.Clone(content)
	b[strings.Index(string(b), "two")] ^= 1
	j, path, err := reopen(t, name, b, JournalOptions{Salvage: true})
	if err != nil {
		t.Fatal(err)
	}
	wantBodies(t, j, "one", "three", "four")
	closeJournal(t, j)
	if kept, err := os.ReadFile(path + ".damaged"); err != nil || string(kept) != string(b) {
		t.Errorf("the damaged file is not kept as it was: %v", err)
	}
	j = openJournal(t, filepath.Dir(path), JournalOptions{})
	wantBodies(t, j, "one", "three", "four")
}

func TestJournalDamageAfterACleanEndIsFound(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, JournalOptions{})
	put(t, j, delivery("only", "a@b"))
	closeJournal(t, j)
	path := segmentFiles(t, dir)[0]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[strings.Index(string(b), "only")] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var damage *DamagedError
	if _, err := OpenJournal(dir, JournalOptions{}); !errors.As(err, &damage) {
		t.Errorf("error is %v", err)
	}
}

func FuzzJournalSegment(f *testing.F) {
	s := &segment{marker: [markerSize]byte([]byte("markmark"))}
	var all []byte
	for _, r := range []*record{{First: true, Unconfirmed: map[string]int64{"a": 1}}, {Put: delivery("x", "a@b")}, {Done: []string{"s"}}, {Confirm: []string{"a"}}} {
		b, err := encodeRecord(r)
		if err != nil {
			f.Fatal(err)
		}
		s.fillHead(b, int64(segmentHead+len(all)))
		all = append(all, b...)
		f.Add(slices.Clone(all), false)
	}
	f.Add(all[:len(all)-1], true)
	f.Add(all[1:], true)
	f.Fuzz(func(t *testing.T, content []byte, goOn bool) {
		b := append(make([]byte, segmentHead), content...)
		s := &segment{marker: [markerSize]byte([]byte("markmark")), size: int64(len(b)), path: "file"}
		j := &Journal{pending: map[string]*ref{}, unconfirmed: newUnconfirmed(time.Hour, 10)}
		good, err := s.scan(bytes.NewReader(b), 1<<20, func(offset, size int64, payload []byte) error {
			return j.replay(s, offset, size, payload)
		}, func(de *DamagedError, _ bool) (bool, error) {
			if de.Offset < int64(segmentHead) || de.Offset > s.size {
				t.Errorf("damage at %d of %d octets", de.Offset, s.size)
			}
			return goOn, nil
		})
		if good > s.size || err == nil && good < int64(segmentHead) {
			t.Errorf("%d of %d octets are good", good, s.size)
		}
		if s.live != len(j.pending) || j.unconfirmed.len() > 10 {
			t.Errorf("%d live, %d pending, %d unconfirmed", s.live, len(j.pending), j.unconfirmed.len())
		}
	})
}

// TestMain is also the child processes of the tests.
func TestMain(m *testing.M) {
	switch os.Getenv("SLUICE_TEST_CHILD") {
	case "journal":
		journalChild(os.Getenv("SLUICE_TEST_DIR"))
	case "pipe":
		pipeChild()
	default:
		os.Exit(m.Run())
	}
}

// child returns a command that runs this test binary as a child of that role.
func child(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), exe)
	c.Env = append(os.Environ(), "SLUICE_TEST_CHILD="+role, "SLUICE_TEST_DIR="+dir)
	c.Stderr = os.Stderr
	return c
}

// journalChild puts from 16 goroutines until it is killed, and tells of what was
// acknowledged: "put SERIAL ID", and what it does to it before and after.
func journalChild(dir string) {
	j, err := OpenJournal(dir, JournalOptions{SegmentSize: 64 << 10, MaxSegments: 3})
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	say := func(words ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(words...)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				d := delivery(fmt.Sprintf("%d-%d-%d %s", os.Getpid(), g, i, strings.Repeat("x", 500*g)), "a@b")
				if err := j.Put(context.Background(), d); err != nil {
					say("failed", err)
					os.Exit(1)
				}
				say("put", d.Serial, d.Plans[0].ID)
				switch i % 3 {
				case 0:
					say("trydone", d.Serial)
					if err := j.Done(d.Serial); err != nil {
						say("failed", err)
					}
					say("done", d.Serial)
				case 1:
					say("tryconfirm", d.Plans[0].ID)
					if err := j.Confirm(d.Plans[0].ID); err != nil {
						say("failed", err)
					}
					say("confirm", d.Plans[0].ID)
				}
			}
		})
	}
	wg.Wait()
}

func TestJournalKill(t *testing.T) {
	dir := t.TempDir()
	said := map[string]map[string]bool{"trydone": {}, "done": {}, "tryconfirm": {}, "confirm": {}}
	acknowledged := map[string]string{}
	for round := range 12 {
		killChild(t, dir, 40+13*round, func(f []string) {
			if f[0] == "put" {
				acknowledged[f[1]] = f[2]
			} else if said[f[0]] != nil {
				said[f[0]][f[1]] = true
			} else {
				t.Errorf("round %d: %s", round, f)
			}
		})
		j, err := OpenJournal(dir, JournalOptions{SegmentSize: 64 << 10, MaxSegments: 3})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		pending := map[string]bool{}
		for d := range j.All() {
			pending[d.Serial] = true
			if len(d.Raw) == 0 || len(d.Plans) != 1 {
				t.Errorf("round %d: delivery %s is not whole", round, d.Serial)
			}
		}
		for serial, id := range acknowledged {
			if !pending[serial] && !said["trydone"][serial] {
				t.Errorf("round %d: acknowledged delivery %s is lost", round, serial)
			}
			if pending[serial] && said["done"][serial] {
				t.Errorf("round %d: delivery %s was done and is not", round, serial)
			}
			if !j.Unconfirmed(id) && !said["tryconfirm"][id] {
				t.Errorf("round %d: answer of %s is taken for known", round, id)
			}
			if j.Unconfirmed(id) && said["confirm"][id] {
				t.Errorf("round %d: confirmed answer of %s is forgotten", round, id)
			}
		}
		for serial := range pending {
			if round%2 == 0 {
				if err := j.Done(serial); err != nil {
					t.Fatal(err)
				}
				said["trydone"][serial], said["done"][serial] = true, true
			}
		}
		closeJournal(t, j)
	}
	if len(acknowledged) < 12*40 {
		t.Errorf("only %d deliveries were acknowledged", len(acknowledged))
	}
}

// killChild runs a journalChild, gives line each of its lines and kills it after n Puts.
func killChild(t *testing.T, dir string, n int, line func([]string)) {
	t.Helper()
	c := child(t, "journal", dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		line(f)
		if f[0] == "put" {
			n--
		}
		if n == 0 {
			n--
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = c.Wait() // it was killed
}

func TestUnconfirmed(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := JournalOptions{Now: c.now, MaxUnconfirmed: 3, SegmentSize: 1} // a new file at each Put
	j := openJournal(t, dir, o)
	var ids []string
	for i := range 4 {
		d := put(t, j, delivery(fmt.Sprint(i), "a@b"))
		ids = append(ids, d.Plans[0].ID)
		done(t, j, d)
		c.advance(time.Hour)
	}
	want := func(when string, want ...bool) {
		t.Helper()
		for i, id := range ids {
			if got := j.Unconfirmed(id); got != want[i] {
				t.Errorf("%s: delivery %d unconfirmed is %v", when, i, got)
			}
		}
	}
	want("the oldest is over the bound", false, true, true, true)
	if err := j.Confirm(ids[2], "unknown"); err != nil {
		t.Fatal(err)
	}
	want("one is confirmed", false, true, false, true)
	closeJournal(t, j)
	j = openJournal(t, dir, o)
	want("after a restart", false, true, false, true)
	c.advance(5*24*time.Hour - 150*time.Minute)
	want("five days after the second", false, false, false, true)
	closeJournal(t, j)
	j = openJournal(t, dir, o)
	if n := j.Stats().Unconfirmed; n != 1 {
		t.Errorf("%d are kept", n)
	}
}
