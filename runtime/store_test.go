package runtime

import (
	"strings"
	"testing"
)

// A script that the default store is not for does not reach it, neither with a constant name
// nor with one that it makes as it runs.
func TestTheDefaultStoreCanBeKeptFromAScript(t *testing.T) {
	c := newClock()
	r := runTiny(t, `key_set("", "a", 1)`, RunOptions{Host: liveOver(newStore(t, c)), Now: c.now, NoDefaultStore: true})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "key_set: the default store is not for this script") {
		t.Errorf("the run ended with %v", r.Err)
	}
	o := CompileOptions{NoDefaultStore: true}
	if err := CheckCall("key_get", []Value{"", "a"}, o); err == nil {
		t.Error("a constant name passes the check")
	}
	if err := CheckCall("key_get", []Value{Unknown, "a"}, o); err != nil {
		t.Errorf("a name that is not known yet is refused: %v", err)
	}
}
