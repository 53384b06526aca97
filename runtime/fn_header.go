package runtime

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// reading are the stages at which there is a message to read.
var reading = []Stage{StageData, StageDeliver, StageIMAP}

// maxHeaderValues bounds the values of one field that a script gets.
const maxHeaderValues = 1000

var (
	fieldParam = Param{Name: "name", Kind: String, Doc: "name of the header field, without case"}
	indexParam = Param{Name: "index", Kind: Int, Optional: true, Default: int64(1),
		Doc: "which field of that name: 1 is the first from the top, -1 the last"}
)

func init() {
	register(Function{
		Name:   "header",
		Family: "message",
		Doc: "Returns a header field decoded to text: unfolded, encoded words and raw octets in UTF-8, without outer blanks; `\"\"` if there is none. " +
			"Like all that reads a message, it sees the message as earlier scripts and this one have edited it.",
		Params: []Param{fieldParam, indexParam},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `header("Subject")`, Want: `"Grüße from the example"`}, {Code: `header("X-Absent")`, Want: `""`},
			{Code: `header("x-tag", 2)`, Want: `"two"`}, {Code: `header("X-Tag", -2)`, Want: `"one"`}, {Code: `header("X-Tag", 3)`, Want: `""`},
			{Code: `header("Subject")`, Want: `"Three parts"`, Message: "parts"},
			{Code: `header("X-Tag", 0)`, Error: "header: argument 2 (index): 0 is no index; the first is 1, the last -1"},
			{Code: `header("Subject")`, Error: "header is not lawful at stage rcpt; it is at data, deliver, imap", Stage: StageRcpt},
		},
		Call: func(e *Env, a Args) (Value, error) {
			f, err := e.field(a, 1)
			if err != nil || f == nil {
				return "", err
			}
			return e.short(f.Text())
		},
	})
	register(Function{
		Name:   "header_raw",
		Family: "message",
		Doc:    "Returns a header field as it stands behind its colon: folded, not decoded, outer blanks and the last line end taken off; `\"\"` if there is none. What is no UTF-8 stays as it is.",
		Params: []Param{fieldParam, indexParam},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `header_raw("X-Raw")`, Want: `"=?utf-8?Q?gr=C3=BCn?="`, Message: "parts"},
			{Code: `header_raw("Subject")`, Want: `"Three\r\n parts"`, Message: "parts"},
			{Code: `header_raw("X-Absent")`, Want: `""`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			f, err := e.field(a, 1)
			if err != nil || f == nil {
				return "", err
			}
			return e.short(rawValue(f))
		},
	})
	register(Function{
		Name:   "header_all",
		Family: "message",
		Doc:    "Returns all header fields of that name from the top on, decoded to text as `header` does; at most 1000.",
		Params: []Param{fieldParam},
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_all("X-Tag")`, Want: `["one", "two"]`}, {Code: `header_all("X-Absent")`, Want: `[]`},
			{Code: `header_all("subject")`, Want: `["Three parts"]`, Message: "parts"}},
		Call: func(e *Env, a Args) (Value, error) {
			return e.eachField(a.String(0), func(f *mail.Field) Value { return f.Text() })
		},
	})
	register(Function{
		Name:   "header_raw_all",
		Family: "message",
		Doc:    "Returns all header fields of that name from the top on as `header_raw` does; at most 1000.",
		Params: []Param{fieldParam},
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_raw_all("Subject")`, Want: `["=?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the example"]`},
			{Code: `header_raw_all("X-Absent")`, Want: `[]`}},
		Call: func(e *Env, a Args) (Value, error) {
			return e.eachField(a.String(0), func(f *mail.Field) Value { return rawValue(f) })
		},
	})
	register(Function{
		Name:   "header_exists",
		Family: "message",
		Doc:    "Says whether there is a header field of that name, even an empty one.",
		Params: []Param{fieldParam},
		Result: Bool, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_exists("List-Id")`, Want: `true`}, {Code: `header_exists("list-id")`, Want: `true`}, {Code: `header_exists("X-Absent")`, Want: `false`}},
		Call: func(e *Env, a Args) (Value, error) {
			h, err := e.header()
			return err == nil && h.Has(a.String(0)), err
		},
	})
	register(Function{
		Name:   "header_count",
		Family: "message",
		Doc:    "Returns how many header fields of that name there are; without a name, how many fields the header has.",
		Params: []Param{{Name: "name", Kind: String, Optional: true, Doc: "name of the header field, without case"}},
		Result: Int, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_count("X-Tag")`, Want: `2`}, {Code: `header_count("X-Absent")`, Want: `0`}, {Code: `header_count()`, Want: `10`}},
		Call: func(e *Env, a Args) (Value, error) {
			h, err := e.header()
			if err != nil {
				return nil, err
			}
			if a[0] == nil {
				return int64(len(h.Fields())), nil
			}
			n := int64(0)
			for _, f := range h.Fields() {
				if strings.EqualFold(f.Name, a.String(0)) {
					n++
				}
			}
			return n, nil
		},
	})
	register(Function{
		Name:   "header_names",
		Family: "message",
		Doc:    "Returns the names of the header fields from the top on, as they are written, repeats with them; at most 1000.",
		Result: List, Stages: reading, Trust: User,
		Examples: []Example{
			{Code: `header_names()`, Want: `["From", "To", "Subject", "Date", "Message-ID", "List-Id", "X-Tag", "X-Tag", "MIME-Version", "Content-Type"]`},
			{Code: `includes(header_names(), "X-Tag")`, Want: `true`},
		},
		Call: func(e *Env, _ Args) (Value, error) {
			h, err := e.header()
			if err != nil {
				return nil, err
			}
			fields := h.Fields()
			fields = fields[:min(len(fields), maxHeaderValues)]
			out := make([]Value, len(fields))
			for i := range fields {
				out[i] = fields[i].Name
			}
			return out, nil
		},
	})
	register(Function{
		Name:   "header_date",
		Family: "message",
		Doc: "Returns the date of a header field in unix seconds, null if there is none or it cannot be read. " +
			"Of a field such as Received the date behind the last semicolon counts.",
		Params: []Param{fieldParam, indexParam},
		Result: Int, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_date("Date")`, Want: `1767225600`}, {Code: `header_date("Received")`, Want: `1767225605`, Message: "parts"},
			{Code: `header_date("Subject")`, Want: `null`}, {Code: `header_date("X-Absent")`, Want: `null`}},
		Call: func(e *Env, a Args) (Value, error) {
			f, err := e.field(a, 1)
			if err != nil || f == nil {
				return nil, err
			}
			return dateOf(f), nil
		},
	})
	register(Function{
		Name:   "header_param",
		Family: "message",
		Doc: "Returns a parameter of a header field such as Content-Type, decoded to text (RFC 2231); null if there is none. " +
			"The parameter `\"\"` is what stands in front of the first semicolon.",
		Params: []Param{fieldParam, {Name: "parameter", Kind: String, Doc: "name of the parameter, without case"}, indexParam},
		Result: String, Stages: reading, Trust: User,
		Examples: []Example{{Code: `header_param("Content-Type", "charset")`, Want: `"utf-8"`}, {Code: `header_param("Content-Type", "")`, Want: `"text/plain"`},
			{Code: `header_param("Content-Type", "name")`, Want: `null`}, {Code: `header_param("X-Absent", "")`, Want: `null`}},
		Call: func(e *Env, a Args) (Value, error) {
			f, err := e.field(a, 2)
			if err != nil || f == nil {
				return nil, err
			}
			first, params := mail.ParseParams(f.Value())
			if a.String(1) == "" {
				return e.short(first)
			}
			v, ok := params[strings.ToLower(a.String(1))]
			if !ok {
				return nil, nil
			}
			return e.short(v)
		},
	})
}
