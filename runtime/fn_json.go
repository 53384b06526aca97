package runtime

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxJSONDepth is how deep lists and maps may be nested in JSON that scripts read or write.
const maxJSONDepth = 64

func init() {
	register(Function{
		Name:   "json_parse",
		Family: "json",
		Doc: "Returns the value that JSON text (RFC 8259) holds. A number without point and exponent is an int, or a float beyond 64 bits; " +
			"of equal names in an object the last counts. Nesting is bounded at 64, lists and maps by the memory of the run. " +
			"Without otherwise, text that is no JSON is an error, which tells the offset in octets.",
		Params: []Param{textParam, {Name: "otherwise", Kind: Any, Optional: true, Doc: "what to return for text that is no JSON"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `json_parse("{\"a\": [1, 2.5, null, true], \"b\": \"x\"}")`, Want: `{"a": [1, 2.5, null, true], "b": "x"}`},
			{Code: `json_parse(" -7 ")`, Want: `-7`},
			{Code: `json_parse("\"\\u00fc\\ud83d\\ude00\\n\"")`, Want: `"ü😀\n"`},
			{Code: `json_parse("\"\\ud83d\"")`, Want: "\"\ufffd\""},
			{Code: `json_parse("{}")`, Want: `{}`},
			{Code: `json_parse("[]")`, Want: `[]`},
			{Code: `json_parse("{\"a\": 1, \"a\": 2}")`, Want: `{"a": 2}`},
			{Code: `json_parse("1.25e1")`, Want: `12.5`},
			{Code: `json_parse("null", "none")`, Want: `null`},
			{Code: `json_parse("oops", "none")`, Want: `"none"`},
			{Code: `json_parse("")`, Error: `json_parse: offset 0: expected a value, the text ends`},
			{Code: `json_parse("[1,]")`, Error: `json_parse: offset 3: expected a value, got "]"`},
			{Code: `json_parse("{\"a\" 1}")`, Error: `json_parse: offset 5: expected ":", got "1"`},
			{Code: `json_parse("{a: 1}")`, Error: `json_parse: offset 1: expected a name in quotes, got "a"`},
			{Code: `json_parse("[1 2]")`, Error: `json_parse: offset 3: expected "," or "]", got "2"`},
			{Code: `json_parse("1 x")`, Error: `json_parse: offset 2: expected the end, got "x"`},
			{Code: `json_parse("01")`, Error: `json_parse: offset 1: expected the end, got "1"`},
			{Code: `json_parse("\"abc")`, Error: `json_parse: offset 4: a text does not end`},
			{Code: `json_parse("1e999")`, Error: `json_parse: offset 0: number is out of range`},
			{Code: `json_parse(1)`, Error: `json_parse: argument 1 (text): expected string, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			p := jsonParser{in: a.String(0), left: e.View.Limits.Memory / ElementSize}
			v, err := p.whole()
			if err == nil {
				return v, nil
			}
			if p.left < 0 {
				return nil, &LimitError{Limit: "memory", Max: e.View.Limits.Memory}
			}
			if len(e.args) > 1 {
				return a[1], nil
			}
			return nil, fmt.Errorf("json_parse: %w", err)
		},
	})
	register(Function{
		Name:   "json_print",
		Family: "json",
		Doc: "Returns a value as JSON text, the names of maps in byte order. Bytes are text where they are UTF-8, else base64. " +
			"A float that is whole is written without a point. NaN and infinity are errors, as is nesting beyond 64.",
		Params: []Param{{Name: "value", Kind: Any, Doc: "any value"},
			{Name: "indent", Kind: Int, Optional: true, Default: int64(0), Doc: "spaces a level, 0 to 8; 0: all on one line"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `json_print({"b": [1, 2.5, null], "a": "x\"y"})`, Want: `"{\"a\":\"x\\\"y\",\"b\":[1,2.5,null]}"`},
			{Code: `json_print("<ü>\n")`, Want: `"\"<ü>\\n\""`},
			{Code: `json_print(1.0)`, Want: `"1"`},
			{Code: `json_print([])`, Want: `"[]"`},
			{Code: `json_print({"a": [1]}, 2)`, Want: `"{\n  \"a\": [\n    1\n  ]\n}"`},
			{Code: `json_print(json_parse("[1e-7, 1e300, 9007199254740993]"))`, Want: `"[1e-7,1e+300,9007199254740993]"`},
			{Code: `json_print(hex_decode("ff00", true))`, Want: `"\"/wA=\""`},
			{Code: `json_print(1, 9)`, Error: `json_print: an indent is 0 to 8 spaces, not 9`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			n := a.Int(1)
			if n < 0 || n > 8 {
				return nil, fmt.Errorf("json_print: an indent is 0 to 8 spaces, not %d", n)
			}
			p := jsonPrinter{run: e, indent: int(n)}
			if err := p.value(a[0], 0); err != nil {
				return nil, err
			}
			return string(p.out), nil
		},
	})
}

// jsonParser reads JSON in one pass, with bounds that it keeps while it reads.
//
// Spec: RFC 8259
type jsonParser struct {
	in   string
	at   int
	left int64 // elements that may still be made; below 0: too many
}

func (p *jsonParser) whole() (Value, error) {
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.in) {
		return nil, p.expected("the end")
	}
	return v, nil
}

// space skips white space and returns the octet behind it, 0 at the end.
func (p *jsonParser) space() byte {
	for p.at < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.at]) >= 0 {
		p.at++
	}
	if p.at < len(p.in) {
		return p.in[p.at]
	}
	return 0
}

func (p *jsonParser) fail(format string, args ...any) error {
	return fmt.Errorf("offset %d: %s", p.at, fmt.Sprintf(format, args...))
}

func (p *jsonParser) expected(what string) error {
	if p.at >= len(p.in) {
		return p.fail("expected %s, the text ends", what)
	}
	_, n := utf8.DecodeRuneInString(p.in[p.at:])
	return p.fail("expected %s, got %s", what, strconv.Quote(p.in[p.at:p.at+n]))
}

// element counts an element of a list or map.
func (p *jsonParser) element() error {
	if p.left--; p.left < 0 {
		return p.fail("too many elements")
	}
	return nil
}

func (p *jsonParser) value(depth int) (Value, error) {
	switch c := p.space(); {
	case c == '{' || c == '[':
		if depth >= maxJSONDepth {
			return nil, p.fail("nested deeper than %d", maxJSONDepth)
		}
		p.at++
		if c == '[' {
			return p.list(depth + 1)
		}
		return p.object(depth + 1)
	case c == '"':
		return p.text()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for word, v := range map[string]Value{"null": nil, "true": true, "false": false} {
		if strings.HasPrefix(p.in[p.at:], word) {
			p.at += len(word)
			return v, nil
		}
	}
	return nil, p.expected("a value")
}

func (p *jsonParser) list(depth int) (Value, error) {
	out := []Value{}
	if p.space() == ']' {
		p.at++
		return out, nil
	}
	for {
		if err := p.element(); err != nil {
			return nil, err
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if end, err := p.next(']'); end || err != nil {
			return out, err
		}
	}
}

func (p *jsonParser) object(depth int) (Value, error) {
	out := map[string]Value{}
	if p.space() == '}' {
		p.at++
		return out, nil
	}
	for {
		if err := p.element(); err != nil {
			return nil, err
		}
		if p.space() != '"' {
			return nil, p.expected("a name in quotes")
		}
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		if p.space() != ':' {
			return nil, p.expected(`":"`)
		}
		p.at++
		if out[name], err = p.value(depth); err != nil {
			return nil, err
		}
		if end, err := p.next('}'); end || err != nil {
			return out, err
		}
	}
}

// next reads what stands behind an element: a comma, or the end.
func (p *jsonParser) next(end byte) (bool, error) {
	switch p.space() {
	case ',':
		p.at++
		return false, nil
	case end:
		p.at++
		return true, nil
	}
	return false, p.expected(fmt.Sprintf(`"," or "%c"`, end))
}

// number reads a number; the grammar allows less than strconv does.
func (p *jsonParser) number() (Value, error) {
	from := p.at
	digits := func() bool {
		first := p.at
		for p.at < len(p.in) && '0' <= p.in[p.at] && p.in[p.at] <= '9' {
			p.at++
		}
		return p.at > first
	}
	take := func(any string) bool {
		if p.at < len(p.in) && strings.IndexByte(any, p.in[p.at]) >= 0 {
			p.at++
			return true
		}
		return false
	}
	take("-")
	whole := true
	if !take("0") && !digits() {
		return nil, p.expected("a digit")
	}
	if take(".") {
		if whole = false; !digits() {
			return nil, p.expected("a digit")
		}
	}
	if take("eE") {
		take("+-")
		if whole = false; !digits() {
			return nil, p.expected("a digit")
		}
	}
	text := p.in[from:p.at]
	if whole && text != "-0" {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return i, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.at = from
		return nil, p.fail("number is out of range")
	}
	return f, nil
}

// text reads a text in quotes.
func (p *jsonParser) text() (string, error) {
	p.at++
	from := p.at
	for p.at < len(p.in) && p.in[p.at] != '"' && p.in[p.at] != '\\' && p.in[p.at] >= ' ' {
		p.at++
	}
	if p.at < len(p.in) && p.in[p.at] == '"' { // without escapes
		s := p.in[from:p.at]
		p.at++
		return strings.ToValidUTF8(s, "\ufffd"), nil
	}
	out := []byte(p.in[from:p.at])
	for p.at < len(p.in) {
		c := p.in[p.at]
		switch {
		case c == '"':
			p.at++
			return strings.ToValidUTF8(string(out), "\ufffd"), nil
		case c < ' ':
			return "", p.fail("a control character in a text")
		case c == '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
			continue
		}
		out = append(out, c)
		p.at++
	}
	return "", p.fail("a text does not end")
}

// escape reads what a backslash begins. Half of a surrogate pair is U+FFFD.
func (p *jsonParser) escape(out []byte) ([]byte, error) {
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if p.at+1 >= len(p.in) {
		p.at = len(p.in)
		return nil, p.fail("a text does not end")
	}
	if i := strings.IndexByte(letters, p.in[p.at+1]); i >= 0 {
		p.at += 2
		return append(out, meant[i]), nil
	}
	r, ok := p.unicode()
	if !ok {
		return nil, p.fail("unknown escape in a text")
	}
	p.at += 6
	if r >= 0xd800 && r < 0xdc00 {
		if low, ok := p.unicode(); ok && low >= 0xdc00 && low < 0xe000 {
			p.at += 6
			r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
		}
	}
	return utf8.AppendRune(out, r), nil // which writes U+FFFD for a surrogate
}

// unicode returns what a \u escape says that stands here.
func (p *jsonParser) unicode() (rune, bool) {
	if len(p.in)-p.at < 6 || p.in[p.at:p.at+2] != `\u` {
		return 0, false
	}
	r := rune(0)
	for i := p.at + 2; i < p.at+6; i++ {
		if !isHex(rune(p.in[i])) {
			return 0, false
		}
		r = r<<4 | rune(hexValue(p.in[i]))
	}
	return r, true
}

// jsonPrinter writes JSON and looks at what it has written as it goes.
type jsonPrinter struct {
	run    *Env
	out    []byte
	indent int
}

func (p *jsonPrinter) value(v Value, depth int) error {
	if err := p.run.made(int64(len(p.out))); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		p.out = append(p.out, "null"...)
	case bool:
		p.out = strconv.AppendBool(p.out, v)
	case int64:
		p.out = strconv.AppendInt(p.out, v, 10)
	case float64:
		return p.float(v)
	case string:
		return p.text(v)
	case []byte:
		if utf8.Valid(v) {
			return p.text(string(v))
		}
		return p.text(base64.StdEncoding.EncodeToString(v))
	case []Value:
		return p.list(v, depth)
	case map[string]Value:
		return p.object(v, depth)
	}
	return nil
}

func (p *jsonPrinter) float(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("json_print: %s is no number of JSON", numberText(f))
	}
	p.out = append(p.out, numberText(f)...)
	return nil
}

func (p *jsonPrinter) text(s string) error {
	if err := p.run.made(int64(len(p.out)) + int64(len(s))); err != nil {
		return err
	}
	p.out = append(p.out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			p.out = append(p.out, '\\', byte(r))
		case r == '\n':
			p.out = append(p.out, `\n`...)
		case r == '\r':
			p.out = append(p.out, `\r`...)
		case r == '\t':
			p.out = append(p.out, `\t`...)
		case r < ' ':
			p.out = fmt.Appendf(p.out, `\u%04x`, r)
		default:
			p.out = utf8.AppendRune(p.out, r)
		}
	}
	p.out = append(p.out, '"')
	return nil
}

func (p *jsonPrinter) list(list []Value, depth int) error {
	return p.group('[', ']', len(list), depth, func(i int) error { return p.value(list[i], depth+1) })
}

func (p *jsonPrinter) object(m map[string]Value, depth int) error {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return p.group('{', '}', len(names), depth, func(i int) error {
		if err := p.text(names[i]); err != nil {
			return err
		}
		if p.out = append(p.out, ':'); p.indent > 0 {
			p.out = append(p.out, ' ')
		}
		return p.value(m[names[i]], depth+1)
	})
}

// group writes n elements between brackets.
func (p *jsonPrinter) group(open, end byte, n, depth int, element func(i int) error) error {
	if depth >= maxJSONDepth {
		return fmt.Errorf("json_print: value is nested deeper than %d", maxJSONDepth)
	}
	p.out = append(p.out, open)
	for i := range n {
		if i > 0 {
			p.out = append(p.out, ',')
		}
		p.line(depth + 1)
		if err := element(i); err != nil {
			return err
		}
	}
	if n > 0 {
		p.line(depth)
	}
	p.out = append(p.out, end)
	return nil
}

func (p *jsonPrinter) line(depth int) {
	if p.indent > 0 {
		p.out = append(p.out, '\n')
		p.out = append(p.out, strings.Repeat(" ", p.indent*depth)...)
	}
}
