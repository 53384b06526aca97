package js

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestCompileErrors(t *testing.T) {
	room.CompileErrors(t, []langtest.Error{
		{"an error within a function", "const f = () => {\n\treturn [key_gett('', 'a')]\n}", `t.js:2:10: unknown function "key_gett"; is "key_get" meant?`},
		{"what is not available", `eval("1")`, `t.js:1:1: eval is not available`},
		{"another", `new Proxy({}, {})`, `t.js:1:5: Proxy is not available`},
		{"async functions", `async function f() { await 1 }`, `t.js:1:1: async functions are not available`},
		{"generators", `function* f() { yield 1 }`, `t.js:1:1: generator functions are not available`},
		{"an unexpected token", "let a = 1;\nlet b = ;", `t.js:2:9: unexpected token ;`},
		{"an open bracket", "if (true) {", `t.js:1:12: unexpected end of script`},
		{"a closed wrapper", "}); keep(); (function(){", `t.js:1:1: unexpected }`},
		{"a closed wrapper that is called", "})(); keep(); (function(){", `t.js:1:1: unbalanced }`},
		{"modules of the other kind", "let a = 1;\nimport x from './x.js'", `t.js:2:1: import and export are not available; use require and module.exports`},
		{"what they export", "export const a = 1", `t.js:1:1: import and export are not available; use require and module.exports`},
		{"a module without a folder", `const x = require("./x.js")`, `t.js:1:11: require: there is no module "./x.js" beside the script`},
		{"a module of nowhere", `require("fs")`, `t.js:1:1: require: "fs" is no module of the script's folder, such as "./name.js"`},
		{"a computed module", `require("./" + 1)`, `t.js:1:1: require takes one text as it stands in the source, such as require("./name.js")`},
		{"a name declared twice", "let a = 1;\nlet a = 2", `t.js:2:5: identifier 'a' has already been declared`},
		{"strict mode", `delete x`, `t.js:1:8: delete of an unqualified identifier in strict mode`},
		{"a column counts characters", `"é"; é = ;`, `t.js:1:10: unexpected token ;`},
		{"deep templates", strings.Repeat("`${", 300), `t.js:1:603: nesting limit of 200 reached`},
		{"many labels", strings.Repeat("a:", 3000), `t.js:1:2002: nesting limit of 1000 reached`},
		{"many arrows", strings.Repeat("a=>", 3000) + "1", `t.js:1:1502: nesting limit of 1000 reached`},
		{"a deep tree", "1" + strings.Repeat("+1", 9000), `t.js:1:2002: nesting limit of 1000 reached`},
		{"a large source", strings.Repeat(" ", 140000), `t.js:1:1: script of 140000 octets is over the limit of 131072`},
		{"a long pattern", "/" + strings.Repeat("a", 5000) + "/", `t.js:1:1: pattern of 5000 octets is over the limit of 4096`},
	})
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
