package js

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"github.com/sluice-mail/sluice/runtime"
)

// Bounds of the modules of one script.
const (
	maxModules       = 64
	maxModuleOctets  = 1 << 20 // of all of them
	maxModulePath    = 255     // octets
	maxModuleResolve = 3       // files that are looked for under one name
)

// bundle is a script and the modules that it requires, on their way to a program. All is read
// and compiled with the script, so that a program never changes and needs no files.
type bundle struct {
	options Options
	compile runtime.CompileOptions
	reach   *reach
	list    []*compilation // the script first
	byPath  map[string]int
	modules map[string]runtime.Module // by path
	octets  int
	sites   []runtime.Site
	errs    runtime.SourceErrors
}

// unit is a compiled source.
type unit struct {
	name     string // as errors show it
	path     string // below the script's folder, "" is the script
	code     *goja.Program
	places   runtime.Places
	json     bool
	requires map[string]int // what it requires, as it is written there
}

func (b *bundle) run(name string, source []byte) (p *Program, err error) {
	defer func() {
		if x := recover(); x != nil {
			p, err = nil, fmt.Errorf("%s:1:1: internal error: %v", name, x)
		}
	}()
	b.reach = &reach{mentioned: map[string]bool{}}
	b.byPath, b.modules = map[string]int{}, map[string]runtime.Module{}
	b.read(name, "", string(source))
	if b.errs != nil {
		return nil, b.errs
	}
	p = &Program{name: name, sealed: b.reach.seal()}
	p.guards, p.lists, p.later = b.reach.guards()
	for _, c := range b.list {
		if err := c.finish(); err != nil {
			return nil, err
		}
		p.units = append(p.units, c.unit)
	}
	if b.errs != nil {
		return nil, b.errs
	}
	p.sites, p.wants = b.sites, b.reach.wants()
	p.job, err = runtime.NewJob(name, p.Language(), source, b.modules, b.compile)
	return p, err
}

// read adds a source and, after it, what it requires.
func (b *bundle) read(name, at, source string) int {
	i := len(b.list)
	c := &compilation{name: name, path: at, options: b.options, compile: b.compile, bundle: b}
	b.list = append(b.list, c)
	b.byPath[at] = i // a module that requires itself, by whatever way, finds what there is of it
	if !c.read(source) {
		return i
	}
	for _, r := range c.checker.requires {
		if c.unit.requires == nil {
			c.unit.requires = map[string]int{}
		}
		if _, ok := c.unit.requires[r.name]; ok {
			continue
		}
		to, err := b.require(at, r.name)
		if err != nil {
			c.failAt(r.idx, "require: %s", err)
			continue
		}
		c.unit.requires[r.name] = to
	}
	return i
}

// required is a call of require.
type required struct {
	idx  file.Idx
	name string
}

// require returns the number of the module that the source at from means by name.
func (b *bundle) require(from, name string) (int, error) {
	candidates, err := resolve(from, name)
	if err != nil {
		return 0, err
	}
	for _, at := range candidates {
		if i, ok := b.byPath[at]; ok && at != "" {
			return i, nil
		}
		if b.compile.Module == nil {
			break
		}
		shown, source, err := b.compile.Module(at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("module %q cannot be read: %w", name, err)
		}
		if b.octets += len(source); len(b.modules) >= maxModules || b.octets > maxModuleOctets {
			return 0, fmt.Errorf("a script has at most %d modules of %d octets in all", maxModules, maxModuleOctets)
		}
		b.modules[at] = runtime.Module{File: shown, Source: source}
		return b.read(shown, at, string(source)), nil
	}
	return 0, fmt.Errorf("there is no module %q beside the script", name)
}

// resolve returns the files that a name can mean, as paths below the folder of the script.
func resolve(from, name string) ([]string, error) {
	if !strings.HasPrefix(name, "./") && !strings.HasPrefix(name, "../") {
		return nil, fmt.Errorf("%q is no module of the script's folder, such as \"./name.js\"", short(name))
	}
	at := path.Join(path.Dir(from), name)
	switch {
	case at == ".." || strings.HasPrefix(at, "../"):
		return nil, fmt.Errorf("%q leaves the folder of the script", short(name))
	case len(at) > maxModulePath || strings.ContainsAny(at, "\\\x00") || !fs.ValidPath(at):
		return nil, fmt.Errorf("%q is no path of a module", short(name))
	}
	switch path.Ext(at) {
	case ".js", ".json":
		return []string{at}, nil
	}
	return []string{at + ".js", at + ".json", path.Join(at, "index.js")}, nil
}

func short(name string) string {
	if len(name) > 80 {
		return strings.ToValidUTF8(name[:80], "") + "..."
	}
	return name
}

// parseJSON makes a module of JSON: a function that returns the value.
func (c *compilation) parseJSON(source string) {
	if !json.Valid([]byte(source)) {
		var v any
		at := len(source)
		var bad *json.SyntaxError
		if err := json.Unmarshal([]byte(source), &v); errors.As(err, &bad) {
			at = int(bad.Offset) - 1
		}
		c.fail(at, "this is not JSON")
		return
	}
	c.unit.json = true
	// Places inside of it are of no use to anybody.
	if c.tree, c.body = c.parse("return(" + source + "\n)"); c.body == nil {
		return
	}
	w := &walker{enter: func(n ast.Node) {
		if p, ok := n.(*ast.PropertyKeyed); ok { // a name like any other, also where it is __proto__
			p.Computed = true
		}
	}}
	w.walk(c.body)
}
