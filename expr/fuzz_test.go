package expr

import "testing"

func FuzzCompile(f *testing.F) { room.FuzzCompile(f, hostile) }

func FuzzRun(f *testing.F) { room.FuzzRun(f, hostile) }
