package sieve

import (
	"strings"
	"testing"

	peerlexer "github.com/foxcpp/go-sieve/lexer"
	peerparser "github.com/foxcpp/go-sieve/parser"
	"github.com/google/go-cmp/cmp"
)

// TestCornerCases are sources that parsers of Sieve are known to disagree about. peer is what
// go-sieve makes of one: where it differs, the case is here because it is wrong there, or
// because its limits are others.
func TestCornerCases(t *testing.T) {
	const accepts, refuses = true, false
	for _, tt := range []struct {
		name string
		src  string
		want string // our first error, "" if it is valid
		peer bool
	}{
		// Not valid, but taken by some.
		{"a brace too many between commands", "keep; } stop;", `1:7: unexpected "}": no block is open here`, accepts},
		{"a brace too many at the begin", "} keep;", `1:1: unexpected "}": no block is open here`, accepts},
		{"a brace too many behind a block", "if true { keep; } } stop;", `1:19: unexpected "}": no block is open here`, accepts},
		{"an empty list of strings", "a [];", `1:4: expected a string, found "]"`, accepts},
		{"a comma at the end of a list of strings", `a ["a",];`, `1:8: expected a string, found "]"`, accepts},
		{"an empty list of tests", "if anyof () { }", `1:11: expected a test, found ")"`, accepts},
		{"a comma at the end of a list of tests", "if anyof (true,) { }", `1:16: expected a test, found ")"`, accepts},
		{"a second list of tests", "if anyof (true) (false) { }", `1:17: expected a block or ";" after "if", found "("`, accepts},
		{"an argument behind the tests", `if anyof (true) "a" { }`, `1:17: expected a block or ";" after "if", found a string`, accepts},
		{"a blank in a tag", "a : flags \"x\";", `1:3: expected a tag name right after ":"`, accepts},
		{"NUL in a string", "a \"\x00\";", "1:4: NUL is not allowed in a string", accepts},
		{"NUL in text", "a text:\n\x00\n.\n;", "2:1: NUL is not allowed in a string", accepts},
		{"NUL in a comment to the end of the line", "# \x00\nkeep;", "1:3: NUL is not allowed in a script", accepts},
		{"NUL in a comment between marks", "/* \x00 */ keep;", "1:4: NUL is not allowed in a script", accepts},
		{"a number that its quantifier makes too big", "a 17179869184G;", "1:3: number is too big; it must be below 2^64", accepts},

		// Valid, but refused by some.
		{"text without a line", "a text:\n.\n;", "", refuses},
		{"text in capitals", "a TEXT:\nx\n.\n;", "", refuses},
		{"text with a capital", "a Text:\nx\n.\n;", "", refuses},
		{"an identifier that begins with an underscore", "_a;", "", refuses},
		{"a tag that begins with an underscore", "a :_b;", "", refuses},
		{"a word of one t and a semicolon at the end", "t;", "", refuses},
		{"a word of two letters that begins with t", "to;", "", refuses},
		{"a word of three letters that begins with t", "tea;", "", refuses},
		{"a tag of a t at the end", "a :t;", "", refuses},
		{"a block with a word that begins with t at the end", "a{t;}", "", refuses},
		{"a test that begins with t at the end", "a t;", "", refuses},

		// A matter of limits and tolerance.
		// Its time doubles with every level, up to 15, where it refuses.
		{"blocks in blocks", strings.Repeat("if true {", 10) + strings.Repeat("}", 10), "", accepts},
		{"tests in tests", "if " + strings.Repeat("not ", 10) + "true { }", "", accepts},
		{"blocks deeper than our limit", strings.Repeat("if true {", 33) + strings.Repeat("}", 33), "1:297: blocks are nested too deep, at most 32 levels are allowed", refuses},
		{"an identifier of 33 letters", strings.Repeat("a", 33) + ";", "1:1: a name may have at most 32 characters", accepts},
		{"a script of more than 1 MiB", "keep;" + strings.Repeat("#"+strings.Repeat("x", 1<<10)+"\n", 1<<10), "1:1: script is too long: 1050629 octets, at most 1048576 are allowed", accepts},
		{"33 arguments", "a" + strings.Repeat(" 1", 33) + ";", `1:67: "a" has too many arguments, at most 32 are allowed`, accepts},
		{"a carriage return alone between commands", "keep;\rstop;", "1:6: carriage return without line feed", refuses},
		{"a carriage return alone in a string", "a \"x\ry\";", "1:5: carriage return without line feed in a string", refuses},
		{"2^63", "a 9223372036854775808;", "", refuses},
		{"9999999999G, which has 64 bits", "a 9999999999G;", "", accepts},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, errs := Parse("t", []byte(tt.src))
			got, _, _ := strings.Cut(texts(errs), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.want == "" {
				checkPrint(t, tree)
			}
			if peer := peerParses(tt.src); peer != tt.peer {
				t.Errorf("go-sieve accepts: %t, noted is %t", peer, tt.peer)
			}
		})
	}
}

// peerParses says whether go-sieve's lexer and parser take a source.
func peerParses(src string) bool {
	tokens, err := peerlexer.Lex(strings.NewReader(src), &peerlexer.Options{MaxTokens: 5000})
	if err != nil {
		return false
	}
	_, err = peerparser.Parse(peerlexer.NewStream(tokens), &peerparser.Options{MaxBlockNesting: 15, MaxTestNesting: 15})
	return err == nil
}

// TestCornerValues are values that parsers of Sieve are known to get wrong.
func TestCornerValues(t *testing.T) {
	for _, tt := range []struct{ name, src, want, peer string }{
		{"dots in the first line of text", "a text:\n..foo\n.\n;", ".foo\r\n", "..foo\r\n"},
		{"a dot alone in the first line of text", "a text:\n.\n;\nb text:\nx\n.\n;", "", ".\r\n;\r\nb text:\r\nx\r\n"},
		{"dots in another line of text", "a text:\nx\n..y\n.\n;", "x\r\n.y\r\n", "x\r\n.y\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, errs := Parse("t", []byte(tt.src))
			if len(errs) > 0 {
				t.Fatal(texts(errs))
			}
			if got := tree.Commands[0].Args[0].Strings[0].Value; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := peerValue(tt.src); got != tt.peer {
				t.Errorf("go-sieve reads %q, noted is %q", got, tt.peer)
			}
		})
	}
}

// peerValue returns the first string of a source as go-sieve's lexer reads it, "" if it does
// not.
func peerValue(src string) string {
	tokens, err := peerlexer.Lex(strings.NewReader(src), &peerlexer.Options{})
	if err != nil {
		return ""
	}
	for _, token := range tokens {
		if s, ok := token.(peerlexer.String); ok {
			return s.Text
		}
	}
	return ""
}

// TestCornerNumbers are numbers that wrap where they are kept in fewer bits.
func TestCornerNumbers(t *testing.T) {
	for src, want := range map[string]uint64{
		"9999999999G": 9_999_999_999 << 30, "17179869183G": 17_179_869_183 << 30, "9223372036854775808": 1 << 63, "18446744073709551615": 1<<64 - 1,
		"18014398509481983K": 18_014_398_509_481_983 << 10, "0G": 0, "00000000000000000000000001": 1,
	} {
		tree, errs := Parse("t", []byte("a "+src+";"))
		if len(errs) > 0 {
			t.Errorf("%s: %s", src, texts(errs))
			continue
		}
		if got := tree.Commands[0].Args[0].Number; got != want {
			t.Errorf("%s: got %d, want %d", src, got, want)
		}
	}
}
