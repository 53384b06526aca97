package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// origins says where each setting, named by its dotted path, comes from; a setting that
// is not in it has its default. Tables such as store.main and script.0 are in it too.
type origins map[string]string

// of says where path was set, or else the table that it is missing in.
func (o origins) of(path string) string {
	for p := path; p != ""; p = p[:max(strings.LastIndexByte(p, '.'), 0)] {
		if at := o[p]; at != "" {
			return at
		}
	}
	return "configuration"
}

// What derive is told.
const (
	derivedFlag = "flag --data"
	derivedPath = "below database.db-path"
)

// derive notes where the settings come from that lie below the data directory.
func (o origins) derive(from string) {
	for _, path := range []string{"database.db-path", "server.control", "lmtp.socket", "store.main.path"} {
		o[path] = from
	}
}

// configError is everything that is wrong with a configuration, one line each.
type configError struct{ lines []string }

func (e *configError) Error() string { return strings.Join(e.lines, "\n") }

// loadConfig reads the file (none if path is ""), then the environment, over the
// defaults; dataDir is the flag's, "" if it is not given. A mistake is a *configError that
// names its place.
func loadConfig(path, dataDir string, environ []string) (*Config, origins, error) {
	var text []byte
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return nil, nil, &configError{[]string{"configuration: " + err.Error()}}
		}
	}
	// What lies below the data directory follows it, whoever names it.
	dir, from := dataDir, origins{}
	switch {
	case dir != "":
		from.derive(derivedFlag)
	default:
		if dir = dataDirOf(text, environ); dir != "" {
			from.derive(derivedPath)
		} else {
			dir = defaultDataDir
		}
	}
	c := Default(dir)
	if err := c.read(path, text, from); err != nil {
		return nil, nil, err
	}
	if err := c.readEnviron(environ, from); err != nil {
		return nil, nil, err
	}
	if dataDir != "" {
		c.Database.DBPath, from["database.db-path"] = dataDir, "flag --data"
	}
	c.dropUnused(from)
	if err := c.check(from); err != nil {
		return nil, nil, err
	}
	return c, from, nil
}

// dataDirOf returns the data directory that the environment or else the file names, "" if none does.
func dataDirOf(text []byte, environ []string) string {
	var head struct {
		Database struct {
			DBPath string `toml:"db-path"`
		} `toml:"database"`
	}
	if err := toml.Unmarshal(text, &head); err != nil {
		return "" // read says what is wrong
	}
	dir := head.Database.DBPath
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, envName("database.db-path")+"="); ok {
			dir = v
		}
	}
	return dir
}

// read sets what a TOML text says.
func (c *Config) read(name string, text []byte, from origins) error {
	tree := map[string]any{}
	if err := toml.Unmarshal(text, &tree); err != nil {
		if de, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, col := de.Position()
			return &configError{[]string{fmt.Sprintf("%s:%d:%d: %s", name, row, col, strings.TrimPrefix(de.Error(), "toml: "))}}
		}
		return &configError{[]string{name + ": " + err.Error()}}
	}
	r := &reader{name: name, lines: keyLines(text), from: from}
	r.table(reflect.ValueOf(c).Elem(), tree, "")
	if len(r.errs) > 0 {
		sort.SliceStable(r.errs, func(i, j int) bool { return r.errs[i].line < r.errs[j].line })
		e := &configError{}
		for _, x := range r.errs {
			e.lines = append(e.lines, fmt.Sprintf("%s:%d: %s", name, x.line, x.text))
		}
		return e
	}
	return nil
}

// reader puts a decoded TOML tree into a Config by its toml tags. It goes on after a
// mistake, so that one run names them all.
type reader struct {
	name  string
	lines map[string]int
	from  origins
	errs  []lineError
}

// later are settings of the design whose part is not built yet. A setting that does nothing would
// be worse than one that is refused.
var later = map[string]bool{
	"policy": true, "milter": true, "managesieve": true, // ways in
	"imap.cache-dir":                  true, // with mailstore/jmap; the embedded store keeps it in the account's file
	"database.blob-min-size":          true, // with metadata blobs; the wire forms are in the account's file
	"housekeeper.schedule-compact-db": true,
}

