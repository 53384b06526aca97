package sieve

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sourceWriter writes valid sources with every construct of the grammar, and with comments and
// blanks wherever they may stand.
type sourceWriter struct {
	t     *rapid.T
	b     strings.Builder
	depth int
}

func (w *sourceWriter) of(list ...string) string { return rapid.SampledFrom(list).Draw(w.t, "") }
func (w *sourceWriter) below(n int) int          { return rapid.IntRange(0, n-1).Draw(w.t, "") }

// blanks writes what may stand between two tokens; something has to if they would be one.
func (w *sourceWriter) blanks(need bool) {
	n := w.below(4)
	if need && n == 0 {
		n = 1
	}
	for range n {
		w.b.WriteString(w.of(" ", " ", "\t", "\n", "\r\n", "\n\n\n", "# comment\n", "#\r\n", "# \"quoted; { \n", "/* a */", "/**/", "/* two\nlines * / */", "/* # */"))
	}
	if need {
		w.b.WriteString(w.of(" ", "\n"))
	}
}

func (w *sourceWriter) identifier() string {
	return w.of("keep", "if", "elsif", "else", "fileinto", "_x", "A1", "t", "te", "text", "Text", "anyof", "x_y_z", "stop")
}

func (w *sourceWriter) commands(n int) {
	for range n {
		w.command()
	}
}

func (w *sourceWriter) command() {
	w.blanks(false)
	w.call()
	w.blanks(false)
	if w.depth < 4 && w.below(3) == 0 {
		w.b.WriteByte('{')
		w.depth++
		w.commands(w.below(3))
		w.depth--
		w.blanks(false)
		w.b.WriteByte('}')
		return
	}
	w.b.WriteByte(';')
}

// call writes a command or test with its arguments.
func (w *sourceWriter) call() {
	w.b.WriteString(w.identifier())
	for range w.below(4) {
		w.blanks(true)
		w.argument()
	}
	if w.depth > 6 || w.below(3) > 0 {
		return
	}
	w.blanks(true)
	w.depth++
	defer func() { w.depth-- }()
	if w.below(2) == 0 {
		w.call()
		return
	}
	w.b.WriteByte('(')
	for i := range 1 + w.below(3) {
		if i > 0 {
			w.b.WriteByte(',')
		}
		w.blanks(false)
		w.call()
		w.blanks(false)
	}
	w.b.WriteByte(')')
}

func (w *sourceWriter) argument() {
	switch w.below(4) {
	case 0:
		w.b.WriteString(":" + w.identifier())
	case 1:
		w.b.WriteString(w.of("0", "1", "007", "100K", "1k", "2M", "3g", "17179869183G", "18446744073709551615", "18014398509481983K"))
	case 2:
		w.str()
	case 3:
		w.b.WriteByte('[')
		for i := range 1 + w.below(4) {
			if i > 0 {
				w.b.WriteByte(',')
			}
			w.blanks(false)
			w.str()
			w.blanks(false)
		}
		w.b.WriteByte(']')
	}
}

