package js

import (
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestValues(t *testing.T) {
	type list = []runtime.Value
	type dict = map[string]runtime.Value
	room.Values(t, []langtest.Value{
		{"a whole number is an int", `1 + 2`, int64(3)},
		{"a fraction is a float", `1 / 2`, 0.5},
		{"2^53 is the last int that is a number", `2 ** 53`, int64(1 << 53)},
		{"beyond it a number is a float", `2 ** 54`, float64(1 << 54)},
		{"beyond it an int is a BigInt", `9223372036854775807n`, int64(math.MaxInt64)},
		{"minus zero is a float", `-0`, math.Copysign(0, -1)},
		{"text", `"a" + 'b' + ` + "`c${1 + 1}`", "abc2"},
		{"undefined and null are null", `[undefined, null, , 1]`, list{nil, nil, nil, int64(1)}},
		{"bytes", `new Uint8Array([255, 0])`, []byte{255, 0}},
		{"a buffer is bytes", `new ArrayBuffer(2)`, []byte{0, 0}},
		{"a map", `({a: 1, b: [true, "x"]})`, dict{"a": int64(1), "b": list{true, "x"}}},
		{"a wrapped text", `new String("x")`, "x"},
		{"return ends the script", "if (true) { return 1 }\n2", int64(1)},
		{"no value", `let x = 1;`, nil},
		{"nothing", ` // nothing`, nil},
		{"functions, closures and classes", `class A { constructor(x) { this.x = x } twice() { return this.x * 2 } }
const f = n => n < 2 ? n : f(n - 1) + f(n - 2);
f(10) + new A(4).twice()`, int64(63)},
		{"loops", `let s = 0; for (let i = 0; i < 3; i++) s += i; for (const x of [1, 2]) s += x; for (const k in {a: 1}) s += k.length; while (s < 10) s++; do { s-- } while (s > 9); s`, int64(9)},
		{"labels and continue", `let n = 0; outer: for (let i = 0; i < 3; i++) { for (;;) { n++; if (i < 2) continue outer; break outer } } n`, int64(3)},
		{"destructuring and spread", `const [a, ...b] = [1, 2, 3]; const {x, ...y} = {x: 1, z: 2}; [a, ...b, x, y.z, Math.max(...b)]`, list{int64(1), int64(2), int64(3), int64(1), int64(2), int64(3)}},
		{"exceptions", `let s = ""; try { null.x } catch (e) { s = e instanceof TypeError } finally { s = [s] } s`, list{true}},
		{"plus is JavaScript's", `[1 + true, "a" + null, 1 + "b", [1] + [2], {} + "", undefined + 1 !== undefined + 1, 1.5 + 1]`,
			list{int64(2), "anull", "1b", "12", "[object Object]", true, 2.5}},
		{"adding to a place", `let o = {n: 1, s: "a"}; o.n += 2; o["s"] += "b"; let k = "n"; o[k] += 1; let t = "x"; t += t; [o.n, o.s, t]`, list{int64(4), "ab", "xx"}},
		{"BigInt of what there is", `[BigInt("12"), BigInt(3), BigInt(true), BigInt.asUintN(8, -1n), BigInt.asIntN(8, "255"), typeof BigInt, (1n).constructor === BigInt, 1n instanceof BigInt]`,
			list{int64(12), int64(3), int64(1), int64(255), int64(-1), "function", true, false}},
		{"text taken apart", `let [a, ...b] = "grün"; [[..."ab"], a, b, new Set("aab").size]`, list{list{"a", "b"}, "g", list{"r", "ü", "n"}, int64(2)}},
		{"BigInt operators", `let x = 3n; x *= 2n; x **= 2n; [x, 1n << 3n, 2 ** 3, 1 << 3]`, list{int64(36), int64(8), int64(8), int64(8)}},
		{"text methods", `["ab".repeat(2), "a".padStart(3, "-"), "a".padEnd(2), "a".concat("b", 1), "a,b".split(","), "aXbX".replace("X", "-"), "aXbX".replaceAll("X", "$&$&"), "x1y2".replace(/(\d)/g, "<$1>"), "abc".replace(/(?<l>b)/, (m, l, at) => m + at)]`,
			list{"abab", "--a", "a ", "ab1", list{"a", "b"}, "a-bX", "aXXbXX", "x<1>y<2>", "ab1c"}},
		{"substitutions", `"abc".replace(/(?<l>b)/, "[$<l>$1$$$` + "`" + `$']") + "abc".replace("b", "$1$2".repeat(1))`, "a[bb$ac]ca$1$2c"},
		{"long replacements are counted but right", `"x".repeat(1000).replace(/x/g, "$&".repeat(100)).length`, int64(100000)},
		{"patterns", `[/a+/.test("caat"), /(a)(b)?/.exec("a").length, "a1b2".match(/\d/g), "ab".search(/b/), [..."a1b2".matchAll(/\d/g)].length, "a1b".split(/\d/)]`,
			list{true, int64(3), list{"1", "2"}, int64(1), int64(2), list{"a", "b"}}},
		{"arrays", `[[3, 1, 2].sort(), [1, 10, 2].sort(), [2, 1].sort((a, b) => a - b), [1, [2, [3]]].flat(Infinity), [1, 2].flatMap(x => [x, x]), [1].concat([2], 3), [1, 2].join("-"), Array(3).fill(0), Array.from({length: 2}, (_, i) => i), [1, 2].indexOf(2), [1, 2].includes(3)]`,
			list{list{int64(1), int64(2), int64(3)}, list{int64(1), int64(10), int64(2)}, list{int64(1), int64(2)}, list{int64(1), int64(2), int64(3)}, list{int64(1), int64(1), int64(2), int64(2)},
				list{int64(1), int64(2), int64(3)}, "1-2", list{int64(0), int64(0), int64(0)}, list{int64(0), int64(1)}, int64(1), false}},
		{"things that look like arrays", `Array.prototype.map.call("ab", c => c + c).concat((function () { return Array.prototype.slice.call(arguments, 1) })(1, 2))`, list{"aa", "bb", int64(2)}},
		{"constructors stay what they are", `[[] instanceof Array, Array.isArray(new Array(2)), new Uint8Array(2) instanceof Uint8Array, Uint8Array.from([1])[0], [].constructor === Array, new Map([[1, 2]]).get(1), new Set([1, 1]).size, new (class extends Array {})(3).length]`,
			list{true, true, true, int64(1), true, int64(2), int64(1), int64(3)}},
		{"computed keys", `let k = "rep" + "eat"; let a = []; for (let i = 0; i < 3; i++) a[i] = i; ["ab"[k](2), a]`, list{"abab", list{int64(0), int64(1), int64(2)}}},
		{"computed keys in patterns and literals", `const k = "a", {[k]: x, ["b" + ""]: y = 2, [Symbol.iterator]: z} = {[k]: 1}; [x, y, z === undefined]`, list{int64(1), int64(2), true}},
		{"a computed key that is an object", `const o = {1: "x"}; [o[1.0], o[[1]], o[{toString() { return "1" }}]]`, list{"x", "x", "x"}},
		{"what is iterated", `const [a, ...b] = new Map([[1, 2], [3, 4]]); [a, b, [...new Set([1, 1, 2])], Math.max(...[1, 2], ...new Set([5])), Array.from(new Map([[1, 2]])), [...[1, , 2]], {...[7]}, {..."ab"}, [...new Uint8Array([1, 2])]]`,
			list{list{int64(1), int64(2)}, list{list{int64(3), int64(4)}}, list{int64(1), int64(2)}, int64(5), list{list{int64(1), int64(2)}}, list{int64(1), nil, int64(2)}, dict{"0": int64(7)}, dict{"0": "a", "1": "b"}, list{int64(1), int64(2)}}},
		{"an iterator without end, of which little is taken", `const it = {[Symbol.iterator]() { let n = 0; return {next: () => ({value: n++})} }}; const [a, b] = it; let s = 0; for (const x of it) { if (x > 3) break; s += x } [a, b, s]`, list{int64(0), int64(1), int64(6)}},
		{"JSON", `[JSON.stringify({a: [1, "x", null]}), JSON.parse('{"a": [1]}').a[0]]`, list{`{"a":[1,"x",null]}`, int64(1)}},
		{"calls", `[Math.max.apply(null, [1, 2]), String.prototype.trim.call(" a "), ((a, b) => a + b).bind(null, 1)(2)]`, list{int64(2), "a", int64(3)}},
		{"a list that holds itself as text", `let a = [1]; a.push(a); String(a)`, "1,"},
		{"no clock and no chance", `[Date.now() === Date.now(), new Date().getTime() === Date.now(), typeof Math.random()]`, list{true, true, "number"}},
		{"what is not there", `[typeof globalThis["eval"], (() => {}).constructor === Object, typeof globalThis["Proxy"]]`, list{"undefined", true, "undefined"}},
		{"functions are seen by in and typeof", `[typeof key_get, "key_get" in globalThis, typeof no_such]`, list{"function", true, "undefined"}},
	})
}

func TestRunErrors(t *testing.T) {
	room.RunErrors(t, []langtest.Error{
		{"an exception of JavaScript", "let x = null;\n  x.y", "t.js:2:5: TypeError: Cannot read property 'y' of undefined"},
		{"one of the script's own", "\n throw new Error('no')", "t.js:2:8: Error: no"},
		{"something else thrown", `throw 42`, "t.js:1:1: 42"},
		{"the first line counts from the script's first character", `é; missing`, "t.js:1:1: ReferenceError: é is not defined"},
		{"a column counts characters", `let é = "é"; é.x.y`, "t.js:1:18: TypeError: Cannot read property 'y' of undefined"},
		{"a function as value", `return () => 1`, "t.js:1:15: a function is no value of the function table"},
		{"a symbol as value", `return Symbol("x")`, "t.js:1:19: a symbol is no value of the function table"},
		{"a cycle", `let a = {}; a.a = [a]; return a`, "t.js:1:32: value contains itself"},
		{"a date", `return new Date(0)`, "t.js:1:19: a Date is no value of the function table"},
		{"too large a BigInt", `return 1n << 64n`, "t.js:1:17: BigInt is beyond 64 bits"},
		{"a function cannot be replaced", `key_get = 1`, "t.js:1:1: ReferenceError: key_get is not defined"},
	})
}

func TestFunctionErrorsCanBeCaught(t *testing.T) {
	got := room.Do(t, `let e1; try { fileinto("") } catch (e) { e1 = e }
[e1 instanceof Error, e1.name, e1.message.length > 0]`, runtime.Limits{})
	want := []runtime.Value{true, "Error", true}
	if diff := cmp.Diff(want, got.Value); diff != "" || got.Err != nil {
		t.Errorf("%v, want -, got +:\n%s", got.Err, diff)
	}
}

func TestLimitsCannotBeCaught(t *testing.T) {
	got := room.Do(t, `try { for (;;) keep() } catch (e) { return 1 } finally { return 2 }`, runtime.Limits{})
	var limit *runtime.LimitError
	if !errors.As(got.Err, &limit) || limit.Limit != "actions" {
		t.Errorf("got %v %v", got.Value, got.Err)
	}
}

func TestRunsAreApart(t *testing.T) {
	p := room.Compile(t, `if (globalThis.left || [].left || Object.left) throw new Error("something is left");
globalThis.left = 1; Array.prototype.left = 1; Object.left = 1; String.prototype.trim = null; globalThis["JSON"] = null;
Math.random()`, runtime.CompileOptions{})
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			var first runtime.Value
			for range 20 {
				r := runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
					Host: &runtime.Live{}, Seed: uint64(i + 1)})
				if r.Err != nil {
					t.Error(r.Err)
					return
				}
				if first == nil {
					first = r.Value
				}
				if r.Value != first {
					t.Errorf("random numbers of one seed differ: %v, %v", r.Value, first)
				}
			}
		})
	}
	wait.Wait()
}
