package runtime

import (
	"errors"
	"fmt"
)

// SQLResult is what a statement gives: rows, or how many rows it changed.
//
// It has no types of its own in it, so that a room that knows nothing of this one can make it.
type SQLResult struct {
	Columns []string // names; nil for a statement that has no rows to give
	Rows    [][]any  // values by column
	Changed int64    // rows, of a statement without Columns
}

// sqlFamily is the family of functions whose stores are databases.
const sqlFamily = "sql"

func init() {
	params := []Param{
		{Name: "store", Kind: String, Doc: "id of a store with `sql = true`"},
		{Name: "sql", Kind: String, Doc: "one statement, with `?` in place of each argument"},
		{Name: "args", Kind: Any, Rest: true, Doc: "null, bool, int, float, string or bytes; or one list of them"},
	}
	const statement = "The statement's arguments are bound and never become a part of its text. Stores are read-only unless their configuration says `write = true`; then a statement that has no rows to give returns `{changed: n}`, the number of rows that it changed. " +
		"In PostgreSQL `$1`, `$2` may be written in place of `?`. Values: NULL is null, blobs are bytes, times are text as `2026-01-02T03:04:05Z`, days as `2026-01-02`, and what no kind can hold (numeric, uuid, json, arrays) is text. " +
		"More rows or octets than the store allows are an error, and so is a database that does not answer in time."
	register(Function{
		Name:   "sql_query",
		Family: sqlFamily,
		Doc:    "Runs a statement in an SQL database and returns its rows, a list of maps by the names of the columns. " + statement,
		Params: params,
		Result: Any, Effect: Network, Trust: Admin,
		Examples: []Example{
			{Code: `sql_query("crm", "SELECT name, score FROM customers WHERE address = ?", "alice@example.net")`, Want: `[{"name": "Alice", "score": 5}]`},
			{Code: `sql_query("crm", "SELECT address FROM customers WHERE score IS NULL OR score > ? ORDER BY address", 4.5)`, Want: `[{"address": "alice@example.net"}, {"address": "bob@example.org"}]`},
			{Code: `sql_query("crm", "SELECT name FROM customers WHERE address = ?", "x' OR 'a' = 'a")`, Want: `[]`},
			{Code: `sql_query("crm", "SELECT ? + ? AS sum, ? AS gap", [1, 2, null])`, Want: `[{"sum": 3, "gap": null}]`},
			{Setup: []string{`sql_query("notes", "INSERT INTO notes (id, text) VALUES (?, ?)", 1, "it's new")`},
				Code: `sql_query("notes", "SELECT * FROM notes")`, Want: `[{"id": 1, "text": "it's new"}]`},
			{Code: `sql_query("notes", "DELETE FROM notes WHERE id > ?", 0)`, Want: `{"changed": 0}`},
			{Code: `sql_query("crm", "DELETE FROM customers")`, Error: `sql_query: store "crm": the store is read-only, and DELETE would change it`},
			{Code: `sql_query("notes", "SELECT 1; DROP TABLE notes")`, Error: `sql_query: store "notes": one statement a call`},
			{Code: `sql_query("crm", "SELECT ?")`, Error: `sql_query: store "crm": 0 arguments for 1 placeholder`},
			{Code: `sql_query("crm", "SELECT 1 AS a, 2 AS a")`, Error: `sql_query: there are two columns "a"; name them with AS, or use sql_table`},
			{Code: `sql_query("crm", "SELECT ?", 1, [2])`, Error: `sql_query: argument 4: expected a value of a database, got list`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			r, err := e.sql(a)
			if err != nil || r.Columns == nil {
				return r.changed(), err
			}
			for i, name := range r.Columns {
				if contains(r.Columns[:i], name) {
					return nil, fmt.Errorf("there are two columns %q; name them with AS, or use sql_table", name)
				}
			}
			rows := make([]Value, len(r.Rows))
			for i, row := range r.Rows {
				m := make(map[string]Value, len(row))
				for j, v := range row {
					m[r.Columns[j]] = v
				}
				rows[i] = m
			}
			return rows, nil
		},
	})
	register(Function{
		Name:   "sql_table",
		Family: sqlFamily,
		Doc:    "Is `sql_query` with columns in their order: a map of `columns`, the list of their names, and `rows`, a list of lists of values. " + statement,
		Params: params,
		Result: Map, Effect: Network, Trust: Admin,
		Examples: []Example{
			{Code: `sql_table("crm", "SELECT address, score FROM customers ORDER BY score DESC")`, Want: `{"columns": ["address", "score"], "rows": [["alice@example.net", 5], ["bob@example.org", null]]}`},
			{Code: `sql_table("crm", "SELECT 1 AS a, 2 AS a")`, Want: `{"columns": ["a", "a"], "rows": [[1, 2]]}`},
			{Code: `sql_table("crm", "SELECT name FROM customers WHERE score < 0")`, Want: `{"columns": ["name"], "rows": []}`},
			{Code: `sql_table("notes", "INSERT INTO notes (id) VALUES (?), (?)", 1, 2)`, Want: `{"changed": 2}`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			r, err := e.sql(a)
			if err != nil || r.Columns == nil {
				return r.changed(), err
			}
			columns, rows := make([]Value, len(r.Columns)), make([]Value, len(r.Rows))
			for i, c := range r.Columns {
				columns[i] = c
			}
			for i, row := range r.Rows {
				rows[i] = row
			}
			return map[string]Value{"columns": columns, "rows": rows}, nil
		},
	})
}

// changed returns what a statement without rows gives.
func (r SQLResult) changed() Value { return map[string]Value{"changed": r.Changed} }

// sql runs the statement of a call: store, text and arguments, which may be one list.
func (e *Env) sql(a Args) (SQLResult, error) {
	if e.live.SQL == nil {
		return SQLResult{}, errors.New("no SQL here")
	}
	args, first := a.Rest(2), 3
	if len(args) == 1 {
		if list, ok := args[0].([]Value); ok {
			args, first = list, 1
		}
	}
	for i, v := range args {
		if k, _ := KindOf(v); k > Bytes {
			return SQLResult{}, fmt.Errorf("argument %d: expected a value of a database, got %s", first+i, k)
		}
	}
	return e.live.SQL(e.Context, a.String(0), a.String(1), args)
}

// checkSQLStore refuses a store that is no database where they are known.
func (f *Function) checkSQLStore(args []Value, stores []string) error {
	if stores == nil || len(args) == 0 {
		return nil
	}
	if s, ok := args[0].(string); ok && !contains(stores, s) {
		return fmt.Errorf("%s: there is no store %q with sql = true", f.Name, s)
	}
	return nil
}
