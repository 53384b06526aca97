package procs_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/redis/go-redis/v9"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/peers"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/runtime/procs"
)

// tenLines is a filter as people write it, with one question to the store. richLines also makes
// lists, closures and a pattern, for which goja sets up what a fresh runtime does not have yet.
const (
	tenLines = `const from = sender();
const title = subject();
const known = key_get("", "known");
if (known !== null && from.endsWith(known)) {
	keep();
} else if (title.includes("invoice") || title.includes("sale")) {
	fileinto("Junk");
} else {
	keep();
}`
	richLines = `const from = sender().toLowerCase();
const domain = from.split("@")[1] ?? "";
const known = key_get("", "known");
const words = ["invoice", "newsletter", "sale"];
const title = (subject() ?? "").toLowerCase();
const hits = words.filter(w => title.includes(w)).length;
if (known !== null && domain === known) keep();
else if (hits > 1) fileinto("Junk");
else if (/^news[0-9]*@/.test(from)) fileinto("Lists");
else keep();`
)

// cpuTime is the processor time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkJavaScript measures a ten-line filter with one key_get in this process and in a child,
// beside a bare goja that runs the same lines with functions of its own, and the answer of a Redis
// on a unix socket to a GET.
func BenchmarkJavaScript(b *testing.B) {
	s, err := engine.Open(b.Context(), engine.Options{Path: b.TempDir() + "/kv.db"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	v, err := runtime.EncodeValue("example.net")
	if err != nil {
		b.Fatal(err)
	}
	for _, namespace := range []string{"a:admin", "u:1"} {
		if err := s.Set(b.Context(), runtime.ScriptKey(kv.Script, namespace, "known"), v, 0); err != nil {
			b.Fatal(err)
		}
	}
	live := &runtime.Live{Stores: func(string) (kv.Store, error) { return s, nil }}
	measure := func(name string, do func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
		})
	}
	e := engineOver(newPool(b, procs.Options{}))
	in := func(trust runtime.Trust, namespace, source string) func() error {
		p, err := js.New(js.Options{}).Compile("t.js", []byte(source), runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: trust})
		if err != nil {
			b.Fatal(err)
		}
		tx := runtime.ExampleTransaction()
		o := runtime.RunOptions{Host: live, Trust: trust, Namespace: namespace}
		return func() error { return e.Run(b.Context(), p, tx, o).Err }
	}
	const one = `key_get("", "known") === null`
	measure("ten lines here", in(runtime.Admin, "a:admin", tenLines))
	measure("one key_get here", in(runtime.Admin, "a:admin", one))
	measure("ten lines in a child", in(runtime.User, "u:1", tenLines))
	measure("one key_get in a child", in(runtime.User, "u:1", one))
	measure("ten lines in bare goja", bare(b, tenLines))
	measure("ten rich lines here", in(runtime.Admin, "a:admin", richLines))
	measure("ten rich lines in a child", in(runtime.User, "u:1", richLines))
	measure("ten rich lines in bare goja", bare(b, richLines))
	r, err := peers.StartRedis(b.Context())
	peers.Need(b, err)
	defer r.Close()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: strings.TrimPrefix(r.URL, "unix://")})
	defer c.Close()
	if err := c.Set(b.Context(), "known", "example.net", 0).Err(); err != nil {
		b.Fatal(err)
	}
	measure("go-redis GET on a unix socket", func() error { return c.Get(b.Context(), "known").Err() })
}

// bare runs a script in a fresh runtime of goja without limits, guards or a table.
func bare(b *testing.B, source string) func() error {
	code, err := goja.Compile("t.js", "(function(){"+source+"\n})()", true)
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		vm := goja.New()
		for name, v := range map[string]any{"sender": "news@lists.example.net", "subject": "Greetings", "key_get": "example.net"} {
			if err := vm.Set(name, func(goja.FunctionCall) goja.Value { return vm.ToValue(v) }); err != nil {
				return err
			}
		}
		for _, name := range []string{"keep", "fileinto"} {
			if err := vm.Set(name, func(goja.FunctionCall) goja.Value { return goja.Undefined() }); err != nil {
				return err
			}
		}
		stop := context.AfterFunc(b.Context(), func() { vm.Interrupt("over") })
		defer stop()
		_, err := vm.RunProgram(code)
		return err
	}
}
