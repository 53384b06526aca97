package js

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
		{"an unknown function", "1;\n  key_gett(\"\", \"a\")", `t.js:2:3: unknown function "key_gett"; is "key_get" meant?`, deliver},
		{"too few arguments", `key_get("")`, `t.js:1:1: key_get: called with 1 argument, takes 2: key_get(store, key) -> any`, deliver},
		{"a wrong kind", `key_get("", 1)`, `t.js:1:1: key_get: argument 2 (key): expected string, got int`, deliver},
		{"a wrong stage", `discard()`, `t.js:1:1: discard is not lawful at stage connect`, connect},
		{"an unknown store", `key_get("x", "k") == key_get("shared", "k")`, `t.js:1:1: key_get: unknown store "x"`, deliver},
		{"several errors", "keepp();\nkey_get()", "t.js:1:1: unknown function \"keepp\"; is \"keep\" meant?\n" +
			"t.js:2:1: key_get: called with 0 arguments, takes 2: key_get(store, key) -> any", deliver},
		{"an error within a function", "const f = () => {\n\treturn [key_gett('', 'a')]\n}", `t.js:2:10: unknown function "key_gett"; is "key_get" meant?`, deliver},
		{"what is not available", `eval("1")`, `t.js:1:1: eval is not available`, deliver},
		{"another", `new Proxy({}, {})`, `t.js:1:5: Proxy is not available`, deliver},
		{"async functions", `async function f() { await 1 }`, `t.js:1:1: async functions are not available`, deliver},
		{"generators", `function* f() { yield 1 }`, `t.js:1:1: generator functions are not available`, deliver},
		{"an unexpected token", "let a = 1;\nlet b = ;", `t.js:2:9: unexpected token ;`, deliver},
		{"an open bracket", "if (true) {", `t.js:1:12: unexpected end of script`, deliver},
		{"a closed wrapper", "}); keep(); (function(){", `t.js:1:1: unbalanced }`, deliver},
		{"a closed wrapper that is called", "})(); keep(); (function(){", `t.js:1:1: unexpected }`, deliver},
		{"a name declared twice", "let a = 1;\nlet a = 2", `t.js:2:5: identifier 'a' has already been declared`, deliver},
		{"strict mode", `delete x`, `t.js:1:8: delete of an unqualified identifier in strict mode`, deliver},
		{"a column counts characters", `"é"; é = ;`, `t.js:1:10: unexpected token ;`, deliver},
		{"no UTF-8", "1 + \xff", `t.js:1:5: text is not UTF-8`, deliver},
		{"deep brackets", strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300), `t.js:1:201: nesting limit of 200 reached`, deliver},
		{"deep templates", strings.Repeat("`${", 300), `t.js:1:603: nesting limit of 200 reached`, deliver},
		{"many labels", strings.Repeat("a:", 3000), `t.js:1:2002: nesting limit of 1000 reached`, deliver},
		{"many arrows", strings.Repeat("a=>", 3000) + "1", `t.js:1:1502: nesting limit of 1000 reached`, deliver},
		{"a deep tree", "1" + strings.Repeat("+1", 9000), `t.js:1:2002: nesting limit of 1000 reached`, deliver},
		{"a large source", strings.Repeat(" ", 140000), `t.js:1:1: script of 140000 octets is over the limit of 131072`, deliver},
		{"a long pattern", "/" + strings.Repeat("a", 5000) + "/", `t.js:1:1: pattern of 5000 octets is over the limit of 4096`, deliver},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(Options{}).Compile("t.js", []byte(tt.source), tt.o)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestWhatCompiles(t *testing.T) {
	for name, source := range map[string]string{
		"a name of a function may be declared": `const size = x => x; size(1)`,
		"a parameter hides a function":         `[1].map(len => len(1))`,
		"arguments may be spread":              `const a = ["", "k"]; key_get(...a)`,
		"globals may be called":                `String(1) + parseInt("2") + isNaN(3)`,
		"a regular expression with brackets":   `/[(/]\(/.test("(") ; 4 / 2 / 1`,
		"brackets in texts and comments":       "\"((\" + '((' + `((` /* (( */ // ((",
		"many statements":                      strings.Repeat("if (1) { len('a') } else { len('b') }\n", 1000),
		"a long chain of else":                 strings.Repeat("if (len('a') == 2) { keep() } else ", 300) + "keep()",
		"a byte order mark":                    "\ufeffkeep()",
		"line ends of Windows":                 "let a = 1;\r\nkeep()\r\n",
	} {
		if _, err := New(Options{}).Compile("t.js", []byte(source), runtime.CompileOptions{Stage: runtime.StageDeliver}); err != nil {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

func TestUserScriptsMayCallLess(t *testing.T) {
	for _, f := range runtime.Functions() {
		if f.Trust == runtime.Admin {
			_, err := New(Options{}).Compile("t.js", []byte(f.Name+"()"), runtime.CompileOptions{})
			if err == nil {
				t.Errorf("%s was compiled for a user", f.Name)
			}
		}
	}
}
