package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		stage, trust := "deliver", "admin"
		cmd := &cobra.Command{
			Use: "check [SCRIPT]...", Short: "Compile scripts and say what is wrong; without names, those of the configuration",
			RunE: func(cmd *cobra.Command, args []string) error {
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
				lib := newLibrary(c, newEngine())
				list, err := lib.Check(sources)
				if err != nil {
					return &exitError{exitFailed, err}
				}
				for _, s := range list {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: ok (%s, stage %s)\n", s.Path, s.Program.Language(), s.Stage)
				}
				return nil
			},
		}
		cmd.Flags().StringVar(&stage, "stage", stage, "the stage at which named scripts are to run: "+stageNames())
		cmd.Flags().StringVar(&trust, "trust", trust, "admin or user")
		return cmd
	})
}

func stageNames() string {
	var names []string
	for _, s := range runtime.Stages {
		names = append(names, string(s))
	}
	return strings.Join(names, " ")
}

// readAll reads a file, or standard input for "-".
func readAll(path string) ([]byte, error) {
	if path == "-" {
		path = "/dev/stdin"
	}
	return os.ReadFile(path)
}
