package sieve

import (
	"strconv"
	"strings"
)

// lineWidth is where Print begins to give each element of a list a line of its own.
const lineWidth = 78

// Print returns the source of a tree: two blanks for each level of blocks, comments at
// their places, lines end in LF, no line is longer than it has to be. Parsing what it
// returns gives the same tree, but for spans. A string that holds a bare CR or LF,
// which no source can express, gets CRLF instead.
func Print(s *Script) []byte {
	p := &printer{script: s, comments: s.Comments}
	p.commands(s.Commands)
	p.flush(len(s.Source) + 1)
	if p.b.Len() > 0 {
		p.b.WriteByte('\n')
	}
	return []byte(p.b.String())
}

// gap is what stands between two pieces of output.
type gap uint8

const (
	gapNone gap = iota
	gapSpace
	gapLine
	gapBlank // an empty line
)

// printer writes pieces in order. Each piece knows its place in the source, which
// brings the comments before it and keeps empty lines between commands.
type printer struct {
	script   *Script
	comments []Comment // not yet printed
	b        strings.Builder
	level    int
	pending  gap // at least this before the next piece
	last     int // end in the source of the last piece
	within   int // commands and tests whose arguments are being printed
}

// want asks for a gap before the next piece; a wider one that is asked for already stays.
func (p *printer) want(g gap) { p.pending = max(p.pending, g) }

// piece prints text that stands at a span of the source.
func (p *printer) piece(text string, at Span) {
	p.flush(at.Start)
	p.gap()
	p.b.WriteString(text)
	p.last = max(p.last, at.End)
}

func (p *printer) gap() {
	g := p.pending
	p.pending = gapNone
	if p.b.Len() == 0 || g == gapNone {
		return
	}
	switch g {
	case gapSpace:
		p.b.WriteByte(' ')
		return
	case gapBlank:
		p.b.WriteByte('\n')
	}
	p.b.WriteByte('\n')
	for range p.level {
		p.b.WriteString("  ")
	}
}

// flush prints the comments that begin before an offset.
func (p *printer) flush(before int) {
	for len(p.comments) > 0 && p.comments[0].Start < before {
		c := p.comments[0]
		p.comments = p.comments[1:]
		p.pending = min(p.pending, gapSpace)
		p.want(max(gapSpace, p.sourceGap(c.Start)))
		p.gap()
		p.b.WriteString(c.Text)
		p.last = c.End
		p.want(gapSpace)
		if c.Text[0] == '#' {
			p.want(gapLine)
		}
		if len(p.comments) > 0 && p.comments[0].Start < before {
			continue
		}
		p.want(p.sourceGap(min(before, len(p.script.Source))))
	}
}

// sourceGap says which gap the source has between the last piece and an offset.
func (p *printer) sourceGap(offset int) gap {
	if offset > len(p.script.Source) || offset <= p.last {
		return gapNone
	}
	switch strings.Count(p.script.Source[p.last:offset], "\n") {
	case 0:
		return gapNone
	case 1:
		return gapLine
	}
	if p.within > 0 {
		return gapLine // empty lines stay between commands only
	}
	return gapBlank
}

func (p *printer) commands(list []*Node) {
	for i, n := range list {
		name := strings.ToLower(n.Name)
		if i > 0 && list[i-1].HasBlock && (name == "else" || name == "elsif") {
			p.want(gapSpace)
		} else {
			p.want(gapLine)
			if i > 0 && p.beforeComments(n.Start) == gapBlank {
				p.want(gapBlank)
			}
		}
		p.call(n)
		p.within++
		if !n.HasBlock {
			p.piece(";", Span{max(n.End-1, 0), n.End})
			p.within--
			continue
		}
		p.want(gapSpace)
		p.piece("{", Span{n.BlockSpan.Start, n.BlockSpan.Start + 1})
		p.within--
		p.level++
		p.commands(n.Block)
		p.flush(n.BlockSpan.End - 1)
		p.level--
		p.pending = gapLine
		p.piece("}", Span{max(n.BlockSpan.End-1, 0), n.BlockSpan.End})
	}
}

