// Package html reads HTML as mail has it: any octets, closed or not, without a tree.
//
// All it does takes time and memory in proportion to the input, whatever that is, and no
// input is an error. Text is what Sieve's body and extracttext tests see, and what the
// function html_to_text returns: there is one answer to what a message says.
package html

import "strings"

// token is a run of text, or a tag.
type token struct {
	text  string // as it stands in the input
	name  string // of a tag, in lower case, with a slash in front if it ends an element
	attrs string // what stands in the tag behind its name
}

// scan yields the texts and tags of s, without comments, declarations and the content of the
// elements that skip names. It stops where yield says false.
func scan(s string, skip map[string]bool, yield func(token) bool) {
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			yield(token{text: s})
			return
		}
		if i > 0 && !yield(token{text: s[:i]}) {
			return
		}
		s = s[i:]
		switch {
		case strings.HasPrefix(s, "<!--"):
			s = behind(s[4:], "-->")
		case len(s) > 1 && (s[1] == '!' || s[1] == '?'):
			s = behind(s, ">")
		default:
			t, rest, ok := readTag(s)
			if !ok {
				if !yield(token{text: "<"}) {
					return
				}
				s = s[1:]
				continue
			}
			s = rest
			if !yield(t) {
				return
			}
			if skip[t.name] {
				s = skipElement(s, t.name)
			}
		}
	}
}

// behind returns what follows the first end in s, "" if there is none.
func behind(s, end string) string {
	_, rest, _ := strings.Cut(s, end)
	return rest
}

// maxAttribute is how far behind a > the end of a quoted value is believed.
const maxAttribute = 4 << 10

// readTag reads the tag that s begins with, and returns what follows it.
func readTag(s string) (t token, rest string, ok bool) {
	i := 1
	if i < len(s) && s[i] == '/' {
		i++
	}
	if i >= len(s) || !isLetter(s[i]) {
		return t, "", false
	}
	j := i
	for j < len(s) && (isLetter(s[j]) || '0' <= s[j] && s[j] <= '9' || s[j] == ':' || s[j] == '-') {
		j++
	}
	t.name = strings.ToLower(s[1:j])
	attrs := j
	for end := -1; ; { // a > in quotes is no end
		if end < j {
			n := strings.IndexByte(s[j:], '>')
			if n < 0 {
				t.attrs = s[attrs:]
				return t, "", true
			}
			end = j + n
		}
		q := strings.IndexAny(s[j:end], `"'`)
		if q < 0 {
			t.attrs = s[attrs:end]
			return t, s[end+1:], true
		}
		j += q + 1
		n := strings.IndexByte(s[j:], s[j-1])
		if n < 0 || j+n > end+maxAttribute {
			continue // the quote is not closed
		}
		j += n + 1
	}
}

// skipElement returns what follows the end of an element.
func skipElement(s, name string) string {
	for {
		i := strings.Index(s, "</")
		if i < 0 {
			return ""
		}
		s = s[i+2:]
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) && (len(s) == len(name) || !isLetter(s[len(name)])) {
			return behind(s, ">")
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
