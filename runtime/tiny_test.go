package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tiny is a language for the tests of the core: a statement a line, calls with literal
// arguments, `.name` on maps, > and !=.
type tiny struct{}

func (tiny) Name() string   { return "tiny" }
func (tiny) Suffix() string { return ".tiny" }

func (tiny) Compile(name string, source []byte, o CompileOptions) (Program, error) {
	p := &tinyProgram{name: name}
	for i, line := range strings.Split(string(source), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			p.lines = append(p.lines, line)
			p.sites = append(p.sites, Site{Line: i + 1, Col: 1, What: strings.Fields(line)[0]})
		}
	}
	return p, nil
}

type tinyProgram struct {
	name  string
	lines []string
	sites []Site
}

func (p *tinyProgram) Language() string { return "tiny" }
func (p *tinyProgram) Name() string     { return p.name }
func (p *tinyProgram) Sites() []Site    { return p.sites }

func (p *tinyProgram) Run(t *Task) (v Value, err error) {
	for i, line := range p.lines {
		t.Hit(i, Reached)
		v, err = tinyStatement(t, line)
		if err != nil {
			t.Hit(i, Failed)
			return nil, fmt.Errorf("%s:%d:1: %w", p.name, i+1, err)
		}
	}
	return v, nil
}

func tinyStatement(t *Task, line string) (Value, error) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "spin": // until the steps are over
		for {
			if err := t.Step(1); err != nil {
				return nil, err
			}
		}
	case "wait": // for the end of the time, without a look at it
		<-t.Context().Done()
		return "late", nil
	case "say":
		n, _ := strconv.Atoi(rest)
		return nil, t.Output(n)
	case "boom":
		panic("boom")
	case "fail":
		return nil, errors.New(rest)
	case "bad": // a result that is no value
		return time.Now(), nil
	case "flags":
		t.SetKeepFlags(strings.Fields(rest))
		return nil, nil
	case "try":
		_, _ = tinyStatement(t, rest)
		return nil, nil
	case "repeat":
		count, rest, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(count)
		for range n {
			if _, err := tinyStatement(t, rest); err != nil {
				return nil, err
			}
		}
		return nil, nil
	case "if":
		cond, then, _ := strings.Cut(rest, " then ")
		v, err := tinyStatement(t, cond)
		if err != nil || v != true {
			return nil, err
		}
		return tinyStatement(t, then)
	}
	e := &tinyExpr{t: t, in: line}
	v, err := e.binary()
	if err == nil && e.peek() != 0 {
		err = fmt.Errorf("trailing %q", e.in)
	}
	return v, err
}

type tinyExpr struct {
	t  *Task
	in string
}

func (e *tinyExpr) peek() byte {
	e.in = strings.TrimLeft(e.in, " ")
	if e.in == "" {
		return 0
	}
	return e.in[0]
}

func (e *tinyExpr) accept(s string) bool {
	e.peek()
	rest, ok := strings.CutPrefix(e.in, s)
	if ok {
		e.in = rest
	}
	return ok
}

func (e *tinyExpr) binary() (Value, error) {
	v, err := e.postfix()
	if err != nil {
		return nil, err
	}
	switch {
	case e.accept("!="):
		w, err := e.postfix()
		return !Equal(v, w), err
	case e.accept("=="):
		w, err := e.postfix()
		return Equal(v, w), err
	case e.accept(">"):
		w, err := e.postfix()
		return err == nil && number(v) > number(w), err
	}
	return v, nil
}

func (e *tinyExpr) postfix() (Value, error) {
	v, err := e.primary()
	for err == nil && e.accept(".") {
		m, ok := v.(map[string]Value)
		if !ok {
			return nil, errors.New("no map")
		}
		v = m[e.word()]
	}
	return v, err
}

func (e *tinyExpr) word() string {
	n := strings.IndexFunc(e.in+" ", func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	w := e.in[:n]
	e.in = e.in[n:]
	return w
}

func (e *tinyExpr) primary() (Value, error) {
	switch c := e.peek(); {
	case c == '"':
		d := json.NewDecoder(strings.NewReader(e.in))
		var s string
		if err := d.Decode(&s); err != nil {
			return nil, err
		}
		e.in = e.in[d.InputOffset():]
		return s, nil
	case c == '-' || c >= '0' && c <= '9':
		n := strings.IndexFunc(e.in+" ", func(r rune) bool { return !strings.ContainsRune("-+.eE0123456789", r) })
		s := e.in[:n]
		e.in = e.in[n:]
		return ParseLiteral(s)
	case c == '[':
		e.accept("[")
		return e.list("]")
	case c == '{':
		e.accept("{")
		m := map[string]Value{}
		for !e.accept("}") {
			k, err := e.primary()
			if err != nil || !e.accept(":") {
				return nil, errors.Join(err, errors.New("map"))
			}
			if m[k.(string)], err = e.binary(); err != nil {
				return nil, err
			}
			e.accept(",")
		}
		return m, nil
	}
	switch w := e.word(); {
	case w == "true" || w == "false":
		return w == "true", nil
	case w == "null":
		return nil, nil
	case w != "" && e.accept("("):
		args, err := e.list(")")
		if err != nil {
			return nil, err
		}
		return e.t.Invoke(w, args...)
	}
	return nil, fmt.Errorf("syntax error at %q", e.in)
}

func (e *tinyExpr) list(end string) ([]Value, error) {
	out := []Value{}
	for !e.accept(end) {
		v, err := e.binary()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if !e.accept(",") && !strings.HasPrefix(strings.TrimSpace(e.in), end) {
			return nil, fmt.Errorf("expected %s at %q", end, e.in)
		}
	}
	return slices.Clip(out), nil
}
