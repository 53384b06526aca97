package sqlite

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// pragma is a setting of a connection and the value that must be read back.
type pragma struct {
	name, value, want string
}

// pragmas are set on every connection, in this order: busy_timeout first, so that the
// change to WAL waits for another process that opens the same file.
var pragmas = []pragma{
	{"busy_timeout", "5000", "5000"},
	{"journal_mode", "WAL", "wal"},
	{"synchronous", "FULL", "2"}, // the driver's own default in WAL mode is NORMAL
	{"journal_size_limit", "67108864", "67108864"},
	{"temp_store", "MEMORY", "2"},
	{"trusted_schema", "OFF", "0"},
	// Damage shall show where a page is read, not by what happens later.
	{"cell_size_check", "ON", "1"},
	// Nothing is mapped into memory. With ten million rows that makes a read by key a tenth
	// quicker while nobody writes; but a reader gives the map back whenever somebody has
	// written, and a read after a write is then four to six times as dear. And a sector that
	// cannot be read would end the process instead of one read.
	{"mmap_size", "0", ""}, // builds without mmap answer nothing
}

// defaultCache is Options.Cache where nothing else is said.
const defaultCache = 8 << 20

// Pages in the WAL at which a commit is followed by a checkpoint.
const (
	autoCheckpoint = 1000
	stepCheckpoint = 250 // of a background step while nobody else writes
)

// checkpointAt sets the pages at which this connection checkpoints; 0 is never.
func (c *Conn) checkpointAt(pages int) error {
	// Not as a cached statement: this PRAGMA acts when it is prepared.
	return c.execBatch("PRAGMA wal_autocheckpoint = " + strconv.Itoa(pages))
}

// connect opens a connection and checks its settings. Only the writer
// checkpoints; readers cannot write. cache is Options.Cache.
func connect(path string, writer bool, cache int) (*Conn, error) {
	// One goroutine uses a connection at a time, so SQLite's own mutex is not needed.
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_mutex=no"
	raw, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, wrap("open", path, err)
	}
	c := &Conn{path: path, raw: raw.(*sqlite3.SQLiteConn), stmts: map[string]*statement{}}
	set := pragmas
	if writer {
		set = append(set[:len(set):len(set)], pragma{"wal_autocheckpoint", strconv.Itoa(autoCheckpoint), strconv.Itoa(autoCheckpoint)})
	} else {
		set = append(set[:len(set):len(set)], pragma{"wal_autocheckpoint", "0", "0"}, pragma{"query_only", "ON", "1"})
	}
	kib := strconv.Itoa(-max(cache>>10, 1)) // negative is KiB, positive would be pages
	set = append(set, pragma{"cache_size", kib, kib})
	for _, p := range set {
		if err := c.setPragma(p); err != nil {
			_ = c.close()
			return nil, err
		}
	}
	return c, nil
}

// setPragma sets p and reads it back.
func (c *Conn) setPragma(p pragma) error {
	if err := c.execBatch("PRAGMA " + p.name + " = " + p.value); err != nil {
		return wrap("set "+p.name, c.path, err)
	}
	if p.want == "" {
		return nil
	}
	var got string
	if err := c.QueryRow("PRAGMA " + p.name).Scan(&got); err != nil {
		return wrap("read back "+p.name, c.path, err)
	}
	if !strings.EqualFold(got, p.want) {
		return fmt.Errorf("sqlite: open: %s: %s is %s and cannot be made %s", c.path, p.name, got, p.want)
	}
	return nil
}
