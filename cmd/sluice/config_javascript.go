package main

import (
	"log/slog"
	goruntime "runtime"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/runtime/procs"
)

// JavaScriptConfig is [javascript].
type JavaScriptConfig struct {
	User     bool  `toml:"user" doc:"whether users may have scripts in JavaScript; they run in processes of their own"`
	Children int64 `toml:"children" doc:"such processes at once, one run in each; 0: as many as processors, 2 at least"`
	Memory   int64 `toml:"memory" doc:"octets that such a process may take beyond what it starts with"`
}

// javaScriptNumbers are the bounds of the numbers of [javascript] and of how many runs go on at once.
func (c *Config) javaScriptNumbers(all map[string]number) {
	all["javascript.children"] = number{c.JavaScript.Children, 0, 1000}
	all["javascript.memory"] = number{c.JavaScript.Memory, procs.MinMemory, 1 << 36}
	all["limits.concurrent"] = number{c.Limits.Concurrent, 0, 1 << 20}
}

// adminOnly are the languages that users' scripts may not be in.
func (c *Config) adminOnly() map[string]string {
	if c.JavaScript.User {
		return nil
	}
	return map[string]string{"javascript": "[javascript] user is false"}
}

// bound has users' JavaScript run in processes of its own, which end with the pool. gate, if not nil, bounds
// all runs.
func bound(c *Config, e *runtime.Engine, gate *runtime.Gate, log *slog.Logger) *procs.Pool {
	pool := procs.New(procs.Options{Children: int(c.JavaScript.Children), Memory: c.JavaScript.Memory, Logger: log})
	e.Bound(gate, pool)
	return pool
}

// runGate bounds the runs that go on at once in a server.
func runGate(c *Config) *runtime.Gate {
	if n := c.Limits.Concurrent; n > 0 {
		return runtime.NewGate(int(n))
	}
	return runtime.NewGate(4 * goruntime.NumCPU())
}

// beChild makes this process one of those, if that is what it was started for. It does not return
// then.
func beChild() {
	if procs.IsChild() {
		procs.Main(js.Load)
	}
}
