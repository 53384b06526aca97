package testsuite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// Folders of the scripts that others may include, beside the test file.
const (
	personalFolder = "included"
	globalFolder   = "included-global"
)

// include returns the source of a script that another one includes: from a folder, or from the
// dictionary that the settings name.
func (s *suite) include(location, name string) (file string, source []byte, err error) {
	folder, setting := personalFolder, "sieve"
	if location == sieve.IncludeGlobal {
		folder, setting = globalFolder, "sieve_global"
	}
	if dict, ok := strings.CutPrefix(s.listed[setting], "dict:file:"); ok {
		source, err = lookUp(dict, name)
		return name, source, err
	}
	file = filepath.Join(s.folder, folder, name+".sieve")
	source, err = os.ReadFile(file)
	return filepath.Base(file), source, err
}

// lookUp finds a script in a dictionary: a file in which a line with a key is followed by one
// with its value. The key priv/sieve/name/NAME has the number of the script, and that leads to
// its source.
func lookUp(dict, name string) ([]byte, error) {
	data, err := os.ReadFile(dict)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(data), "\n")
	values := map[string]string{}
	for i := 0; i+1 < len(lines); i += 2 {
		values[lines[i]] = lines[i+1]
	}
	id, ok := values["priv/sieve/name/"+name]
	if !ok {
		return nil, fmt.Errorf("script %q: %w", name, os.ErrNotExist)
	}
	return []byte(values["priv/sieve/data/"+id]), nil
}

// compileOptions are those of every script.
func (s *suite) compileOptions() runtime.CompileOptions {
	return runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin}
}
