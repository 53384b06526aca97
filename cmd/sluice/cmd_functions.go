package main

import (
	"fmt"
	"io"
	"slices"
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
	return map[string]any{
		"name": f.Name, "family": f.Family, "signature": f.Signature(), "doc": f.Doc, "params": params, "result": f.Result.String(),
		"effect": f.Effect.String(), "stages": stages, "trust": trustName(f.Trust), "examples": examples,
	}
}

func trustName(t runtime.Trust) string {
	if t == runtime.Admin {
		return "admin"
	}
	return "user"
}

// functionFilter says which functions are wanted. The zero value wants all.
type functionFilter struct{ family, stage, trust string }

// check refuses words that no function could have.
func (w functionFilter) check() error {
	families, stages := map[string]bool{}, map[string]bool{}
	for _, f := range runtime.Functions() {
		families[f.Family] = true
	}
	for _, s := range runtime.Stages {
		stages[string(s)] = true
	}
	for _, x := range []struct {
		what, got string
		known     map[string]bool
	}{{"family", w.family, families}, {"stage", w.stage, stages}, {"trust", w.trust, map[string]bool{"user": true, "admin": true}}} {
		if x.got != "" && !x.known[x.got] {
			return fmt.Errorf("there is no %s %q%s", x.what, x.got, nearestOf(x.got, x.known))
		}
	}
	return nil
}

// list returns the functions that are wanted. Trust is whose scripts may call them.
func (w functionFilter) list() (out []*runtime.Function) {
	for _, f := range runtime.Functions() {
		if (w.family == "" || f.Family == w.family) && (w.stage == "" || f.LawfulAt(runtime.Stage(w.stage))) &&
			(w.trust != "user" || f.Trust == runtime.User) {
			out = append(out, f)
		}
	}
	return out
}

// findFunction returns the function of a name, or an error with the nearest one.
func findFunction(name string) (*runtime.Function, error) {
	f := runtime.Lookup(name)
	if f != nil {
		return f, nil
	}
	names := map[string]bool{}
	for _, f := range runtime.Functions() {
		names[f.Name] = true
	}
	return nil, fmt.Errorf("there is no function %q%s", name, nearestOf(name, names))
}

// functionFormats write functions.
var functionFormats = map[string]func(w io.Writer, list []*runtime.Function) error{
	"json": func(w io.Writer, list []*runtime.Function) error {
		out := []map[string]any{}
		for _, f := range list {
			out = append(out, functionJSON(f))
		}
		return printJSON(w, out)
	},
	"markdown": func(w io.Writer, list []*runtime.Function) error {
		_, err := w.Write(runtime.ReferenceOf(list))
		return err
	},
	"d.ts": func(w io.Writer, list []*runtime.Function) error {
		_, err := w.Write(runtime.DeclarationsOf(list))
		return err
	},
	// one a line: the name, its signature and its first sentence, with tabs between them
	"completion": func(w io.Writer, list []*runtime.Function) error {
		for _, f := range list {
			if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Signature(), firstSentence(f)); err != nil {
				return err
			}
		}
		return nil
	},
	"text": func(w io.Writer, list []*runtime.Function) error {
		var rows [][]string
		for _, f := range list {
			rows = append(rows, []string{f.Family, f.Signature(), firstSentence(f)})
		}
		return printTable(w, []string{"FAMILY", "FUNCTION", "WHAT IT DOES"}, rows)
	},
}

func firstSentence(f *runtime.Function) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(f.Doc, "\n", " "), ". ")
	return strings.TrimSuffix(first, ".")
}

// explainFunction writes all that is known of one function.
func explainFunction(w io.Writer, f *runtime.Function) error {
	fmt.Fprintf(w, "%s\n\n%s\n", f.Signature(), f.Doc)
	for _, p := range f.Params {
		fmt.Fprintf(w, "  %-10s %s: %s\n", p.Name, p.Kind, p.Doc)
	}
	for _, ex := range f.Examples {
		fmt.Fprintf(w, "\n  %s  → %s\n", ex.Code, ex.Outcome())
	}
	return nil
}

func sortedFormats() []string {
	names := []string{}
	for name := range functionFormats {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// completeFunction offers the names of functions to the shell.
func completeFunction(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, f := range runtime.Functions() {
		if len(args) == 0 && strings.HasPrefix(f.Name, begun) {
			out = append(out, cobra.CompletionWithDesc(f.Name, firstSentence(f)))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func init() {
	commands = append(commands, func(*globals) *cobra.Command {
		var asJSON bool
		var format string
		var want functionFilter
		cmd := &cobra.Command{
			Use: "functions [NAME]", Short: "List the functions that scripts can call, or explain one", Args: cobra.MaximumNArgs(1),
			ValidArgsFunction: completeFunction,
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := want.check(); err != nil {
					return err
				}
				if asJSON {
					format = "json"
				}
				write := functionFormats[format]
				if write == nil {
					return fmt.Errorf("there is no format %q%s; there are %s", format, nearestOf(format, functionFormats), strings.Join(sortedFormats(), " "))
				}
				if len(args) == 0 {
					return write(cmd.OutOrStdout(), want.list())
				}
				f, err := findFunction(args[0])
				if err != nil {
					return err
				}
				if format == "text" {
					return explainFunction(cmd.OutOrStdout(), f)
				}
				return write(cmd.OutOrStdout(), []*runtime.Function{f})
			},
		}
		jsonFlag(cmd, &asJSON)
		cmd.Flags().StringVar(&format, "format", "text", "text, json, markdown, d.ts (TypeScript for editors) or completion (name, signature and purpose with tabs between them)")
		cmd.Flags().StringVar(&want.family, "family", "", "only those of this family")
		cmd.Flags().StringVar(&want.stage, "stage", "", "only those that may be called at this stage")
		cmd.Flags().StringVar(&want.trust, "trust", "", "only those that the scripts of this trust may call: user or admin")
		return cmd
	})
}
