package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/sqlite"
)

// What stands beside a store's file while another one takes its place, and afterwards.
const (
	partSuffix  = ".restore-part"   // a copy that is not checked yet
	readySuffix = ".restore-ready"  // the checked copy: from now on it is the store
	keptSuffix  = ".before-restore" // the file that was there
)

// fenceLeap is how far fencing numbers go on behind those of the backup if the file that they were
// counted in since cannot be read: further than any store counts.
const fenceLeap = 1 << 40

// Restore puts the backup at from, as BackupTo makes them, in place of the store at path. The old file
// stays beside it as path.before-restore; one of an earlier restore gets a number.
//
//	from ── copy ──> .restore-part ── checked, marks raised ──> .restore-ready
//	path ── folded ──────────────────────────────────────────> .before-restore
//	                                        .restore-ready ──> path
//
// A crash leaves the old store as long as there is no .restore-ready, and the new one from then on: the
// next Open, or Restore, does the rest. Time and fencing numbers do not go back behind those of the
// old file.
//
// It returns ErrOwned if a process has the store open, ErrNetworkFS, and sqlite's ErrCorrupt,
// ErrForeign or ErrNewerSchema if the file is no backup of a store or this program cannot read
// it. Of o only Now and Logger are used.
func Restore(ctx context.Context, from, path string, o Options) error {
	return (&restore{o: o, step: func(string) {}}).run(ctx, from, path)
}

// restore is one restore. step is called after each step with its name.
type restore struct {
	o    Options
	step func(string)
	path string
}

func (r *restore) run(ctx context.Context, from, path string) (err error) {
	if r.o.Logger == nil {
		r.o.Logger = slog.New(slog.DiscardHandler)
	}
	fail := func(err error) error { return fmt.Errorf("kv/engine: restore: %w", err) }
	path, owner, err := claim(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, owner.Close()) }()
	r.path = path
	if err := r.finish(); err != nil { // what an earlier one began
		return err
	}
	part := path + partSuffix
	if err := r.copyFrom(ctx, from, part); err != nil {
		return errors.Join(fail(err), discard(part))
	}
	r.step("copied")
	err = sqlite.CheckFile(ctx, part)
	r.step("checked")
	var raise func(sqlite.Marks) sqlite.Marks
	if err == nil {
		raise, err = r.fold()
		r.step("folded")
	}
	if err == nil {
		err = sqlite.Raise(ctx, part, raise)
		r.step("raised")
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = alone(part)
	}
	if err == nil {
		err = move(part, path+readySuffix)
	}
	if err != nil {
		return errors.Join(fail(err), discard(part))
	}
	r.step("ready")
	return r.finish()
}

// copyFrom copies the backup to part, down to the disk.
func (r *restore) copyFrom(ctx context.Context, from, part string) (err error) {
	if err := discard(part); err != nil { // of a restore that crashed
		return err
	}
	is, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !is.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", from)
	}
	if old, err := os.Stat(r.path); err == nil && os.SameFile(is, old) {
		return fmt.Errorf("%s is the store itself", from)
	}
	if err := alone(from); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for n := int64(1); n > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n, err = io.CopyN(out, in, 4<<20); err != nil && err != io.EOF {
			return err
		}
	}
	return errors.Join(r.give(out), out.Sync())
}

// give gives the file to who had the old one, if this is root, who restores for another user.
func (r *restore) give(f *os.File) error {
	var s unix.Stat_t
	if os.Geteuid() != 0 || unix.Stat(r.path, &s) != nil {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}

// alone refuses a file with a journal: what that holds belongs to it, and it was copied without.
func alone(file string) error {
	for _, suffix := range journals {
		if is, err := os.Lstat(file + suffix); err == nil && is.Size() > 0 {
			return fmt.Errorf("%s is not a whole backup: it has %s beside it", file, filepath.Base(file+suffix))
		}
	}
	return nil
}

// fold takes the old file's -wal in and reads its marks. A file that is too damaged for that
// is moved away as it is, and its marks are guessed with room to spare.
func (r *restore) fold() (func(sqlite.Marks) sqlite.Marks, error) {
	is, err := os.Stat(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return func(of sqlite.Marks) sqlite.Marks { return of }, nil
	}
	if err != nil {
		return nil, err
	}
	old, err := sqlite.Fold(r.path)
	if errors.Is(err, sqlite.ErrInUse) || errors.Is(err, sqlite.ErrForeign) {
		return nil, err
	}
	if err == nil {
		return func(sqlite.Marks) sqlite.Marks { return old }, nil
	}
	r.o.Logger.Warn("the store that is replaced cannot be read to its end; it is kept as it is", "err", err)
	seen := max(old.Clock, is.ModTime().UnixMilli(), kv.NewClock(r.o.Now, 0).Milli())
	if wal, err := os.Stat(r.path + "-wal"); err == nil {
		seen = max(seen, wal.ModTime().UnixMilli())
	}
	return func(of sqlite.Marks) sqlite.Marks {
		known := max(of.Fence, old.Fence)
		return sqlite.Marks{Clock: seen, Fence: min(known, math.MaxInt64-fenceLeap) + fenceLeap}
	}, nil
}

// move renames a file, down to the disk.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// discard removes a file and what SQLite puts beside it.
func discard(file string) error {
	for _, suffix := range append([]string{"", "-shm"}, journals...) {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
