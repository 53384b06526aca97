package expr

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/sluice-mail/sluice/runtime"
)

// maxRules is how many rules a file may have.
const maxRules = 1000

// rulesHead is how a file of rules begins, behind blanks and comments.
var rulesHead = regexp.MustCompile(`^(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*\[\[[ \t]*rules?[ \t]*\]\][ \t\r]*(?:#|\n|$)`)

// isRules says whether a source is a file of rules.
func isRules(source string) bool { return rulesHead.MatchString(source) }

// fileReader reads a file of rules. Its places are offsets in octets.
type fileReader struct {
	c      *compilation
	source string
	toml   unstable.Parser
	places runtime.Places
	lines  lines
	seen   map[string]bool // keys of the rule at hand
	out    *rulesProgram
}

// rules compiles a file of rules.
func (c *compilation) rules(source string) (*rulesProgram, error) {
	r := &fileReader{c: c, source: source, places: runtime.NewPlaces(source), lines: newLines(source), out: &rulesProgram{name: c.name}}
	if len(source) > c.options.MaxSource {
		c.fail(0, "script of %d octets is over the limit of %d", len(source), c.options.MaxSource)
		return nil, c.errs
	}
	if at := badText(source); at >= 0 {
		c.lines = r.lines
		c.fail(at, "text is not UTF-8")
		return nil, c.errs
	}
	r.toml.Reset([]byte(source))
	start := 0 // of the table at hand
	for r.toml.NextExpression() {
		switch e := r.toml.Expression(); e.Kind {
		case unstable.ArrayTable, unstable.Table:
			r.ended(start)
			start = r.table(e)
		case unstable.KeyValue:
			r.pair(e)
		}
	}
	var bad *unstable.ParserError
	switch err := r.toml.Error(); {
	case errors.As(err, &bad):
		at := len(source)
		if cap(bad.Highlight) > 0 {
			at = int(r.toml.Range(bad.Highlight).Offset)
		}
		r.fail(at, "TOML: %s", strings.TrimPrefix(bad.Message, "toml: "))
	case err != nil:
		r.fail(len(source), "TOML: %s", err)
	default:
		r.ended(start)
	}
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b *runtime.SourceError) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Col - b.Col
		})
		return nil, c.errs
	}
	return r.out, nil
}

func (r *fileReader) fail(at int, format string, args ...any) {
	line, col := r.places.At(at)
	r.c.failAt(line, col, format, args...)
}

// table begins a rule and returns where it stands.
func (r *fileReader) table(e *unstable.Node) int {
	at, name := 0, ""
	for it := e.Key(); it.Next(); {
		if n := it.Node(); name == "" {
			at, name = int(n.Raw.Offset), string(n.Data)
		} else {
			name += "." + string(n.Data)
		}
	}
	if name != "rule" || e.Kind != unstable.ArrayTable {
		r.fail(at, "expected [[rule]], got %q", name)
	}
	if len(r.out.rules) == maxRules {
		r.fail(at, "a file may have at most %d rules", maxRules)
	}
	r.out.rules = append(r.out.rules, rule{site: -1})
	r.seen = map[string]bool{}
	return at
}

// ended checks the rule that is at its end.
func (r *fileReader) ended(at int) {
	if r.seen != nil && !r.seen["then"] && !r.seen["else"] {
		r.fail(at, "a rule needs then or else")
	}
}

// ruleKeys are what a rule may have.
var ruleKeys = map[string]bool{"name": true, "when": true, "then": true, "else": true, "continue": true}

func (r *fileReader) pair(e *unstable.Node) {
	it := e.Key()
	it.Next()
	key := it.Node()
	name, at := string(key.Data), int(key.Raw.Offset)
	switch {
	case r.seen == nil:
		r.fail(at, "expected [[rule]] in front of %s", name)
		return
	case it.Next() || !ruleKeys[name]:
		r.fail(at, "unknown key %q%s", name, runtime.Meant(name, maps.Keys(ruleKeys), 2))
		return
	case r.seen[name]:
		r.fail(at, "%s is given twice", name)
		return
	case len(r.out.rules) > maxRules:
		return
	}
	r.seen[name] = true
	out, v := &r.out.rules[len(r.out.rules)-1], e.Value()
	switch name {
	case "name":
		if v.Kind != unstable.String || strings.ContainsFunc(string(v.Data), func(c rune) bool { return c < ' ' }) {
			r.fail(at, "name: expected text of one line")
		}
	case "continue":
		if v.Kind != unstable.Bool {
			r.fail(at, "continue: expected true or false")
		}
		out.goesOn = string(v.Data) == "true"
	case "when":
		switch {
		case v.Kind == unstable.Bool && string(v.Data) == "true":
		case v.Kind != unstable.String:
			r.fail(at, "when: expected an expression in quotes, or true")
		default:
			out.site = r.site(v)
			out.when = r.expression(v, true)
		}
	case "then":
		out.then = r.list(name, at, v)
	case "else":
		out.otherwise = r.list(name, at, v)
	}
}

