package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/runtime"
)

// explainIn asks for the runs of one message, by the id in the log, or of the last few.
type explainIn struct {
	Message string
	Last    int
}

// explainOut is one run.
type explainOut struct {
	Message string          `json:"message"`
	Account string          `json:"account"`
	Text    string          `json:"-"`
	Record  json.RawMessage `json:"record"`
}

// explainWire is explainOut on the control socket, its text included.
type explainWire struct {
	Message, Account, Text string
	Record                 json.RawMessage
}

var opExplain = newOp("explain", func(_ context.Context, n *node, in explainIn) ([]explainWire, error) {
	if n.intake == nil {
		return nil, errors.New("only a running server remembers its runs")
	}
	sites := map[string][]runtime.Site{}
	for _, s := range n.library.All() {
		sites[s.Path] = s.Program.Sites()
	}
	all := n.intake.Records()
	first := len(all)
	for seen, message := 0, ""; first > 0; first-- {
		if r := all[first-1]; r.Message != message {
			if seen++; in.Message == "" && seen > max(in.Last, 1) {
				break
			}
			message = r.Message
		}
	}
	var out []explainWire
	for _, r := range all[first:] {
		if in.Message != "" && r.Message != in.Message {
			continue
		}
		var b strings.Builder
		if err := r.Record.Explain(&b, sites[r.Record.Script]); err != nil {
			return nil, err
		}
		text, err := json.Marshal(r.Record)
		if err != nil {
			return nil, err
		}
		out = append(out, explainWire{r.Message, r.Account, b.String(), text})
	}
	return out, nil
})

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		in := explainIn{}
		var asJSON bool
		cmd := &cobra.Command{
			Use: "explain [ID]", Short: "Say why the running server did what it did with a message", Args: cobra.MaximumNArgs(1),
			Long: "Prints the records of the scripts that ran for a message, by its id in the log, or for the last\nfew messages. How much a record tells is set by explain.record.",
			RunE: func(cmd *cobra.Command, args []string) error {
				if len(args) == 1 {
					in.Message = args[0]
				}
				if in.Last < 1 {
					return usage("--last %d: expected 1 or more", in.Last)
				}
				c, _, err := g.load()
				if err != nil {
					return err
				}
				list, err := opExplain.call(cmd.Context(), c, in)
				if err != nil {
					return err
				}
				if asJSON {
					out := []explainOut{}
					for _, r := range list {
						out = append(out, explainOut{Message: r.Message, Account: r.Account, Record: r.Record})
					}
					return printJSON(cmd.OutOrStdout(), out)
				}
				if len(list) == 0 {
					return errors.New("there is no such run in memory")
				}
				for _, r := range list {
					fmt.Fprintf(cmd.OutOrStdout(), "message %s for %s\n%s", r.Message, r.Account, r.Text)
				}
				return nil
			},
		}
		cmd.Flags().IntVar(&in.Last, "last", 1, "how many messages")
		jsonFlag(cmd, &asJSON)
		return cmd
	})
}
