package html

import (
	"html"
	"strings"
)

// Text returns the text of HTML as people read it: without markup, comments, scripts and
// styles, entities decoded, blanks joined, a line for each block. It takes any input.
func Text(s string) string {
	t := &textWriter{}
	t.b.Grow(len(s) / 2)
	scan(s, unread, func(tok token) bool {
		if tok.name != "" {
			t.tag(tok.name)
		} else {
			t.text(tok.text)
		}
		return true
	})
	return strings.TrimRight(t.b.String(), " \n")
}

// unread are the elements whose content is no text for readers.
var unread = map[string]bool{"script": true, "style": true, "head": true, "title": true, "template": true, "noscript": true, "svg": true}

// breaks are the elements that begin and end a line.
var breaks = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`address article aside blockquote body br center dd div dl dt fieldset figure footer form
		h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section table td th tr ul`) {
		m[name] = true
	}
	return m
}()

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

// FromText returns HTML that shows a text as it is.
func FromText(s string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"></head><body><pre>")
	b.WriteString(html.EscapeString(s))
	b.WriteString("</pre></body></html>\r\n")
	return b.String()
}
