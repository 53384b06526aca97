package procs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/js"
	"github.com/sluice-mail/sluice/runtime/procs"
)

// binary is what the pools of the tests run: built without the race detector, whose memory no limit
// fits.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "procs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "child")
	if out, err := exec.Command("go", "build", "-o", binary, "./testdata/child").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newPool(t testing.TB, o procs.Options) *procs.Pool {
	t.Helper()
	o.Binary = binary
	p := procs.New(o)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// engineOver returns an engine that has users' programs run in the pool.
func engineOver(p *procs.Pool) *runtime.Engine {
	e := runtime.NewEngine(js.New(js.Options{}))
	e.Bound(nil, p)
	return e
}

func host(t testing.TB) *runtime.Live {
	s := memory.New(memory.Options{})
	t.Cleanup(func() { _ = s.Close() })
	return &runtime.Live{Stores: func(string) (kv.Store, error) { return s, nil }}
}

func compile(t testing.TB, source string) runtime.Program {
	t.Helper()
	p, err := js.New(js.Options{}).Compile("t.js", []byte(source), runtime.CompileOptions{Stage: runtime.StageDeliver})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t testing.TB, e *runtime.Engine, p runtime.Program, o runtime.RunOptions) *runtime.Result {
	t.Helper()
	if o.Host == nil {
		o.Host = host(t)
	}
	if o.Namespace == "" {
		o.Namespace = "u:1"
	}
	return e.Run(t.Context(), p, runtime.ExampleTransaction(), o)
}

// probe is a program that tries what no script can.
type probe string

func (p probe) Language() string                         { return "probe" }
func (p probe) Name() string                             { return "probe" }
func (p probe) Sites() []runtime.Site                    { return nil }
func (p probe) Run(*runtime.Task) (runtime.Value, error) { return nil, errors.New("it ran here") }
func (p probe) Job(v *runtime.View) *runtime.Job {
	return &runtime.Job{Name: "probe", Language: "probe", Source: []byte(p), View: &runtime.View{Limits: v.Limits}}
}

const filter = `// what lists send goes into its folder
const seen = key_get("", sender()) ?? 0;
if (header_exists("List-Id") && seen < 3) {
	key_set("", sender(), seen + 1, "1h");
	fileinto("Lists", {flags: ["\\Seen"]});
} else {
	keep();
}
console.log("seen", seen);
Math.random() < 2 && new Date().getTime();`

func TestAScriptDoesThereWhatItDoesHere(t *testing.T) {
	e := engineOver(newPool(t, procs.Options{}))
	p := compile(t, filter)
	o := runtime.RunOptions{Record: runtime.RecordFull, Seed: 1}
	here := run(t, runtime.NewEngine(), p, o)
	for range 3 {
		there := run(t, e, p, o)
		if there.Err != nil || here.Err != nil {
			t.Fatal(here.Err, there.Err)
		}
		if diff := cmp.Diff(here.Plan, there.Plan); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(here.Record.Notes, there.Record.Notes); diff != "" || !runtime.Equal(here.Value, there.Value) {
			t.Errorf("%v, %v\n%s", here.Value, there.Value, diff)
		}
		if diff := cmp.Diff(here.Record.Hits, there.Record.Hits); diff != "" {
			t.Error(diff)
		}
	}
}

func TestErrorsAreThoseOfTheScript(t *testing.T) {
	e := engineOver(newPool(t, procs.Options{Children: 1}))
	for _, source := range []string{
		"\n null.x", `fileinto("")`, `throw new Error("no")`, `for (;;) keep()`, `"x".repeat(2 ** 30)`, `function f() { f() } f()`, `return () => 1`,
	} {
		p := compile(t, source)
		here, there := run(t, runtime.NewEngine(), p, runtime.RunOptions{}), run(t, e, p, runtime.RunOptions{})
		if fmt.Sprint(here.Err) != fmt.Sprint(there.Err) || errors.Is(here.Err, runtime.ErrBudget) != errors.Is(there.Err, runtime.ErrBudget) {
			t.Errorf("%s: %v here, %v there", source, here.Err, there.Err)
		}
	}
}

func TestAnAdministratorsScriptRunsHere(t *testing.T) {
	p := newPool(t, procs.Options{})
	if r := run(t, engineOver(p), compile(t, `1`), runtime.RunOptions{Trust: runtime.Admin}); r.Err != nil {
		t.Error(r.Err)
	}
	if s := p.Stats(); s.Started != 0 {
		t.Errorf("%+v", s)
	}
}

func TestModulesGoAlong(t *testing.T) {
	p, err := js.New(js.Options{}).Compile("t.js", []byte(`require("./a").f()`), runtime.CompileOptions{Module: func(name string) (string, []byte, error) {
		if name != "a.js" {
			return "", nil, os.ErrNotExist
		}
		return "dir/a.js", []byte("exports.f = () =>\n null.x"), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, engineOver(newPool(t, procs.Options{})), p, runtime.RunOptions{}); r.Err == nil || !strings.HasPrefix(r.Err.Error(), "dir/a.js:2:") {
		t.Errorf("got %v", r.Err)
	}
}

func TestAChildIsConfined(t *testing.T) {
	e := engineOver(newPool(t, procs.Options{Children: 1}))
	try := func(source string) string {
		t.Helper()
		r := run(t, e, probe(source), runtime.RunOptions{})
		if r.Err != nil {
			t.Fatal(source, r.Err)
		}
		return fmt.Sprint(r.Value)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"read /etc/passwd", "write /tmp/procs-test", "remove " + there, "dial " + l.Addr().String(), "exec /bin/true", "fork", "kill"} {
		if got := try(source); got == "<nil>" {
			t.Errorf("%s: nothing kept it from it", source)
		}
	}
	if _, err := os.Stat(there); err != nil {
		t.Error("a file was removed")
	}
	if got := try("environment"); got != "" {
		t.Errorf("its environment is %s", got)
	}
	pid := try("pid")
	for file, wants := range map[string][]string{
		"status": {"NoNewPrivs:\t1", "Umask:\t0777", "Seccomp:\t2"},
		"limits": {"Max open files            0                    0", "Max file size             0                    0",
			"Max core file size        0                    0", "Max cpu time              120                  120"},
		"cmdline": {procs.Name},
	} {
		b, err := os.ReadFile("/proc/" + pid + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(b), want) {
				t.Errorf("its %s lacks %q:\n%s", file, want, b)
			}
		}
	}
	if cwd, _ := os.Readlink("/proc/" + pid + "/cwd"); cwd != "/" {
		t.Errorf("it works in %s", cwd)
	}
	fds, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, f := range fds {
		to, _ := os.Readlink("/proc/" + pid + "/fd/" + f.Name())
		kind, _, _ := strings.Cut(to, ":")
		kinds[kind] = true
		if n, _ := strconv.Atoi(f.Name()); !slices.Contains([]string{"socket", "pipe", "anon_inode"}, kind) || kind == "socket" && n != 0 {
			t.Errorf("descriptor %s is %s", f.Name(), to)
		}
	}
	if !kinds["socket"] || !kinds["pipe"] {
		t.Errorf("descriptors are %v", kinds)
	}
}

// What takes memory without end costs its run and nothing else.
func TestAllocatingWithoutEndCostsItsRun(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 2, Memory: 96 << 20})
	e := engineOver(pool)
	r := run(t, e, probe("allocate"), runtime.RunOptions{Limits: runtime.Limits{Time: 20 * time.Second}})
	var limit *runtime.LimitError
	if !errors.As(r.Err, &limit) || limit.Limit != "memory" || r.Err.Error() != "probe:1:1: memory limit of 100663296 reached" {
		t.Errorf("got %v", r.Err)
	}
	if s := pool.Stats(); s.Died != 1 {
		t.Errorf("%+v", s)
	}
	if r := run(t, e, compile(t, filter), runtime.RunOptions{}); r.Err != nil {
		t.Errorf("the next run: %v", r.Err)
	}
	settled := r.Settle(nil, runtime.Limits{})
	if len(settled.Actions) != 1 || settled.Actions[0].Kind != runtime.Keep {
		t.Errorf("the mail is not kept: %v", settled.Actions)
	}
}

