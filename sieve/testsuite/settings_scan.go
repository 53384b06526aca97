package testsuite

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/sluice-mail/sluice/sieve"
)

// The settings of spamtest and virustest.
func init() {
	for name, of := range map[string]func(o *sieve.Options) *sieve.Scan{
		"sieve_spamtest_":  func(o *sieve.Options) *sieve.Scan { return &o.Spamtest },
		"sieve_virustest_": func(o *sieve.Options) *sieve.Scan { return &o.Virustest },
	} {
		define(text(func(o *sieve.Options, v string) { of(o).Header = v }), name+"status_header")
		define(text(func(o *sieve.Options, v string) { of(o).Type = v }), name+"status_type")
		define(text(func(o *sieve.Options, v string) { of(o).MaxHeader = v }), name+"max_header", name+"score_max_header")
		define(func(o *sieve.Options, v string) error {
			if v == "" {
				return nil
			}
			most, err := strconv.ParseFloat(v, 64)
			of(o).Max = most
			return err
		}, name+"max_value", name+"score_max_value")
		defineKeyed(func(c *config, key, v string) error {
			n, err := strconv.Atoi(key)
			if err != nil || n < 0 || n > 10 {
				return fmt.Errorf("%q is no value of a test", key)
			}
			texts := slices.Clone(of(&c.sieve).Texts)
			for len(texts) <= n {
				texts = append(texts, "")
			}
			texts[n] = v
			of(&c.sieve).Texts = texts
			return nil
		}, name+"text_value")
	}
	define(number(func(o *sieve.Options, n int) { o.Includes = n }), "sieve_include_max_includes")
	define(number(func(o *sieve.Options, n int) { o.IncludeDepth = n }), "sieve_include_max_nesting_depth")
}
