package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// plainBinary is the program without the race detector, whose memory no limit fits.
func plainBinary(t *testing.T) string {
	t.Helper()
	if !raceDetector {
		return os.Args[0]
	}
	return builtBinary(t)
}

// builtBinary is the program as people run it: this test's own has the code of all tests in it.
func builtBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// resident is the memory that a process has, in octets.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == "VmRSS:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// Users' scripts that take memory and time without end cost their own runs: the mail is kept, the
// server does not grow, and others' scripts go on.
func TestUsersJavaScriptCostsItsOwner(t *testing.T) {
	bombs := []string{
		`let a = []; for (;;) a.push({a: [1, 2, 3]})`,
		`let s = "x"; for (;;) s += s`,
		`for (;;) {}`,
		`let a = []; for (;;) a.push(new Uint8Array(1 << 20))`,
		`let m = new Map(); for (let i = 0;; i++) m.set(i, {i})`,
	}
	files := map[string]string{
		"good.js":   `const {folder} = require("./folder"); fileinto(folder, {create: true}); key_set("", "n", 1)`,
		"folder.js": `module.exports = require("./settings.json")`, "settings.json": `{"folder": "Good"}`,
	}
	toml := "[storage]\nlookup = \"main\"\n[store.\"main\"]\ntype = \"memory\"\nuser = true\n[limits]\ntime = 500\nsteps = 1000000000\n[[script]]\npath = \"$DIR/good.js\"\ntrust = \"user\"\naccounts = [\"good\"]\n"
	for i, source := range bombs {
		files[fmt.Sprintf("bomb%d.js", i)] = "keep([\"lost\"]);\n" + source
		toml += fmt.Sprintf("[[script]]\npath = \"$DIR/bomb%d.js\"\ntrust = \"user\"\naccounts = [\"bad%d\"]\n", i, i)
	}
	s := newServer(t, toml, files)
	if s.binary = plainBinary(t); s.binary != os.Args[0] {
		s.env = []string{"SLUICE_TEST_MAIN="}
	}
	s.start()
	s.addAccount("good", "secret")
	for i := range bombs {
		s.addAccount(fmt.Sprintf("bad%d", i), "secret")
	}
	s.deliver("a@remote.test", "good@example.test", "Subject: first\n\nx\n")
	before := resident(t, s.cmd.Process.Pid)
	for i := range bombs {
		s.deliver("a@remote.test", fmt.Sprintf("bad%d@example.test", i), "Subject: bad\n\nx\n")
		s.deliver("a@remote.test", "good@example.test", "Subject: good\n\nx\n")
	}
	if grown := resident(t, s.cmd.Process.Pid) - before; grown > 64<<20 {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
	if got := len(s.mailbox(s.login("good", "secret"), "Good")); got != len(bombs)+1 {
		t.Errorf("%d messages were filed", got)
	}
	for i, source := range bombs {
		kept := s.mailbox(s.login(fmt.Sprintf("bad%d", i), "secret"), "INBOX")
		if len(kept) != 1 || slices.Contains(kept[0].flags, "lost") {
			t.Errorf("%s: %v is kept", source, kept)
		}
		s.waitLog(fmt.Sprintf(`bomb%d\.js:[12]:[0-9]+: (memory|time|output|steps) limit of`, i))
	}
	if s.metric("sluice_procs_runs_total") != float64(2*len(bombs)+1) {
		t.Errorf("runs in children: %v", s.metric("sluice_procs_runs_total"))
	}
	s.stop()
}

// A change of a module is a change of the script: it is taken with a reload, or the whole reload is
// refused.
func TestAReloadTakesModulesWithTheirScript(t *testing.T) {
	s := startServer(t, "[[script]]\npath = \"$DIR/a.js\"\n", map[string]string{
		"a.js": `fileinto(require("./b").folder, {create: true})`, "b.js": `exports.folder = "One"`})
	s.addAccount("anna", "secret")
	write := func(text, log string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.dir, "b.js"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.deliver("a@remote.test", "anna@example.test", "Subject: x\n\nx\n") // the old one still
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.waitLog(log)
		s.deliver("a@remote.test", "anna@example.test", "Subject: x\n\nx\n")
	}
	write(`exports.folder = "Two"`, `msg=reloaded`)
	write(`exports.folder = `, `b\.js:1:[0-9]+: unexpected end of script`)
	c := s.login("anna", "secret")
	if one, two := len(s.mailbox(c, "One")), len(s.mailbox(c, "Two")); one != 1 || two != 3 {
		t.Errorf("%d in One, %d in Two", one, two)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "b.js"), []byte(`exports.folder = "Three"`), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := s.sluice("Subject: x\n\nx\n", "run", filepath.Join(s.dir, "a.js"), "-"); !strings.Contains(out, "Three") {
		t.Errorf("run says %s", out)
	}
}

func TestModulesAreFilesOfTheScriptsFolder(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "s", "lib", "dir.js"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "secret.js"), []byte("secret"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "s", "a.js"), []byte("a"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "s", "large.js"), make([]byte, maxModule+1), 0o600))
	must(os.Symlink("../secret.js", filepath.Join(dir, "s", "out.js")))
	must(os.Symlink(filepath.Join(dir, "s", "a.js"), filepath.Join(dir, "s", "absolute.js")))
	must(os.Symlink("..", filepath.Join(dir, "s", "up")))
	must(os.Symlink("a.js", filepath.Join(dir, "s", "in.js")))
	must(os.Symlink("loop.js", filepath.Join(dir, "s", "loop.js")))
	must(unix.Mkfifo(filepath.Join(dir, "s", "pipe.js"), 0o600))
	read := moduleOf(filepath.Join(dir, "s", "main.js"))
	for _, tt := range []struct {
		name    string
		want    string
		missing bool
	}{
		{name: "a.js", want: "a"}, {name: "in.js", want: "a"}, {name: "out.js"}, {name: "absolute.js"}, {name: "up/secret.js"}, {name: "../secret.js"},
		{name: filepath.Join(dir, "secret.js")}, {name: "loop.js"}, {name: "pipe.js"}, {name: "lib/dir.js"}, {name: "large.js"},
		{name: "none.js", missing: true}, {name: "a.js/index.js", missing: true},
	} {
		file, source, err := read(tt.name)
		if string(source) != tt.want || (err == nil) != (tt.want != "") || tt.missing != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %s, %q, %v", tt.name, file, source, err)
		}
	}
}

func TestUsersJavaScriptCanBeSwitchedOff(t *testing.T) {
	c := Default(t.TempDir())
	path := filepath.Join(t.TempDir(), "a.js")
	if err := os.WriteFile(path, []byte("keep()"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Script = []ScriptConfig{{Path: path, Stage: "deliver", Trust: "user"}}
	if _, err := newLibrary(func() *Config { return c }, newEngine(c)).Check(sourcesOf(c)); err != nil {
		t.Error(err)
	}
	c.JavaScript.User = false
	if _, err := newLibrary(func() *Config { return c }, newEngine(c)).Check(sourcesOf(c)); err == nil || !strings.Contains(err.Error(), "[javascript] user is false") {
		t.Errorf("got %v", err)
	}
}
