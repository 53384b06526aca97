package sqlite

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

var (
	// ErrNoRows says that a query for one row found none.
	ErrNoRows = errors.New("sqlite: no rows")
	// ErrClosed says that the database was closed.
	ErrClosed = errors.New("sqlite: database is closed")
	// ErrNewerSchema says that the file was written by a newer version of the program.
	ErrNewerSchema = errors.New("sqlite: schema is newer than this program")
	// ErrCorrupt says that the file is damaged or no SQLite database at all.
	ErrCorrupt = errors.New("sqlite: file is damaged or not a database")
	// ErrForeign says that the file is a database of something else.
	ErrForeign = errors.New("sqlite: database of another kind")
	// ErrInUse says that somebody else has the file open.
	ErrInUse = errors.New("sqlite: database is in use")
	// ErrFull says that the disk, or the file's allowed size, is full. The write was undone;
	// a later one may work.
	ErrFull = errors.New("sqlite: no space left")
	// ErrFailed says that an earlier I/O error stopped all writing to this file.
	ErrFailed = errors.New("sqlite: writing stopped after an I/O error")
)

// wrap names the act and the file, and marks damage with ErrCorrupt.
func wrap(act, path string, err error) error {
	if err == nil {
		return nil
	}
	if code, ok := codeOf(err); ok && (code == sqlite3.ErrCorrupt || code == sqlite3.ErrNotADB) {
		return fmt.Errorf("%w: %s: %s: %w", ErrCorrupt, path, act, err)
	}
	if code, ok := codeOf(err); ok && code == sqlite3.ErrFull {
		return fmt.Errorf("%w: %s: %s: %w", ErrFull, path, act, err)
	}
	return fmt.Errorf("sqlite: %s: %s: %w", act, path, err)
}

func codeOf(err error) (sqlite3.ErrNo, bool) {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return e.Code, true
	}
	return 0, false
}

// fatal reports whether the file must not be written any more after err. A full disk
// is not among them: SQLite rolled back cleanly and a later write may succeed.
func fatal(err error) bool {
	code, ok := codeOf(err)
	if !ok {
		return false
	}
	switch code {
	case sqlite3.ErrIoErr, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrReadonly, sqlite3.ErrCantOpen:
		return true
	}
	return false
}

// IsFull says whether err comes from a disk, or a database, that has no room left.
func IsFull(err error) bool {
	code, ok := codeOf(err)
	return ok && code == sqlite3.ErrFull || errors.Is(err, ErrFull)
}
