package testsuite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// setting puts the value of a setting into options.
type setting func(o *sieve.Options, value string) error

// known are the settings that a test may change, by all their names: those of Pigeonhole 0.5
// and of 2.4. A setting that is not here changes nothing.
var known = map[string]setting{}

// define gives a setting its names.
func define(set setting, names ...string) {
	for _, n := range names {
		known[n] = set
	}
}

func init() {
	define(number(func(o *sieve.Options, n int) { o.VariableSize = n }), "sieve_variables_max_variable_size", "sieve_variables_max_value_size")
	define(number(func(o *sieve.Options, n int) { o.Variables = n }), "sieve_variables_max_scope_size", "sieve_variables_max_scope_count")
	define(func(o *sieve.Options, v string) error {
		o.Separators = strings.Split(v, "")
		return nil
	}, "recipient_delimiter")
}

func number(set func(*sieve.Options, int)) setting {
	return func(o *sieve.Options, v string) error {
		if v == "" {
			return nil
		}
		n, err := strconv.Atoi(v)
		if err != nil {
			return err
		}
		set(o, n)
		return nil
	}
}

// apply puts settings on top of options.
func apply(o *sieve.Options, settings map[string]string) error {
	for name, v := range settings {
		if set := known[name]; set != nil {
			if err := set(o, v); err != nil {
				return fmt.Errorf("setting %s: %w", name, err)
			}
		}
	}
	return nil
}

// limits are those of every run.
func (s *suite) limits() runtime.Limits { return s.options.Limits }

// storage gives scripts those that they may include.
func (s *suite) storage(*sieve.Options) {}