type lineError struct {
	line int
	text string
}

func (r *reader) fail(path, format string, args ...any) {
	line := r.lines[path]
	for p := path; line == 0 && p != ""; line = r.lines[p] {
		p = p[:max(strings.LastIndexByte(p, '.'), 0)]
	}
	r.errs = append(r.errs, lineError{line, fmt.Sprintf(format, args...)})
}

func (r *reader) table(v reflect.Value, tree map[string]any, path string) {
	for _, key := range sortedKeys(tree) {
		at := join(path, key)
		f, ok := fieldByTag(v, key)
		if !ok {
			if later[at] {
				r.fail(at, "%q is not in this version", at)
				continue
			}
			what := "unknown setting"
			if _, isTable := tree[key].(map[string]any); isTable {
				what = "unknown table"
			}
			r.fail(at, "%s %q%s", what, at, nearestTag(v.Type(), key))
			continue
		}
		r.value(f, tree[key], at)
	}
}

func (r *reader) value(f reflect.Value, x any, at string) {
	switch {
	case f.Kind() == reflect.Struct:
		sub, ok := x.(map[string]any)
		if !ok {
			r.fail(at, "%s: expected a table", at)
			return
		}
		r.table(f, sub, at)
	case f.Kind() == reflect.Map:
		sub, ok := x.(map[string]any)
		if !ok {
			r.fail(at, "%s: expected a table", at)
			return
		}
		for _, id := range sortedKeys(sub) {
			elem := reflect.New(f.Type().Elem()).Elem()
			if elem.Kind() != reflect.Struct {
				r.value(elem, sub[id], join(at, id))
				f.SetMapIndex(reflect.ValueOf(id), elem)
				continue
			}
			if old := f.MapIndex(reflect.ValueOf(id)); old.IsValid() {
				elem.Set(old)
			} else {
				s := defaultStore(".")
				s.Path = ""
				elem.Set(reflect.ValueOf(s))
			}
			r.value(elem, sub[id], join(at, id))
			f.SetMapIndex(reflect.ValueOf(id), elem)
			r.from[join(at, id)] = fmt.Sprintf("%s:%d", r.name, r.lines[join(at, id)])
		}
	case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
		list, ok := x.([]any)
		if !ok {
			r.fail(at, "%s: expected tables such as [[%s]]", at, at)
			return
		}
		for i, sub := range list {
			elem := reflect.New(f.Type().Elem()).Elem()
			if elem.Type() == reflect.TypeFor[ScriptConfig]() {
				elem.Set(reflect.ValueOf(defaultScript()))
			}
			one := fmt.Sprintf("%s.%d", at, i)
			r.value(elem, sub, one)
			r.from[one] = fmt.Sprintf("%s:%d", r.name, r.lines[one])
			f.Set(reflect.Append(f, elem))
		}
	default:
		if err := setLeaf(f, x); err != nil {
			r.fail(at, "%s: %v", at, err)
			return
		}
		r.from[at] = fmt.Sprintf("%s:%d", r.name, r.lines[at])
	}
}

func setLeaf(f reflect.Value, x any) error {
	switch f.Kind() {
	case reflect.String:
		if s, ok := x.(string); ok {
			f.SetString(s)
			return nil
		}
		return fmt.Errorf("expected text in quotes, got %v", x)
	case reflect.Int, reflect.Int64:
		n, ok := x.(int64)
		if !ok || n < 0 {
			return fmt.Errorf("expected a whole number that is not negative, got %v", x)
		}
		f.SetInt(n)
		return nil
	case reflect.Bool:
		if b, ok := x.(bool); ok {
			f.SetBool(b)
			return nil
		}
		return fmt.Errorf("expected true or false, got %v", x)
	case reflect.Slice:
		list, ok := x.([]any)
		if !ok {
			return fmt.Errorf("expected a list such as [\"a\", \"b\"], got %v", x)
		}
		out := []string{}
		for _, e := range list {
			s, ok := e.(string)
			if !ok {
				return fmt.Errorf("expected text in quotes, got %v", e)
			}
			out = append(out, s)
		}
		f.Set(reflect.ValueOf(out))
		return nil
	}
	return fmt.Errorf("cannot be set")
}

