package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		stage, trust := "deliver", "admin"
		var asJSON bool
		cmd := &cobra.Command{
			Use: "check [SCRIPT]...", Short: "Compile scripts and say what is wrong; without names, those of the configuration",
			RunE: func(cmd *cobra.Command, args []string) error {
				if !slices.Contains(runtime.Stages, runtime.Stage(stage)) {
					return usage("--stage %q is not one of %s", stage, stageNames())
				}
				if trust != "admin" && trust != "user" {
					return usage("--trust %q is not one of admin, user", trust)
				}
				c, _, err := g.load()
				if err != nil {
					return err
				}
				sources := sourcesOf(c)
				if len(args) > 0 {
					sources = nil
					for _, path := range args {
						sources = append(sources, scripts.Source{Path: path, Stage: stage, Trust: trust, Accounts: []string{"*"}, Namespace: "admin"})
					}
				}
				lib := newLibrary(func() *Config { return c }, newEngine(c))
				list, err := lib.Check(sources)
				if asJSON {
					return checkJSON(cmd, list, err)
				}
				if err != nil {
					return diagnostics(cmd, err.Error())
				}
				for _, s := range list {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: ok (%s, stage %s)\n", s.Path, s.Program.Language(), s.Stage)
				}
				return nil
			},
		}
		jsonFlag(cmd, &asJSON)
		cmd.Flags().StringVar(&stage, "stage", stage, "the stage at which named scripts are to run: "+stageNames())
		cmd.Flags().StringVar(&trust, "trust", trust, "admin or user")
		return cmd
	})
}

// checkJSON prints what compiled, or every line of what is wrong.
func checkJSON(cmd *cobra.Command, list []scripts.Script, failed error) error {
	out := struct {
		Scripts []map[string]string `json:"scripts"`
		Errors  []string            `json:"errors"`
	}{[]map[string]string{}, []string{}}
	if failed != nil {
		out.Errors = strings.Split(failed.Error(), "\n")
	}
	for _, s := range list {
		out.Scripts = append(out.Scripts, map[string]string{"path": s.Path, "language": s.Program.Language(), "stage": string(s.Stage)})
	}
	if err := printJSON(cmd.OutOrStdout(), out); err != nil || failed == nil {
		return err
	}
	return &exitError{code: exitFailed}
}

func stageNames() string {
	var names []string
	for _, s := range runtime.Stages {
		names = append(names, string(s))
	}
	return strings.Join(names, " ")
}

// readAll reads a file, or standard input for "-".
func readAll(stdin io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}
