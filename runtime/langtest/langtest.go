// Package langtest is the contract of runtime.Language as tests, which the languages of
// scripts run:
//
//	var room = langtest.Room{Language: New(Options{}), Script: "t.expr", Filter: filter}
//
//	func TestContract(t *testing.T)      { room.Run(t) }
//	func TestRunErrors(t *testing.T)     { room.RunErrors(t, []langtest.Error{{"too large a sum", ...}}) }
//	func TestHostile(t *testing.T)       { room.Hostile(t, hostile, langtest.Bounds{}) }
//	func FuzzCompile(f *testing.F)       { room.FuzzCompile(f, hostile) }
//
// What holds in the same words in each language is here, with its sources; what a
// language has of its own comes from its room in tables. A run is an administrator's, in
// the namespace "admin", over the transaction of the function table's examples.
package langtest

import (
	"errors"
	"testing"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/runtime"
)

// Room is a language under test. Its methods are tests, which may share a Room.
type Room struct {
	Language runtime.Language
	// Script names the scripts. What their errors begin with is told by it.
	Script string
	// Filter is a script that files the message of the examples in the mailbox Lists when
	// the store is new; it should ask the store, so that there is something to record.
	Filter string
	// Literal, if not nil, returns what a value of the table's examples is in the
	// language, where one kind of number is written as another.
	Literal func(runtime.Value) runtime.Value
	// Leaves, for a language without results, returns a script that puts the value of an expression of the
	// others under the key "result". Tenants asks it.
	Leaves func(code string) string
}

// The rows of the tables that rooms hand in. They have no names of their own, so that a
// row can be written without the names of its fields.
type (
	// Script is a script that is told by a name.
	Script = struct{ Name, Source string }
	// Value is a script and what it results in.
	Value = struct {
		Name, Source string
		Want         runtime.Value
	}
	// Error is a script and the text of its errors.
	Error = struct{ Name, Source, Want string }
	// Limit is a script and the limit that ends it.
	Limit = struct {
		Name, Source, Want string
		Limits             runtime.Limits
	}
)

// Live returns a host over a new store, which scripts know as "", and the store. The network is
// that of the examples.
func Live(t testing.TB) (*runtime.Live, kv.Store) {
	t.Helper()
	s := memory.New(memory.Options{})
	t.Cleanup(func() { _ = s.Close() })
	network := runtime.ExampleFixtures()
	return &runtime.Live{DNS: network, HTTP: network, Auth: checker, SQL: tables(t), Stores: func(name string) (kv.Store, error) {
		if name != "" {
			return nil, errors.New("no such store")
		}
		return s, nil
	}}, s
}

// Compile compiles a script for administrators, which has to succeed.
func (r Room) Compile(t testing.TB, source string, o runtime.CompileOptions) runtime.Program {
	t.Helper()
	o.Trust = runtime.Admin
	p, err := r.Language.Compile(r.Script, []byte(source), o)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return p
}

// Execute runs a program over the transaction of the examples.
func Execute(t testing.TB, p runtime.Program, o runtime.RunOptions) *runtime.Result {
	t.Helper()
	return executeFor(t, p, runtime.ExampleTransaction(), o)
}

// executeFor runs a program over a transaction.
func executeFor(t testing.TB, p runtime.Program, tx *runtime.Transaction, o runtime.RunOptions) *runtime.Result {
	t.Helper()
	o.Trust, o.Namespace = runtime.Admin, "admin"
	return runtime.NewEngine().Run(t.Context(), p, tx, o)
}

// Do compiles a script and runs it without a store and without a message.
func (r Room) Do(t testing.TB, source string, limits runtime.Limits) *runtime.Result {
	t.Helper()
	p := r.Compile(t, source, runtime.CompileOptions{})
	return runtime.NewEngine().Run(t.Context(), p, &runtime.Transaction{Stage: runtime.StageDeliver}, runtime.RunOptions{
		Host: &runtime.Live{}, Limits: limits, Trust: runtime.Admin, Namespace: "admin", Seed: 1,
	})
}
