package main

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

// engineLanguage is the language of an engine that a script's suffix names.
type engineLanguage struct {
	runtime.Language
	e *runtime.Engine
}

func (l engineLanguage) Compile(name string, source []byte, o runtime.CompileOptions) (runtime.Program, error) {
	return l.e.Compile(name, source, o)
}

func TestAccountsDoNotGetAtEachOthersKeysBySieve(t *testing.T) {
	langtest.Room{Language: engineLanguage{e: newEngine(Default("data"))}, Script: "t.sieve", Leaves: func(code string) string {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(`key_set("", "result", ` + code + `)`)
		return "require \"vnd.sluice.expressions\";\neval \"" + quoted + "\";\n"
	}}.Tenants(t)
}
