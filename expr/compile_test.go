package expr

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
)

func TestCompileErrors(t *testing.T) {
	deliver := runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin, Stores: []string{"shared"}}
	connect := deliver
	connect.Stage = runtime.StageConnect
	tests := []struct {
		name, source, want string
		o                  runtime.CompileOptions
	}{
		{"an unknown function", "1;\n  key_gett(\"\", \"a\")", `t.expr:2:3: unknown function "key_gett"; is "key_get" meant?`, deliver},
		{"too few arguments", `key_get("")`, `t.expr:1:1: key_get: called with 1 argument, takes 2: key_get(store, key) -> any`, deliver},
		{"a wrong kind", `key_get("", 1)`, `t.expr:1:1: key_get: argument 2 (key): expected string, got int`, deliver},
		{"a wrong stage", `discard()`, `t.expr:1:1: discard is not lawful at stage connect`, connect},
		{"an unknown store", `key_get("x", "k") == key_get("shared", "k")`, `t.expr:1:1: key_get: unknown store "x"`, deliver},
		{"several errors", "keepp() ;\nkey_get()", "t.expr:1:1: unknown function \"keepp\"; is \"keep\" meant?\n" +
			"t.expr:2:1: key_get: called with 0 arguments, takes 2: key_get(store, key) -> any", deliver},
		{"an error in an argument and a loop", `map([1], key_gett("", "a"))`, `t.expr:1:10: unknown function "key_gett"; is "key_get" meant?`, deliver},
		{"a function as value", `let f = keep; 1`, `t.expr:1:9: keep is a function; call it: keep(flags?) -> bool`, deliver},
		{"a method", `"a".trim()`, `t.expr:1:5: values have no methods; functions are called as name(value)`, deliver},
		{"a builtin that is not there", `date("2026-01-01")`, `t.expr:1:1: unknown function "date"`, deliver},
		{"a builtin behind a function", `::split("a", "b")`, `t.expr:1:3: there is no builtin ::split; call split without the colons`, deliver},
		{"an own builtin with a wrong count", `upper()`, `t.expr:1:1: upper: called with 0 arguments, takes 1`, deliver},
		{"the environment", `$env`, `t.expr:1:1: unknown name $env`, deliver},
		{"a name that is taken", `let $env = 1; keep()`, `t.expr:1:5: $env cannot be declared`, deliver},
		{"an unknown name", `1 + x`, `t.expr:1:5: unknown name x`, deliver},
		{"mismatched kinds", `1 + "a"`, `t.expr:1:3: invalid operation: + (mismatched types int and string)`, deliver},
		{"a bad pattern", `"a" matches "("`, "t.expr:1:13: matches: error parsing regexp: missing closing ): `(`", deliver},
		{"a large pattern", `"a" matches "((a{30}){30}){30}"`, `t.expr:1:13: matches: error parsing regexp: invalid repeat count`, deliver},
		{"an open bracket", "keep(", `t.expr:1:5: unexpected token EOF`, deliver},
		{"an open text", "1;\n\"abc", `t.expr:2:5: literal not terminated`, deliver},
		{"a column counts characters", `"é" + é`, `t.expr:1:7: unknown name é`, deliver},
		{"no UTF-8", "1 + \xff", `t.expr:1:5: text is not UTF-8`, deliver},
		{"deep brackets", strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300), `t.expr:1:201: nesting limit of 200 reached`, deliver},
		{"many signs", strings.Repeat("-", 300) + "1", `t.expr:1:201: nesting limit of 200 reached`, deliver},
		{"many ifs", strings.Repeat("if ", 300), `t.expr:1:601: nesting limit of 200 reached`, deliver},
		{"a large source", strings.Repeat(" ", 70000), `t.expr:1:1: script of 70000 octets is over the limit of 65536`, deliver},
		{"many nodes", "1" + strings.Repeat("+1", 9000), `t.expr:1:10002: compilation failed: expression exceeds maximum allowed nodes`, deliver},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(Options{}).Compile("t.expr", []byte(tt.source), tt.o)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestUserScriptsMayCallLess(t *testing.T) {
	for _, f := range runtime.Functions() {
		if f.Trust == runtime.Admin {
			_, err := New(Options{}).Compile("t.expr", []byte(f.Name+"()"), runtime.CompileOptions{})
			if err == nil {
				t.Errorf("%s was compiled for a user", f.Name)
			}
		}
	}
}
