package runtime

import "strings"

// maxFlags bounds the flags of one store; what comes after is left out.
const maxFlags = 64

// NormalFlags returns the flags of a list in order: entries split at blanks, repeats
// (without case) and what is no IMAP flag left out. It is how Sieve reads flag lists.
//
// Spec: RFC 5232, section 2; RFC 9051, section 9 (flag).
func NormalFlags(list []string) []string {
	var out []string
	for _, entry := range list {
		for f := range strings.FieldsSeq(entry) {
			if ValidFlag(f) {
				out = unionFlags(out, []string{f})
			}
		}
	}
	return out
}

// ValidFlag says whether f may stand in a STORE or APPEND: a keyword, or one of the
// five system flags that a client may set.
func ValidFlag(f string) bool {
	if name, ok := strings.CutPrefix(f, `\`); ok {
		switch strings.ToLower(name) {
		case "seen", "answered", "flagged", "deleted", "draft":
			return true
		}
		return false
	}
	if f == "" || len(f) > 255 {
		return false
	}
	for i := range len(f) {
		if c := f[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}

// unionFlags returns a followed by what b adds, compared without case. It shares no
// memory with b, and none with a if it adds something.
func unionFlags(a, b []string) []string {
	out := a[:len(a):len(a)]
next:
	for _, f := range b {
		for _, g := range out {
			if strings.EqualFold(f, g) {
				continue next
			}
		}
		if len(out) < maxFlags {
			out = append(out, f)
		}
	}
	return out
}
