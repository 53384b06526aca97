package runtime

import "testing"

// TestExamplesAreLiterals holds the examples to what the tests of the languages rely on.
func TestExamplesAreLiterals(t *testing.T) {
	for _, f := range Functions() {
		if len(f.Examples) == 0 {
			t.Errorf("%s has no example", f.Name)
		}
		for _, ex := range f.Examples {
			if _, err := ParseLiteral(ex.Want); err != nil {
				t.Errorf("%s: want of %s: %v", f.Name, ex.Code, err)
			}
		}
	}
}
