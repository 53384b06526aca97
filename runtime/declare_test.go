package runtime

import (
	"regexp"
	"strings"
	"testing"
)

// declaration is the form that every line outside of comments has, but for the two types.
var (
	declaration = regexp.MustCompile(`^declare function [a-z_][a-z0-9_]*\((.*)\): ([^;]+);$`)
	parameter   = regexp.MustCompile(`^(\.\.\.)?([A-Za-z_][A-Za-z0-9_]*)(\?)?: (.+)$`)
	tsType      = regexp.MustCompile(`^(null|boolean|number|bigint|string|Uint8Array|Value|Value\[\]|Duration|\{ \[key: string\]: Value \})$`)
)

// The declarations are TypeScript: comments are closed, and what is declared has names and types
// that can stand there.
func TestDeclarationsAreTypeScript(t *testing.T) {
	withoutTestFunctions(t)
	types := func(list string) {
		for _, one := range strings.Split(list, " | ") {
			if !tsType.MatchString(one) {
				t.Errorf("%q is no type", one)
			}
		}
	}
	declared, inComment := 0, false
	for line := range strings.Lines(string(Declarations())) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "/**" && !inComment:
			inComment = true
		case line == " */" && inComment:
			inComment = false
		case inComment:
			if !strings.HasPrefix(line, " *") || strings.Contains(line, "*/") {
				t.Errorf("%q is no line of a comment", line)
			}
		case line == "", strings.HasPrefix(line, "// "), strings.HasPrefix(line, "/** ") && strings.HasSuffix(line, " */"):
		case strings.HasPrefix(line, "type ") && strings.HasSuffix(line, ";"):
		default:
			m := declaration.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%q declares nothing", line)
				continue
			}
			declared++
			types(m[2])
			names := map[string]bool{}
			for _, p := range strings.Split(m[1], ", ") {
				if p == "" {
					continue
				}
				q := parameter.FindStringSubmatch(p)
				if q == nil || names[q[2]] || contains(reserved, q[2]) {
					t.Errorf("%s: parameter %q", line, p)
					continue
				}
				names[q[2]] = true
				kind := q[4]
				if q[1] != "" {
					kind = strings.TrimSuffix(strings.TrimPrefix(kind, "("), ")[]")
				}
				types(kind)
			}
		}
	}
	if inComment || declared != len(table) {
		t.Errorf("%d of %d functions are declared", declared, len(table))
	}
}
