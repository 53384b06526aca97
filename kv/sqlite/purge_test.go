package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/kvtest"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// valueOf is a value that tells its key; every third one is too big to stand beside it.
func valueOf(i int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%05d ", i), 1+400*((i%3)/2))
}

// apply writes rows with one expiry, all in one commit.
func apply(t *testing.T, s *sqlite.Store, n int, expires time.Time) {
	t.Helper()
	var changes []kv.Change
	for i := range n {
		changes = append(changes, kv.Change{Key: key(fmt.Sprintf("%05d", i)), Value: kv.Value{Bytes: valueOf(i), Expires: expires}})
	}
	if err := s.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

func whole(t testing.TB, s *sqlite.Store) {
	t.Helper()
	if n, err := s.Parted(context.Background()); err != nil || n != 0 {
		t.Fatalf("%d keys and values are parted, %v", n, err)
	}
}

// DeletePrefix needs many commits. Whoever reads between them sees a row as it was or no row.
func TestADeleteInManyCommitsNeverPartsAKeyFromItsValue(t *testing.T) {
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), kvtest.NewClock())
	const rows = 4000
	apply(t, s, rows, time.Time{})
	if _, err := s.Rate(t.Context(), key("00001"), kv.Rule{Limit: 1, Per: time.Hour}, 1, false); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i = (i + 7) % rows {
			v, err := s.Get(t.Context(), key(fmt.Sprintf("%05d", i)))
			if err != nil && !errors.Is(err, kv.ErrNotFound) || err == nil && !bytes.Equal(v.Bytes, valueOf(i)) {
				t.Errorf("get %d: %d octets, %v", i, len(v.Bytes), err)
			}
			if i%100 == 0 {
				whole(t, s)
			}
		}
	})
	n, err := s.DeletePrefix(t.Context(), kv.Script, "")
	stop()
	wg.Wait()
	if err != nil || n != rows+1 {
		t.Errorf("removed %d, %v, want %d", n, err, rows+1)
	}
	if got := s.Writer().Steps; got == 0 {
		t.Error("no part of it was a background write")
	}
	whole(t, s)
}

func TestAFewRowsAreDeletedInOneCommit(t *testing.T) {
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), kvtest.NewClock())
	apply(t, s, 20, time.Time{})
	before := s.Writer()
	if n, err := s.DeletePrefix(t.Context(), kv.Script, ""); err != nil || n != 20 {
		t.Errorf("removed %d, %v", n, err)
	}
	if after := s.Writer(); after.Steps != 0 || after.Commits != before.Commits+1 {
		t.Errorf("%d commits, %d of them in the background", after.Commits-before.Commits, after.Steps)
	}
}

func TestADeleteThatIsGivenUpLeavesTheRest(t *testing.T) {
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), kvtest.NewClock())
	apply(t, s, 500, time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n, err := s.DeletePrefix(ctx, kv.Script, "")
	if !errors.Is(err, context.Canceled) || n != 0 {
		t.Errorf("removed %d, %v", n, err)
	}
	whole(t, s)
}

// Whatever is written, rewritten, deleted and purged in whatever order, with restarts, no value is
// left without its key and a purge that came to its end leaves nothing expired.
func TestPurgesLeaveNothingBehind(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir()
		clock := kvtest.NewClock()
		open := func() *sqlite.Store {
			s, err := sqlite.Open(t.Context(), filepath.Join(dir, "kv.db"), sqlite.Options{Now: clock.Now, Readers: 1})
			if err != nil {
				r.Fatal(err)
			}
			return s
		}
		s := open()
		defer func() { _ = s.Close() }()
		ctx := context.Background()
		name := rapid.Custom(func(r *rapid.T) kv.Key {
			return kv.Key{Prefix: rapid.SampledFrom([]kv.Prefix{kv.Script, kv.Greylist}).Draw(r, "prefix"), Name: rapid.SampledFrom([]string{"", "a", "a\x00", "b", "\xff"}).Draw(r, "name")}
		})
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			var err error
			k := name.Draw(r, "key")
			switch rapid.IntRange(0, 6).Draw(r, "act") {
			case 0, 1:
				size := rapid.SampledFrom([]int{0, 10, 1024, 1025, 9000}).Draw(r, "size")
				ttl := time.Duration(rapid.IntRange(0, 3).Draw(r, "ttl")) * time.Second
				err = s.Set(ctx, k, make([]byte, size), ttl)
			case 2:
				clock.Advance(time.Duration(rapid.IntRange(0, 2000).Draw(r, "ms")) * time.Millisecond)
			case 3:
				_, _, err = s.Purge(ctx)
			case 4:
				_, err = s.Delete(ctx, k)
			case 5:
				_, err = s.DeletePrefix(ctx, k.Prefix, k.Name)
			case 6:
				if err = s.Close(); err == nil {
					s = open()
				}
			}
			if err != nil {
				r.Fatal(err)
			}
		}
		for rounds := 0; rounds < 2; { // the first one may have begun anywhere
			_, more, err := s.Purge(ctx)
			if err != nil {
				r.Fatal(err)
			}
			if !more {
				rounds++
			}
		}
		if n, err := s.Due(ctx); err != nil || n != 0 {
			r.Fatalf("%d rows are due after a purge, %v", n, err)
		}
		if n, err := s.Parted(ctx); err != nil || n != 0 {
			r.Fatalf("%d keys and values are parted, %v", n, err)
		}
	})
}

func TestAPurgeOfBigValuesGoesInSmallSteps(t *testing.T) {
	clock := kvtest.NewClock()
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), clock)
	const rows = 100
	for i := range rows { // each has as many pages as a step has rows at the beginning
		if err := s.Set(t.Context(), key(fmt.Sprintf("%05d", i)), make([]byte, kv.MaxValue), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(time.Hour)
	total := 0
	for more := true; more; {
		n, m, err := s.Purge(t.Context())
		if err != nil || n > 40 {
			t.Fatalf("one step removed %d values of 1 MiB, %v", n, err)
		}
		total, more = total+n, m
	}
	if total != rows {
		t.Errorf("removed %d, want %d", total, rows)
	}
	whole(t, s)
}

func TestAWholeFileIsCountedPageByPage(t *testing.T) {
	s := at(t, filepath.Join(t.TempDir(), "kv.db"), kvtest.NewClock())
	const rows = 25_000 // more than two pages of a count
	var changes []kv.Change
	for i := range rows {
		changes = append(changes, kv.Change{Key: kv.Key{Prefix: kv.Prefix(i % 2 * 255), Name: fmt.Sprint(i)}, Value: kv.Value{Bytes: []byte("x")}})
	}
	if err := s.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	stats, err := s.Stats(t.Context())
	if err != nil || len(stats) != 2 || stats[0].Rows != rows/2 || stats[1].Rows != rows/2 || stats[1].Prefix != 255 {
		t.Errorf("%+v, %v", stats, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Due(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
