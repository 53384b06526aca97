package wire

import "strings"

// Bounds of what a command may say about flags.
const (
	flagsMax   = 200 // flags in one command
	keywordMax = 250 // octets of a keyword
)

// Flag reads a system flag, with its backslash, or a keyword. System flags come in
// RFC 3501's spelling.
func (p *Parser) Flag() string {
	start := p.pos
	if !p.Accept('\\') {
		k := p.Atom()
		if len(k) > keywordMax {
			p.failAt(start, "keyword is longer than 250 octets")
		}
		return k
	}
	name := p.Atom()
	for _, f := range [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`} {
		if strings.EqualFold(f[1:], name) {
			return f
		}
	}
	p.failAt(start, "unknown system flag")
	return ""
}

// FlagList reads flags in parentheses.
func (p *Parser) FlagList() []string {
	out := []string{}
	p.List(func() { out = p.appendFlag(out) })
	return out
}

// Flags reads flags in parentheses, or bare ones parted by spaces to the end of the
// command, as STORE takes both.
func (p *Parser) Flags() []string {
	if p.Next('(') {
		return p.FlagList()
	}
	var out []string
	for {
		out = p.appendFlag(out)
		if !p.Accept(' ') || !p.More() {
			return out
		}
	}
}

// appendFlag reads one more flag.
func (p *Parser) appendFlag(out []string) []string {
	if len(out) == flagsMax {
		p.Fail("more than 200 flags")
		return out
	}
	return append(out, p.Flag())
}