// readEnviron sets what variables such as SLUICE_IMAP_LISTEN say; lists are parted by
// commas. An unknown SLUICE_ variable of a known table is a mistake.
func (c *Config) readEnviron(environ []string, from origins) error {
	byName := map[string]string{}
	tables := map[string]bool{}
	c.walk(func(path string, _ reflect.Value, _ string) {
		byName[envName(path)] = path
		tables[envName(path[:strings.IndexByte(path, '.')])+"_"] = true
	})
	e := &configError{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		path, ok := byName[name]
		if !ok {
			if i := strings.IndexByte(strings.TrimPrefix(name, "SLUICE_"), '_'); strings.HasPrefix(name, "SLUICE_") && i > 0 && tables[name[:len("SLUICE_")+i+1]] {
				e.lines = append(e.lines, fmt.Sprintf("environment: %s is no setting%s", name, nearestOf(name, byName)))
			}
			continue
		}
		c.walk(func(p string, f reflect.Value, _ string) {
			if p != path {
				return
			}
			var x any = value
			switch f.Kind() {
			case reflect.Int, reflect.Int64:
				n, err := strconv.ParseInt(value, 10, 64)
				if err != nil {
					x = value
				} else {
					x = n
				}
			case reflect.Bool:
				if b, err := strconv.ParseBool(value); err == nil {
					x = b
				}
			case reflect.Slice:
				list := []any{}
				for s := range strings.SplitSeq(value, ",") {
					if s = strings.TrimSpace(s); s != "" {
						list = append(list, s)
					}
				}
				x = list
			}
			if err := setLeaf(f, x); err != nil {
				e.lines = append(e.lines, fmt.Sprintf("environment: %s: %v", name, err))
			}
			from[path] = "environment " + name
		})
	}
	if len(e.lines) > 0 {
		return e
	}
	return nil
}

// walk calls do with every leaf setting, its dotted path and its doc, in the order of Config. do may
// set a leaf. A walk that sets nothing writes nothing, so that others may read meanwhile.
func (c *Config) walk(do func(path string, f reflect.Value, doc string)) {
	var visit func(v reflect.Value, path, doc string)
	visit = func(v reflect.Value, path, doc string) {
		switch {
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				tag := v.Type().Field(i).Tag
				visit(v.Field(i), join(path, tag.Get("toml")), tag.Get("doc"))
			}
		case v.Kind() == reflect.Map:
			ids := v.MapKeys()
			sort.Slice(ids, func(i, j int) bool { return ids[i].String() < ids[j].String() })
			for _, id := range ids {
				elem := reflect.New(v.Type().Elem()).Elem()
				elem.Set(v.MapIndex(id))
				visit(elem, join(path, id.String()), doc)
				if !reflect.DeepEqual(elem.Interface(), v.MapIndex(id).Interface()) {
					v.SetMapIndex(id, elem)
				}
			}
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
			for i := range v.Len() {
				visit(v.Index(i), fmt.Sprintf("%s.%d", path, i), doc)
			}
		default:
			do(path, v, doc)
		}
	}
	visit(reflect.ValueOf(c).Elem(), "", "")
}

// keyLines returns the line of every key and table of a TOML text by dotted path; tables
// of an array are numbered from 0.
func keyLines(text []byte) map[string]int {
	lines, counts := map[string]int{}, map[string]int{}
	p := unstable.Parser{}
	p.Reset(text)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		path, line := "", 0
		for it := e.Key(); it.Next(); {
			n := it.Node()
			path = join(path, string(n.Data))
			if line == 0 {
				line = p.Shape(n.Raw).Start.Line
			}
		}
		switch e.Kind {
		case unstable.Table:
			table = path
		case unstable.ArrayTable:
			table = fmt.Sprintf("%s.%d", path, counts[path])
			counts[path]++
		case unstable.KeyValue:
			path = join(table, path)
			lines[path] = line
			continue
		default:
			continue
		}
		lines[table] = line
	}
	return lines
}

func envName(path string) string {
	return "SLUICE_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(path))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func fieldByTag(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("toml") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}
