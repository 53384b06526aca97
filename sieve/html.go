package sieve

import (
	"html"
	"strings"
)

// htmlText returns the text of HTML as people read it: without markup, comments, scripts and
// styles, entities decoded, blanks joined, a line for each block. It takes any input.
func htmlText(s string) string {
	t := &textWriter{}
	t.b.Grow(len(s) / 2)
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			t.text(s)
			break
		}
		t.text(s[:i])
		s = s[i:]
		switch {
		case strings.HasPrefix(s, "<!--"):
			s = behind(s[4:], "-->")
		case len(s) > 1 && (s[1] == '!' || s[1] == '?'):
			s = behind(s, ">")
		default:
			name, rest, ok := tagName(s)
			if !ok {
				t.text("<")
				s = s[1:]
				continue
			}
			s = rest
			t.tag(name)
			if raw[name] {
				s = skipElement(s, name)
			}
		}
	}
	return strings.TrimRight(t.b.String(), " \n")
}

// raw are the elements whose content is no text for readers.
var raw = map[string]bool{"script": true, "style": true, "head": true, "title": true, "template": true, "noscript": true, "svg": true}

// breaks are the elements that begin and end a line.
var breaks = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`address article aside blockquote body br center dd div dl dt fieldset figure footer form
		h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section table td th tr ul`) {
		m[name] = true
	}
	return m
}()

// behind returns what follows the first end in s, "" if there is none.
func behind(s, end string) string {
	_, rest, _ := strings.Cut(s, end)
	return rest
}

// tagName reads the tag that s begins with. It returns its name in lower case, with a slash
// in front for an end tag, and what follows the tag.
func tagName(s string) (name, rest string, ok bool) {
	i := 1
	if i < len(s) && s[i] == '/' {
		i++
	}
	if i >= len(s) || !isLetter(s[i]) {
		return "", "", false
	}
	j := i
	for j < len(s) && (isLetter(s[j]) || '0' <= s[j] && s[j] <= '9' || s[j] == ':' || s[j] == '-') {
		j++
	}
	name = lowerASCII(s[1:j])
	for { // attributes; a > in quotes is no end
		n := strings.IndexByte(s[j:], '>')
		if n < 0 {
			return name, "", true
		}
		end := j + n
		q := strings.IndexAny(s[j:end], `"'`)
		if q < 0 {
			return name, s[end+1:], true
		}
		j += q + 1
		n = strings.IndexByte(s[j:], s[j-1])
		if n < 0 || j+n > end+maxAttribute {
			continue // the quote is not closed
		}
		j += n + 1
	}
}

// maxAttribute is how far behind a > the end of a quoted value is believed.
const maxAttribute = 4 << 10

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

// textWriter joins blanks and keeps lines apart.
type textWriter struct {
	b     strings.Builder
	blank bool // a blank is due
	line  bool // something stands in the line
}

func (t *textWriter) tag(name string) {
	if breaks[strings.TrimPrefix(name, "/")] {
		if t.line || name == "br" {
			t.b.WriteByte('\n')
		}
		t.line, t.blank = false, false
	}
}

func (t *textWriter) text(s string) {
	if strings.IndexByte(s, '&') >= 0 {
		s = strings.ReplaceAll(html.UnescapeString(s), "\u00a0", " ")
	}
	for s != "" {
		n := strings.IndexAny(s, " \t\r\n\f")
		if n != 0 {
			word := s
			if n > 0 {
				word = s[:n]
			}
			if t.blank && t.line {
				t.b.WriteByte(' ')
			}
			t.b.WriteString(word)
			t.blank, t.line = false, true
			s = s[len(word):]
			continue
		}
		t.blank = true
		s = s[1:]
	}
}

// textHTML returns HTML that shows a text as it is.
func textHTML(s string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"></head><body><pre>")
	b.WriteString(html.EscapeString(s))
	b.WriteString("</pre></body></html>\r\n")
	return b.String()
}
