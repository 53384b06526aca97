package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
)

// journals are what SQLite would play back into whatever file it finds under the name.
var journals = []string{"-wal", "-journal"}

// finish puts a checked copy that a restore made ready in place of the store's file, however far
// an earlier call came. The caller holds the lock. Every step is on disk before the next:
//
//   - the old file gets a second name, so that path always is a store;
//   - a journal that could not be taken in gets one in its stead: it must not be there when the new file is;
//   - the copy gets the store's name.
func (r *restore) finish() error {
	ready := r.path + readySuffix
	if _, err := os.Lstat(ready); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := r.replace(ready); err != nil {
		return fmt.Errorf("kv/engine: restore: %s is ready but not in place: %w", ready, err)
	}
	r.step("replaced")
	return nil
}

func (r *restore) replace(ready string) error {
	kept := r.path + keptSuffix
	if err := r.keep(kept); err != nil {
		return err
	}
	r.step("kept")
	for _, suffix := range journals {
		if !exists(r.path + suffix) {
			continue
		}
		to := kept + suffix
		if exists(to) { // it belongs to an earlier file, and this one to a file that is gone
			to = free(kept + ".orphan" + suffix)
		}
		if err := move(r.path+suffix, to); err != nil {
			return err
		}
	}
	if err := os.Remove(r.path + "-shm"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	r.step("journal kept")
	return move(ready, r.path)
}

// keep gives the old file its second name.
func (r *restore) keep(kept string) error {
	old, err := os.Lstat(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if is, err := os.Lstat(kept); err == nil {
		if os.SameFile(old, is) {
			return nil
		}
		if err := rotate(kept); err != nil {
			return err
		}
		r.step("earlier one kept")
	}
	if err := os.Link(r.path, kept); err != nil {
		return move(r.path, kept) // the file system has no second names
	}
	return syncDir(filepath.Dir(r.path))
}

// rotate gives a file and its journal a number. The file goes last: as long as its number is free,
// a journal with that number is its own.
func rotate(kept string) error {
	to := free(kept)
	for _, suffix := range append(journals[:len(journals):len(journals)], "") {
		if exists(kept + suffix) {
			if err := move(kept+suffix, to+suffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// free returns the name with the first number that no file has.
func free(name string) string {
	for i := 1; ; i++ {
		if n := name + "." + strconv.Itoa(i); !exists(n) {
			return n
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// finishRestore does the rest of a restore that was interrupted, or undoes what was not checked, before
// the file is opened.
func finishRestore(path string, log *slog.Logger) error {
	if err := discard(path + partSuffix); err != nil {
		return fmt.Errorf("kv/engine: restore: %w", err)
	}
	return (&restore{path: path, step: func(name string) {
		if name == "replaced" && log != nil {
			log.Info("a restore that was interrupted is now complete")
		}
	}}).finish()
}
