package runtime

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNotesStandInTheRecord(t *testing.T) {
	r := runTiny(t, `
		debug_log("one\nline")
		debug_log("`+strings.Repeat("é", 1000)+`", "problem")`, RunOptions{})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	want := []NoteRecord{{"debug", "one line"}, {"problem", strings.Repeat("é", maxNote/2)}}
	if diff := cmp.Diff(want, r.Record.Notes); diff != "" {
		t.Error(diff)
	}
	var b bytes.Buffer
	if err := r.Record.Explain(&b, nil); err != nil || !strings.Contains(b.String(), "notes:\n    debug: one line\n    problem: é") {
		t.Errorf("explained as %s, %v", b.String(), err)
	}
	if r = runTiny(t, `debug_log("x", "shout")`, RunOptions{}); r.Err == nil || !strings.Contains(r.Err.Error(), `unknown kind "shout"`) {
		t.Errorf("an unknown kind: %v", r.Err)
	}
}

func TestNotesAreBounded(t *testing.T) {
	r := runTiny(t, strings.Repeat("debug_log(\"x\")\n", maxNotes)+`debug_log("too much")`, RunOptions{})
	if r.Err != nil || !Equal(r.Value, false) || len(r.Record.Notes) != maxNotes || r.Record.Dropped != 1 {
		t.Errorf("%v, %v, %d notes, %d dropped", r.Err, r.Value, len(r.Record.Notes), r.Record.Dropped)
	}
}