// beforeComments is the source's gap before what stands at an offset, comments included.
func (p *printer) beforeComments(offset int) gap {
	if len(p.comments) > 0 && p.comments[0].Start < offset {
		offset = p.comments[0].Start
	}
	return p.sourceGap(offset)
}

// call prints a command or test with its arguments.
func (p *printer) call(n *Node) {
	p.piece(n.Name, n.NameSpan)
	p.within++
	defer func() { p.within-- }()
	for i := range n.Args {
		p.want(gapSpace)
		p.argument(&n.Args[i])
	}
	if len(n.Tests) == 0 {
		return
	}
	p.want(gapSpace)
	if !n.Parens {
		p.call(n.Tests[0])
		return
	}
	p.sequence("(", ")", len(n.Tests), width(n), n.ParensSpan, func(i int) { p.call(n.Tests[i]) })
}

func (p *printer) argument(a *Argument) {
	switch a.Kind {
	case TagArgument:
		p.piece(":"+a.Tag, a.Span)
	case NumberArgument:
		p.piece(number(a), a.Span)
	case StringArgument:
		p.str(&a.Strings[0])
	case ListArgument:
		total := 0
		for i := range a.Strings {
			total += len(a.Strings[i].Value) + 4
		}
		p.sequence("[", "]", len(a.Strings), total, a.Span, func(i int) { p.str(&a.Strings[i]) })
	}
}

// sequence prints n elements between the brackets of a span, on lines of their own if they
// are long.
func (p *printer) sequence(open, shut string, n, total int, at Span, element func(i int)) {
	p.piece(open, Span{at.Start, at.Start + 1})
	long := total > lineWidth-2*p.level
	if long {
		p.level++
	}
	for i := range n {
		switch {
		case long:
			p.want(gapLine)
		case i > 0:
			p.want(gapSpace)
		}
		element(i)
		if i < n-1 {
			p.piece(",", Span{})
		}
	}
	if long {
		p.level--
		p.want(gapLine)
	}
	p.piece(shut, Span{at.End - 1, at.End})
}

func (p *printer) str(s *String) {
	if !s.Multiline || !multiline(s.Value) {
		p.piece(quote(s.Value), s.Span)
		return
	}
	p.flush(s.Start)
	p.gap()
	p.b.WriteString("text:")
	for len(p.comments) > 0 && p.comments[0].Start < s.End {
		p.b.WriteString(" " + p.comments[0].Text)
		p.comments = p.comments[1:]
	}
	p.b.WriteByte('\n')
	for line := range strings.Lines(s.Value) {
		if line[0] == '.' {
			p.b.WriteByte('.')
		}
		p.b.WriteString(strings.TrimSuffix(line, "\r\n"))
		p.b.WriteByte('\n')
	}
	p.b.WriteByte('.')
	p.last = s.End
	p.want(gapLine)
}

// multiline says whether a value can be written with text:.
func multiline(v string) bool {
	if v != "" && !strings.HasSuffix(v, "\r\n") {
		return false
	}
	rest := strings.ReplaceAll(v, "\r\n", "")
	return !strings.ContainsAny(rest, "\r\n\x00")
}

func quote(v string) string {
	v = strings.ReplaceAll(v, "\r\n", "\n")
	v = strings.ReplaceAll(v, "\r", "\n")
	v = strings.ReplaceAll(v, `\`, `\\`)
	return `"` + strings.ReplaceAll(v, `"`, `\"`) + `"`
}

func number(a *Argument) string {
	if a.Quantifier == 0 {
		return strconv.FormatUint(a.Number, 10)
	}
	return strconv.FormatUint(a.Number>>quantifierShift(a.Quantifier), 10) + string(rune(a.Quantifier))
}

// width is about how long a test is on one line.
func width(n *Node) int {
	w := len(n.Name) + 1
	for i := range n.Args {
		w += len(n.Args[i].Tag) + 4
		for j := range n.Args[i].Strings {
			w += len(n.Args[i].Strings[j].Value) + 4
		}
	}
	for _, t := range n.Tests {
		w += width(t) + 2
	}
	return w
}