func TestScriptsThatWantAllMemory(t *testing.T) {
	e := engineOver(newPool(t, procs.Options{Children: 2, Memory: 128 << 20}))
	limits := runtime.Limits{Time: 10 * time.Second, Steps: 1 << 40, Output: 1 << 40, Memory: 1 << 40}
	var wait sync.WaitGroup
	defer wait.Wait()
	done := make(chan struct{})
	wait.Go(func() { // another's runs go on
		p := compile(t, filter)
		for n := 0; ; n++ {
			select {
			case <-done:
				if n < 10 {
					t.Errorf("%d runs of another", n)
				}
				return
			default:
			}
			if r := run(t, e, p, runtime.RunOptions{Namespace: "u:2"}); r.Err != nil {
				t.Errorf("another's run: %v", r.Err)
				return
			}
		}
	})
	defer close(done)
	for _, source := range []string{
		`let s = "x"; for (;;) s += s`,
		`let a = []; for (;;) a.push({a: [1, 2, 3]})`,
		`new Uint8Array(2 ** 30).length`,
		`let a = [1]; for (;;) a = a.concat(a)`,
		`Array(1e8).fill("x").join()`,
		`let m = new Map(); for (let i = 0;; i++) m.set(i, "x".repeat(1000) + i)`,
	} {
		r := run(t, e, compile(t, source), runtime.RunOptions{Limits: limits})
		var limit *runtime.LimitError
		if !errors.As(r.Err, &limit) || limit.Limit != "memory" || !strings.HasPrefix(r.Err.Error(), "t.js:1:") {
			t.Errorf("%s: got %v", source, r.Err)
		}
	}
}

