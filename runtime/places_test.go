package runtime

import "testing"

func TestPlaces(t *testing.T) {
	for _, tt := range []struct {
		name, source      string
		offset, line, col int
	}{
		{"the start", "a\nb", 0, 1, 1},
		{"a line end belongs to its line", "a\nb", 1, 1, 2},
		{"the start of the next line", "a\nb", 2, 2, 1},
		{"the end", "a\nb", 3, 2, 2},
		{"the end behind a line end", "a\n", 2, 2, 1},
		{"columns count characters", "é\n\xff€x", 7, 2, 3},
		{"within a character", "éx", 1, 1, 2},
		{"before the source", "a", -5, 1, 1},
		{"behind the source", "a\nb", 99, 2, 2},
		{"an empty source", "", 0, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if line, col := NewPlaces(tt.source).At(tt.offset); line != tt.line || col != tt.col {
				t.Errorf("got %d:%d, want %d:%d", line, col, tt.line, tt.col)
			}
		})
	}
	if line, col := (Places{}).At(3); line != 1 || col != 1 {
		t.Errorf("the zero value says %d:%d", line, col)
	}
	p := NewPlaces("a\nbc\nd")
	if p.Lines() != 3 {
		t.Errorf("%d lines", p.Lines())
	}
	for line, want := range []int{0, 0, 2, 5, 6} {
		if got := p.Start(line); got != want {
			t.Errorf("line %d starts at %d, want %d", line, got, want)
		}
	}
}
