package runtime

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, got) {
		t.Errorf("%s is not what the code gives (%v); run with -update and look at the difference. Got:\n%s", path, err, got)
	}
}

func TestReference(t *testing.T) {
	withoutTestFunctions(t)
	golden(t, "FUNCTIONS.md", Reference())
	golden(t, "sluice.d.ts", Declarations())
}

// withoutTestFunctions leaves what tests have added out of the table, for a test.
func withoutTestFunctions(t *testing.T) {
	all := table
	t.Cleanup(func() { table = all })
	table = nil
	for _, f := range all {
		if !testFunction(f) {
			table = append(table, f)
		}
	}
}

func TestExplain(t *testing.T) {
	r, p := record1(t, everything+"\nrepeat 3 now()\nfileinto(\"Lists\", {\"flags\": [\"$X\"], \"create\": true})\n"+
		`replace("aaaaaaaaaaaaaaaaaaaa", "a", "0123456789")`, RecordFull)
	r.Record.Took = 1234567 * time.Nanosecond
	for i, c := range r.Record.Calls {
		if c.Function == "lock_try" { // its owner is random
			r.Record.Calls[i].Result = map[string]Value{"owner": "0123", "fence": int64(1)}
		}
	}
	var out bytes.Buffer
	if err := r.Record.Explain(&out, p.Sites()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/explain.golden", out.Bytes())
}

func TestExplainOfAFailure(t *testing.T) {
	r, p := record1(t, "key_gett(\"\", \"k\")", RecordFull)
	r.Record.Hits = append(r.Record.Hits, HitRecord{Site: -1, Outcome: 77})
	var out bytes.Buffer
	if err := r.Record.Explain(&out, p.Sites()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-> failed", "site -1", "outcome 77", "nothing: the implicit keep stands", `failed: test.tiny:1:1: unknown function "key_gett"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
	}
}

func TestValueText(t *testing.T) {
	for want, v := range map[string]Value{
		"null": nil, "1": int64(1), "1.0": 1.0, "NaN": math.NaN(), "+Inf": math.Inf(1), "1e+30": 1e30,
		`"a\x00"`: "a\x00", "bytes ff": []byte{0xff}, "[1, [], {}]": []Value{int64(1), []Value{}, map[string]Value{}},
		`{"a": 1, "b": true}`:                                          map[string]Value{"b": true, "a": int64(1)},
		`"` + strings.Repeat("é", 80) + `"... (200 octets)`:            strings.Repeat("é", 100),
		"[null, null, null, null, null, null, null, null, ... 2 more]": make([]Value, 10),
	} {
		if got := ValueText(v); got != want {
			t.Errorf("%#v is %s, want %s", v, got, want)
		}
	}
	if n := len(ValueText([]Value{strings.Repeat("x", 1000), strings.Repeat("y", 1000), strings.Repeat("z", 1000)})); n > 400 {
		t.Errorf("a list of long texts takes %d octets", n)
	}
}

func TestResultJSON(t *testing.T) {
	r := runTiny(t, `
		fileinto("A", {"flags": ["\\Seen"]})
		mark("", "k", [1, 2.5], "90s")
		[1, true]`, RunOptions{Namespace: "admin"})
	r.Record.Took = 1500 * time.Microsecond
	r.Plan.Actions[1].Value = []Value{math.NaN(), []byte("x"), int64(1)}
	b, err := ResultJSON(r, r.Settle(nil, Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"script":"test.tiny","language":"tiny","plan":[{"action":"fileinto","mailbox":"A","flags":["\\Seen"]},` +
		`{"action":"mark","key":"k","namespace":"admin","value":["NaN","eA==",1],"ttl":90}],"value":[1,true],"error":"","took_us":1500}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	r = runTiny(t, "keep()\nreject(\"no\")", RunOptions{})
	if b, err = ResultJSON(r, r.Settle(nil, Limits{})); err != nil {
		t.Fatal(err)
	}
	var got resultJSON
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Plan) != 1 || !got.Plan[0].Implicit || !strings.Contains(got.Error, "conflicting actions") {
		t.Errorf("got %s", b)
	}
	r = runTiny(t, "mark(\"\", \"k\", 1)\nreject(\"no\")", RunOptions{})
	if b, err = ResultJSON(r, r.Settle(nil, Limits{})); err != nil || !strings.Contains(string(b), `"plan":[{"action":"reject","reason":"no"},{"action":"mark"`) {
		t.Errorf("got %s, %v", b, err)
	}
}
