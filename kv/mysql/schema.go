package mysql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// version is of the tables that this program knows.
const version = 1

// steps lead from one version of the tables to the next. Each may have been half made before.
var steps = [version][]string{{
	`CREATE TABLE IF NOT EXISTS {rows} (
		k VARBINARY(1025) NOT NULL,
		sub VARBINARY(80) NOT NULL,
		n BIGINT,
		v MEDIUMBLOB NOT NULL,
		size INT UNSIGNED NOT NULL,
		expires BIGINT NOT NULL,
		fence BIGINT UNSIGNED NOT NULL,
		PRIMARY KEY (k, sub)
	) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET binary`,
	`INSERT IGNORE INTO {meta} VALUES ('floor', 0)`,
}}

const createMeta = `CREATE TABLE IF NOT EXISTS {meta} (
		name VARBINARY(64) NOT NULL PRIMARY KEY,
		val BIGINT UNSIGNED NOT NULL
	) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET binary`

// schemaTime bounds making the tables, which goes on when the call that began it has ended.
const schemaTime = 30 * time.Second

// schema knows whether the tables are there. It may be used by many goroutines.
type schema struct {
	mu     sync.Mutex
	there  bool
	making *making
}

// making is one attempt, which all callers wait for.
type making struct {
	done chan struct{}
	err  error // after done
}

func (c *schema) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there = false
}

// ready returns when the tables are there in a version that this program knows.
func (s *Store) ready(ctx context.Context) error {
	c := &s.schema
	c.mu.Lock()
	if c.there || s.closed.Load() { // closed: the call finds out
		c.mu.Unlock()
		return nil
	}
	m := c.making
	if m == nil {
		m = &making{done: make(chan struct{})}
		c.making = m
		s.beside.Go(func() { s.makeTables(m) })
	}
	c.mu.Unlock()
	select {
	case <-m.done:
		return m.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) makeTables(m *making) {
	ctx, cancel := context.WithTimeout(s.life, schemaTime)
	defer cancel()
	m.err = s.migrate(ctx)
	s.schema.mu.Lock()
	s.schema.there = m.err == nil
	s.schema.making = nil
	s.schema.mu.Unlock()
	close(m.done)
}

// migrate makes the tables or brings them to this version. A lock of the server's lets one process do it at a time; who
// finds them as they should be needs no lock.
func (s *Store) migrate(ctx context.Context) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if v, err := s.version(ctx, conn); err != nil || v == version {
		return err
	}
	lock := s.lockName()
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('"+lock+"', LEFT(SHA1(DATABASE()), 20)), ?)", int(schemaTime/time.Second)).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return errors.New("another process makes the tables and does not come to an end")
	}
	defer func() {
		// The lock ends with the connection, too, which nobody else should wait for.
		_, end := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(CONCAT('"+lock+"', LEFT(SHA1(DATABASE()), 20)))")
		err = errors.Join(err, end)
	}()
	v, err := s.version(ctx, conn)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, s.tables.in(createMeta)); err != nil {
		return err
	}
	for ; v < version; v++ {
		for _, q := range steps[v] {
			if _, err := conn.ExecContext(ctx, s.tables.in(q)); err != nil {
				return err
			}
		}
		q := "INSERT INTO {meta} VALUES ('version', ?) ON DUPLICATE KEY UPDATE val = VALUES(val)"
		if _, err := conn.ExecContext(ctx, s.tables.in(q), v+1); err != nil {
			return err
		}
	}
	return nil
}

// version returns that of the tables, 0 if there are none. It refuses a newer one: it may hold what this program would
// destroy.
func (s *Store) version(ctx context.Context, conn *sql.Conn) (v uint64, err error) {
	err = conn.QueryRowContext(ctx, s.tables.in("SELECT val FROM {meta} WHERE name = 'version'")).Scan(&v)
	switch {
	case errors.Is(err, sql.ErrNoRows), number(err) == erNoSuchTable:
		return 0, nil
	case err != nil:
		return 0, err
	case v > version:
		return 0, fmt.Errorf("%w: the tables have version %d, this program knows %d", kv.ErrUnsupported, v, version)
	}
	return v, nil
}

// lockName is the beginning of the name of the lock that guards the tables: names are the whole server's and short.
func (s *Store) lockName() string {
	h := sha256.Sum256([]byte(s.tables.meta))
	return "sluice/" + hex.EncodeToString(h[:8]) + "/"
}
