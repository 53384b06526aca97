package sieve

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// TestHostileSources compiles sources of up to 1 MiB that are made to cost much more than
// their size.
func TestHostileSources(t *testing.T) {
	const full = 1 << 20
	fill := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, (full-len(head)-len(tail))/len(piece)) + tail
	}
	all := `require ["variables", "encoded-character", "fileinto"];`
	for name, src := range map[string]string{
		"commands on one line":        fill("", "keep;", ""),
		"long commands on one line":   fill("", "if true{keep;}", ""),
		"errors on one line":          fill("", "foo;", ""),
		"errors of arguments":         fill("", "keep 5;", ""),
		"missing requires":            fill("", `fileinto "x";`, ""),
		"tests of commands":           fill("", "keep a;", ""),
		"illegal characters":          fill("", "$ ", ""),
		"carriage returns in strings": fill(`"`, "\r", `"`),
		"carriage returns in text":    fill("keep text:\n", "a\r", "\n.\n;"),
		"NUL in comments":             fill("", "#\x00\n", ""),
		"open references":             all + `if header "a" "` + strings.Repeat("${", 100_000) + `}" {}`,
		"open encoded characters":     all + `if header "a" "` + strings.Repeat("${hex:", 40_000) + `41}" {}`,
		"long references":             all + `if header "a" "` + strings.Repeat("${a.", 60_000) + `}" {}`,
		"many variables":              fill(all, `if header "${a}${b}${c}" "x" {}`, ""),
		"unknown extensions":          fill("require [", `"envelopx",`, `"x"];`),
		"open braces":                 fill("", "if true {", ""),
		"closing braces":              fill("", "}", ""),
		"open comments":               fill("", "/*", ""),
		"quotes":                      fill("", `"`, ""),
		"many header names":           fill("if exists [", `"a","b",`, `"c"] {}`),
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			_, err := testLanguage().Compile("t", []byte(src), runtime.CompileOptions{})
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			var list Errors
			if errors.As(err, &list) && len(list) > 101 {
				t.Errorf("%d errors", len(list))
			}
		})
	}
}
