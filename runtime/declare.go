package runtime

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Declarations returns the function table as TypeScript declares it, so that editors complete and
// check scripts in JavaScript.
func Declarations() []byte { return DeclarationsOf(Functions()) }

// DeclarationsOf returns the declarations of some functions.
func DeclarationsOf(list []*Function) []byte {
	var b bytes.Buffer
	b.WriteString("// Made from the function table by `go test ./runtime -run Reference -update`; do not edit it by hand.\n\n" +
		"/** What scripts and functions exchange. An int beyond 2^53 is a bigint, bytes are a Uint8Array. */\n" +
		"type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | { [key: string]: Value };\n\n" +
		"/** Seconds, or text such as \"90s\", \"15m\", \"24h\", \"30d\". */\n" +
		"type Duration = number | string;\n")
	for _, f := range list {
		f.declare(&b)
	}
	return b.Bytes()
}

func (f *Function) declare(b *bytes.Buffer) {
	line := func(format string, args ...any) {
		text := strings.ReplaceAll(fmt.Sprintf(format, args...), "*/", "*\\/")
		b.WriteString(strings.TrimRight(" * "+strings.ReplaceAll(text, "\n", "\n * "), " ") + "\n")
	}
	b.WriteString("\n/**\n")
	line("%s", f.Doc)
	line("")
	for _, p := range f.Params {
		line("@param %s %s", parameterName(p.Name), p.Doc)
	}
	if f.Stages != nil {
		line("@remarks Stages: %s.", StageNames(f.Stages))
	}
	if f.Trust == Admin {
		line("@remarks Administrators' scripts only.")
	}
	for _, x := range f.Examples[:min(2, len(f.Examples))] {
		line("@example %s // %s", x.Code, x.Outcome())
	}
	b.WriteString(" */\n")
	var params []string
	for _, p := range f.Params {
		name, kind := parameterName(p.Name), parameterType(p.Kind)
		switch {
		case p.Rest:
			name, kind = "..."+name, "("+kind+")[]"
		case p.Optional:
			name, kind = name+"?", kind+" | null"
		}
		params = append(params, name+": "+kind)
	}
	result := resultTypes[f.Result]
	if f.Nullable() && f.Result != Any && f.Result != Null {
		result += " | null"
	}
	fmt.Fprintf(b, "declare function %s(%s): %s;\n", f.Name, strings.Join(params, ", "), result)
}

// reserved are the words that TypeScript has for itself and parameters have as names.
var reserved = []string{"break", "case", "catch", "class", "const", "continue", "default", "delete", "do", "else", "enum", "export", "false",
	"finally", "for", "function", "if", "import", "in", "instanceof", "new", "null", "package", "return", "static", "super", "switch", "this",
	"throw", "true", "try", "typeof", "var", "void", "while", "with", "yield", "let", "private", "public", "protected", "interface", "implements"}

// parameterName returns a parameter's name as TypeScript may have it.
func parameterName(name string) string {
	if slices.Contains(reserved, name) {
		return name + "_"
	}
	return name
}

var resultTypes = map[Kind]string{
	Null: "null", Bool: "boolean", Int: "number | bigint", Float: "number", String: "string", Bytes: "Uint8Array",
	List: "Value[]", Map: "{ [key: string]: Value }", Any: "Value", Number: "number | bigint", Duration: "number",
}

// parameterType returns the type of what may be handed to a parameter.
func parameterType(k Kind) string {
	switch k {
	case Duration:
		return "Duration"
	case Bytes:
		return "Uint8Array | string"
	case Float:
		return "number | bigint"
	}
	return resultTypes[k]
}
