package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/sluice-mail/sluice/html"
)

func init() {
	index := Param{Name: "index", Kind: Int, Doc: "which attachment, from 1; -1 is the last"}
	register(Function{
		Name:   "attachments",
		Family: "message",
		Doc: "Returns the attachments of the message, at most 1000: maps with the `index` (from 1), the `name` of the file, the `type` that is declared, the `size` of the content in octets, its SHA-256 `hash` in hex digits, and the `path` of the part. " +
			"An attachment is a part with a file name, one that is called so, or anything but plain text and HTML; those of messages in the message count too. All of them are decoded, once a run.",
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `attachments()`, Want: `[]`},
			{Code: `count(attachments())`, Want: `3`, Message: "parts"},
			{Code: `is_empty(attachments())`, Want: `true`},
		},
		Call: func(e *Env, _ Args) (Value, error) {
			c := &e.run.content
			if c.attached == nil {
				list, err := e.attachments()
				if err != nil {
					return nil, err
				}
				out := make([]Value, 0, len(list))
				size := int64(0)
				for i, p := range list {
					if err := e.Context.Err(); err != nil {
						return nil, err
					}
					v := attachmentValue(i, p)
					size += SizeOf(v)
					if err := e.made(size); err != nil {
						return nil, err
					}
					out = append(out, v)
				}
				c.attached = out
			}
			return c.attached, nil
		},
	})
	register(Function{
		Name:   "attachment",
		Family: "message",
		Doc:    "Returns what `attachments` says of one attachment, null if there is no such one. Only that one is decoded.",
		Params: []Param{index},
		Result: Map, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `attachment(2)`, Want: `{"index": 2, "name": "grün.bin", "type": "application/octet-stream", "size": 5, "hash": "08bb5e5d6eaac1049ede0893d30ed022b1a4d9b5b48db414871f51c9cb35283d", "path": "3"}`, Message: "parts"},
			{Code: `attachment(4)`, Want: `null`, Message: "parts"}, {Code: `attachment(1)`, Want: `null`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			i, p, err := e.attachment(a.Int(0))
			if err != nil || p == nil {
				return nil, err
			}
			return attachmentValue(i, *p), nil
		},
	})
	register(Function{
		Name:   "attachment_text",
		Family: "message",
		Doc: "Returns the text of an attachment of type text, decoded to UTF-8, HTML without its markup; `\"\"` for others, and where there is none. " +
			"At most what a run may make of text.",
		Params: []Param{index},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `attachment_text(1)`, Want: `"name;town\r\nJörg;Köln\r\n"`, Message: "parts"}, {Code: `attachment_text(2)`, Want: `""`, Message: "parts"}, {Code: `attachment_text(1)`, Want: `""`}},
		Call: func(e *Env, a Args) (Value, error) {
			_, p, err := e.attachment(a.Int(0))
			if err != nil || p == nil || p.Type != "text" {
				return "", err
			}
			s := p.Text()
			if p.Subtype == "html" {
				s = html.Text(s)
			}
			return cut(s, int(e.View.Limits.Output)), nil
		},
	})
	register(Function{
		Name:   "attachment_content",
		Family: "message",
		Doc:    "Returns the octets of an attachment, its transfer encoding undone; null if there is no such one. More octets than `max`, or than a run may make of text, are cut off.",
		Params: []Param{index, {Name: "max", Kind: Int, Optional: true, Doc: "octets"}},
		Result: Bytes, Stages: reading, Trust: User,
		Examples: []Example{{Code: `len(attachment_content(2))`, Want: `5`, Message: "parts"}, {Code: `len(attachment_content(2, 3))`, Want: `3`, Message: "parts"}, {Code: `attachment_content(1)`, Want: `null`},
			{Code: `attachment_content(1, -1)`, Error: `attachment_content: argument 2 (max): -1 is below 0`}},
		Call: func(e *Env, a Args) (Value, error) {
			most := e.View.Limits.Output
			if a[1] != nil {
				if most = min(most, a.Int(1)); most < 0 {
					return nil, fmt.Errorf("argument 2 (max): %d is below 0", most)
				}
			}
			_, p, err := e.attachment(a.Int(0))
			if err != nil || p == nil {
				return nil, err
			}
			b := p.Decoded()
			return append([]byte{}, b[:min(int64(len(b)), most)]...), nil
		},
	})
	register(Function{
		Name:   "attachment_names",
		Family: "message",
		Doc:    "Returns the file names that the parts of the message have, decoded to text, without folders and control characters; at most 1000.",
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `attachment_names()`, Want: `[]`}, {Code: `attachment_names()`, Want: `["list.csv", "grün.bin"]`, Message: "parts"}},
		Call: func(e *Env, _ Args) (Value, error) {
			parts, err := e.allParts()
			if err != nil {
				return nil, err
			}
			out := []Value{}
			size := int64(0)
			for _, p := range parts {
				if n := p.Filename(); n != "" {
					size += SizeOf(n)
					if err := e.made(size); err != nil {
						return nil, err
					}
					out = append(out, n)
				}
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "attachment_name",
		Family: "message",
		Doc:    "Returns the file name that a part has, decoded to text, without folders and control characters; `\"\"` if it has none, and where there is no such part.",
		Params: []Param{pathParam},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `attachment_name("3")`, Want: `"grün.bin"`, Message: "parts"}, {Code: `attachment_name("1.1")`, Want: `""`, Message: "parts"}},
		Call: func(e *Env, a Args) (Value, error) {
			p, err := e.part(a.String(0))
			if err != nil || p == nil {
				return "", err
			}
			return e.short(p.Filename())
		},
	})
}

// attachments returns the parts that are attachments.
func (e *Env) attachments() (out []pathPart, err error) {
	parts, err := e.allParts()
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if isAttachment(p.Part) {
			out = append(out, p)
		}
	}
	return out, nil
}

// attachment returns an attachment and its number from 0, nil if there is none.
func (e *Env) attachment(index int64) (int, *pathPart, error) {
	list, err := e.attachments()
	if err != nil {
		return 0, nil, err
	}
	i := index - 1
	if index < 0 {
		i = int64(len(list)) + index
	}
	if i < 0 || i >= int64(len(list)) {
		return 0, nil, nil
	}
	return int(i), &list[i], nil
}

// attachmentValue is an attachment as scripts see it.
func attachmentValue(i int, p pathPart) map[string]Value {
	content := p.Decoded()
	sum := sha256.Sum256(content)
	return map[string]Value{
		"index": int64(i + 1), "name": p.Filename(), "type": p.Type + "/" + p.Subtype, "size": int64(len(content)),
		"hash": hex.EncodeToString(sum[:]), "path": p.path,
	}
}
