package langtest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
)

// Examples runs every example of the function table, as statements that ";" ends.
func (r Room) Examples(t *testing.T) {
	for _, f := range runtime.Functions() {
		for _, ex := range f.Examples {
			t.Run(ex.Code, func(t *testing.T) {
				host, _ := Live(t)
				source := strings.Join(append(slices.Clone(ex.Setup), ex.Code), ";\n")
				if ex.Error != "" {
					r.fails(t, source, ex, host)
					return
				}
				want, err := runtime.ParseLiteral(ex.Want)
				if err != nil {
					t.Fatal(err)
				}
				if r.Literal != nil {
					want = r.Literal(want)
				}
				p := r.Compile(t, source, runtime.CompileOptions{})
				got := executeFor(t, p, ex.Transaction(), runtime.RunOptions{Host: host})
				if got.Err != nil {
					t.Fatal(got.Err)
				}
				if !runtime.Equal(got.Value, want) {
					t.Errorf("got %#v, want %s", got.Value, ex.Want)
				}
			})
		}
	}
}

// fails holds the source of an example to the text of its error, found when it is compiled or run.
func (r Room) fails(t *testing.T, source string, ex runtime.Example, host runtime.Host) {
	t.Helper()
	p, err := r.Language.Compile(r.Script, []byte(source), runtime.CompileOptions{Trust: runtime.Admin})
	if err == nil {
		err = executeFor(t, p, ex.Transaction(), runtime.RunOptions{Host: host}).Err
	}
	if err == nil || runtime.WithoutPlace(err) != ex.Error {
		t.Errorf("got %v, want the error %s", err, ex.Error)
	}
}

// Values runs scripts that end well.
func (r Room) Values(t *testing.T, rows []Value) {
	for _, tt := range rows {
		t.Run(tt.Name, func(t *testing.T) {
			got := r.Do(t, tt.Source, runtime.Limits{})
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			if diff := cmp.Diff(tt.Want, got.Value); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// Stored holds what an expression writes to its octets, which are those that the other
// languages read and write, and reads them back.
func (r Room) Stored(t *testing.T, rows []Value) {
	for _, tt := range rows {
		t.Run(tt.Name, func(t *testing.T) {
			host, store := Live(t)
			p := r.Compile(t, `key_set("", "k", `+tt.Source+`); key_set("", "copy", key_get("", "k")); key_get("", "copy")`, runtime.CompileOptions{})
			got := Execute(t, p, runtime.RunOptions{Host: host})
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			want, err := runtime.EncodeValue(tt.Want)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"k", "copy"} {
				row, err := store.Get(t.Context(), runtime.ScriptKey(kv.Script, "admin", key))
				if err != nil || string(row.Bytes) != string(want) {
					t.Errorf("%s holds %x, %v; want %x", key, row.Bytes, err, want)
				}
			}
			if !runtime.Equal(got.Value, tt.Want) {
				t.Errorf("read back %#v, want %#v", got.Value, tt.Want)
			}
		})
	}
}

// wrongCalls are refused in the same words wherever a call is written name(arguments).
var wrongCalls = []Error{
	{"an unknown function", "1;\n  key_gett(\"\", \"a\")", `2:3: unknown function "key_gett"; is "key_get" meant?`},
	{"too few arguments", `key_get("")`, `1:1: key_get: called with 1 argument, takes 2: key_get(store, key) -> any`},
	{"a wrong kind", `key_get("", 1)`, `1:1: key_get: argument 2 (key): expected string, got int`},
	{"an unknown store", `key_get("x", "k") == key_get("shared", "k")`, `1:1: key_get: unknown store "x"`},
	{"several errors", "keepp();\nkey_get()", "1:1: unknown function \"keepp\"; is \"keep\" meant?\n" +
		"SCRIPT:2:1: key_get: called with 0 arguments, takes 2: key_get(store, key) -> any"},
	{"no UTF-8", "1 + \xff", `1:5: text is not UTF-8`},
	{"deep brackets", strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300), `1:201: nesting limit of 200 reached`},
}

// CompileErrors compiles scripts at the stage deliver, where "shared" is the one store,
// that have to be refused with a text that begins as is wanted; and the wrong calls that
// all languages refuse.
func (r Room) CompileErrors(t *testing.T, rows []Error) {
	o := runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin, Stores: []string{"shared"}}
	refused := func(name, source, want string, o runtime.CompileOptions) {
		t.Run(name, func(t *testing.T) {
			_, err := r.Language.Compile(r.Script, []byte(source), o)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
	for _, tt := range wrongCalls {
		refused(tt.Name, tt.Source, strings.ReplaceAll("SCRIPT:"+tt.Want, "SCRIPT", r.Script), o)
	}
	for _, tt := range rows {
		refused(tt.Name, tt.Source, tt.Want, o)
	}
	o.Stage = runtime.StageConnect
	refused("a wrong stage", `discard()`, r.Script+`:1:1: discard is not lawful at stage connect; it is at data, deliver, imap`, o)
}

// RunErrors runs scripts that fail with just the text that is wanted.
func (r Room) RunErrors(t *testing.T, rows []Error) {
	for _, tt := range rows {
		t.Run(tt.Name, func(t *testing.T) {
			got := r.Do(t, tt.Source, runtime.Limits{})
			if got.Err == nil || got.Err.Error() != tt.Want {
				t.Errorf("got %v, want %s", got.Err, tt.Want)
			}
		})
	}
}

// Limits runs scripts that a limit has to end, which the error names.
func (r Room) Limits(t *testing.T, rows []Limit) {
	for _, tt := range rows {
		t.Run(tt.Name, func(t *testing.T) {
			got := r.Do(t, tt.Source, tt.Limits)
			var limit *runtime.LimitError
			if !errors.As(got.Err, &limit) || limit.Limit != tt.Want {
				t.Errorf("got %v, want the limit %s", got.Err, tt.Want)
			}
		})
	}
}

// Sites holds a script to its sites, and a run of it to those that it passes.
func (r Room) Sites(t *testing.T, source string, sites []runtime.Site, hits []runtime.HitRecord) {
	p := r.Compile(t, source, runtime.CompileOptions{Instrument: true})
	if diff := cmp.Diff(sites, p.Sites()); diff != "" {
		t.Error(diff)
	}
	host, _ := Live(t)
	got := Execute(t, p, runtime.RunOptions{Host: host, Record: runtime.RecordFull})
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	if diff := cmp.Diff(hits, got.Record.Hits); diff != "" {
		t.Error(diff)
	}
	if plain := r.Compile(t, source, runtime.CompileOptions{}); plain.Sites() != nil {
		t.Error("a program that is not instrumented has sites")
	}
}
