package sieve

import (
	"strings"
)

// Comparator says how text is compared. Two texts are equal if their forms are; order is
// that of Compare, or that of the octets of the forms.
//
// Spec: RFC 5228, section 2.7.3; RFC 4790
type Comparator struct {
	Name string
	// Form returns the text in the form in which octets are compared; nil: as it is.
	Form func(s string) string
	// Places returns the form and, for each octet of it and for its end, the offset in s
	// of the character that it comes from; nil: form and text have the same offsets.
	Places func(s string) (form string, places []int)
	// Compare orders two forms; nil: by octets.
	Compare func(a, b string) int
	// Substring says that :contains and :matches are defined.
	Substring bool
	// fold says that Form does no more than fold ASCII, which is compared faster.
	fold bool
}

// DefaultComparator is used where a script names none.
const DefaultComparator = "i;ascii-casemap"

func init() {
	register(Extension{
		Name: "comparator-i;octet", Spec: "RFC 5228, section 2.7.3; RFC 4790, section 9.3", Status: "complete", Always: true,
		Comparators: []Comparator{{Name: "i;octet", Substring: true}},
	})
	register(Extension{
		Name: "comparator-i;ascii-casemap", Spec: "RFC 5228, section 2.7.3; RFC 4790, section 9.2", Status: "complete", Always: true,
		Comparators: []Comparator{{Name: DefaultComparator, Form: upperASCII, Substring: true, fold: true}},
	})
}

func (c *Comparator) form(s string) string {
	if c.Form == nil {
		return s
	}
	return c.Form(s)
}

// compare orders two forms.
func (c *Comparator) compare(a, b string) int {
	if c.Compare != nil {
		return c.Compare(a, b)
	}
	return strings.Compare(a, b)
}

func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			out := []byte(s)
			for ; i < len(out); i++ {
				if c := out[i]; 'A' <= c && c <= 'Z' {
					out[i] = c + 0x20
				}
			}
			return string(out)
		}
	}
	return s
}

// equalASCII says whether two texts are the same but for the case of ASCII letters.
func equalASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if c, d := a[i], b[i]; c != d && (c^d != 0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
