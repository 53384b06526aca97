package mailstore

import (
	"fmt"
	"strings"
)

// CheckMetadataName says what is wrong with the name of an annotation, with an error that is
// ErrInvalidName; nil if nothing is. Names have no case.
//
// Spec: RFC 5464, section 3.2
func CheckMetadataName(name string) error {
	bad := func(why string) error { return fmt.Errorf("%w: annotation %.80q: %s", ErrInvalidName, name, why) }
	lower := strings.ToLower(name)
	rest, ok := strings.CutPrefix(lower, "/private/")
	if !ok {
		if rest, ok = strings.CutPrefix(lower, "/shared/"); !ok {
			return bad("expected one that begins with /private/ or /shared/")
		}
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c >= 0x7f || c == '*' || c == '%' {
			return bad("it may hold no *, %, control character or octet beyond ASCII")
		}
	}
	if rest == "" || strings.Contains(lower, "//") || strings.HasSuffix(lower, "/") {
		return bad("an empty component")
	}
	return nil
}
