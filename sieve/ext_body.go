package sieve

import "strings"

// body matches what stands behind the header: as it is (:raw), the decoded content of
// parts of some types (:content), or the text of all parts that have one (:text, which is
// the default; of HTML it is the text without markup).
//
// A part whose encoding nobody knows, and one whose Content-Type is none, has no content
// that could match. The captures of a pattern are not kept.
//
// Spec:   RFC 5173
// Status: complete
func init() {
	register(Extension{
		Name: "body", Spec: "RFC 5173", Status: "complete", Limits: "1,000 parts, 32 deep; what lies beyond is content of the part that was reached",

		// body [COMPARATOR] [MATCH-TYPE] [:raw / :content <content-types: string-list> / :text] <key-list: string-list>
		Tests: []Test{{
			Name: "body", Args: []Arg{{Name: "key-list", Kind: ListArgument}}, Match: true,
			Tags: []Tag{
				{Name: "raw", Group: groupBody}, {Name: "text", Group: groupBody},
				{Name: "content", Group: groupBody, Args: []Arg{{Name: "content-types", Kind: ListArgument}}},
			},
			Bind: bindBody,
		}},
	})
}

const groupBody = "body transform"

func bindBody(_ *Binder, c *Call) Check {
	m := c.Matcher("key-list")
	of := bodyTransform(c)
	return func(r *Run) (bool, error) {
		captures := r.captures
		n, matched := 0, false
		of(r, func(v *Value) bool {
			n++
			matched = !m.Counting() && m.one(r, v)
			return !matched && r.err == nil
		})
		r.captures = captures
		return matched || m.Counting() && m.Count(r, n), nil
	}
}

// bodyTransform returns what the tags of a test make of a body.
func bodyTransform(c *Call) func(r *Run, do func(v *Value) bool) {
	if u := c.group(groupBody); u != nil {
		switch u.Def.Name {
		case "raw":
			return (*Run).bodyRaw
		case "content":
			types := u.Texts()
			return func(r *Run, do func(v *Value) bool) { r.bodyContents(newContentTypes(r, types), do) }
		}
	}
	return (*Run).bodyTexts
}

// contentTypes are the content types that a test asks for.
type contentTypes struct {
	all   bool
	types []string // type or type/subtype, in lower case
}

// newContentTypes reads content types. One with a slash at an end, or with several, matches
// nothing; "" matches all.
//
// Spec: RFC 5173, section 5.2
func newContentTypes(r *Run, list []Text) contentTypes {
	var t contentTypes
	for i := range list {
		s := lowerASCII(list[i].Value(r))
		switch n := strings.Count(s, "/"); {
		case s == "":
			t.all = true
		case n > 1 || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/"):
		default:
			t.types = append(t.types, s)
		}
	}
	return t
}

// has says whether the content types of a test include one.
func (t *contentTypes) has(typ, subtype string) bool {
	if t.all {
		return true
	}
	for _, s := range t.types {
		if s == typ || len(s) == len(typ)+1+len(subtype) && strings.HasPrefix(s, typ) && s[len(typ)] == '/' && strings.HasSuffix(s, subtype) {
			return typ != ""
		}
	}
	return false
}
