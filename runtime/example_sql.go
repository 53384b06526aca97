package runtime

// ExampleTables are the databases that the examples of the table see: statements in SQLite that
// make them, by the store's id. Scripts may only read crm.
var ExampleTables = map[string][]string{
	"crm": {
		"CREATE TABLE customers (address TEXT, name TEXT, score INTEGER)",
		"INSERT INTO customers VALUES ('alice@example.net', 'Alice', 5), ('bob@example.org', 'Bob', NULL)",
	},
	"notes": {"CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)"},
}
