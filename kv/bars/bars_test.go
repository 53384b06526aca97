package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFlagsAndBarsComeInAnyOrder(t *testing.T) {
	for _, args := range []string{"K3 k1 -rounds 5 -json", "-rounds 5 K1 -json K3", "-json -rounds=5 K1 K3"} {
		set, wanted, err := parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if want := (settings{rounds: 5, slice: 300 * time.Millisecond, json: true}); set != want {
			t.Errorf("%s: %+v, want %+v", args, set, want)
		}
		if diff := cmp.Diff([]string{"K3", "K1"}, ids(wanted)); diff != "" {
			t.Errorf("%s: %s", args, diff)
		}
	}
	if _, wanted, err := parse(nil); err != nil || len(wanted) != len(all) {
		t.Errorf("no ids: %v, %v", ids(wanted), err)
	}
	for _, args := range []string{"K11", "-rounds 0", "-slow", "K1 -rounds"} {
		if _, _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}

func ids(bars []bar) (ids []string) {
	for _, b := range bars {
		ids = append(ids, b.id)
	}
	return ids
}

func TestTheRegisterHasEachBarOnceWithOneFunction(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range all {
		if seen[b.id] || (b.measure == nil) == (b.print == nil) || b.title == "" {
			t.Errorf("%s: %+v", b.id, b)
		}
		seen[b.id] = true
	}
}

// example has a row of each kind.
func example() *table {
	t := &table{ID: "K0", Title: "example"}
	t.add(row{What: "fast", Unit: "/s", Ours: 1_234_567, Other: "Redis", Others: 45_000, Ratio: 27.43, Least: 25, Most: 29.1, Bar: 10, OursCPU: 0.8, OtherCPU: 12})
	t.add(row{What: "slow", Unit: "/s", Ours: 90, Other: "bare", Others: 100, Ratio: 0.9, Bar: 1})
	t.add(row{What: "shown", Unit: "/s", Ours: 1, Other: "bare", Others: 2, Ratio: 0.5, Shown: true})
	t.add(row{What: "few", Ours: 1, Bar: 1, AtMost: true})
	t.add(row{What: "many", Ours: 1.01, Unit: " ms", Bar: 1, AtMost: true})
	return t
}

func TestATableSaysWhatIsMissed(t *testing.T) {
	got := example()
	if diff := cmp.Diff([]string{"K0 slow", "K0 many"}, got.missed()); diff != "" {
		t.Error(diff)
	}
	var text strings.Builder
	if err := got.write(&text); err != nil {
		t.Fatal(err)
	}
	want := `K0  example  ours         CPU us  the other            CPU us  ratio  (least, most)   bar
  fast       1,234,567/s  0.80    Redis      45,000/s  12.00   27.43  (25.00, 29.10)  >= 10  ok
  slow       90/s         0.00    bare       100/s     0.00    0.90   (0.00, 0.00)    >= 1   MISSED
  shown      1/s          0.00    bare       2/s       0.00    0.50   (0.00, 0.00)
  few        1                                                                        <= 1   ok
  many       1.01 ms                                                                  <= 1   MISSED
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	again := new(table)
	if err := json.Unmarshal(b, again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got.Rows, again.Rows); diff != "" {
		t.Error(diff)
	}
}

func TestFiguresAreReadable(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.126: "0.13", 1: "1", 999.5: "999.5", 1000: "1,000", 12345.6: "12,346", 1e6: "1,000,000"} {
		if got := figure(n); got != want {
			t.Errorf("%v is written %s, want %s", n, got, want)
		}
	}
}
