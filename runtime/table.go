package runtime

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

var (
	table []*Function
	named = map[string]*Function{}
	// own are functions for the code of languages, which scripts cannot name.
	own = map[string]*Function{}
)

// register adds a function to the table; it panics on a declaration that makes no sense,
// which every test run would meet at once.
func register(f Function) {
	if named[f.Name] != nil || own[f.Name] != nil {
		panic("runtime: function " + f.Name + " is registered twice")
	}
	if f.Call == nil || f.Doc == "" || f.Family == "" {
		panic("runtime: function " + f.Name + " lacks its call, doc or family")
	}
	optional := false
	for i, p := range f.Params {
		if optional && !p.Optional && !p.Rest {
			panic("runtime: function " + f.Name + ": required parameter " + p.Name + " after an optional one")
		}
		optional = optional || p.Optional
		if p.Rest && i != len(f.Params)-1 {
			panic("runtime: function " + f.Name + ": rest parameter " + p.Name + " is not the last")
		}
	}
	if f.Family == ownFamily {
		own[f.Name] = &f
		return
	}
	named[f.Name] = &f
	table = append(table, &f)
	sort.Slice(table, func(i, j int) bool { return table[i].Name < table[j].Name })
}

// ownFamily is the family of functions that are not in the table: a Composer may invoke
// them, and no script can name them.
const ownFamily = "own"

// Functions returns the table in the order of the names. It is not changed after start.
func Functions() []*Function { return table }

// Lookup returns the function of that name, or nil.
func Lookup(name string) *Function { return named[name] }

// Signature returns the function's head as the reference shows it, such as
// `key_get(store, key) -> any`.
func (f *Function) Signature() string {
	var b strings.Builder
	b.WriteString(f.Name + "(")
	for i, p := range f.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
		switch {
		case p.Rest:
			b.WriteString("...")
		case p.Optional:
			b.WriteString("?")
		}
	}
	return fmt.Sprintf("%s) -> %s", b.String(), f.Result)
}

// Required returns how many arguments a call must have, and the most it may have (-1: no bound).
func (f *Function) Required() (least, most int) {
	most = len(f.Params)
	for _, p := range f.Params {
		if p.Rest {
			most = -1
		} else if !p.Optional {
			least++
		}
	}
	return least, most
}

// CheckCall checks a call as far as it is known before a run: that the function is
// there, lawful at the stage and for the trust, and called with a lawful number of
// arguments. args are the constant arguments; an argument that is not constant is
// Unknown. The texts are the same in every language.
func CheckCall(name string, args []Value, o CompileOptions) error {
	f := Lookup(name)
	if f == nil {
		return fmt.Errorf("unknown function %q%s", name, meant(name))
	}
	if _, err := f.arguments(args); err != nil {
		return err
	}
	if err := f.CheckUse(&o); err != nil {
		return err
	}
	if f.Family == sqlFamily {
		return f.checkSQLStore(args, o.SQLStores)
	}
	for i, p := range f.Params {
		if i >= len(args) || p.Name != "store" {
			continue
		}
		if s, ok := args[i].(string); ok && contains(o.SQLStores, s) {
			return fmt.Errorf("%s: store %q has sql = true and keeps no keys", f.Name, s)
		}
	}
	return f.checkStore(args, o.Stores, o.NoDefaultStore)
}

// CheckUse is CheckCall for what does not depend on the arguments: the stage, the trust, and what
// the options refuse.
func (f *Function) CheckUse(o *CompileOptions) error {
	if o.Stage != "" && !f.LawfulAt(o.Stage) {
		return errors.New(f.notAt(o.Stage))
	}
	if o.Trust < f.Trust {
		return fmt.Errorf("%s is for administrators' scripts only", f.Name)
	}
	if why, ok := o.Refused[f.Name]; ok {
		return fmt.Errorf("%s: %s", f.Name, why)
	}
	return nil
}

// checkStore refuses a store that is not among stores (nil: not checked), and the default
// one if that is asked for.
func (f *Function) checkStore(args []Value, stores []string, noDefault bool) error {
	if stores == nil && !noDefault || f.Family == sqlFamily {
		return nil
	}
	for i, p := range f.Params {
		if p.Name != "store" || i >= len(args) {
			continue
		}
		switch s, ok := args[i].(string); {
		case !ok:
		case s == "" && noDefault:
			return fmt.Errorf("%s: the default store is not for this script", f.Name)
		case s != "" && stores != nil && !contains(stores, s):
			return fmt.Errorf("%s: unknown store %q", f.Name, s)
		}
	}
	return nil
}

// LawfulAt says whether the function may be called at the stage.
func (f *Function) LawfulAt(s Stage) bool { return f.Stages == nil || contains(f.Stages, s) }

func contains[T comparable](list []T, v T) bool {
	return slices.Contains(list, v)
}

// MakesText says whether what a call returns is text that the run makes, which counts as output.
func (f *Function) MakesText() bool {
	if f.Effect != Pure {
		return false
	}
	switch f.Family {
	case "text", "regex", "encode", "hash", "json", "number", "date":
		return true
	}
	return false
}

// Unknown stands for an argument that is not constant in CheckCall.
var Unknown Value = unknown{}

type unknown struct{}

// meant returns a hint at the function whose name is closest, or "".
func meant(name string) string { return Meant(name, maps.Keys(named), 2) }
