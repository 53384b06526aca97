package expr

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestValues(t *testing.T) {
	type list = []runtime.Value
	type dict = map[string]runtime.Value
	room.Values(t, []langtest.Value{
		{"an int stays an int", `1 + 2`, int64(3)},
		{"the largest int is exact", `9223372036854775806 + 1`, int64(9223372036854775807)},
		{"a float stays a float", `1.0`, 1.0},
		{"division gives a float", `4 / 2`, 2.0},
		{"int and float give a float", `1 + 0.5`, 1.5},
		{"minus a variable", `let x = 3; -x`, int64(-3)},
		{"a negative literal", `-3`, int64(-3)},
		{"products", `3 * -4`, int64(-12)},
		{"remainder", `7 % 4`, int64(3)},
		{"text", `"a" + "b"`, "ab"},
		{"bytes", `b"\xff\x00"`, []byte{0xff, 0}},
		{"null", `nil`, nil},
		{"null by its other name", `[null, nil ?? 1, null == nil]`, list{nil, int64(1), true}},
		{"truth", `true and not false`, true},
		{"a list of all kinds", `[1, 2.0, "x", true, nil, [2]]`, list{int64(1), 2.0, "x", true, nil, list{int64(2)}}},
		{"a map", `{a: 1, "b c": [1]}`, dict{"a": int64(1), "b c": list{int64(1)}}},
		{"a range", `1..3`, list{int64(1), int64(2), int64(3)}},
		{"statements and let", "let x = 2; // two\n1; /* more */ x * 2", int64(4)},
		{"conditions", `if 1 > 2 { "a" } else if 2 > 1 { "b" } else { "c" }`, "b"},
		{"question mark", `1 > 2 ? "a" : "b"`, "b"},
		{"pipe", `"Ab" | upper()`, "AB"},
		{"loops", `filter(map(1..5, # * 2), # > 4)`, list{int64(6), int64(8), int64(10)}},
		{"the other loops", `[all([1], # > 0), none([1], # > 0), any([1], # > 0), one([1, 1], # > 0)]`, list{true, false, true, false}},
		{"counting", `[::count([1, 2, 3], # > 1), ::count([true, false]), sum([1, 2]), sum([1, 2], # * 2)]`, list{int64(2), int64(1), int64(3), int64(6)}},
		{"finding", `[find([1, 2], # > 1), findIndex([1, 2], # > 1), find([1], # > 1)]`, list{int64(2), int64(1), nil}},
		{"reduce", `reduce(1..4, #acc + #)`, int64(10)},
		{"equality of lists", `[[1, [2]] == [1.0, [2]], [1] == 1..1, [1] != [2], {a: 1} == {a: 1}, 1 == 1.0]`, list{true, true, true, true, true}},
		{"beyond 2^53 an int equals only its own float", `let f = 9007199254740992.0; let n = 9007199254740993; n == f`, false},
		{"in", `[1 in [1, 2], "a" in {a: 1}, nil in [nil], 3 in 1..2, 3 not in [1]]`, list{true, true, true, false, true}},
		{"matches", `["spam 42" matches "\\d+", "x" matches "^a", "ab" matches ("a" + "b")]`, list{true, false, true}},
		{"operators of text", `["abc" contains "b", "abc" startsWith "a", "abc" endsWith "c"]`, list{true, true, true}},
		{"slices and indexes", `["abcd"[1:3], [1, 2, 3][1:], [1, 2][-1], {a: {b: 1}}.a.b, {a: nil}.a?.b, nil ?? 2]`, list{"bc", list{int64(2), int64(3)}, int64(2), int64(1), nil, int64(2)}},
		{"split and join", `join(split("a,b,c", ","), "-")`, "a-b-c"},
		{"replace and repeat", `replace("aXa", "X", "-") + repeat("ab", 2)`, "a-aabab"},
		{"lists", `[concat([1], [2]), flatten([1, [2, [3]]]), reverse([1, 2]), sort([3, 1, 2]), sort(["b", "a"], false)]`,
			list{list{int64(1), int64(2)}, list{int64(1), int64(2), int64(3)}, list{int64(2), int64(1)}, list{int64(1), int64(2), int64(3)}, list{"b", "a"}}},
		{"extremes", `[max(1, 3, 2), min([3, 1.5]), max("a", "b")]`, list{int64(3), 1.5, "b"}},
		{"keys and values are in order", `[keys({b: 1, a: 2}), values({b: 1, a: 2})]`, list{list{"a", "b"}, list{int64(2), int64(1)}}},
		{"conversions", `[string(1), string(1.5), string(nil), int("42"), int(2.9), float("1.5")]`, list{"1", "1.5", "", int64(42), int64(2), 1.5}},
		{"an octet of bytes is an int", `b"\x07"[0]`, int64(7)},
		{"an empty script is null", "  // nothing\n", nil},
		{"a trailing semicolon", `1; 2;`, int64(2)},
	})
}

func TestRunErrors(t *testing.T) {
	room.RunErrors(t, []langtest.Error{
		{"too large a sum", "1;\nlet x = 9223372036854775807;\nx + 1", "t.expr:3:3: integer overflow"},
		{"too large a product", `let x = 4611686018427387904; x * 2`, "t.expr:1:32: integer overflow"},
		{"the smallest int has no opposite", `let x = -9223372036854775807; -(x - 1)`, "t.expr:1:31: integer overflow"},
		{"text and number", `let x = {a: 1}; "a" + x.a`, "t.expr:1:21: operator + is not defined for string and int"},
		{"a condition that is none", `let x = {a: 1}; x.a and true`, "t.expr:1:21: expected bool, got int"},
		{"a condition that is null", `let x = {a: nil}; x.a ? 1 : 2`, "t.expr:1:19: expected bool, got null"},
		{"a loop over null", `let x = {a: nil}; filter(x.a, true)`, "t.expr:1:19: filter: expected list, got null"},
		{"a column counts characters", `let é = 0; 1 % é`, "t.expr:1:14: integer divide by zero"},
		{"an index that is not there", `let x = [1]; x[3]`, "t.expr:1:15: index out of range: 3 (array length is 1)"},
		{"a pattern made at run time", `let p = "("; "a" matches p`, "t.expr:1:18: matches: error parsing regexp: missing closing ): `(`"},
	})
}
