package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The program as people use it: testdata/script, rewritten with -update.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireUniqueNames: true})
}
