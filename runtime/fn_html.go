package runtime

import (
	"strings"

	"github.com/sluice-mail/sluice/html"
)

func init() {
	source := Param{Name: "html", Kind: String, Doc: "HTML, closed or not"}
	register(Function{
		Name:   "html_to_text",
		Family: "text",
		Doc: "Returns the text of HTML as people read it: no markup, comments, scripts, styles and heads, entities decoded, blanks joined, a line for each block. " +
			"It is what Sieve's body test sees. A list gives a list.",
		Params: []Param{{Name: "html", Kind: Any, Doc: "HTML, closed or not, or a list of such"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `html_to_text("<p>Hello <b>Bob</b>,</p><p>see you &amp; yours</p>")`, Want: `"Hello Bob,\nsee you & yours"`},
			{Code: `html_to_text("a<br>b")`, Want: `"a\nb"`}, {Code: `html_to_text("<style>p{}</style>a<script>b()</script>")`, Want: `"a"`},
			{Code: `html_to_text("v<!-- x -->iag<i></i>ra")`, Want: `"viagra"`}, {Code: `html_to_text("1 < 2")`, Want: `"1 < 2"`},
			{Code: `html_to_text("<a title='>'>x</a")`, Want: `"x"`}, {Code: `html_to_text("")`, Want: `""`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return each("html_to_text", a[0], html.Text) },
	})
	register(Function{
		Name:   "html_links",
		Family: "text",
		Doc: "Returns what HTML points at, in order, as maps of `tag` (a, area, img, form, iframe, link, ...), `url` as written, and `text`: what an anchor shows, or the alternative text of an image. " +
			"At most 10,000 are returned.",
		Params: []Param{source},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `html_links("<a href='http://evil.example/?a&amp;b'>https://<b>bank</b>.example</a>")`,
				Want: `[{"tag": "a", "url": "http://evil.example/?a&b", "text": "https://bank.example"}]`},
			{Code: `html_links("<img src=cid:1 alt=Logo>")`, Want: `[{"tag": "img", "url": "cid:1", "text": "Logo"}]`},
			{Code: `html_links("<a name=top>x</a><!-- <a href=y> -->")`, Want: `[]`},
			{Code: `html_links("<form action=/pay>")`, Want: `[{"tag": "form", "url": "/pay", "text": ""}]`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			out := []Value{}
			for l := range html.Links(a.String(0)) {
				if len(out) == maxTags {
					break
				}
				out = append(out, map[string]Value{"tag": l.Tag, "url": l.URL, "text": l.Text})
			}
			return out, nil
		},
	})
	tag := Param{Name: "tag", Kind: String, Doc: "name of an element, without case"}
	register(Function{
		Name:   "html_attrs",
		Family: "text",
		Doc:    "Returns the values of an attribute in all elements of that name that have it, in order, entities decoded. At most 10,000 are returned.",
		Params: []Param{source, tag, {Name: "attribute", Kind: String, Doc: "name of the attribute, without case"}},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `html_attrs("<img src=a width=1><IMG SRC='b'>", "img", "src")`, Want: `["a", "b"]`},
			{Code: `html_attrs("<img src=a width=1><IMG SRC='b'>", "img", "width")`, Want: `["1"]`},
			{Code: `html_attrs("<meta http-equiv=refresh content='0; url=x'>", "meta", "content")`, Want: `["0; url=x"]`},
			{Code: `html_attrs("<input disabled>", "input", "disabled")`, Want: `[""]`}, {Code: `html_attrs("text", "p", "class")`, Want: `[]`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			out := []Value{}
			name, attr := asciiLower(a.String(1)), asciiLower(a.String(2))
			for t := range html.Tags(a.String(0)) {
				if len(out) == maxTags {
					break
				}
				if t.Name == name {
					if v, ok := t.Attr(attr); ok {
						out = append(out, v)
					}
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "html_has_tag",
		Family: "text",
		Doc:    "Says whether HTML has an element of that name, outside of comments, scripts and styles.",
		Params: []Param{source, tag},
		Result: Bool, Trust: User,
		Examples: []Example{
			{Code: `html_has_tag("<FORM action=x>", "form")`, Want: `true`}, {Code: `html_has_tag("<!-- <form> -->", "form")`, Want: `false`},
			{Code: `html_has_tag("<formula>", "form")`, Want: `false`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			name := strings.TrimSpace(asciiLower(a.String(1)))
			for t := range html.Tags(a.String(0)) {
				if t.Name == name {
					return true, nil
				}
			}
			return false, nil
		},
	})
}

// maxTags bounds what is returned of the tags of HTML.
const maxTags = 10_000
