package langtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sqlstore"
)

// tables returns the databases of the examples, which are made when they are first asked.
func tables(t testing.TB) func(context.Context, string, string, []runtime.Value) (runtime.SQLResult, error) {
	stores := map[string]*sqlstore.Store{}
	return func(ctx context.Context, name, statement string, args []runtime.Value) (runtime.SQLResult, error) {
		setup, ok := runtime.ExampleTables[name]
		if !ok {
			return runtime.SQLResult{}, fmt.Errorf("unknown store %q", name)
		}
		if stores[name] == nil {
			path := filepath.Join(t.TempDir(), name+".db")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return runtime.SQLResult{}, err
			}
			open := func(write bool) *sqlstore.Store {
				s, err := sqlstore.Open(sqlstore.Options{Type: "sqlite", Path: path, Write: write, Timeout: 20 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			writer := open(true)
			for _, q := range setup {
				if _, err := writer.Query(ctx, q, nil); err != nil {
					return runtime.SQLResult{}, err
				}
			}
			if stores[name] = writer; name == "crm" {
				stores[name] = open(false)
			}
		}
		r, err := stores[name].Query(ctx, statement, args)
		if err != nil {
			return runtime.SQLResult{}, fmt.Errorf("store %q: %w", name, err)
		}
		return runtime.SQLResult(r), nil
	}
}
