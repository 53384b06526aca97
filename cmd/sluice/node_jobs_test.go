package main

import (
	"errors"
	"path/filepath"
	"testing"
)

// An account whose purge fails keeps no other account waiting, and is told at the end.
func TestARoundGoesOnBehindAnAccountThatFails(t *testing.T) {
	n, err := openNode(t.Context(), Default(filepath.Join(t.TempDir(), "data")), nodeOptions{logger: quietLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer n.close(t.Context())
	for _, id := range []string{"a", "b", "c"} {
		_, release, err := n.mail.OpenAccount(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	broken := errors.New("broken")
	r := &round{n: n}
	for range 2 { // a second round begins anew
		var seen []string
		for more := true; more; {
			_, more, err = r.batch(t.Context(), func(id string) (int, bool, error) {
				seen = append(seen, id)
				if id == "a" {
					return 0, false, broken
				}
				return 1, false, nil
			})
			if more && err != nil {
				t.Errorf("told before the end: %v", err)
			}
		}
		if len(seen) != 3 || !errors.Is(err, broken) {
			t.Errorf("the round saw %v and ended with %v", seen, err)
		}
	}
}
