package js

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

const filter = `// what lists send goes into its folder, what comes too often is put off
const seen = key_get("", sender()) ?? 0;
key_set("", sender(), seen + 1, "1h");
if (header_exists("List-Id") && seen < 3) {
	fileinto("Lists", {flags: ["\\Seen"]});
} else {
	rate_limit("", sender(), "1/1h").allowed ? keep() : tempfail("later");
}
Math.random() < 2 && new Date().getTime();`

var room = langtest.Room{
	Language: New(Options{}), Script: "t.js", Filter: filter,
	Literal: func(v runtime.Value) runtime.Value { // 1.0 and 1 are one number here
		if f, ok := v.(float64); ok {
			return number(f)
		}
		return v
	},
}

func TestContract(t *testing.T) { room.Run(t) }

func TestEveryExampleOfTheTable(t *testing.T) { room.Examples(t) }

func TestValuesInTheStore(t *testing.T) {
	room.Stored(t, []langtest.Value{
		{"null", `null`, nil},
		{"undefined", `undefined`, nil},
		{"bool", `true`, true},
		{"int", `42`, int64(42)},
		{"the largest int that is a number", `9007199254740992`, int64(1 << 53)},
		{"a large int", `9223372036854775807n`, int64(9223372036854775807)},
		{"float", `1.5`, 1.5},
		{"a large whole float", `1e300`, 1e300},
		{"string", `"é\ud83d\ude00"`, "é😀"},
		{"bytes", `new Uint8Array([255, 0])`, []byte{0xff, 0}},
		{"list", `[1, 2.5, "x", null, [true]]`, []runtime.Value{int64(1), 2.5, "x", nil, []runtime.Value{true}}},
		{"map", `{a: 1, "b": {c: []}, ["__proto__"]: 2}`, map[string]runtime.Value{"a": int64(1), "b": map[string]runtime.Value{"c": []runtime.Value{}}, "__proto__": int64(2)}},
	})
}

func TestSites(t *testing.T) {
	room.Sites(t, "let x = 1;\nx > 2 && header_exists(\"To\") ? keep() : discard();\nif (x == 1) { keep() } else {}\nlen(\"a\");\nwhile (x-- > 0);\nlet f = len; f(\"a\")",
		[]runtime.Site{
			{Line: 2, Col: 1, What: "?:"}, {Line: 2, Col: 1, What: "&&"}, {Line: 2, Col: 10, What: "call header_exists"},
			{Line: 2, Col: 32, What: "call keep"}, {Line: 2, Col: 41, What: "call discard"},
			{Line: 3, Col: 1, What: "if"}, {Line: 3, Col: 15, What: "call keep"}, {Line: 4, Col: 1, What: "call len"}, {Line: 5, Col: 1, What: "while"},
		},
		[]runtime.HitRecord{{Site: 1, Outcome: runtime.False}, {Site: 0, Outcome: runtime.False}, {Site: 4, Outcome: runtime.True},
			{Site: 5, Outcome: runtime.True}, {Site: 6, Outcome: runtime.True}, {Site: 7, Outcome: runtime.Reached},
			{Site: 8, Outcome: runtime.True}, {Site: 8, Outcome: runtime.False}})
}
