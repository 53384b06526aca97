package runtime

import "testing"

// TestEmptyValuesSurvive sends values that Go calls empty through all that is kept in CBOR.
func TestEmptyValuesSurvive(t *testing.T) {
	for _, v := range []Value{nil, false, int64(0), 0.0, "", []byte{}, []Value{}, map[string]Value{}, []Value{false, ""}} {
		d := delivery("x", "a@b")
		d.Plans[0].Actions = []Action{{Kind: Mark, Key: "k", Value: v}}
		dir := t.TempDir()
		j := openJournal(t, dir, JournalOptions{})
		put(t, j, d)
		if got := j.Pending()[0].Plans[0].Actions[0].Value; !Equal(got, v) {
			t.Errorf("journal: %#v is %#v", v, got)
		}
		b, err := MarshalRecord(&Record{Value: v, Calls: []CallRecord{{Args: []Value{v}, Result: v}}, Plan: Plan{Actions: d.Plans[0].Actions}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := UnmarshalRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		for what, got := range map[string]Value{"value": r.Value, "argument": r.Calls[0].Args[0], "result": r.Calls[0].Result, "mark": r.Plan.Actions[0].Value} {
			if !Equal(got, v) {
				t.Errorf("record: %s %#v is %#v", what, v, got)
			}
		}
		for _, frame := range []any{fromProgram{Value: v}, fromCore{Value: v}} {
			b, err := encodeStruct(frame)
			if err != nil {
				t.Fatal(err)
			}
			var p fromProgram
			if err := pipeDec.Unmarshal(b, &p); err != nil || !Equal(p.Value, v) {
				t.Errorf("pipe: %T: %#v is %#v, %v", frame, v, p.Value, err)
			}
		}
	}
}
