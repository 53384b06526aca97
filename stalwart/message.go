package stalwart

import (
	"strings"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/html"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// textPart returns the first part of type text that is no attachment and of that subtype,
// nil if there is none.
func (s *state) textPart(subtype string) *mail.Part {
	m := s.source.Message()
	if m == nil {
		return nil
	}
	for p := range m.Root().All() {
		if p.Type == "text" && p.Subtype == subtype && p.Disposition != "attachment" {
			return p
		}
	}
	return nil
}

// bodyText returns a text of the message: that of its first part of a subtype, or, with convert,
// the other one in that form.
func bodyText(subtype string, convert bool) func(s *state) (runtime.Value, error) {
	return func(s *state) (runtime.Value, error) {
		p := s.textPart(subtype)
		change := func(text string) string { return text }
		if p == nil && convert {
			other := "html"
			change = html.Text
			if subtype == "html" {
				other, change = "plain", html.FromText
			}
			p = s.textPart(other)
		}
		if p == nil {
			return "", nil
		}
		if err := s.read(len(p.Body())); err != nil {
			return nil, err
		}
		text := change(p.Text())
		return text, s.hold(int64(len(text)))
	}
}

// partVariables are those of the part that a loop is at.
var partVariables = map[string]func(s *state) (runtime.Value, error){
	"part.text": func(s *state) (runtime.Value, error) {
		p := s.source.Part()
		if p == nil || p.Multipart() {
			return "", nil
		}
		if err := s.read(len(p.Body())); err != nil {
			return nil, err
		}
		if p.Type != "text" {
			return strings.ToValidUTF8(string(p.Decoded()), "\ufffd"), nil
		}
		return p.Text(), nil
	},
	"part.raw": func(s *state) (runtime.Value, error) {
		p := s.source.Part()
		if p == nil {
			return "", nil
		}
		return string(p.Body()), s.read(len(p.Body()))
	},
}

// ofPart is a function of the part that a loop is at, else of the message as a whole.
func ofPart(do func(p *mail.Part) runtime.Value) func(*state, []runtime.Value) (runtime.Value, error) {
	return func(s *state, _ []runtime.Value) (runtime.Value, error) {
		p := s.part()
		if p == nil {
			return "", nil
		}
		return do(p), s.task.Step(1 + int64(len(p.Body()))>>10)
	}
}

func (s *state) part() *mail.Part {
	if p := s.source.Part(); p != nil {
		return p
	}
	if m := s.source.Message(); m != nil {
		return m.Root()
	}
	return nil
}

// encodingProblem says whether the content is not what its transfer encoding promises.
func encodingProblem(p *mail.Part) runtime.Value {
	switch p.Encoding {
	case "7bit":
		for _, c := range p.Body() {
			if c >= utf8.RuneSelf {
				return int64(1)
			}
		}
	case "base64":
		for _, c := range p.Body() {
			if !isLetter(c) && !isDigit(c) && c != '+' && c != '/' && c != '=' && c != '\r' && c != '\n' && c != ' ' && c != '\t' || c == '_' {
				return int64(1)
			}
		}
	case "8bit", "binary", "quoted-printable":
	default:
		return int64(1)
	}
	return int64(0)
}

func isAttachment(p *mail.Part) runtime.Value {
	return boolean(!p.Multipart() && (p.Disposition == "attachment" || p.Filename() != "" || p.Type != "text"))
}

func isBody(p *mail.Part) runtime.Value {
	return boolean(p.Type == "text" && p.Disposition != "attachment" && p.Filename() == "")
}

func attachmentName(p *mail.Part) runtime.Value { return p.Filename() }

func partLength(p *mail.Part) runtime.Value { return int64(len(p.Decoded())) }

// headerUTF8 says whether all fields of a name are UTF-8.
func headerUTF8(s *state, args []runtime.Value) (runtime.Value, error) {
	name, _ := args[0].(string)
	for _, f := range s.source.Fields() {
		if strings.EqualFold(f.Name, name) {
			if err := s.read(len(f.Raw)); err != nil {
				return nil, err
			}
			if !utf8.Valid(f.Raw) {
				return int64(0), nil
			}
		}
	}
	return int64(1), nil
}

// receivedPart returns a part, named as behind rcvd, of the Received field of that number from 1.
func receivedPart(s *state, args []runtime.Value) (runtime.Value, error) {
	n, _ := args[0].(int64)
	part, _ := args[1].(string)
	if n < 1 || n > 1<<20 || receivedParts[part] == nil {
		return "", nil
	}
	h := headerPath{names: []string{"received"}, field: index{n: int(n)}, value: last, part: "rcvd." + part}
	return h.read(s)
}

// ofContent gives the content of the part, and what is asked of it, to a function of the table.
func ofContent(name string) func(*state, []runtime.Value) (runtime.Value, error) {
	return func(s *state, args []runtime.Value) (runtime.Value, error) {
		p := s.part()
		if p == nil {
			return "", nil
		}
		if err := s.read(len(p.Body())); err != nil {
			return nil, err
		}
		return s.invoke(name, p.Decoded(), args[0])
	}
}
