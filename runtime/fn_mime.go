package runtime

import (
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// pathParam is the parameter of functions about one part.
var pathParam = Param{Name: "path", Kind: String, Doc: "number of the part as IMAP counts them and `mime_parts` returns it, such as 1 or 2.1"}

func init() {
	register(Function{
		Name:   "mime_parts",
		Family: "message",
		Doc: "Returns the parts of the message, parents first, those of messages in it with them, at most 1000: maps with the `path` (the number that IMAP gives the part; `\"\"` is the multipart that is the whole message), " +
			"`type` such as text/plain, `charset`, `disposition`, `name` (of the file), `encoding` (of the transfer), `id` (Content-ID without brackets) and `size` (octets as they stand, encoded). What is not said is `\"\"`. Nothing is decoded for it.",
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `mime_parts()`, Want: `[{"path": "1", "type": "text/plain", "charset": "utf-8", "disposition": "", "name": "", "encoding": "7bit", "id": "", "size": 24}]`},
			{Code: `count(mime_parts())`, Want: `8`, Message: "parts"},
		},
		Call: func(e *Env, _ Args) (Value, error) {
			parts, err := e.allParts()
			if err != nil {
				return nil, err
			}
			out := make([]Value, 0, len(parts))
			size := int64(0)
			for _, p := range parts {
				v := partValue(p.path, p.Part)
				size += SizeOf(v)
				if err := e.made(size); err != nil {
					return nil, err
				}
				out = append(out, v)
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "mime_part",
		Family: "message",
		Doc:    "Returns what `mime_parts` says of one part, null if there is no such part.",
		Params: []Param{pathParam},
		Result: Map, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `mime_part("2")`, Want: `{"path": "2", "type": "text/csv", "charset": "iso-8859-1", "disposition": "attachment", "name": "list.csv", "encoding": "quoted-printable", "id": "", "size": 34}`, Message: "parts"},
			{Code: `mime_part("1.2")`, Want: `{"path": "1.2", "type": "text/html", "charset": "utf-8", "disposition": "", "name": "", "encoding": "7bit", "id": "", "size": 23}`, Message: "parts"},
			{Code: `mime_part("9")`, Want: `null`, Message: "parts"},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := e.part(a.String(0))
			if err != nil || p == nil {
				return nil, err
			}
			return partValue(a.String(0), p), nil
		},
	})
	register(Function{
		Name:   "part_text",
		Family: "message",
		Doc:    "Returns the text of a part of type text, decoded to UTF-8 and with its markup; `\"\"` for other parts. At most what a run may make of text.",
		Params: []Param{pathParam},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `part_text("1.1")`, Want: `"Hello Bob"`, Message: "parts"}, {Code: `part_text("2")`, Want: `"name;town\r\nJörg;Köln\r\n"`, Message: "parts"},
			{Code: `part_text("4.1")`, Want: `"Hello again"`, Message: "parts"}, {Code: `part_text("3")`, Want: `""`, Message: "parts"}, {Code: `part_text("1")`, Want: `"Hello Bob,\r\n1/2 price?\r\n"`}},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := e.part(a.String(0))
			if err != nil || p == nil || p.Type != "text" {
				return "", err
			}
			return cut(p.Text(), int(e.View.Limits.Output)), nil
		},
	})
	register(Function{
		Name:   "part_header",
		Family: "message",
		Doc:    "Returns the first header field of that name in a part's own header, decoded to text; `\"\"` if there is none. Of a message in a message it is the header of the part that holds it.",
		Params: []Param{pathParam, fieldParam},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `part_header("2", "Content-Transfer-Encoding")`, Want: `"quoted-printable"`, Message: "parts"},
			{Code: `part_header("4.1", "Subject")`, Want: `"inside"`, Message: "parts"}, {Code: `part_header("2", "X-Absent")`, Want: `""`, Message: "parts"},
			{Code: `part_header("", "Subject")`, Want: `"Three parts"`, Message: "parts"}},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := e.part(a.String(0))
			if err != nil || p == nil {
				return "", err
			}
			h := p.Header()
			if parts, _ := e.allParts(); parts[0].Part == p { // a header that was edited
				if h, err = e.header(); err != nil {
					return nil, err
				}
			}
			for _, f := range h.Fields() {
				if strings.EqualFold(f.Name, a.String(1)) {
					return e.short(f.Text())
				}
			}
			return "", nil
		},
	})
	optional := pathParam
	optional.Optional, optional.Doc = true, optional.Doc+"; left out: the whole message"
	for _, f := range []struct {
		name, doc string
		whole     func(e *Env, parts []pathPart) Value
		result    Kind
		value     func(p *mail.Part) Value
		examples  []Example
	}{
		{"is_encoding_problem", "Says whether the octets of a part are not what its fields promise: a transfer encoding that is unknown or broken, a charset that is unknown, text that is none in its charset. Without a path whether any part has such a fault.",
			func(_ *Env, parts []pathPart) Value {
				for _, p := range parts {
					if p.EncodingProblem() {
						return true
					}
				}
				return false
			}, Bool, func(p *mail.Part) Value { return p.EncodingProblem() },
			[]Example{{Code: `is_encoding_problem()`, Want: `false`}, {Code: `is_encoding_problem("2")`, Want: `false`, Message: "parts"},
				{Code: `is_encoding_problem("9")`, Error: `is_encoding_problem: argument 1 (path): the message has no part "9"`}}},
		{"is_attachment", "Says whether a part is an attachment: a leaf, or a message, that is no body. Without a path whether the message has any.",
			func(_ *Env, parts []pathPart) Value {
				for _, p := range parts {
					if isAttachment(p.Part) {
						return true
					}
				}
				return false
			}, Bool, func(p *mail.Part) Value { return isAttachment(p) },
			[]Example{{Code: `is_attachment()`, Want: `false`}, {Code: `is_attachment("2")`, Want: `true`, Message: "parts"}, {Code: `is_attachment("1.1")`, Want: `false`, Message: "parts"}}},
		{"is_body", "Says whether a part is something to read: text/plain or text/html without a file name that is not called an attachment. Without a path whether the message has any.",
			func(_ *Env, parts []pathPart) Value {
				for _, p := range parts {
					if isBody(p.Part) {
						return true
					}
				}
				return false
			}, Bool, func(p *mail.Part) Value { return isBody(p) },
			[]Example{{Code: `is_body()`, Want: `true`}, {Code: `is_body("1.2")`, Want: `true`, Message: "parts"}, {Code: `is_body("3")`, Want: `false`, Message: "parts"}}},
		{"mime_part_len", "Returns the size of a part's content in octets, its transfer encoding undone. Without a path that of what stands behind the message's header.",
			func(e *Env, parts []pathPart) Value {
				if len(parts) == 0 {
					return int64(0)
				}
				return int64(len(parts[0].Body()))
			}, Int, func(p *mail.Part) Value { return int64(len(p.Decoded())) },
			[]Example{{Code: `mime_part_len("3")`, Want: `5`, Message: "parts"}, {Code: `mime_part_len("1")`, Want: `24`}, {Code: `mime_part_len()`, Want: `24`}}},
	} {
		register(Function{
			Name: f.name, Family: "message", Doc: f.doc, Params: []Param{optional}, Result: f.result, Stages: reading, Trust: User, Examples: f.examples,
			Call: func(e *Env, a Args) (Value, error) {
				parts, err := e.allParts()
				if err != nil {
					return nil, err
				}
				if a[0] == nil {
					return f.whole(e, parts), nil
				}
				p, err := e.part(a.String(0))
				if err == nil && p == nil {
					err = fmt.Errorf("argument 1 (path): the message has no part %q", cut(a.String(0), 40))
				}
				if err != nil {
					return nil, err
				}
				return f.value(p), nil
			},
		})
	}
}

// partValue is a part as scripts see it.
func partValue(path string, p *mail.Part) map[string]Value {
	return map[string]Value{
		"path": path, "type": p.Type + "/" + p.Subtype, "charset": strings.ToLower(p.Params["charset"]), "disposition": p.Disposition,
		"name": p.Filename(), "encoding": p.Encoding, "id": strings.Trim(p.ID, "<> \t"), "size": int64(len(p.Body())),
	}
}
