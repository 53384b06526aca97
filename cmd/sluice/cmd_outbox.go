package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/outbox"
)

// outboxIn is what the outbox commands ask for.
type outboxIn struct {
	ID    int64
	Limit int
}

var (
	opOutboxList = newOp("outbox/list", func(ctx context.Context, n *node, in outboxIn) ([]outbox.Entry, error) {
		list, err := n.outbox.List(ctx, in.ID, in.Limit)
		return append([]outbox.Entry{}, list...), err
	})
	opOutboxRetry = newOp("outbox/retry", func(ctx context.Context, n *node, in outboxIn) (struct{}, error) {
		return struct{}{}, n.outbox.Retry(ctx, in.ID)
	})
	opOutboxRemove = newOp("outbox/rm", func(ctx context.Context, n *node, in outboxIn) (struct{}, error) {
		return struct{}{}, n.outbox.Remove(ctx, in.ID)
	})
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := group(&cobra.Command{Use: "outbox", Short: "Look at mail that waits for the relay"})
		cmd.AddCommand(outboxList(g),
			outboxAct(g, "retry ID", "Try a message again now; all tries every one", opOutboxRetry),
			outboxAct(g, "rm ID", "Remove a message; nobody is told", opOutboxRemove))
		return cmd
	})
}

func outboxList(g *globals) *cobra.Command {
	var asJSON bool
	limit := 1000
	cmd := &cobra.Command{
		Use: "list", Short: "List messages that wait", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage("--limit %d: expected 0 or more", limit)
			}
			c, _, err := g.load()
			if err != nil {
				return err
			}
			list, err := opOutboxList.call(cmd.Context(), c, outboxIn{Limit: limit})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			var rows [][]string
			for _, m := range list {
				for _, r := range m.Recipients {
					rows = append(rows, []string{strconv.FormatInt(m.ID, 10), "<" + m.From + ">", "<" + r.Address + ">", r.State, r.Due.Local().Format(time.DateTime), r.Answer})
				}
			}
			return printTable(cmd.OutOrStdout(), []string{"ID", "FROM", "TO", "STATE", "NEXT TRY", "LAST ANSWER"}, rows)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "messages at most; 0: all")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func outboxAct(g *globals, use, short string, o *op[outboxIn, struct{}]) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if o == opOutboxRetry && args[0] == "all" {
				id, err = 0, nil // what Retry takes for all
			} else if err != nil || id <= 0 {
				return usage("%q is no number of a message; sluice outbox list shows them", args[0])
			}
			c, _, err := g.load()
			if err != nil {
				return err
			}
			if _, err = o.call(cmd.Context(), c, outboxIn{ID: id}); err != nil {
				return fmt.Errorf("message %s: %w", args[0], err)
			}
			return nil
		},
	}
}
