package runtime

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, tt := range []struct {
		what, name string
		names      []string
		most       int
		want       string
	}{
		{"one octet replaced", "kep", []string{"discard", "keep"}, 2, "keep"},
		{"two octets put in", "key_gettt", []string{"key_get"}, 2, "key_get"},
		{"three are too many", "key_getttt", []string{"key_get"}, 2, ""},
		{"three are allowed", "key_getttt", []string{"key_get"}, 3, "key_get"},
		{"the closest", "key_st", []string{"key_get", "key_set"}, 2, "key_set"},
		{"of equals the first, in whatever order they come", "bat", []string{"cat", "hat", "bar", "rat"}, 2, "bar"},
		{"capitals are other octets", "KEEP", []string{"keep"}, 2, ""},
		{"the name itself", "keep", []string{"keep", "keeps"}, 2, "keep"},
		{"none", "keep", nil, 2, ""},
		{"no change allowed", "kep", []string{"keep"}, 0, ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if got := Nearest(tt.name, slices.Values(tt.names), tt.most); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			slices.Reverse(tt.names)
			if got := Nearest(tt.name, slices.Values(tt.names), tt.most); got != tt.want {
				t.Errorf("in reverse order: got %q, want %q", got, tt.want)
			}
		})
	}
	if got, want := Meant("kep", slices.Values([]string{"keep"}), 2), `; is "keep" meant?`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
