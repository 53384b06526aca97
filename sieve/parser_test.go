package sieve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// treeOptions compares trees without their places.
var treeOptions = cmp.Options{
	cmpopts.IgnoreTypes(Span{}),
	cmpopts.IgnoreUnexported(Script{}),
	cmpopts.IgnoreFields(Script{}, "Source", "Name"),
	cmpopts.EquateEmpty(),
}

func texts(errs []*Error) string {
	var lines []string
	for _, e := range errs {
		lines = append(lines, strings.TrimPrefix(e.Error(), "t:"))
	}
	return strings.Join(lines, "\n")
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"an empty script is a script", "", ""},
		{"a script of comments is a script", "# a\r\n/* b */", ""},
		{"a byte order mark is skipped", "\uFEFFkeep;", ""},
		{"a missing semicolon is reported where it is missing", "if true {\n  keep\n}\nstop;", `2:7: expected ";" after "keep", found "}"`},
		{"a missing semicolon at the end", "keep", `1:5: expected ";" after "keep", found the end of the script`},
		{"a stray brace does not end the script", "keep; } stop $;", "1:7: unexpected \"}\": no block is open here\n1:14: unexpected character '$'\n1:14: expected \";\" after \"stop\", found what is no Sieve"},
		{"a stray brace in front", "} keep;", `1:1: unexpected "}": no block is open here`},
		{"an open block names its brace", "if true {\n keep;\n", `3:1: expected "}": the block that begins at 1:9 is not closed`},
		{"an empty list", `fileinto [];`, `1:11: expected a string, found "]"`},
		{"a comma at the end of a list", `fileinto ["a",];`, `1:15: expected a string, found "]"`},
		{"an empty test list", `if anyof () { keep; }`, `1:11: expected a test, found ")"`},
		{"a comma at the end of a test list", `if anyof (true,) { keep; }`, `1:16: expected a test, found ")"`},
		{"a second test list", `if anyof (true)(false) { keep; }`, `1:16: expected a block or ";" after "if", found "("`},
		{"a string behind a test list", `if anyof (true) "a" { keep; }`, `1:17: expected a block or ";" after "if", found a string`},
		{"a blank in a tag", `if header : is "a" "b" { keep; }`, `1:11: expected a tag name right after ":"`},
		{"NUL in a string", "fileinto \"a\x00b\";", "1:12: NUL is not allowed in a string"},
		{"NUL in text", "fileinto text:\na\x00b\n.\n;", "2:2: NUL is not allowed in a string"},
		{"NUL in a hash comment", "# a\x00\nkeep;", "1:4: NUL is not allowed in a script"},
		{"NUL in a bracket comment", "/* a\x00 */keep;", "1:5: NUL is not allowed in a script"},
		{"NUL between tokens", "keep\x00;", "1:5: NUL is not allowed in a script"},
		{"a quantifier that overflows", `if size :over 17179869184G { keep; }`, "1:15: number is too big; it must be below 2^64"},
		{"digits that overflow", `if size :over 18446744073709551616 { keep; }`, "1:15: number is too big; it must be below 2^64"},
		{"the biggest number", `if size :over 18446744073709551615 { keep; }`, ""},
		{"the biggest number with a quantifier", `if size :over 17179869183G { keep; }`, ""},
		{"letters behind a number", `if size :over 100KB { keep; }`, `1:19: unexpected "B" after a number; only K, M or G may follow its digits`},
		{"an open string is one error", "keep;\nfileinto \"abc;\nstop;", "2:10: string is not closed; expected '\"'"},
		{"an open comment is one error", "keep;\n/* stop;", "2:1: comment is not closed; expected \"*/\""},
		{"comments do not nest", "/* /* */ */ keep;", "1:10: unexpected character '*'\n1:10: expected a command, found what is no Sieve"},
		{"open text is one error", "fileinto text:\nabc\n", "1:10: multi-line string is not closed; expected a line with a single dot"},
		{"something behind text:", "fileinto text: abc\nx\n.\n;", "1:16: expected the end of the line after \"text:\"; the string begins on the next line"},
		{"a bracket comment behind text:", "fileinto text: /* a */\nx\n.\n;", "1:16: expected the end of the line after \"text:\"; the string begins on the next line"},
		{"a bare CR between tokens", "keep;\rstop;", "1:6: carriage return without line feed"},
		{"a bare CR in a string", "fileinto \"a\rb\";", "1:12: carriage return without line feed in a string"},
		{"columns count characters", "if header \"ä€𝄞\" $ \"b\" { keep; }", "1:17: unexpected character '$'\n1:17: expected a block or \";\" after \"if\", found what is no Sieve"},
		{"three errors, one each command", "foo [;\nbar (;\nbaz \"x\" :;\nkeep;",
			"1:6: expected a string, found \";\"\n2:6: expected a test, found \";\"\n3:9: expected a tag name right after \":\""},
		{"what follows an error in a list is not reported again", `if header ["a" ; "b"] "c" { keep; }`, `1:16: expected "," or "]", found ";"`},
		{"the block of a broken command is read", "if header ] { foo [; }", "1:11: expected a block or \";\" after \"if\", found \"]\"\n1:20: expected a string, found \";\""},
		{"a semicolon too many", "keep;;", `1:6: expected a command, found ";"`},
		{"a string is no command", `"keep";`, `1:1: expected a command, found a string`},
		{"identifiers begin with an underscore too", `_a :_b "x";`, ""},
		{"words that begin with t at the end", `to;`, ""},
		{"text in capitals", "fileinto TEXT:\n.\n;", ""},
		{"a tag of one letter", "keep :t;", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errs := Parse("t", []byte(tt.src))
			if diff := cmp.Diff(tt.want, texts(errs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStringValues(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"plain", `"abc"`, "abc"},
		{"escapes", `"a\"b\\c\xd"`, `a"b\cxd`},
		{"a backslash before the end of a line", "\"a\\\nb\"", "a\r\nb"},
		{"LF becomes CRLF", "\"a\nb\n\nc\"", "a\r\nb\r\n\r\nc"},
		{"CRLF stays", "\"a\r\nb\"", "a\r\nb"},
		{"an escape behind a line end", "\"a\n\\\"b\"", "a\r\n\"b"},
		{"text", "text:\na\nb\n.\n", "a\r\nb\r\n"},
		{"text with CRLF", "text:\r\na\r\n.\r\n", "a\r\n"},
		{"text, empty", "text:\n.\n", ""},
		{"text, the first line is unstuffed", "text:\n..foo\n.\n", ".foo\r\n"},
		{"text, later lines are unstuffed", "text:\na\n..\n..b\n.\n", "a\r\n.\r\n.b\r\n"},
		{"text, a dot that was not stuffed stays", "text:\n.a\n.\n", ".a\r\n"},
		{"text with a comment", "TeXt: \t# comment\n\"x\\\n.\n", "\"x\\\r\n"},
		{"text that ends with the source", "text:\na\n.", "a\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, errs := Parse("t", []byte("a "+tt.src+";"))
			if strings.HasSuffix(tt.src, ".") {
				s, errs = Parse("t", []byte("a "+tt.src+"\n;"))
			}
			if len(errs) > 0 {
				t.Fatal(texts(errs))
			}
			if got := s.Commands[0].Args[0].Strings[0].Value; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	for src, want := range map[string]uint64{"0": 0, "007": 7, "1K": 1 << 10, "2m": 2 << 20, "9999999999G": 9999999999 << 30, "0G": 0} {
		s, errs := Parse("t", []byte("a "+src+";"))
		if len(errs) > 0 {
			t.Errorf("%s: %s", src, texts(errs))
			continue
		}
		if got := s.Commands[0].Args[0].Number; got != want {
			t.Errorf("%s: got %d, want %d", src, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	src := "# c\nif anyof (true, header :is [\"a\", \"bc\"] \"d\") {\n  keep;\n}\n"
	s, errs := Parse("t", []byte(src))
	if len(errs) > 0 {
		t.Fatal(texts(errs))
	}
	cut := func(sp Span) string { return src[sp.Start:sp.End] }
	node := s.Commands[0]
	header := node.Tests[0].Tests[1]
	got := []string{
		cut(s.Comments[0].Span), cut(node.Span), cut(node.NameSpan), cut(node.BlockSpan), cut(node.Tests[0].Span),
		cut(header.Span), cut(header.Args[0].Span), cut(header.Args[1].Span), cut(header.Args[1].Strings[1].Span), cut(node.Block[0].Span),
	}
	want := []string{
		"# c", src[4 : len(src)-1], "if", "{\n  keep;\n}", `anyof (true, header :is ["a", "bc"] "d")`,
		`header :is ["a", "bc"] "d"`, ":is", `["a", "bc"]`, `"bc"`, "keep;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := s.Position(header.Args[1].Strings[1].Start); got != (Position{2, 34}) {
		t.Errorf("got %v", got)
	}
}

func TestParseLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		src    string
		limits SourceLimits
		want   string
	}{
		{"size", "keep;", SourceLimits{Size: 4}, "1:1: script is too long: 5 octets, at most 4 are allowed"},
		{"tokens", "keep; keep; keep;", SourceLimits{Tokens: 4}, "1:13: script has too many tokens, at most 4 are allowed"},
		{"blocks", "if true { if true { if true { keep; } } }", SourceLimits{Nesting: 2}, "1:29: blocks are nested too deep, at most 2 levels are allowed"},
		{"tests", "if not not not true { keep; }", SourceLimits{Nesting: 2}, "1:12: tests are nested too deep, at most 2 levels are allowed"},
		{"five million tests", "if " + strings.Repeat("not ", 200_000) + "true { keep; }", SourceLimits{}, "1:132: tests are nested too deep, at most 32 levels are allowed\n1:800000: script has too many tokens, at most 200000 are allowed"},
		{"test lists", "if " + strings.Repeat("anyof (", 100_000), SourceLimits{}, "1:227: tests are nested too deep, at most 32 levels are allowed\n1:700003: script has too many tokens, at most 200000 are allowed"},
		{"a string", `keep "abc";`, SourceLimits{String: 2}, "1:6: string is too long: 3 octets, at most 2 are allowed"},
		{"arguments", "keep 1 2 3;", SourceLimits{Arguments: 2}, `1:10: "keep" has too many arguments, at most 2 are allowed`},
		{"an identifier", "abcd :abcd;", SourceLimits{Identifier: 3}, "1:1: a name may have at most 3 characters\n1:7: a name may have at most 3 characters"},
		{"errors", strings.Repeat("$", 1) + " $ $ $", SourceLimits{Errors: 2}, "1:1: unexpected character '$'\n1:1: expected a command, found what is no Sieve\n1:1: too many errors; the rest of the script was not checked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errs := ParseWithin("t", []byte(tt.src), tt.limits)
			if diff := cmp.Diff(tt.want, texts(errs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"blocks and chains", `if true{keep;}elsif false{stop;}else{discard;}`,
			"if true {\n  keep;\n} elsif false {\n  stop;\n} else {\n  discard;\n}\n"},
		{"comments stay at their places",
			"# head\n\nkeep; # behind\n/* block */ stop;\nif /* inside */ true # open\n{ # in\n keep;\n # last\n}\n# end",
			"# head\n\nkeep; # behind\n/* block */ stop;\nif /* inside */ true # open\n{ # in\n  keep;\n  # last\n}\n# end\n"},
		{"empty lines between commands stay, one", "keep;\n\n\n\nstop;\nkeep;", "keep;\n\nstop;\nkeep;\n"},
		{"text", "vacation text: # why\n..a\n.\n;", "vacation text: # why\n..a\n.\n;\n"},
		{"numbers", "size :over 0100k;", "size :over 100K;\n"},
		{"escapes", `a "x\y\"\\";`, "a \"xy\\\"\\\\\";\n"},
		{"long lists get a line each", `a ["` + strings.Repeat("x", 50) + `", "` + strings.Repeat("y", 50) + `"];`,
			"a [\n  \"" + strings.Repeat("x", 50) + "\",\n  \"" + strings.Repeat("y", 50) + "\"\n];\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, errs := Parse("t", []byte(tt.src))
			if len(errs) > 0 {
				t.Fatal(texts(errs))
			}
			if diff := cmp.Diff(tt.want, string(Print(s))); diff != "" {
				t.Error(diff)
			}
			checkPrint(t, s)
		})
	}
}

// checkPrint checks that the printed tree is read as the same tree, and printed alike.
func checkPrint(t fataler, s *Script) {
	t.Helper()
	printed := Print(s)
	again, errs := Parse("t", printed)
	if len(errs) > 0 {
		t.Fatalf("printed:\n%s\n%s", printed, texts(errs))
	}
	if diff := cmp.Diff(s, again, treeOptions); diff != "" {
		t.Fatalf("source:\n%s\nprinted:\n%s\n%s", s.Source, printed, diff)
	}
	if diff := cmp.Diff(string(printed), string(Print(again))); diff != "" {
		t.Fatalf("source:\n%s\nprinting again differs: %s", s.Source, diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "keep;", "if anyof (true, not false) { stop; } else { discard; }", "fileinto text: # c\r\n..a\r\n.\r\n;",
		`if header :contains ["a", "b\"\\"] 100K { keep; } /* x */ # y`, "}{][)(;,:\"", "if true { if true { /*", "text:\n", "\xff\xfe\x00",
		"a /* x\ny */ b # c\n(d, e # f\n) { # g\n} /*h*/ /*i*/ # j\n# k",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, errs := Parse("t", []byte(src))
		if s == nil || len(errs) > 102 {
			t.Fatal("no tree, or too many errors")
		}
		for _, e := range errs {
			if e.Pos.Line < 1 || e.Pos.Col < 1 || e.Msg == "" {
				t.Fatalf("%+v", e)
			}
		}
		if len(errs) == 0 {
			checkSpans(t, s)
			checkPrint(t, s)
		}
	})
}

func ExampleParse() {
	_, errs := Parse("filter.sieve", []byte("if header :contains \"Subject\" \"sale\" {\n  discard\n}\n"))
	for _, e := range errs {
		fmt.Println(e)
	}
	// Output: filter.sieve:2:10: expected ";" after "discard", found "}"
}
