package stalwart

import (
	"sort"
	"strings"
)

// file compiles a file: one expression, or a list of rules.
func (c *compilation) file() ([]rule, error) {
	if !c.begin() {
		return nil, c.errs
	}
	r := &rulesReader{c: c, in: c.source}
	r.blanks()
	if r.pos == len(r.in) {
		return nil, nil
	}
	var rules []rule
	if r.isRules() {
		rules = r.rules()
	} else {
		rules = []rule{{then: c.expression(c.source, func(i int) int { return i }), site: -1}}
	}
	if len(c.errs) > 0 {
		sort.SliceStable(c.errs, func(i, j int) bool {
			a, b := c.errs[i], c.errs[j]
			return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
		})
		return nil, c.errs
	}
	return rules, nil
}

// rulesReader reads rules as the TOML of Stalwart up to 0.15 has them:
//
//	relay = [ { if = "is_tls", then = "true" },
//	          { else = false } ]
//
// or a list of tables, [[relay]], with the same keys on lines of their own. The name in front
// may be left out of the first form.
type rulesReader struct {
	c    *compilation
	in   string
	pos  int
	over bool
}

// isRules says whether what is read begins as rules do, and no expression can.
func (r *rulesReader) isRules() bool {
	probe := rulesReader{c: &compilation{places: r.c.places}, in: r.in, pos: r.pos}
	if strings.HasPrefix(probe.in[probe.pos:], "[[") {
		ok := probe.header()
		probe.blanks()
		return ok && probe.pos < len(probe.in)
	}
	if probe.in[probe.pos] != '[' {
		if probe.key() == "" {
			return false
		}
		probe.spaces()
		if !probe.take("=") {
			return false
		}
		probe.blanks()
	}
	if !probe.take("[") {
		return false
	}
	probe.blanks()
	return strings.HasPrefix(probe.in[probe.pos:], "{")
}

func (r *rulesReader) fail(at int, format string, args ...any) {
	if !r.over {
		r.c.fail(at, format, args...)
	}
	r.over = true
}

func (r *rulesReader) spaces() {
	for r.pos < len(r.in) && (r.in[r.pos] == ' ' || r.in[r.pos] == '\t') {
		r.pos++
	}
}

// blanks skips blanks, line ends and comments.
func (r *rulesReader) blanks() {
	for r.pos < len(r.in) {
		switch r.in[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		case '#':
			n := strings.IndexByte(r.in[r.pos:], '\n')
			if n < 0 {
				r.pos = len(r.in)
				return
			}
			r.pos += n
		default:
			return
		}
	}
}

func (r *rulesReader) take(s string) bool {
	if !strings.HasPrefix(r.in[r.pos:], s) {
		return false
	}
	r.pos += len(s)
	return true
}

// key reads a key, dotted perhaps; "" if there is none.
func (r *rulesReader) key() string {
	start := r.pos
	for r.pos < len(r.in) && (isHeaderName(r.in[r.pos]) || r.in[r.pos] == '.') {
		r.pos++
	}
	return r.in[start:r.pos]
}

// header reads [[name]] and the end of its line.
func (r *rulesReader) header() bool {
	if !r.take("[[") {
		return false
	}
	r.spaces()
	name := r.key()
	r.spaces()
	if name == "" || !r.take("]]") {
		return false
	}
	r.spaces()
	rest := r.in[r.pos:]
	return rest == "" || strings.ContainsRune("\r\n#", rune(rest[0]))
}

// entry is what stands in one table.
type entry struct {
	at     int
	values map[string]*value
}

// value is a value of a table: the text of an expression, and where each octet of it stands.
type value struct {
	at      int
	text    string
	offsets []int // nil: the text stands there as it is, from at on
}

func (v *value) place(i int) int {
	switch {
	case v.offsets == nil:
		return v.at + i
	case i < len(v.offsets):
		return v.offsets[i]
	case len(v.offsets) > 0:
		return v.offsets[len(v.offsets)-1] + 1
	}
	return v.at
}

func (r *rulesReader) rules() []rule {
	var entries []entry
	if strings.HasPrefix(r.in[r.pos:], "[[") {
		entries = r.tables()
	} else {
		entries = r.list()
	}
	if r.over {
		return nil
	}
	return r.c.bind(entries)
}

// tables reads [[name]] tables.
func (r *rulesReader) tables() []entry {
	var out []entry
	for r.blanks(); !r.over && r.pos < len(r.in); r.blanks() {
		e := entry{at: r.pos, values: map[string]*value{}}
		if !r.header() {
			r.fail(r.pos, "expected a table such as [[rule]] on a line of its own")
			return nil
		}
		for r.blanks(); !r.over && r.pos < len(r.in) && r.in[r.pos] != '['; r.blanks() {
			r.pair(&e)
			r.spaces()
			if !r.over && r.pos < len(r.in) && !strings.ContainsRune("\r\n#", rune(r.in[r.pos])) {
				r.fail(r.pos, "expected the end of the line")
			}
		}
		out = append(out, e)
	}
	return out
}