func (w *sourceWriter) str() {
	if w.below(3) > 0 {
		w.b.WriteByte('"')
		for range w.below(6) {
			w.b.WriteString(w.of("a", "ä€𝄞", `\"`, `\\`, `\x`, "\n", "\r\n", "\\\n", "#", "/* */", ".", "\n.\n", "${a}", "\t", "\xff", strings.Repeat("long ", 20)))
		}
		w.b.WriteByte('"')
		return
	}
	w.b.WriteString(w.of("text:", "TEXT:", "tExT:") + w.of("", " ", "\t ") + w.of("", "# why", "#") + w.of("\n", "\r\n"))
	for range w.below(4) {
		w.b.WriteString(w.of("line", "..", "..dotted", ".dotted", "", "\"", `\`, "# none", "/* none */", " . ", "ä", ". ") + w.of("\n", "\r\n"))
	}
	w.b.WriteString("." + w.of("\n", "\r\n"))
}

// TestPrintedSourcesAreTheSameTree parses what is printed of random sources, and checks the
// spans on the way.
func TestPrintedSourcesAreTheSameTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &sourceWriter{t: t}
		w.commands(w.below(4))
		w.blanks(false)
		src := w.b.String()
		tree, errs := Parse("t", []byte(src))
		if len(errs) > 0 {
			t.Fatalf("%s\nsource:\n%q", texts(errs), src)
		}
		checkSpans(t, tree)
		checkPrint(t, tree)
		printed, _ := Parse("t", Print(tree))
		checkSpans(t, printed)
	})
}

// checkSpans checks that each token of a tree stands where its span says, in order and inside
// of what it belongs to.
func checkSpans(t fataler, s *Script) {
	t.Helper()
	c := &spanChecker{t: t, s: s}
	c.nodes(s.Commands, Span{0, len(s.Source)}, true)
	end := 0
	for _, one := range s.Comments {
		c.inside(one.Span, Span{end, len(s.Source)}, "comment")
		if got := s.Source[one.Start:one.End]; got != one.Text {
			t.Fatalf("comment %q stands where %q is", one.Text, got)
		}
		end = one.End
	}
}

// fataler is what checks need of a test, a property or a fuzz target.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

type spanChecker struct {
	t fataler
	s *Script
}

func (c *spanChecker) inside(sp, outer Span, what string) {
	if sp.Start < outer.Start || sp.End > outer.End || sp.Start >= sp.End {
		c.t.Fatalf("the span %v of a %s is not in %v\n%q", sp, what, outer, c.s.Source)
	}
}

// nodes checks commands or tests, which stand one behind the other.
func (c *spanChecker) nodes(list []*Node, outer Span, commands bool) {
	for _, n := range list {
		c.inside(n.Span, outer, "command or test")
		outer.Start = n.End
		c.inside(n.NameSpan, n.Span, "name")
		if got := c.s.Source[n.NameSpan.Start:n.NameSpan.End]; got != n.Name || n.Start != n.NameSpan.Start {
			c.t.Fatalf("the name %q stands where %q is", n.Name, got)
		}
		if n.Parens {
			c.inside(n.ParensSpan, Span{n.NameSpan.End, n.End}, "list of tests")
			if p := c.s.Source[n.ParensSpan.Start:n.ParensSpan.End]; p[0] != '(' || p[len(p)-1] != ')' {
				c.t.Fatalf("a list of tests stands where %q is", p)
			}
		}
		rest := Span{n.NameSpan.End, n.End}
		for i := range n.Args {
			c.argument(&n.Args[i], rest)
			rest.Start = n.Args[i].End
		}
		if n.HasBlock {
			c.inside(n.BlockSpan, rest, "block")
			if b := c.s.Source[n.BlockSpan.Start:n.BlockSpan.End]; b[0] != '{' || b[len(b)-1] != '}' {
				c.t.Fatalf("a block stands where %q is", b)
			}
			c.nodes(n.Block, Span{n.BlockSpan.Start + 1, n.BlockSpan.End - 1}, true)
			rest.End = n.BlockSpan.Start
		} else if last := c.s.Source[n.End-1]; commands && last != ';' {
			c.t.Fatalf("a command ends in %q", last)
		}
		c.nodes(n.Tests, rest, false)
	}
}

func (c *spanChecker) argument(a *Argument, outer Span) {
	c.inside(a.Span, outer, a.Kind.String())
	src := c.s.Source[a.Start:a.End]
	switch a.Kind {
	case TagArgument:
		if src != ":"+a.Tag {
			c.t.Fatalf("tag %q stands where %q is", a.Tag, src)
		}
	case NumberArgument:
		if again := c.again(src); again.Number != a.Number || again.Quantifier != a.Quantifier {
			c.t.Fatalf("%d stands where %q is", a.Number, src)
		}
	case StringArgument:
		if a.Strings[0].Span != a.Span {
			c.t.Fatalf("a string stands at %v and at %v", a.Span, a.Strings[0].Span)
		}
		c.value(&a.Strings[0])
	case ListArgument:
		if src[0] != '[' || src[len(src)-1] != ']' {
			c.t.Fatalf("a list stands where %q is", src)
		}
		inner := Span{a.Start + 1, a.End - 1}
		for i := range a.Strings {
			s := &a.Strings[i]
			c.inside(s.Span, inner, "string of a list")
			inner.Start = s.End
			c.value(s)
		}
	}
}

// value checks that a string is what stands at its span.
func (c *spanChecker) value(s *String) {
	src := c.s.Source[s.Start:s.End]
	if got := c.again(src + "\n").Strings[0]; got.Value != s.Value || got.Multiline != s.Multiline {
		c.t.Fatalf("the string %q stands where %q is", s.Value, src)
	}
}

// again reads a token as the argument of a command.
func (c *spanChecker) again(src string) *Argument {
	tree, errs := Parse("t", []byte("a "+src+";"))
	if len(errs) > 0 || len(tree.Commands) != 1 || len(tree.Commands[0].Args) != 1 {
		c.t.Fatalf("%q is no token: %s", src, texts(errs))
	}
	return &tree.Commands[0].Args[0]
}

// TestEveryFaultIsReported mixes commands in error with good ones, each on a line of its own:
// the lines that have errors are those.
func TestEveryFaultIsReported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &sourceWriter{t: t}
		var b strings.Builder
		var want []int
		line := 1
		nested := 0
		for range 1 + w.below(12) {
			switch {
			case w.below(5) == 0 && nested < 3:
				b.WriteString("if true {\n")
				nested++
			case w.below(5) == 0 && nested > 0:
				b.WriteString("}\n")
				nested--
			case w.below(2) == 0:
				b.WriteString(w.of("keep;", "stop;", "discard;", "# nothing", "redirect \"a@example.org\";", "if true { keep; }") + "\n")
			default:
				b.WriteString(w.of("keep [;", "keep (;", "keep [\"a\" \"b\"];", "keep [];", "a :;", "$;", "keep \"a\" ];", "keep 99999999999999999999;",
					"keep 1X;", "if anyof (true,) { keep; }", "if anyof (true { keep; }", "if () { keep; }", "keep ,;", "keep :a : b;") + "\n")
				want = append(want, line)
			}
			line++
		}
		src := b.String() + strings.Repeat("}", nested)
		_, errs := Parse("t", []byte(src))
		var got []int
		for _, e := range errs {
			if n := len(got); n == 0 || got[n-1] != e.Pos.Line {
				got = append(got, e.Pos.Line)
			}
		}
		if a, b := fmt.Sprint(got), fmt.Sprint(want); a != b {
			t.Fatalf("errors in the lines %s, wrong are %s\n%s\n%s", a, b, texts(errs), src)
		}
	})
}
