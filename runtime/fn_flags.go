package runtime

import (
	"fmt"
	"slices"
)

func init() {
	list := Param{Name: "flags", Kind: Any, Doc: `an IMAP flag such as "\\Seen" or "$Label", several with blanks between them, or a list of them`}
	const doc = " They count for the implicit keep, and for every `keep` and `fileinto` from now on that names no flags. They begin with what earlier scripts have set. Returns the flags that are set now; at most 64 are kept."
	for _, f := range []struct {
		name, doc string
		change    func(have, given []string) []string
		examples  []Example
	}{
		{"flag_set", "Sets the IMAP flags of what is stored to these alone.", func(_, given []string) []string { return given },
			[]Example{{Code: `flag_set("\\Seen")`, Want: `["\\Seen"]`}, {Code: `flag_set([])`, Want: `[]`}, {Code: `flag_set("a b")`, Want: `["a", "b"]`},
				{Code: `flag_set("\\Recent")`, Error: `flag_set: "\\Recent" is no IMAP flag`}}},
		{"flag_add", "Adds IMAP flags to those of what is stored; case makes no difference.", unionFlags,
			[]Example{{Code: `flag_add("$Label")`, Want: `["$Label"]`}, {Setup: []string{`flag_add("$A")`}, Code: `flag_add(["\\Flagged", "$a"])`, Want: `["$A", "\\Flagged"]`},
				{Code: `flag_add(1)`, Error: `flag_add: argument 1 (flags): expected string or list, got int`}}},
		{"flag_remove", "Takes IMAP flags off those of what is stored; case makes no difference.",
			func(have, given []string) []string {
				return slices.DeleteFunc(slices.Clone(have), func(s string) bool { return containsName(given, s) })
			},
			[]Example{{Setup: []string{`flag_add(["$A", "$B"])`}, Code: `flag_remove("$a")`, Want: `["$B"]`}, {Code: `flag_remove("$None")`, Want: `[]`}}},
	} {
		register(Function{
			Name: f.name, Family: "mail", Doc: f.doc + doc, Params: []Param{list}, Result: List, Effect: Acts, Stages: filing, Trust: User, Examples: f.examples,
			Call: func(e *Env, a Args) (Value, error) {
				given, err := flagsOf(a[0])
				if err != nil {
					return nil, err
				}
				e.run.SetKeepFlags(f.change(e.run.flags(), given))
				e.run.edit.generation++
				return valueList(e.run.plan.KeepFlags), nil
			},
		})
	}
	register(Function{
		Name: "flag_list", Family: "mail",
		Doc:    "Returns the IMAP flags that what is stored gets where no others are named; see `flag_set`.",
		Result: List, Stages: filing, Trust: User,
		Examples: []Example{{Code: `flag_list()`, Want: `[]`}, {Setup: []string{`flag_add("$A")`}, Code: `flag_list()`, Want: `["$A"]`}},
		Call:     func(e *Env, _ Args) (Value, error) { return valueList(e.run.flags()), nil },
	})
}

// flagsOf returns the flags of an argument, which is text or a list of text.
func flagsOf(v Value) ([]string, error) {
	switch v := v.(type) {
	case string:
		return addFlags(nil, v)
	case []Value:
		return flagList(v)
	}
	k, _ := KindOf(v)
	return nil, fmt.Errorf("argument 1 (flags): expected string or list, got %s", k)
}