// list reads [ { ... }, { ... } ], with a name in front or without.
func (r *rulesReader) list() []entry {
	if r.in[r.pos] != '[' {
		r.key()
		r.spaces()
		r.take("=")
		r.blanks()
	}
	r.take("[")
	var out []entry
	for r.blanks(); !r.over && !r.take("]"); r.blanks() {
		e := entry{at: r.pos, values: map[string]*value{}}
		if !r.take("{") {
			r.fail(r.pos, "expected a rule such as { if = \"...\", then = \"...\" }")
			return nil
		}
		for r.blanks(); !r.over && !r.take("}"); r.blanks() {
			if r.pair(&e); r.over {
				return nil
			}
			r.blanks()
			if !r.take(",") && !strings.HasPrefix(r.in[r.pos:], "}") {
				r.fail(r.pos, "expected \",\" or \"}\"")
			}
		}
		out = append(out, e)
		r.blanks()
		if !r.take(",") && !strings.HasPrefix(r.in[r.pos:], "]") {
			r.fail(r.pos, "expected \",\" or \"]\"")
		}
	}
	if r.blanks(); r.pos < len(r.in) {
		r.fail(r.pos, "expected the end of the file behind the rules")
	}
	return out
}

// pair reads key = value.
func (r *rulesReader) pair(e *entry) {
	at := r.pos
	key := r.key()
	if key != "if" && key != "then" && key != "else" {
		r.fail(at, "expected if, then or else")
		return
	}
	r.spaces()
	if !r.take("=") {
		r.fail(r.pos, "expected \"=\"")
		return
	}
	r.spaces()
	if e.values[key] != nil {
		r.fail(at, "%s is given twice", key)
		return
	}
	e.values[key] = r.value()
}

// value reads a string, whose text is an expression, or a bare number or true or false.
func (r *rulesReader) value() *value {
	start := r.pos
	for _, quote := range []string{`"""`, `'''`, `"`, `'`} {
		if r.take(quote) {
			return r.quoted(start, quote)
		}
	}
	for r.pos < len(r.in) && (isLetter(r.in[r.pos]) || isDigit(r.in[r.pos]) || strings.IndexByte("+-.", r.in[r.pos]) >= 0) {
		r.pos++
	}
	text := r.in[start:r.pos]
	if digits := strings.TrimLeft(text, "-"); text != "true" && text != "false" && (digits == "" || !isDigit(digits[0])) {
		r.fail(start, "expected text in quotes, a number, true or false")
	}
	return &value{at: start, text: text}
}

// escapes of TOML that stand for one octet.
var escapes = map[byte]byte{'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', '"': '"', '\\': '\\'}

// quoted reads a string up to its closing quotes.
func (r *rulesReader) quoted(start int, quote string) *value {
	v := &value{at: r.pos}
	if len(quote) == 3 { // a line end right behind the quotes is not part of the text
		r.take("\r")
		r.take("\n")
	}
	var text []byte
	for !r.take(quote) {
		if r.pos == len(r.in) || len(quote) == 1 && r.in[r.pos] == '\n' {
			r.fail(start, "text without its closing quotes")
			return v
		}
		c, at := r.in[r.pos], r.pos
		r.pos++
		if c == '\\' && quote[0] == '"' && r.pos < len(r.in) {
			e := r.in[r.pos]
			r.pos++
			plain, ok := escapes[e]
			switch {
			case ok:
				c = plain
			case len(quote) == 3 && strings.IndexByte(" \t\r\n", e) >= 0: // a line that goes on
				r.pos--
				for r.pos < len(r.in) && strings.IndexByte(" \t\r\n", r.in[r.pos]) >= 0 {
					r.pos++
				}
				continue
			default:
				r.fail(at, "there is no escape \\%c here; a backslash of a pattern is written \\\\, or the text in single quotes", e)
				return v
			}
		}
		text = append(text, c)
		v.offsets = append(v.offsets, at)
	}
	v.text = string(text)
	if v.offsets == nil {
		v.offsets = []int{}
	}
	return v
}

// maxRules is how many rules a file may have.
const maxRules = 1000

// bind compiles what the tables hold.
func (c *compilation) bind(entries []entry) []rule {
	if len(entries) > maxRules {
		c.fail(entries[maxRules].at, "a file may have at most %d rules", maxRules)
		return nil
	}
	var out []rule
	for i, e := range entries {
		when, then, otherwise := e.values["if"], e.values["then"], e.values["else"]
		r := rule{site: -1}
		switch {
		case otherwise != nil && when == nil && then == nil:
			if i < len(entries)-1 {
				c.fail(e.at, "else is the last rule; none can follow it")
			}
			then = otherwise
		case when == nil || then == nil || otherwise != nil:
			c.fail(e.at, "a rule has if and then, or else alone")
			continue
		default:
			if c.compile.Instrument {
				r.site = c.site(when.at, "if")
			}
			r.when = c.expression(when.text, when.place)
		}
		r.then = c.expression(then.text, then.place)
		out = append(out, r)
	}
	return out
}