func TestTimeIsEnforcedFromOutside(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 1})
	e := engineOver(pool)
	for _, source := range []string{"sleep", "burn"} {
		began := time.Now()
		r := run(t, e, probe(source), runtime.RunOptions{Limits: runtime.Limits{Time: 300 * time.Millisecond}})
		var limit *runtime.LimitError
		if !errors.As(r.Err, &limit) || r.Err.Error() != "probe:1:1: time limit of 300ms reached" {
			t.Errorf("%s: got %v", source, r.Err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: took %s", source, took)
		}
	}
	if s := pool.Stats(); s.Killed != 2 {
		t.Errorf("%+v", s)
	}
	// A script ends by itself, and its child lives on.
	for range 2 {
		if r := run(t, e, compile(t, `for (;;) {}`), runtime.RunOptions{Limits: runtime.Limits{Time: 100 * time.Millisecond, Steps: 1 << 40}}); !errors.Is(r.Err, runtime.ErrBudget) {
			t.Errorf("got %v", r.Err)
		}
	}
	if r := run(t, e, compile(t, `1`), runtime.RunOptions{}); r.Err != nil || pool.Stats().Killed != 2 {
		t.Errorf("%v, %+v", r.Err, pool.Stats())
	}
}

func TestAChildThatSpeaksNonsense(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 1})
	e := engineOver(pool)
	for source, want := range map[string]string{"noise": "frame of 4294967295 octets", "die": "the program's process failed", "die2": "memory limit"} {
		r := run(t, e, probe(source), runtime.RunOptions{})
		if r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%s: got %v", source, r.Err)
		}
		if r := run(t, e, compile(t, `1 + 1`), runtime.RunOptions{}); r.Err != nil {
			t.Errorf("the run after it: %v", r.Err)
		}
	}
}

// A child that died while nobody looked is no fault of the run that finds it.
func TestAChildThatDiedIdleIsReplaced(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 1})
	e := engineOver(pool)
	for range 3 {
		r := run(t, e, probe("pid"), runtime.RunOptions{})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		pid := int(r.Value.(int64))
		process, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if r := run(t, e, compile(t, `1`), runtime.RunOptions{}); r.Err != nil {
		t.Error(r.Err)
	}
}

