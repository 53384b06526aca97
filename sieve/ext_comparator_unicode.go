package sieve

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// i;unicode-casemap compares characters, not octets: each is mapped to its titlecase and
// then decomposed, compatibility characters too, so that case and the way in which accents
// are written make no difference. (It is not the case folding of Unicode: sharp s and
// ss stay different.)
//
// Spec: RFC 5051
func init() {
	register(Extension{
		Name: "comparator-i;unicode-casemap", Spec: "RFC 5051", Status: "complete",
		Comparators: []Comparator{{
			Name: "i;unicode-casemap", Substring: true,
			Form: func(s string) string {
				form, _ := unicodeForm(s, false)
				return form
			},
			Places: func(s string) (string, []int) { return unicodeForm(s, true) },
		}},
	})
}

// unicodeForm maps s character by character. An octet that is no UTF-8 stays as it is.
func unicodeForm(s string, wantPlaces bool) (string, []int) {
	out := make([]byte, 0, len(s)+8)
	var places []int
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		before := len(out)
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, s[i])
		case r < utf8.RuneSelf:
			if 'a' <= r && r <= 'z' {
				r -= 0x20
			}
			out = append(out, byte(r))
		default:
			var one [utf8.UTFMax]byte
			title := one[:utf8.EncodeRune(one[:], unicode.ToTitle(r))]
			out = norm.NFKD.Append(out, title...)
			if before > 0 && len(out) > before {
				// Append may move marks over the border; they belong to this character.
				out = append(out[:before], norm.NFKD.Bytes(title)...)
			}
		}
		if wantPlaces {
			for range len(out) - before {
				places = append(places, i)
			}
		}
		i += n
	}
	if wantPlaces {
		places = append(places, len(s))
	}
	return string(out), places
}
