package stalwart

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// TestSQL checks what a statement gives.
func TestSQL(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		result       runtime.SQLResult
		args         []any
		want         runtime.Value
	}{
		{"no row", `sql_query('crm', 'SELECT', [])`, runtime.SQLResult{Columns: []string{"a"}}, []any{}, ""},
		{"one column of one row", `sql_query('crm', 'SELECT', 'x')`, runtime.SQLResult{Columns: []string{"a"}, Rows: [][]any{{int64(5)}}}, []any{"x"}, int64(5)},
		{"one that is null", `sql_query('crm', 'SELECT', [1, 2.5])`, runtime.SQLResult{Columns: []string{"a"}, Rows: [][]any{{nil}}}, []any{int64(1), 2.5}, ""},
		{"several columns of one row", `sql_query('crm', 'SELECT', '')`, runtime.SQLResult{Columns: []string{"b", "a"}, Rows: [][]any{{"x", true}}}, []any{}, array{"x", int64(1)}},
		{"several rows", `sql_query('crm', 'SELECT', [])`, runtime.SQLResult{Columns: []string{"a"}, Rows: [][]any{{"x"}, {nil}}}, []any{}, array{array{"x"}, array{""}}},
		{"rows that were changed", `sql_query('crm', 'DELETE', [])`, runtime.SQLResult{Changed: 3}, []any{}, int64(3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, _ := langtest.Live(t)
			host.SQL = func(_ context.Context, store, _ string, args []any) (runtime.SQLResult, error) {
				if diff := cmp.Diff(tt.args, append([]any{}, args...)); diff != "" || store != "crm" {
					t.Error(store, diff)
				}
				return tt.result, nil
			}
			p := room.Compile(t, tt.source, runtime.CompileOptions{})
			r := langtest.Execute(t, p, runtime.RunOptions{Host: host})
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || r.Err != nil {
				t.Error(diff, r.Err)
			}
		})
	}
}
