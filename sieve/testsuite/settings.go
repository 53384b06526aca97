package testsuite

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// config is what settings change.
type config struct {
	sieve  sieve.Options
	limits runtime.Limits
	pipe   runtime.ExternalOptions
	// programs says that folders of programs may be named.
	programs bool
}

// setting puts the value of a setting into options.
type setting func(o *sieve.Options, value string) error

// keyed is a setting of many values: key is what follows its name after a slash, or as a
// number.
type keyed func(c *config, key, value string) error

// known are the settings that a test may change, by all their names: those of Pigeonhole 0.5
// and of 2.4. A setting that is not here changes nothing.
var known = map[string]keyed{}

// define gives a setting its names.
func define(set setting, names ...string) {
	defineKeyed(func(c *config, _, value string) error { return set(&c.sieve, value) }, names...)
}

func defineKeyed(set keyed, names ...string) {
	for _, n := range names {
		known[n] = set
	}
}

func init() {
	define(number(func(o *sieve.Options, n int) { o.VariableSize = n }), "sieve_variables_max_variable_size", "sieve_variables_max_value_size")
	define(number(func(o *sieve.Options, n int) { o.Variables = n }), "sieve_variables_max_scope_size", "sieve_variables_max_scope_count")
	define(text(func(o *sieve.Options, v string) { o.Separators = strings.Split(v, "") }), "recipient_delimiter")
	define(text(func(o *sieve.Options, v string) { o.ASCIIAddresses = v != "yes" }), "mail_utf8_extensions")
	define(size(func(o *sieve.Options, n int) { o.Source.Size = n }), "sieve_max_script_size")
	define(number(func(o *sieve.Options, n int) { o.PartLoops = n }), "sieve_mime_max_nesting_depth")
	limit := func(set func(l *runtime.Limits, n int)) keyed {
		return func(c *config, _, v string) error {
			return number(func(_ *sieve.Options, n int) { set(&c.limits, n) })(&c.sieve, v)
		}
	}
	defineKeyed(limit(func(l *runtime.Limits, n int) { l.Actions = n }), "sieve_max_actions")
	defineKeyed(limit(func(l *runtime.Limits, n int) { l.Redirects = n }), "sieve_max_redirects")
	defineKeyed(func(c *config, _, v string) error {
		d, err := kv.ParseTTL(v)
		if err == nil && d > 0 {
			c.limits.Time = d
		}
		return err
	}, "sieve_max_cpu_time")
	defineKeyed(func(c *config, key, v string) error {
		if c.sieve.Environment = maps.Clone(c.sieve.Environment); c.sieve.Environment == nil {
			c.sieve.Environment = map[string]string{}
		}
		c.sieve.Environment["vnd.dovecot.config."+strings.ToLower(key)] = v
		return nil
	}, "sieve_env_")
	editheader()
}

// editheader defines the settings of the extension of that name.
func editheader() {
	add := func(o *sieve.Options, names ...string) { o.ForbidAdd = append(slices.Clip(o.ForbidAdd), names...) }
	remove := func(o *sieve.Options, names ...string) {
		o.ForbidDelete = append(slices.Clip(o.ForbidDelete), names...)
	}
	define(size(func(o *sieve.Options, n int) { o.HeaderSize = n }), "sieve_editheader_max_header_size")
	define(text(func(o *sieve.Options, v string) { add(o, strings.Fields(v)...) }), "sieve_editheader_forbid_add")
	define(text(func(o *sieve.Options, v string) { remove(o, strings.Fields(v)...) }), "sieve_editheader_forbid_delete")
	define(text(func(o *sieve.Options, v string) {
		add(o, strings.Fields(v)...)
		remove(o, strings.Fields(v)...)
	}), "sieve_editheader_protected")
	defineKeyed(func(c *config, key, v string) error {
		switch name, what, _ := strings.Cut(key, "/"); {
		case v != "yes":
		case what == "forbid_add":
			add(&c.sieve, name)
		case what == "forbid_delete":
			remove(&c.sieve, name)
		}
		return nil
	}, "sieve_editheader_header")
}

func text(set func(o *sieve.Options, v string)) setting {
	return func(o *sieve.Options, v string) error {
		set(o, v)
		return nil
	}
}

func number(set func(o *sieve.Options, n int)) setting { return units(set, map[string]int{"": 1}) }

// size is a number that may have a unit: k, M or G, with or without B.
func size(set func(o *sieve.Options, n int)) setting {
	return units(set, map[string]int{"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30})
}

func units(set func(o *sieve.Options, n int), factors map[string]int) setting {
	return func(o *sieve.Options, v string) error {
		if v == "" {
			return nil
		}
		digits := len(v) - len(strings.TrimLeft(v, "0123456789"))
		n, err := strconv.Atoi(v[:digits])
		factor, ok := factors[strings.ToLower(strings.TrimSpace(v[digits:]))]
		if err != nil || !ok {
			return fmt.Errorf("%q is not understood", v)
		}
		set(o, n*factor)
		return nil
	}
}

// find returns the setting of a name and what its key is.
func find(name string) (set keyed, key string) {
	if set = known[name]; set != nil {
		return set, ""
	}
	if whole, key, ok := strings.Cut(name, "/"); ok {
		return known[whole], key
	}
	if key, ok := strings.CutPrefix(name, "sieve_env_"); ok {
		return known["sieve_env_"], key
	}
	whole := strings.TrimRight(name, "0123456789")
	return known[whole], name[len(whole):]
}

// apply puts settings on top of a configuration, in the order of their names. A value that
// cannot be read changes nothing, and is an error.
func (c *config) apply(settings map[string]string) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		set, key := find(name)
		if set == nil {
			continue
		}
		if err := set(c, key, settings[name]); err != nil {
			errs = append(errs, fmt.Errorf("setting %s: %w", name, err))
		}
	}
	return errs
}
