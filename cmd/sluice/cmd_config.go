package main

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := group(&cobra.Command{Use: "config", Short: "Look at the configuration"})
		var origin, asJSON bool
		show := &cobra.Command{
			Use: "show", Short: "Print every setting in force, as TOML", Args: cobra.NoArgs,
			Long: "Prints every setting in force. With --origin each line says where its value comes from:\nthe default, a line of the file, or a variable of the environment. Secrets are in files\nof their own, so none is shown.",
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, from, err := g.load()
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), c.settings(from))
				}
				return c.print(cmd.OutOrStdout(), from, origin)
			},
		}
		show.Flags().BoolVar(&origin, "origin", false, "say where each value comes from")
		jsonFlag(show, &asJSON)
		cmd.AddCommand(show)
		return cmd
	})
}

// setting is one line of config show.
type setting struct {
	Path   string `json:"path"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

func (c *Config) settings(from origins) []setting {
	var out []setting
	c.walk(func(path string, f reflect.Value, _ string) {
		if !c.means(path) {
			return
		}
		at := from[path]
		if at == "" {
			at = "default"
		}
		out = append(out, setting{path, f.Interface(), at})
	})
	return out
}

// print writes the settings as TOML that loadConfig reads back to the same.
func (c *Config) print(w io.Writer, from origins, origin bool) error {
	table := ""
	for _, s := range c.settings(from) {
		i := strings.LastIndexByte(s.Path, '.')
		if t := s.Path[:i]; t != table {
			table = t
			if _, err := fmt.Fprintf(w, "\n%s\n", tomlHead(t)); err != nil {
				return err
			}
		}
		line := s.Path[i+1:] + " = " + tomlValue(s.Value)
		if origin {
			line = fmt.Sprintf("%-48s # %s", line, s.Origin)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// tomlHead is the line that opens a table, such as [store."main".purge] or [[script]].
func tomlHead(path string) string {
	parts := strings.Split(path, ".")
	switch {
	case parts[0] == "script":
		return "[[script]]"
	case strings.HasPrefix(path, "sieve.list."):
		return "[[sieve.list]]"
	case parts[0] == "store":
		parts[1] = strconv.Quote(parts[1])
	}
	return "[" + strings.Join(parts, ".") + "]"
}

func tomlValue(v any) string {
	switch v := v.(type) {
	case string:
		return tomlText(v)
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = tomlText(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// tomlText is s as a basic string of TOML, which has fewer escapes than Go.
//
// Spec: TOML 1.0, "String".
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
