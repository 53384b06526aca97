package sieve

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

func TestTranslateERE(t *testing.T) {
	for _, tt := range []struct {
		name, pattern string
		letters       caseOf
		yes, no       []string // without line breaks
	}{
		{"letters stand for themselves", `a.c`, exactCase, []string{"abc", "a\nc"}, []string{"ABC", "ac"}},
		{"without case", `^[a-c]k$`, asciiCase, []string{"AK", "bk"}, []string{"a\u212a"}},
		{"without case beyond ASCII", `^ö$`, unicodeCase, []string{"Ö"}, nil},
		{"anchors are those of the text", `^a$`, exactCase, []string{"a"}, []string{"a\n", "b\na"}},
		{"alternatives and groups", `^(a|bc)+$`, exactCase, []string{"abca"}, []string{"b", ""}},
		{"intervals", `^a{2,3}b{2}c{,1}d{1,}$`, exactCase, []string{"aabbd", "aaabbcdd"}, []string{"abbd", "aabbccd"}},
		{"repetitions of repetitions", `^(ab)*+?{2}c$`, exactCase, []string{"ababc", "c"}, []string{"abac"}},
		{"a bracket first in a list", `^[]a]+$`, exactCase, []string{"a]"}, []string{"b"}},
		{"a bracket first in a list that excludes", `^[^]a]$`, exactCase, []string{"b", "\n"}, []string{"]", "a"}},
		{"a backslash in a list is a character", `^[\d]+$`, exactCase, []string{`\d`}, []string{"1"}},
		{"a dash first and last", `^[-a-c-]+$`, exactCase, []string{"-b-"}, []string{"d"}},
		{"ranges of signs", `^[+--]+$`, exactCase, []string{"+,-"}, []string{"."}},
		{"classes", `^[[:alpha:]_]+[[:digit:][:space:]]$`, exactCase, []string{"a_1", "b "}, []string{"11"}},
		{"classes without case", `^[[:upper:]]$`, asciiCase, []string{"a"}, []string{"1"}},
		{"collating elements of one character", `^[[.-.][=a=]]$`, exactCase, []string{"-", "a"}, []string{"b"}},
		{"escapes", `^\^\$\.\*\[\]\(\)\{\}\|\\\+\?$`, exactCase, []string{`^$.*[](){}|\+?`}, nil},
		{"classes by letters", `^\d\w\s\S\D\W$`, exactCase, []string{"1a bx!"}, []string{"aa bx!"}},
		{"words", `\<cat\>`, exactCase, []string{"a cat!"}, []string{"concat"}},
		{"closing signs alone", `a}b]`, exactCase, []string{"a}b]"}, nil},
		{"groups that do not capture", `^(?:a|b)c$`, exactCase, []string{"bc"}, nil},
		{"a flag for the whole pattern", `(?i)abc`, exactCase, []string{"ABC"}, nil},
		{"an empty alternative", `^(a|)b$`, exactCase, []string{"b", "ab"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := translateERE(tt.pattern, tt.letters)
			if err != nil {
				t.Fatal(err)
			}
			re, err := regexp.Compile(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.yes {
				if !re.MatchString(s) {
					t.Errorf("%s does not match %q", text, s)
				}
			}
			for _, s := range tt.no {
				if re.MatchString(s) {
					t.Errorf("%s matches %q", text, s)
				}
			}
		})
	}
}

func TestERERefusals(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		offset  int
		msg     string // begin
	}{
		{"ab*(+c)", 4, `in the pattern: there is nothing that "+" could repeat; write \+ for the character`},
		{"^*", 1, `in the pattern: there is nothing that "*" could repeat`},
		{"a|{2}", 2, `in the pattern: there is nothing that "{2}" could repeat; write \{`},
		{"a{2", 1, `in the pattern: no "}" ends this repetition`},
		{"a{x}", 1, `in the pattern: "{x}" is no repetition`},
		{"a{3,2}", 1, `in the pattern: "{3,2}": the second number is less than the first`},
		{"a{256}", 1, `in the pattern: "{256}" repeats too often; at most 255 times`},
		{"x(a", 1, `in the pattern: no ")" ends this group`},
		{"xa)", 2, `in the pattern: no group is open`},
		{"a[]b", 1, `in the pattern: no "]" ends this list of characters`},
		{"[b-a]", 1, `in the pattern: the range "b-a" has no order`},
		{"[[:nope:]]", 1, `in the pattern: unknown class of characters "[:nope:]"`},
		{"[[.ab.]]", 1, `in the pattern: expected one character between "[." and ".]"`},
		{`(a)\1`, 3, "in the pattern: back-references are not offered"},
		{`a\`, 1, `in the pattern: nothing follows the last "\"`},
		{`a\y`, 1, `in the pattern: unknown escape "\y"`},
		{`(?=a)`, 0, "in the pattern: look-around is not offered"},
		{`(?P<n>a)`, 0, "in the pattern: unknown kind of group"},
		{`a(?i)b`, 1, "in the pattern: (?i) must stand at the begin"},
		{"a\xff", 1, "in the pattern: an octet that is no UTF-8"},
		{strings.Repeat("(", 101), 100, "in the pattern: groups may be nested 100 deep"},
		{strings.Repeat("a", 4097), 0, "the pattern has 4097 octets, at most 4096 are allowed"},
		{"(a{200}){200}", 0, "in the pattern: the repetitions in each other are too many"},
		{strings.Repeat("(c{100}){9}", 40), 0, "the pattern is too large once its repetitions are written out"},
	} {
		_, err := newRegexKey(tt.pattern, &Comparator{})
		e, ok := errors.AsType[*patternError](err)
		if !ok || e.offset != tt.offset || !strings.HasPrefix(e.msg, tt.msg) {
			t.Errorf("%.40q: got %v", tt.pattern, err)
		}
	}
}

func TestRegex(t *testing.T) {
	const message = "Subject: [list-42] Hello World\r\nSender: antlr-interest-bounces@ant.example.com\r\n\r\n"
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(message))}
	const head = "require [\"regex\", \"variables\", \"comparator-i;ascii-numeric\", \"comparator-i;unicode-casemap\"];\n"
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"groups are captured", head + `if header :regex "subject" "\\[(list)-([0-9]+)\\](x)?" { say ["${0}", "${1}", "${2}", "[${3}]"]; }`,
			[]string{`say "[list-42]"`, `say "list"`, `say "42"`, `say "[]"`}},
		{"the longest match is taken", head + `if header :regex "subject" "(l|li|lis)" { say "${0}"; }`, []string{`say "lis"`}},
		{"a test that fails leaves the captures", head + `if string :matches "ab" "*b" { if not header :regex "subject" "(nothing)" { say "${1}"; } }`, []string{`say "a"`}},
		{"case is that of the comparator", head + `if header :regex "subject" "HELLO" { say "folds"; } if header :regex :comparator "i;octet" "subject" "HELLO" { say "never"; }`, []string{`say "folds"`}},
		{"a pattern in a variable", head + `set "p" "h(.)llo"; if header :regex "subject" ["nope", "${p}"] { say "${1}"; }`, []string{`say "e"`}},
		{"a broken pattern in a variable is noted", head + `set "p" "["; if header :regex "subject" ["${p}", "hello"] { say "yes"; }`,
			[]string{`say "yes"`, `problem key: in the pattern: no "]" ends this list of characters; a "]" in it must come first`}},
		{"quoteregex", head + `set "a" "a.b*c"; set :quoteregex :length "n" "${a}"; set :quoteregex "p" "${a}"; if string :regex "xa.b*cx" "${p}" { say ["${n}", "${p}"]; }`,
			[]string{`say "7"`, `say "a\\.b\\*c"`}},
		{"faults have their place", head + `if header :regex "subject" ["ok",` + "\n" + `"a\\.b(*c)"] {} if header :regex :comparator "i;ascii-numeric" "subject" "a" {}
set :quoteregex :quotewildcard "a" "b";`,
			[]string{`refused 3:8: in the pattern: there is nothing that "*" could repeat; write \* for the character`,
				`refused 3:27: :regex is not defined for the comparator "i;ascii-numeric"`, `refused 4:17: ":quoteregex" and ":quotewildcard" exclude each other`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, Options{}, tt.script, tx, nil)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRegexMeetsTheTime matches a pattern as large as may be over a value as long as a hostile
// message can make it.
func TestRegexMeetsTheTime(t *testing.T) {
	script := `require "regex"; if header :regex "x-a" "(a?){255}(a|aa|aaa){99}b" {}`
	p, err := New(Options{}).Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tx := &runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte("X-A: " + strings.Repeat("a", 4<<20) + "\r\n\r\n"))}
	started := time.Now()
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Limits: runtime.Limits{Time: 100 * time.Millisecond, Steps: 1 << 60}, Seed: 1})
	if !errors.Is(res.Err, runtime.ErrBudget) {
		t.Errorf("got %v", res.Err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("ended after %s", took)
	}
}

// FuzzERE checks that what is translated compiles, and that faults lie in the pattern.
func FuzzERE(f *testing.F) {
	for _, s := range []string{"a(b|c)*", "[]a-z[:alpha:]]+", `\<x{2,3}\>`, "(?i)a**", "[^]", "a{,}", "((", `\`, "[[.a.]-z]"} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(1))
	}
	f.Fuzz(func(t *testing.T, pattern string, letters uint8) {
		text, err := translateERE(pattern, caseOf(letters%3))
		if err != nil {
			if e, ok := errors.AsType[*patternError](err); !ok || e.offset < 0 || e.offset > len(pattern) {
				t.Fatal(err)
			}
			return
		}
		c := []*Comparator{{}, {fold: true}, {Form: lowerASCII}}[letters%3]
		if k, err := newRegexKey(pattern, c); err != nil && k == nil {
			if strings.Contains(err.Error(), "too large") || strings.Contains(err.Error(), "repetitions") || strings.Contains(err.Error(), "nests") || strings.Contains(err.Error(), "large") {
				return
			}
			t.Fatalf("%q became %q: %v", pattern, text, err)
		}
	})
}
