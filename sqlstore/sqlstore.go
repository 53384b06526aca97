// Package sqlstore asks SQL databases that belong to somebody else: a table of customers, the
// accounts of a groupware. It holds nothing of this server's own.
//
//	Query ── one statement? ── kind allowed? ──┬── SQLite      mode=ro, query_only
//	         ? counted                         ├── PostgreSQL  BEGIN READ ONLY
//	                                           └── MySQL       START TRANSACTION READ ONLY
//
// It promises:
//
//   - a statement's text goes to the database as it is, and arguments are bound to its
//     placeholders, never pasted; a call is one statement;
//   - a store that is not opened for writing changes nothing: statements that are no queries are
//     refused by their first word, and the database refuses the rest;
//   - a call that fails has changed nothing, but for statements that the database itself cannot
//     take back, such as CREATE in MySQL;
//   - rows, octets and time of a call are bounded.
//
// What a query may read is the database's to say: functions of PostgreSQL and MySQL can read
// files or disturb others for who has the rights. So the user that it is opened with should
// be one of its own with as few rights as will do.
package sqlstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

// Options says how a database is reached. The zero value of all but Type, Path and URL works.
type Options struct {
	Type     string // sqlite, postgres or mysql
	Path     string // sqlite: the file
	URL      string // the server, as key-value stores are named
	Username string // over that of the URL
	Password string
	TLS      *tls.Config   // goes over what the URL says; nil: as it says
	Write    bool          // allows statements that change something
	Rows     int           // of a result at most; 1000
	Octets   int           // of a result at most, an element of a list or map counting 64 more; 1 MiB
	Timeout  time.Duration // of a call; 1 s
	Pool     int           // connections at most; 4
}

// Result is what a statement gives: rows, or how many rows it changed.
type Result struct {
	// Columns are the names of the columns, nil for a statement that has no rows to give.
	Columns []string
	// Rows are nil, bool, int64, float64, string or []byte, by column.
	Rows    [][]any
	Changed int64 // rows, of a statement without Columns
}

// Limits of a statement.
const (
	MaxStatement = 64 << 10 // octets
	MaxArguments = 999
)

// The errors that callers tell apart, beside kv.ErrUnavailable (no connection, no answer in
// time) and kv.ErrInvalid (settings).
var (
	// ErrReadOnly says that a statement would change a store that is not opened for it.
	ErrReadOnly = errors.New("the store is read-only")
	// ErrTooLarge says that a result is over Options.Rows or Octets.
	ErrTooLarge = errors.New("the result is too large")
)

// Store is a database. Many goroutines may use it.
type Store struct {
	o    Options
	base base
}

// base is a kind of database.
type base interface {
	dialect() dialect
	// query runs a statement in a transaction of its own and adds what it gives to out.
	query(ctx context.Context, st statement, args []any, out *collector) error
	close() error
}

// Open checks the options and makes a store. It does not connect.
func Open(o Options) (*Store, error) {
	if o.Rows == 0 {
		o.Rows = 1000
	}
	if o.Octets == 0 {
		o.Octets = 1 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.Pool == 0 {
		o.Pool = 4
	}
	if o.Rows < 0 || o.Octets < 0 || o.Timeout < 0 || o.Pool < 0 {
		return nil, fmt.Errorf("sqlstore: open: %w: a limit below 0", kv.ErrInvalid)
	}
	var b base
	var err error
	switch o.Type {
	case "sqlite":
		b, err = openSQLite(o)
	case "postgres":
		b, err = openPostgres(o)
	case "mysql":
		b, err = openMySQL(o)
	default:
		err = fmt.Errorf("%w: type %q", kv.ErrInvalid, o.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open: %w", err)
	}
	return &Store{o, b}, nil
}

// Close closes all connections, waiting for calls that go on.
func (s *Store) Close() error { return s.base.close() }

// Query runs one statement. Each `?` outside of quotes and comments is a place for an argument:
// nil, bool, int64, float64, string or []byte. In PostgreSQL, where some operators are
// written with `?`, a statement may have $1, $2 in its place.
func (s *Store) Query(ctx context.Context, text string, args []any) (Result, error) {
	st, err := parse(text, s.base.dialect())
	switch {
	case err != nil:
		return Result{}, err
	case st.places != len(args):
		return Result{}, fmt.Errorf("%s for %s", plural(len(args), "argument"), plural(st.places, "placeholder"))
	case len(args) > MaxArguments:
		return Result{}, fmt.Errorf("more than %d arguments", MaxArguments)
	}
	if err := st.allowed(s.o.Write); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	out := &collector{rows: s.o.Rows, octets: s.o.Octets}
	if err := s.base.query(ctx, st, args, out); err != nil {
		if ctx.Err() != nil && !errors.Is(err, ErrTooLarge) {
			return Result{}, fmt.Errorf("%w: no answer within %v", kv.ErrUnavailable, s.o.Timeout)
		}
		return Result{}, err
	}
	return out.Result, nil
}

// Ping says whether the database can be reached.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Query(ctx, "SELECT 1", nil)
	return err
}

// collector takes the rows of a statement within the limits.
type collector struct {
	Result
	rows, octets int
}

// columns sets the names of the columns. Rows become maps, so names must differ if they are
// to be told apart; the last of several equal ones gets through.
func (c *collector) columns(names []string) {
	c.Columns, c.Rows = names, [][]any{}
}

func (c *collector) row(values []any) error {
	if len(c.Rows) == c.rows {
		return fmt.Errorf("%w: more than %d rows", ErrTooLarge, c.rows)
	}
	for _, v := range values {
		c.octets -= 64
		switch v := v.(type) {
		case string:
			c.octets -= len(v)
		case []byte:
			c.octets -= len(v)
		}
	}
	if c.octets < 0 {
		return fmt.Errorf("%w: more octets than the store gives", ErrTooLarge)
	}
	c.Rows = append(c.Rows, values)
	return nil
}

// timeText is how times are told: RFC 3339 in UTC, fractions of seconds if there are any.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z07:00") }

// unavailable is the error of a database that cannot be reached; what drivers say is told
// without what they know of the way there.
func unavailable(err error) error { return fmt.Errorf("%w: %w", kv.ErrUnavailable, err) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func words(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}
