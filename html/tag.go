package html

import (
	"html"
	"iter"
	"strings"
)

// Tag is the begin of an element.
type Tag struct {
	Name  string // in lower case
	attrs string
}

// Tags yields the begins of elements in order, those in comments, scripts and styles left out.
func Tags(s string) iter.Seq[Tag] {
	return func(yield func(Tag) bool) {
		scan(s, foreign, func(t token) bool {
			return t.name == "" || t.name[0] == '/' || yield(Tag{t.name, t.attrs})
		})
	}
}

// foreign are the elements whose content is in another language than HTML.
var foreign = map[string]bool{"script": true, "style": true}

// Attr returns the value of the attribute of that name, which is in lower case, entities
// decoded. Of several the first counts.
func (t Tag) Attr(name string) (string, bool) {
	for n, v := range t.Attrs() {
		if n == name {
			return html.UnescapeString(v), true
		}
	}
	return "", false
}

// Attrs yields names in lower case and values as they are written, without quotes.
func (t Tag) Attrs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for s := t.attrs; ; {
			s = strings.TrimLeft(s, " \t\r\n\f/")
			if s == "" {
				return
			}
			// A name holds any character but these; a = in front belongs to it.
			n := strings.IndexAny(s[1:], " \t\r\n\f/=") + 1
			if n == 0 {
				n = len(s)
			}
			name, value := s[:n], ""
			s = strings.TrimLeft(s[n:], " \t\r\n\f")
			if strings.HasPrefix(s, "=") {
				value, s = attrValue(strings.TrimLeft(s[1:], " \t\r\n\f"))
			}
			if !yield(strings.ToLower(name), value) {
				return
			}
		}
	}
}

// attrValue returns the value that s begins with, and what follows it.
func attrValue(s string) (value, rest string) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		value, rest, _ = strings.Cut(s[1:], s[:1])
		return value, rest
	}
	if n := strings.IndexAny(s, " \t\r\n\f"); n >= 0 {
		return s[:n], s[n:]
	}
	return s, ""
}

// Link is something outside that HTML names.
type Link struct {
	Tag  string // the element that names it
	URL  string // as written, without blanks around it and line ends within
	Text string // what an a or area element shows, or the alternative text of an image
}

// Links yields what elements point at, in order: a, area, link and base (href), img, iframe,
// frame, embed, script, audio, video, source, track and input (src), form (action), object
// (data), body and table cells (background), blockquote, q, ins and del (cite).
func Links(s string) iter.Seq[Link] {
	return func(yield func(Link) bool) {
		var open *Link // an a that has not ended
		var text textWriter
		flush := func() bool {
			if open == nil {
				return true
			}
			l := *open
			l.Text, open = strings.TrimSpace(text.b.String()), nil
			return yield(l)
		}
		done := false
		scan(s, foreign, func(t token) bool {
			switch {
			case t.name == "":
				if open != nil {
					text.text(t.text)
				}
			case t.name == "/a":
				done = !flush()
			case t.name[0] != '/':
				tag := Tag{t.name, t.attrs}
				if t.name == "a" {
					if done = !flush(); done {
						return false
					}
				}
				if open != nil {
					text.tag(t.name)
				}
				url, ok := tag.link()
				switch {
				case !ok:
				case t.name == "a":
					open, text = &Link{Tag: "a", URL: url}, textWriter{}
				default:
					alt, _ := tag.Attr("alt")
					done = !yield(Link{Tag: t.name, URL: url, Text: alt})
				}
			}
			return !done
		})
		if !done {
			flush()
		}
	}
}

// linkAttrs says in which attribute an element names something outside.
var linkAttrs = func() map[string]string {
	m := map[string]string{"form": "action", "object": "data"}
	for attr, names := range map[string]string{
		"href": "a area link base", "src": "img iframe frame embed script audio video source track input",
		"background": "body table td th tr", "cite": "blockquote q ins del",
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = attr
		}
	}
	return m
}()

func (t Tag) link() (string, bool) {
	attr := linkAttrs[t.Name]
	if attr == "" {
		return "", false
	}
	url, ok := t.Attr(attr)
	return oneLine.Replace(strings.TrimSpace(url)), ok
}

// oneLine takes out what browsers take out of a URL.
var oneLine = strings.NewReplacer("\r", "", "\n", "", "\t", "")
