package sieve

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// shelf is scripts by location and name.
type shelf map[string]string

func (s shelf) include(location, name string) (string, []byte, error) {
	if name == "unreadable" {
		return "", nil, errors.New("the disk is on fire")
	}
	source, ok := s[location+"/"+name]
	if !ok {
		return "", nil, fs.ErrNotExist
	}
	return name + ".sieve", []byte(source), nil
}

func TestInclude(t *testing.T) {
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}
	const head = "require [\"include\", \"variables\"];\n"
	for _, tt := range []struct {
		name, script string
		shelf        shelf
		want         []string
	}{
		{"a script stands where it is included", head + `say "1"; include "a"; say "3";`, shelf{"personal/a": `say "2";`}, []string{`say "1"`, `say "2"`, `say "3"`}},
		{"personal and global scripts of one name", head + `include "a"; include :global "a"; include :personal "a";`,
			shelf{"personal/a": `say "p";`, "global/a": `say "g";`}, []string{`say "p"`, `say "g"`, `say "p"`}},
		{"once is once, whoever included it", head + `include :once "a"; include "b"; include :once "a"; include "a";`,
			shelf{"personal/a": `say "a";`, "personal/b": `require "include"; say "b"; include :once "a";`}, []string{`say "a"`, `say "b"`, `say "a"`}},
		{"optional scripts may be missing", head + `include :optional "none"; say "x";`, nil, []string{`say "x"`}},
		{"optional scripts may not be broken", head + `include :optional "a";`, shelf{"personal/a": `nonsense;`},
			[]string{`refused 2:19: script "a" has errors`, `refused a.sieve:1:1: unknown command "nonsense"`}},
		{"return ends the included script", head + `include "a"; say "x";`, shelf{"personal/a": `require "include"; say "a"; if true { return; } say "never";`}, []string{`say "a"`, `say "x"`}},
		{"return in the main script is stop", head + `say "a"; return; say "b";`, nil, []string{`say "a"`}},
		{"stop in an included script ends all", head + `include "a"; say "x";`, shelf{"personal/a": `say "a"; stop;`}, []string{`say "a"`}},
		{"variables are local, and empty each time", head + `set "v" "main"; include "a"; include "a"; say "${v}";`,
			shelf{"personal/a": `require "variables"; say "[${v}]"; set "V" "a";`}, []string{`say "[]"`, `say "[]"`, `say "main"`}},
		{"global variables are shared where they are declared", head + `global ["v", "w"]; set "v" "1"; include "a"; say ["${v}", "${W}"];`,
			shelf{"personal/a": `require ["include", "variables"]; global "V"; set "v" "${v}2"; set "w" "local";`}, []string{`say "12"`, `say ""`}},
		{"the namespace global", head + `set "global.v" "1"; include "a"; say "${global.V}${global.none}";`,
			shelf{"personal/a": `require ["include", "variables"]; global "v"; set "v" "${v}${global.v}2";`}, []string{`say "112"`}},
		{"captures are those of the run", head + `if string :matches "ab" "a*" { include "a"; say "${1}"; }`,
			shelf{"personal/a": `require ["variables"]; say "${1}"; if string :matches "xyz" "x*" {}`}, []string{`say "b"`, `say "yz"`}},
		{"extensions are those of each script", head + `include "a";`, shelf{"personal/a": `require "fileinto"; fileinto "x"; set "a" "b";`},
			[]string{`refused 2:9: script "a" has errors`, `refused a.sieve:1:35: command "set" needs require "variables"; add it at the top of the script`}},
		{"the place of an error of a run is that of the included script", head + `include "a"; say "never";`,
			shelf{"personal/a": "require [\"variables\", \"fileinto\", \"encoded-character\"]; set \"x\" \"${hex:ff}\";\n fileinto \"${x}\";"}, []string{"error a.sieve:2:2: fileinto: mailbox name is no UTF-8"}},
		{"a script that includes itself", head + `include "a";`, shelf{"personal/a": `require "include"; include "a";`},
			[]string{`refused 2:9: script "a" has errors`, `refused a.sieve:1:28: script "a" includes itself, through others perhaps`}},
		{"scripts that include each other", head + `include "a";`, shelf{"personal/a": `require "include"; include "b";`, "personal/b": `require "include"; include "a";`},
			[]string{`refused 2:9: script "a" has errors`, `refused b.sieve:1:28: script "a" includes itself, through others perhaps`, `refused a.sieve:1:28: script "b" has errors`}},
		{"a circle of once is none", head + `include "a";`, shelf{"personal/a": `require "include"; say "a"; include :once "b";`, "personal/b": `require "include"; say "b"; include :once "a";`},
			[]string{`say "a"`, `say "b"`}},
		{"what cannot be included", head + `include "none"; include :global "a/b"; include "unreadable"; include "${x}"; include :personal :global "a"; include "";`, nil, []string{
			`refused 2:9: there is no personal script "none"`, `refused 2:33: "a/b" is no name of a script: it holds a slash or a control character`,
			`refused 2:48: script "unreadable" cannot be read: the disk is on fire`, `refused 2:70: the name of a script must be constant; it cannot hold variables`,
			`refused 2:96: ":personal" and ":global" exclude each other`, `refused 2:117: the name of a script is empty`}},
		{"wrong globals", head + `set "a" "x"; global "a"; global ["b.c", "1"]; set "global.1" "x"; say "${global.a.b}"; global "b"; global "b";`, nil, []string{
			`refused 2:21: variable "a" was used before it was declared global`, `refused 2:34: "b.c" is no name of a variable; expected letters, digits and _, not a digit first`,
			`refused 2:41: "1" is no name of a variable; expected letters, digits and _, not a digit first`,
			`refused 2:51: "global.1" is no variable; expected letters, digits and _ behind "global.", not a digit first`,
			`refused 2:71: "global.a.b" is no variable; expected letters, digits and _ behind "global.", not a digit first`}},
		{"global needs variables", `require "include"; global "a";`, nil, []string{`refused 1:20: command "global" needs require "variables"; add it at the top of the script`}},
		{"the older import and export", head + `import "a"; export ["b"]; set "a" "1"; import "c"; say "${a}";`, nil,
			[]string{`refused 2:40: import must stand at the begin of the script, behind require; global may stand here`}},
		{"syntax errors of included scripts", head + `include "a";`, shelf{"personal/a": "keep\nstop;"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := said(t, Options{Include: tt.shelf.include}, tt.script, tx, nil)
			if tt.want == nil {
				if len(got) < 2 || !strings.HasPrefix(got[1], "refused a.sieve:") {
					t.Errorf("got %q", got)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIncludeLimits(t *testing.T) {
	deep, wide := shelf{}, shelf{}
	main := `require "include"; `
	for i := range 12 {
		deep[fmt.Sprintf("personal/s%d", i)] = fmt.Sprintf(`require "include"; include "s%d";`, i+1)
	}
	deep["personal/s12"] = "keep;"
	for i := range 5 {
		wide[fmt.Sprintf("personal/s%d", i)] = "keep; # " + strings.Repeat("x", 300)
		main += fmt.Sprintf(`include "s%d";`, i)
	}
	for _, tt := range []struct {
		name, script string
		shelf        shelf
		options      Options
		want         string
	}{
		{"as deep as may be", `require "include"; include "s3";`, deep, Options{}, ""},
		{"too deep", `require "include"; include "s2";`, deep, Options{}, "scripts may include each other 10 deep at most"},
		{"too many", main, wide, Options{Includes: 3}, "at most 3 scripts may be included"},
		{"too large together", main, wide, Options{Source: SourceLimits{Size: 310}}, "the included scripts have over 1240 octets together"},
		{"too many global variables", `require ["include", "variables"]; global ["a", "b"]; set "global.c" "";`, nil, Options{Variables: 2}, "too many global variables, at most 2 are allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := New(tt.options)
			_, err := l.Compile("t", []byte(tt.script), runtime.CompileOptions{Include: tt.shelf.include})
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSitesOfIncludedScripts(t *testing.T) {
	s := shelf{"personal/a": "\n keep;"}
	p, err := New(Options{}).Compile("t", []byte(`require "include"; include "a";`), runtime.CompileOptions{Include: s.include})
	if err != nil {
		t.Fatal(err)
	}
	want := []runtime.Site{{Line: 1, Col: 1, What: "require"}, {Line: 1, Col: 20, What: "include"}, {File: "a.sieve", Line: 2, Col: 2, What: "keep"}}
	if diff := cmp.Diff(want, p.Sites()); diff != "" {
		t.Error(diff)
	}
}
