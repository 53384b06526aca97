package mail

import "strings"

// AddressList is what an address field says.
//
// Sieve looks at Addresses and Broken, ENVELOPE is made from Entries.
type AddressList struct {
	// Addresses are the complete addresses in order, those of groups included. What
	// has no domain, or cannot be read, is left out.
	Addresses []Address
	// Entries is all that could be read, in order: also addresses without a domain
	// (Domain is ""), and where groups begin and end.
	Entries []Entry
	// Broken says that the field begins with something that is no address. Addresses
	// is then empty: the field is one value that nobody can take apart.
	Broken bool
}

// Entry is an address, or where a group begins or ends.
type Entry struct {
	Kind EntryKind
	Address
}

// EntryKind says what an Entry is.
type EntryKind uint8

// The kinds of entries.
const (
	EntryAddress  EntryKind = iota
	EntryGroup              // a group begins; Name is its name
	EntryGroupEnd           // the group ends
)

// Address is one mailbox. Its strings are as in the field, without quotes, comments
// and folding; encoded words in Name are not decoded.
type Address struct {
	Name   string // display name; where there is none, the comment that stands with the address
	Local  string // local part, unquoted
	Domain string // with brackets if it is a literal
	Route  string // obsolete source route, as "@a,@b"
	Group  string // name of the group that it stands in
}

// DisplayName returns Name in UTF-8, encoded words decoded.
func (a Address) DisplayName() string { return DecodeWords(a.Name) }

