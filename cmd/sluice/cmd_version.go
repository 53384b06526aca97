package main

import (
	"fmt"
	goruntime "runtime"

	"github.com/spf13/cobra"
)

// version is set when the binary is linked.
var version = "dev"

func init() {
	commands = append(commands, func(*globals) *cobra.Command {
		var asJSON bool
		cmd := &cobra.Command{
			Use: "version", Short: "Print the version", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				v := struct {
					Version string `json:"version"`
					Go      string `json:"go"`
					OS      string `json:"os"`
					Arch    string `json:"arch"`
				}{version, goruntime.Version(), goruntime.GOOS, goruntime.GOARCH}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), v)
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "sluice %s (%s %s/%s)\n", v.Version, v.Go, v.OS, v.Arch)
				return err
			},
		}
		jsonFlag(cmd, &asJSON)
		return cmd
	})
}