// site notes the place of a condition, if that is asked for.
func (r *fileReader) site(v *unstable.Node) int {
	if !r.c.compile.Instrument {
		return -1
	}
	line, col := r.places.At(int(v.Raw.Offset))
	r.out.sites = append(r.out.sites, runtime.Site{Line: line, Col: col, What: "when"})
	return len(r.out.sites) - 1
}

// list reads an expression, or a list of those.
func (r *fileReader) list(name string, at int, v *unstable.Node) []*Program {
	if v.Kind == unstable.String {
		return []*Program{r.expression(v, false)}
	}
	var out []*Program
	if v.Kind == unstable.Array {
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.String {
				out = nil
				break
			}
			out = append(out, r.expression(it.Node(), false))
		}
	}
	if out == nil {
		r.fail(at, "%s: expected an expression in quotes, or a list of those", name)
	}
	return out
}

// expression compiles the text of a string, whose errors stand where its characters do.
func (r *fileReader) expression(v *unstable.Node, condition bool) *Program {
	text := string(v.Data)
	sub := &compilation{name: r.c.name, options: r.c.options, compile: r.c.compile, transaction: true, condition: condition, firstSite: len(r.out.sites)}
	sub.lines = lines{starts: r.lines.starts, origin: r.origins(text, int(v.Raw.Offset), int(v.Raw.Length))}
	p, err := sub.run(text)
	var list runtime.SourceErrors
	switch {
	case errors.As(err, &list):
		for _, e := range list {
			r.c.failAt(e.Line, e.Col, "%s", e.Msg)
		}
		return nil
	case err != nil:
		r.fail(int(v.Raw.Offset), "%s", err)
		return nil
	}
	if p.code == nil {
		r.fail(int(v.Raw.Offset), "expected an expression")
		return nil
	}
	r.out.sites = append(r.out.sites, p.sites...)
	return p
}

// origins returns the offset in characters in the file of each character of a string's text, and
// of its end. raw is how it is written, quotes and all.
func (r *fileReader) origins(text string, offset, length int) []int {
	raw := r.source[offset : offset+length]
	quotes := 1
	if len(raw) >= 6 && raw[0] == raw[1] && raw[1] == raw[2] {
		quotes = 3
	}
	line, col := r.places.At(offset)
	i, at := quotes, r.lines.starts[line-1]+col-1+quotes // at is where raw[i] stands
	step := func() {
		_, n := utf8.DecodeRuneInString(raw[i:])
		i += n
		at++
	}
	if quotes == 3 { // a line end right behind the quotes is no part of the text
		if strings.HasPrefix(raw[i:], "\r\n") {
			step()
		}
		if strings.HasPrefix(raw[i:], "\n") {
			step()
		}
	}
	var out []int
	for range text {
		for quotes == 3 && raw[0] == '"' && lineGoesOn(raw[i:]) {
			step()
			for i < len(raw) && strings.IndexByte(" \t\r\n", raw[i]) >= 0 {
				step()
			}
		}
		out = append(out, at)
		if i >= len(raw) {
			continue
		}
		escape := raw[0] == '"' && raw[i] == '\\'
		step()
		if escape && i < len(raw) {
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[raw[i]]
			step()
			for ; digits > 0 && i < len(raw) && isHex(raw[i]); digits-- {
				step()
			}
		}
	}
	return append(out, at)
}

// lineGoesOn says whether a text begins with a backslash that joins lines.
func lineGoesOn(s string) bool {
	rest, ok := strings.CutPrefix(s, `\`)
	rest = strings.TrimLeft(rest, " \t\r")
	return ok && strings.HasPrefix(rest, "\n")
}

func isHex(c byte) bool {
	_, err := strconv.ParseUint(string(c), 16, 8)
	return err == nil
}
