package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/runtime"
)

// functionJSON is a line of the table, for editors and other tools.
func functionJSON(f *runtime.Function) map[string]any {
	params := []map[string]any{}
	for _, p := range f.Params {
		params = append(params, map[string]any{"name": p.Name, "kind": p.Kind.String(), "doc": p.Doc, "optional": p.Optional, "rest": p.Rest, "default": p.Default})
	}
	examples := []map[string]any{}
	for _, ex := range f.Examples {
		one := map[string]any{"setup": append([]string{}, ex.Setup...), "code": ex.Code}
		if ex.Error != "" {
			one["error"] = ex.Error
		} else {
			one["result"] = ex.Want
		}
		examples = append(examples, one)
	}
	stages := f.Stages
	if stages == nil {
		stages = runtime.Stages
	}
	trust := "user"
	if f.Trust == runtime.Admin {
		trust = "admin"
	}
	return map[string]any{
		"name": f.Name, "family": f.Family, "signature": f.Signature(), "doc": f.Doc, "params": params, "result": f.Result.String(),
		"effect": f.Effect.String(), "stages": stages, "trust": trust, "examples": examples,
	}
}

func init() {
	commands = append(commands, func(*globals) *cobra.Command {
		var asJSON bool
		cmd := &cobra.Command{
			Use: "functions [NAME]", Short: "List the functions that scripts can call, or explain one", Args: cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				list := runtime.Functions()
				if len(args) == 1 {
					f := runtime.Lookup(args[0])
					if f == nil {
						names := map[string]bool{}
						for _, f := range list {
							names[f.Name] = true
						}
						return fmt.Errorf("there is no function %q%s", args[0], nearestOf(args[0], names))
					}
					list = []*runtime.Function{f}
				}
				if asJSON {
					out := []map[string]any{}
					for _, f := range list {
						out = append(out, functionJSON(f))
					}
					return printJSON(cmd.OutOrStdout(), out)
				}
				w := cmd.OutOrStdout()
				if len(args) == 1 {
					f := list[0]
					fmt.Fprintf(w, "%s\n\n%s\n", f.Signature(), f.Doc)
					for _, p := range f.Params {
						fmt.Fprintf(w, "  %-10s %s: %s\n", p.Name, p.Kind, p.Doc)
					}
					for _, ex := range f.Examples {
						fmt.Fprintf(w, "\n  %s  → %s\n", ex.Code, ex.Outcome())
					}
					return nil
				}
				var rows [][]string
				for _, f := range list {
					first, _, _ := strings.Cut(f.Doc, ". ")
					rows = append(rows, []string{f.Family, f.Signature(), strings.TrimSuffix(first, ".")})
				}
				return printTable(w, []string{"FAMILY", "FUNCTION", "WHAT IT DOES"}, rows)
			},
		}
		jsonFlag(cmd, &asJSON)
		return cmd
	})
}