func TestACancelledRunLeavesItsPlace(t *testing.T) {
	e := engineOver(newPool(t, procs.Options{Children: 1}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	r := e.Run(ctx, probe("sleep"), runtime.ExampleTransaction(), runtime.RunOptions{Host: host(t), Namespace: "u:1"})
	if !errors.Is(r.Err, runtime.ErrBudget) || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("%v after %s", r.Err, time.Since(began))
	}
	if r := run(t, e, compile(t, `1`), runtime.RunOptions{}); r.Err != nil {
		t.Error(r.Err)
	}
}

func TestManyRunsShareTheChildren(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 2})
	e := engineOver(pool)
	var wait sync.WaitGroup
	for i := range 8 {
		p := compile(t, fmt.Sprintf(`if (globalThis.left) throw new Error("something is left"); globalThis.left = 1; Array.prototype.left = 1; key_set("", "k", %d); key_get("", "k")`, i))
		wait.Go(func() {
			o := runtime.RunOptions{Host: host(t), Namespace: fmt.Sprint("u:", i)}
			for range 20 {
				if r := run(t, e, p, o); r.Err != nil || !runtime.Equal(r.Value, int64(i)) {
					t.Errorf("%v, %v", r.Value, r.Err)
				}
			}
		})
	}
	wait.Wait()
	if s := pool.Stats(); s.Runs != 160 || s.Started != 2 || s.Busy != 0 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

func TestChildrenEndWithThePool(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 1})
	e := engineOver(pool)
	pid := run(t, e, probe("pid"), runtime.RunOptions{}).Value
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Error("a child lives on")
	}
	if r := run(t, e, compile(t, `1`), runtime.RunOptions{}); !errors.Is(r.Err, procs.ErrClosed) {
		t.Errorf("got %v", r.Err)
	}
	none := procs.New(procs.Options{Binary: "/nonexistent"})
	if r := run(t, engineOver(none), compile(t, `1`), runtime.RunOptions{}); r.Err == nil || !strings.Contains(r.Err.Error(), "procs: start: ") {
		t.Errorf("without a binary: %v", r.Err)
	}
}

func TestNobodyWaitsLongForOneWhoKeepsAllChildrenBusy(t *testing.T) {
	pool := newPool(t, procs.Options{Children: 2})
	e := engineOver(pool)
	busy, quick, h := compile(t, `for (;;) {}`), compile(t, `1`), host(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for ctx.Err() == nil {
				e.Run(ctx, busy, runtime.ExampleTransaction(), runtime.RunOptions{Host: h, Namespace: "u:bad", Limits: runtime.Limits{Time: 5 * time.Second, Steps: 1 << 40}})
			}
		})
	}
	for pool.Stats().Waiting < 15 {
		goruntime.Gosched()
	}
	began := time.Now()
	for range 5 {
		if r := run(t, e, quick, runtime.RunOptions{Host: h, Namespace: "u:good"}); r.Err != nil {
			t.Error(r.Err)
		}
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("another user's runs took %s", took)
	}
	cancel()
	wait.Wait()
}

// What a script may ask of its message is the same in the child, where pure functions are called
// without the core, before and after the script acts.
func TestTheMessageIsTheSameThere(t *testing.T) {
	small := runtime.ExampleTransaction()
	large := *small
	large.Message = mail.New(append([]byte("Subject: large\r\nTo: a@example.test\r\n\r\n"), []byte(strings.Repeat("a line\r\n", 200_000))...))
	none := *small
	none.Message, none.Stage = nil, runtime.StageRcpt
	e := engineOver(newPool(t, procs.Options{Children: 1}))
	for name, tx := range map[string]*runtime.Transaction{"a message": small, "a large one": &large, "none": &none} {
		for _, source := range []string{
			`[sender(), recipient()]`,
			`[subject(), header("To"), size(), len(body_text()) > 0, subject()]`,
			`[subject(), keep(), subject(), to_lowercase("A")]`,
		} {
			p, err := js.New(js.Options{}).Compile("t.js", []byte(source), runtime.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []runtime.RunOptions{{}, {EditedHeader: []byte("Subject: edited\r\n\r\n")}, {Record: runtime.RecordFull}} {
				o.Host, o.Namespace = host(t), "u:1"
				here, there := runtime.NewEngine().Run(t.Context(), p, tx, o), e.Run(t.Context(), p, tx, o)
				if !runtime.Equal(here.Value, there.Value) || fmt.Sprint(here.Err) != fmt.Sprint(there.Err) {
					t.Errorf("%s: %s: %v, %v here; %v, %v there", name, source, here.Value, here.Err, there.Value, there.Err)
				}
				if d := cmp.Diff(here.Record.Calls, there.Record.Calls, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("%s: %s: records differ:\n%s", name, source, d)
				}
			}
		}
	}
}