// String returns the address as addr-spec, its local part quoted where it has to be;
// only that if there is no domain.
func (a Address) String() string {
	local := a.Local
	if !isDotAtom(local) {
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	if a.Domain == "" {
		return local
	}
	return local + "@" + a.Domain
}

// ParseAddresses reads the value of an address field (To, From, Reply-To, ...): names
// with or without quotes, comments, groups, quoted local parts, source routes, blanks
// anywhere, empty entries, semicolons for commas. It reads at most MaxAddresses.
//
// Spec: RFC 5322, sections 3.4 and 4.4.
func ParseAddresses(value string) AddressList {
	p := addressParser{lexer: lexer{in: value}}
	var room [10]lexeme // enough for most entries
	p.words = room[:0]
	for !p.end() && len(p.list.Entries) < MaxAddresses {
		p.entry()
	}
	p.endGroup()
	if p.list.Broken {
		p.list.Addresses = nil
	}
	return p.list
}

type addressParser struct {
	lexer
	list    AddressList
	inGroup bool
	group   string
	seen    bool // an entry has been read, good or bad

	words   []lexeme // of the entry that is being read
	comment string
}

// lexeme is a word or a special character of an entry.
type lexeme struct {
	text   string
	kind   byte // 'a' atom, 'q' quoted string, '[' literal, '?' out of place, else the special itself
	spaced bool // blanks or a comment stand in front
	at     int  // where the text stands in the value, if it is an atom or a dot
}

const addressSpecials = "()<>[]:;@\\,.\""

// entry reads one entry and the separator behind it.
func (p *addressParser) entry() {
	p.words, p.comment = p.words[:0], ""
	for {
		spaced := p.skip()
		if p.end() {
			p.bare()
			return
		}
		switch c := p.peek(); {
		case c == ',':
			p.pos++
			p.bare()
			return
		case c == ';':
			p.pos++
			p.bare()
			p.endGroup()
			return
		case c == '<':
			p.angle()
			return
		case c == ':' && !p.inGroup && p.isPhrase():
			p.pos++
			p.seen, p.inGroup, p.group = true, true, phrase(p.words)
			p.list.Entries = append(p.list.Entries, Entry{Kind: EntryGroup, Address: Address{Name: p.group}})
			return
		default:
			p.push(p.word(spaced))
		}
	}
}

// maxWords bounds the words of one entry; one that has more is no address.
const maxWords = 1000

func (p *addressParser) push(w lexeme) {
	if len(p.words) < maxWords {
		p.words = append(p.words, w)
	} else {
		p.words[maxWords-1].kind = '?'
	}
}

// skip steps over blanks and comments, remembers the last comment, and says whether
// there was anything.
func (p *addressParser) skip() bool {
	start := p.pos
	for !p.end() {
		switch c := p.peek(); {
		case isSpace(c):
			p.pos++
		case c == '(':
			p.comment = p.lexer.comment()
		default:
			return p.pos > start
		}
	}
	return p.pos > start
}

// word reads one word or special.
func (p *addressParser) word(spaced bool) lexeme {
	start := p.pos
	switch c := p.peek(); c {
	case '"':
		text, closed := p.quotedString()
		if !closed {
			return lexeme{text, '?', spaced, -1}
		}
		return lexeme{text, 'q', spaced, -1}
	case '[':
		if n := p.find("]\r\n,;<>", maxLiteral); n > 0 && p.in[start+n] == ']' {
			p.pos += n + 1
			return lexeme{p.in[start:p.pos], '[', spaced, -1}
		}
		p.pos++
		return lexeme{"[", '?', spaced, -1}
	case '@', '.':
		p.pos++
		return lexeme{string(c), c, spaced, start}
	case ')', '>', ']', ':', '\\':
		p.pos++
		return lexeme{string(c), '?', spaced, -1}
	}
	if n := p.encodedAtom(); n > 0 {
		p.pos += n
	}
	for !p.end() && !isSpace(p.peek()) && strings.IndexByte(addressSpecials, p.peek()) < 0 {
		p.pos++
	}
	return lexeme{p.in[start:p.pos], 'a', spaced, start}
}

// How far the parser looks for the end of a literal, and of a route or an encoded
// word, so that its work stays linear.
const (
	maxLiteral = 64
	lookAhead  = 512
)

// find returns how far away the first octet of chars is, -1 if it is not within limit.
func (p *addressParser) find(chars string, limit int) int {
	return strings.IndexAny(p.in[p.pos:min(len(p.in), p.pos+limit)], chars)
}

// encodedAtom returns the length of the encoded word that comes next: many have
// commas or dots in them that they should not.
func (p *addressParser) encodedAtom() int {
	rest := p.in[p.pos:min(len(p.in), p.pos+lookAhead)]
	if !strings.HasPrefix(rest, "=?") {
		return 0
	}
	_, n := encodedWord(rest)
	if strings.ContainsAny(rest[:n], " \t\r\n<") {
		return 0
	}
	return n
}

// isPhrase says whether the words read can be the name of a group.
func (p *addressParser) isPhrase() bool {
	for _, w := range p.words {
		if w.kind == '@' || w.kind == '?' {
			return false
		}
	}
	return len(p.words) > 0
}

// bare ends an entry that has no angle brackets.
func (p *addressParser) bare() {
	if len(p.words) == 0 {
		return // an empty entry, which the obsolete syntax allows
	}
	a, ok := addrSpec(p.in, p.words)
	a.Name = p.comment
	p.add(a, ok)
}

// angle reads "<addr-spec>" and what stands behind it up to the separator.
func (p *addressParser) angle() {
	p.pos++
	name := phrase(p.words)
	p.words = p.words[:0]
	p.skip()
	route := ""
	if p.peek() == '@' {
		if n := p.find(":>", lookAhead); n > 0 && p.in[p.pos+n] == ':' {
			route = strings.Map(dropSpace, p.in[p.pos:p.pos+n])
			p.pos += n + 1
		}
	}
	closed := false
	for {
		spaced := p.skip()
		if c := p.peek(); p.end() || c == ',' || c == ';' || c == '<' {
			break
		} else if c == '>' {
			p.pos++
			closed = true
			break
		}
		p.push(p.word(spaced))
	}
	var a Address
	ok, empty := closed, closed && len(p.words) == 0
	if ok && !empty {
		a, ok = addrSpec(p.in, p.words)
	}
	for !p.end() { // what stands behind the angle bracket says nothing
		p.skip()
		if c := p.peek(); c == ',' || c == ';' {
			break
		}
		if !p.end() {
			p.word(false)
			if p.peek() == '<' {
				p.pos++
			}
		}
	}
	a.Name, a.Route = name, route
	if name == "" {
		a.Name = p.comment
	}
	if !empty {
		p.add(a, ok)
	}
	p.seen = true
	if p.accept(';') {
		p.endGroup()
	} else {
		p.accept(',')
	}
}

// add files an address, or notes that the entry was none.
func (p *addressParser) add(a Address, ok bool) {
	first := !p.seen
	p.seen = true
	if !ok {
		p.list.Broken = p.list.Broken || first
		return
	}
	a.Group = p.group
	p.list.Entries = append(p.list.Entries, Entry{Address: a})
	if a.Domain != "" {
		p.list.Addresses = append(p.list.Addresses, a)
	}
}

func (p *addressParser) endGroup() {
	if p.inGroup {
		p.list.Entries = append(p.list.Entries, Entry{Kind: EntryGroupEnd})
		p.inGroup, p.group = false, ""
	}
}

// phrase returns words as the display name that they are.
func phrase(words []lexeme) string {
	if len(words) == 1 {
		return words[0].text
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 && w.spaced {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// addrSpec makes an address of words. Dots may stand where they should not in the
// local part, as some networks allow.
func addrSpec(in string, words []lexeme) (a Address, ok bool) {
	at := len(words)
	for i, w := range words {
		if w.kind == '@' {
			at = i
			break
		}
	}
	if a.Local, ok = dotted(in, words[:at], "aq"); !ok || at == len(words) {
		return a, ok
	}
	if rest := words[at+1:]; len(rest) == 1 && rest[0].kind == '[' {
		a.Domain = rest[0].text
	} else if a.Domain, ok = dotted(in, rest, "a"); strings.HasPrefix(a.Domain, ".") || strings.Contains(a.Domain, "..") {
		ok = false
	}
	return a, ok
}

// dotted joins words of the given kinds that have dots between them.
func dotted(in string, words []lexeme, kinds string) (string, bool) {
	if len(words) == 1 && strings.IndexByte(kinds, words[0].kind) >= 0 {
		return words[0].text, true
	}
	wasWord, any, size := false, false, 0
	apart := false // they do not stand side by side
	for i, w := range words {
		apart = apart || w.at < 0 || i > 0 && w.at != words[i-1].at+len(words[i-1].text)
		isWord := strings.IndexByte(kinds, w.kind) >= 0
		if !isWord && w.kind != '.' || isWord && wasWord {
			return "", false
		}
		wasWord, any = isWord, any || isWord
		size += len(w.text)
	}
	if !apart && size > 0 {
		return in[words[0].at : words[0].at+size], any
	}
	var b strings.Builder
	b.Grow(size)
	for _, w := range words {
		b.WriteString(w.text)
	}
	return b.String(), any
}

func dropSpace(r rune) rune {
	if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
		return -1
	}
	return r
}
