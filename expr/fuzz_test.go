package expr

import (
	"testing"

	"github.com/sluice-mail/sluice/runtime/langtest"
)

func FuzzCompile(f *testing.F) {
	room.FuzzCompile(f, append(hostile, langtest.Script{Name: "rules", Source: ruleFile}))
}

func FuzzRun(f *testing.F) { room.FuzzRun(f, hostile) }
