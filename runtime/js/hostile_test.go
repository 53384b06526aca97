package js

import (
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// hostile are scripts that want more than they may have.
var hostile = []langtest.Script{ // those whose name ends in a star may end well
	{"an endless loop", `for (;;) {}`},
	{"an endless loop in finally", `for (;;) { try { for (;;) {} } finally { continue } }`},
	{"an endless loop that catches", `for (;;) { try { null.x } catch (e) {} }`},
	{"an empty endless do loop", `do ; while (true)`},
	{"endless recursion", `function f() { return f() } f()`},
	{"recursion that catches", `function f() { try { f() } catch (e) { f() } } f()`},
	{"many calls", `function f(n) { return n ? f(n - 1) + f(n - 1) : 1 } f(60)`},
	{"doubling a text", `let s = "x"; for (;;) s += s`},
	{"doubling with plus", `let s = "x"; for (;;) s = s + s`},
	{"doubling a property", `let o = {s: "x"}; for (;;) o.s += o.s`},
	{"doubling in a template", "let s = 'x'; for (;;) s = `${s}${s}`"},
	{"doubling with concat", `let s = "x"; for (;;) s = s.concat(s)`},
	{"doubling with join", `let s = "x"; for (;;) s = [s, s].join("")`},
	{"doubling with replace", `let s = "xx"; for (;;) s = s.replace(/x/g, "$&$&")`},
	{"doubling with replaceAll", `let s = "xx"; for (;;) s = s.replaceAll("x", () => "xx")`},
	{"a BigInt of many digits", `BigInt("9".repeat(4e6))`},
	{"a BigInt of many digits by its constructor", `(1n).constructor("9".repeat(4e6))`},
	{"a BigInt of many digits by an object", `BigInt({toString() { return "9".repeat(4e6) }})`},
	{"a BigInt of many digits, cut", `BigInt.asIntN(64, "9".repeat(4e6))`},
	{"a BigInt of many bits", `BigInt.asUintN(2 ** 31, -1n)`},
	{"a long text spread", `[..."x".repeat(4e6)].map(x => [..."x".repeat(1000)])`},
	{"a long text as a pattern", `let [...a] = "x".repeat(4e6); a.length`},
	{"a long text as arguments", `Math.max(..."1".repeat(4e6))`},
	{"a long text as a set", `new Set("x".repeat(4e6))`},
	{"repeat", `"x".repeat(2 ** 30)`},
	{"repeat by a computed name", `let k = "rep"; "x"[k + "eat"](2 ** 30)`},
	{"repeat from a descriptor", `Object.getOwnPropertyDescriptors(String.prototype).repeat.value.call("x", 2 ** 30)`},
	{"repeat by a computed key in a pattern", `let k = "rep"; const {[k + "eat"]: f} = "x"; f.call("x", 2 ** 30)`},
	{"repeat by a key that is an object", `let f = "x"[{toString() { return "repeat" }}]; f.call("x", 2 ** 30)`},
	{"repeat by the class", `"x"[["repeat"]](2 ** 30)`},
	{"join of a list of the table", `let a = header_all("X"); for (let i = 0; i < 60; i++) { a = header_all("X"); a.push(a) } for (;;) String(a)`},
	{"padding", `"x".padStart(2 ** 30) + "x".padEnd(2 ** 30)`},
	{"a large list", `new Array(3e7).join("x")`},
	{"a large list by call", `Array(3e7).fill(0)`},
	{"a large list by constructor", `[].constructor(3e7).fill(0)`},
	{"a long empty list", `let a = []; a.length = 4294967295; a.indexOf(1)`},
	{"a long empty list by its key", `let a = []; let k = "length"; a[k] = 4294967295; a.indexOf(1)`},
	{"a list with a far element", `let a = []; a[4294967290] = 1; [...a]`},
	{"a list of elements", `let a = [1]; for (;;) a = a.concat(a)`},
	{"a list by spreading", `let a = [1]; for (;;) a = [...a, ...a]`},
	{"a list by flattening", `let a = [1, 2]; for (;;) a = [a, a].flat()`},
	{"shared lists flattened", `let a = []; for (let i = 0; i < 60; i++) a = [a, a]; a.flat(Infinity)`},
	{"shared lists as text", `let a = []; for (let i = 0; i < 60; i++) a = [a, a]; String(a)`},
	{"shared lists as JSON", `let a = [1]; for (let i = 0; i < 60; i++) a = [a, a]; JSON.stringify(a)`},
	{"shared lists as value", `let a = [1]; for (let i = 0; i < 60; i++) a = [a, a]; return a`},
	{"deep lists as text", `let a = []; for (let i = 0; i < 200000; i++) a = [a]; String(a)`},
	{"deep lists as JSON", `let a = []; for (let i = 0; i < 200000; i++) a = [a]; JSON.stringify(a)`},
	{"deep lists as value", `let a = []; for (let i = 0; i < 200000; i++) a = [a]; return a`},
	{"deep JSON", `JSON.parse("[".repeat(1000000))`},
	{"a list-like thing without end", `Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1)`},
	{"a list-like thing that lies *", `let n = 0; Array.prototype.indexOf.call({get length() { return n++ ? 2 ** 53 - 1 : 1 }}, 1)`},
	{"many arguments", `Math.max.apply(null, {length: 1e9})`},
	{"from a length", `Array.from({length: 1e9})`},
	{"splitting", `let s = "x".repeat(4e6); for (;;) s.split("")`},
	{"sorting long texts", `let s = "x".repeat(1e6), a = []; for (let i = 0; i < 1000; i++) a.push(s + i); a.sort()`},
	{"buffers", `let a = []; for (;;) a.push(new ArrayBuffer(1 << 20))`},
	{"a large buffer", `new ArrayBuffer(2 ** 31)`},
	{"a large typed array", `new Float64Array(1e8)`},
	{"objects", `let a = []; for (;;) a.push({a: 1, b: {c: [1, 2, 3]}})`},
	{"numbers without end", `let x = 2n; for (;;) x *= x`},
	{"a number of many digits", `2n ** 100000000n`},
	{"a shifted number", `1n << 10000000000n`},
	{"backtracking *", `/^(?=(a+)+$)b/.test("a".repeat(40) + "!")`},
	{"backtracking without end", `let s = "a".repeat(40) + "!"; for (;;) /(a+)+\1$/.test(s)`},
	{"a costly pattern", `let s = "a".repeat(4e6); for (;;) /(a{1,200}){1,200}b/.test(s)`},
	{"a pattern without end", `new RegExp("(".repeat(1e6))`},
	{"natives that call each other", `let o = {}; o.toString = o.toLocaleString; o.toString()`},
	{"join that is toString", `let a = []; a.join = a.toString; String(a)`},
	{"exec that is test *", `let r = /a/; r.exec = r.test; r.test("a")`},
	{"an error that is its own message", `let e = new Error(); e.message = e; String(e)`},
	{"functions bound to each other", `let f = () => 1; for (let i = 0; i < 1e6; i++) f = f.bind(null); f()`},
	{"getters as values", `return {get a() { for (;;) {} }}`},
	{"a thrown thing that cannot be shown", `throw {toString() { for (;;) {} }}`},
	{"calls of functions", `for (;;) to_lowercase("x")`},
	{"calls that are caught", `for (;;) { try { key_get("", "x") } catch (e) {} }`},
}

func TestHostileScripts(t *testing.T) {
	room.Hostile(t, hostile, langtest.Bounds{Growth: 256 << 20})
}

func TestLimitsAreNamed(t *testing.T) {
	room.Limits(t, []langtest.Limit{
		{"time", `for (;;) {}`, "time", runtime.Limits{Time: 50 * time.Millisecond, Steps: 1 << 40}},
		{"steps", "let i = 0;\nwhile (true) i++", "steps", runtime.Limits{Steps: 1000}},
		{"steps by calls", `(function f() { for (;;) [1].map(() => 1) })()`, "steps", runtime.Limits{Steps: 1000}},
		{"output", `let s = "x"; for (;;) s += s`, "output", runtime.Limits{Output: 1000}},
		{"memory", `new Uint8Array(1e6)`, "memory", runtime.Limits{Memory: 1000}},
		{"nesting", `function f() { f() } f()`, "nesting", runtime.Limits{}},
		{"actions", `for (;;) keep()`, "actions", runtime.Limits{}},
		{"memory of the heap", `let a = []; for (;;) a.push({a: [1]})`, "memory", runtime.Limits{Memory: 16 << 20, Steps: 1 << 40, Time: 20 * time.Second}},
	})
	got := room.Do(t, "let i = 0;\nwhile (true) i++", runtime.Limits{Steps: 1000})
	if want := "t.js:2:14: steps limit of 1000 reached"; got.Err.Error() != want {
		t.Errorf("got %v, want %s", got.Err, want)
	}
}
