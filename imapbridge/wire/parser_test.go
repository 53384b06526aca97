package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parserOf returns a parser of the arguments of one command, given with its literals.
func parserOf(t testing.TB, args string) *Parser {
	t.Helper()
	r := NewReader(strings.NewReader("a X" + args + "\r\n"))
	r.Limits = func(string) Limits { return Limits{Line: 1 << 20, Literal: 1 << 20, Literals: 1 << 20, Count: 100} }
	c, err := r.Command()
	if err != nil {
		t.Fatal(err)
	}
	return NewParser(c)
}

func TestParserReadsArguments(t *testing.T) {
	aString := func(p *Parser) any { p.SP(); return p.AString() }
	mailbox := func(p *Parser) any { p.SP(); return p.Mailbox() }
	set := func(p *Parser) any { p.SP(); return p.Set().String() }
	flags := func(p *Parser) any { p.SP(); return p.Flags() }
	date := func(p *Parser) any { p.SP(); return p.Date().Format(time.DateOnly) }
	dateTime := func(p *Parser) any { p.SP(); return p.DateTime().Format(time.RFC3339) }
	section := func(p *Parser) any { p.SP(); s := p.Section(); return s.String() }
	nString := func(p *Parser) any {
		p.SP()
		s, ok := p.NString()
		return []any{s, ok}
	}
	tests := []struct {
		name  string
		parse func(p *Parser) any
		input string
		want  any
		err   string
	}{
		{"an atom", aString, " INBOX", "INBOX", ""},
		{"an atom with a bracket", aString, " a]b", "a]b", ""},
		{"a quoted string", aString, ` "a \"b\" \\"`, `a "b" \`, ""},
		{"an empty quoted string", aString, ` ""`, "", ""},
		{"8-bit in quotes", aString, " \"\xc3\xa4\"", "ä", ""},
		{"a literal", aString, " {4}\r\na\r\nb", "a\r\nb", ""},
		{"a literal in the middle of a line", aString, " x{1}\r\na", nil, `expected the end of the command, found "{" at octet 5`},
		{"a brace that is no literal", aString, " {3} x", nil, "a literal must end its line at octet 4"},
		{"NUL in a literal", aString, " {1}\r\n\x00", nil, "literal holds a NUL at octet 4"},
		{"NUL in quotes", aString, " \"a\x00\"", nil, `expected a text character, found "\x00" at octet 6`},
		{"CR in quotes", aString, " \"a\rb\"", nil, `expected a text character, found "\r" at octet 6`},
		{"an octet above 127 outside of quotes", aString, " \xc3\xa4", nil, "expected an atom or a string, found octet 0xc3 at octet 4"},
		{"nothing", aString, " ", nil, "expected an atom or a string, found the end of the command at octet 4"},
		{"no space", aString, "", nil, "expected a space, found the end of the command at octet 3"},
		{"places behind a literal count it", func(p *Parser) any { p.SP(); p.AString(); p.SP(); return p.Atom() }, " {5}\r\nhello (", nil,
			`expected an atom, found "(" at octet 15`},
		{"NIL", nString, " nil", []any{"", false}, ""},
		{"a string for NIL", nString, ` "nil"`, []any{"nil", true}, ""},
		{"INBOX in any case", mailbox, " inBox", "INBOX", ""},
		{"INBOX above another", mailbox, " inbox/a", "INBOX/a", ""},
		{"a name that begins with it", mailbox, " inboxes", "inboxes", ""},
		{"modified UTF-7", mailbox, " Entw&APw-rfe&-x", "Entwürfe&x", ""},
		{"broken modified UTF-7", mailbox, " a&b", nil, "mailbox name is not modified UTF-7 at octet 7"},
		{"a set", set, " 1,3:5,9:*,*:2,*", "1,3:5,9:*,*:2,*", ""},
		{"zero in a set", set, " 1,0", nil, "a set cannot hold the number 0 at octet 7"},
		{"a comma too many", set, " 1,", nil, "expected a number or '*', found the end of the command at octet 6"},
		{"a number too large", set, " 4294967296", nil, "number is above 4294967295 at octet 14"},
		{"a number far too large", set, " 99999999999999999999", nil, "number is too large at octet 4"},
		{"flags in a list", flags, ` (\seen $Junk \DELETED)`, []string{`\Seen`, "$Junk", `\Deleted`}, ""},
		{"bare flags", flags, ` \Flagged work`, []string{`\Flagged`, "work"}, ""},
		{"no flags", flags, " ()", []string{}, ""},
		{"a flag that nobody knows", flags, ` (\Foo)`, nil, "unknown system flag at octet 5"},
		{"a keyword too long", flags, " " + strings.Repeat("k", 251), nil, "keyword is longer than 250 octets at octet 4"},
		{"too many flags", flags, " (" + strings.Repeat("k ", 200) + "k)", nil, "more than 200 flags at octet 405"},
		{"a date", date, " 1-Feb-1994", "1994-02-01", ""},
		{"a quoted date", date, ` "01-feb-1994"`, "1994-02-01", ""},
		{"no date", date, " 31-Feb-1994", nil, "expected a date such as 1-Feb-1994 at octet 4"},
		{"a date with time", dateTime, ` " 1-Feb-1994 21:52:25 -0800"`, "1994-02-01T21:52:25-08:00", ""},
		{"a date without time", dateTime, ` "1-Feb-1994"`, nil, `expected a date and time such as " 1-Feb-1994 21:52:25 -0800" at octet 4`},
		{"an empty section", section, " []", "[]", ""},
		{"a section with everything", section, ` [1.2.header.fields (From "To")]<3.4>`, "[1.2.HEADER.FIELDS (From To)]<3.4>", ""},
		{"a part", section, " [4.2]", "[4.2]", ""},
		{"MIME of a part", section, " [4.mime]", "[4.MIME]", ""},
		{"a dot at the end", section, " [4.]", nil, `expected a part number or a specifier, found "]" at octet 7`},
		{"a part number too large", section, " [4294967295]", nil, "there is no such part number at octet 15"},
		{"a section too deep", section, " [" + strings.Repeat("1.", 64) + "1]", nil, "section is too deep at octet 134"},
		{"too many fields", section, " [HEADER.FIELDS (" + strings.Repeat("a ", 500) + "a)]", nil, "more than 500 header fields at octet 1020"},
		{"an unknown specifier", section, " [FOO]", nil, "expected HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME at octet 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parserOf(t, tt.input)
			got := tt.parse(p)
			p.End()
			if err := p.Err(); tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("got error %v\nwant      %s", err, tt.err)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSetResolves(t *testing.T) {
	tests := []struct {
		name, set string
		largest   uint32
		want      string
	}{
		{"stars", "*,2:*", 5, "2:5"},
		{"a range above the largest turns round", "9:*", 5, "5:9"},
		{"backwards and overlapping", "5:3,4,1,2", 9, "1:5"},
		{"neighbours meet", "1:2,3:4,6", 9, "1:4,6"},
		{"an empty mailbox has no star", "*,3,1:*", 0, "3"},
		{"the largest number of all", "4294967295,4294967294", 0, "4294967294:4294967295"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parserOf(t, " "+tt.set)
			s.SP()
			if got := s.Set().Resolve(tt.largest).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSetOfManyNumbersIsFast(t *testing.T) {
	var b strings.Builder
	b.WriteString(" ")
	for n := 160_000; n > 0; n -= 2 {
		b.WriteString(itoa(n) + ",")
	}
	b.WriteString("1")
	p := parserOf(t, b.String())
	p.SP()
	start := time.Now()
	s := p.Set().Resolve(0)
	if len(s) != 79_999+1 || !s.Contains(158_000) || s.Contains(157_999) {
		t.Errorf("got %d ranges", len(s))
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// itoa is a number in wire form.
func itoa(n int) string { return string(appendSetNumber(nil, uint32(n))) }

func TestSearchKeysMakeATree(t *testing.T) {
	args := func(name string) (SearchArg, bool) {
		switch name {
		case "SEEN":
			return nil, true
		case "FROM":
			return func(p *Parser) any { p.SP(); return p.AString() }, true
		}
		return nil, false
	}
	seen := SearchKey{Name: "SEEN"}
	tests := []struct {
		name, input string
		want        []SearchKey
		err         string
	}{
		{"keys in a row", " SEEN FROM {3}\r\nbob 1:*", []SearchKey{seen, {Name: "FROM", Arg: "bob"}, {Name: SearchSet, Arg: Set{{1, Star}}}}, ""},
		{"a list", " (SEEN (SEEN))", []SearchKey{{Name: SearchAnd, Keys: []SearchKey{seen, {Name: SearchAnd, Keys: []SearchKey{seen}}}}}, ""},
		{"or and not", " OR not SEEN (SEEN 2)", []SearchKey{{Name: SearchOr, Keys: []SearchKey{
			{Name: SearchNot, Keys: []SearchKey{seen}},
			{Name: SearchAnd, Keys: []SearchKey{seen, {Name: SearchSet, Arg: Set{{2, 2}}}}},
		}}}, ""},
		{"a key that nobody knows", " SEEN FOO", nil, "unknown search key FOO at octet 9"},
		{"half an or", " OR SEEN", nil, "expected a space, found the end of the command at octet 11"},
		{"too deep", strings.Repeat(" NOT", 60) + " SEEN", nil, "search keys are nested too deep at octet 208"},
		{"too deep in lists", " " + strings.Repeat("(", 60), nil, "search keys are nested too deep at octet 55"},
		{"too many", strings.Repeat(" SEEN", 20_001), nil, "too many search keys at octet 100004"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parserOf(t, tt.input)
			p.SP()
			got := p.SearchKeys(args)
			if err := p.Err(); tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("got error %v, want %s", err, tt.err)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Keys); diff != "" {
				t.Error(diff)
			}
		})
	}
}
