package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/mailstore/local"
)

// mailboxIn is what the mailbox commands ask for.
type mailboxIn struct{ Account, Path, Role string }

// mailboxOut is a mailbox as the commands show it.
type mailboxOut struct {
	Path        string `json:"path"`
	Role        string `json:"role,omitempty"`
	Messages    int64  `json:"messages"`
	Unseen      int64  `json:"unseen"`
	Octets      int64  `json:"octets"`
	UIDValidity uint32 `json:"uidvalidity"`
	UIDNext     uint32 `json:"uidnext"`
	ModSeq      uint64 `json:"highestmodseq"`
}

// onAccount is an op on the mail of one account, which is open while it runs.
func onAccount[Out any](name string, run func(ctx context.Context, box *local.Account, in mailboxIn) (Out, error)) *op[mailboxIn, Out] {
	return newOp(name, func(ctx context.Context, n *node, in mailboxIn) (out Out, err error) {
		a, err := n.resolveName(ctx, in.Account)
		if err != nil {
			return out, err
		}
		box, release, err := n.mail.OpenAccount(ctx, a.ID)
		if err != nil {
			return out, err
		}
		defer release()
		return run(ctx, box, in)
	})
}

var (
	opMailboxList = onAccount("mailbox/list", func(ctx context.Context, box *local.Account, _ mailboxIn) ([]mailboxOut, error) {
		list, err := box.List(ctx)
		out := []mailboxOut{}
		for _, m := range list {
			out = append(out, mailboxOut{m.Path, m.Role, int64(m.Messages), int64(m.Unseen), m.Octets, m.UIDValidity, uint32(m.UIDNext), m.HighestModSeq})
		}
		return out, err
	})
	opMailboxCreate = onAccount("mailbox/create", func(ctx context.Context, box *local.Account, in mailboxIn) (mailstore.Mailbox, error) {
		m, err := box.CreateMailbox(ctx, in.Path, in.Role)
		if err != nil {
			return m, fmt.Errorf("mailbox %q: %w", in.Path, err)
		}
		return m, nil
	})
	opMailboxCheck = onAccount("mailbox/check", func(ctx context.Context, box *local.Account, _ mailboxIn) ([]string, error) {
		return box.Check(ctx)
	})
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := group(&cobra.Command{Use: "mailbox", Short: "List, make and check the mailboxes of an account"})
		var asJSON bool
		list := &cobra.Command{
			Use: "list ACCOUNT", Short: "List an account's mailboxes with their counters", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, _, err := g.load()
				if err != nil {
					return err
				}
				list, err := opMailboxList.call(cmd.Context(), c, mailboxIn{Account: args[0]})
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), list)
				}
				var rows [][]string
				for _, m := range list {
					rows = append(rows, []string{m.Path, m.Role, strconv.FormatInt(m.Messages, 10), strconv.FormatInt(m.Unseen, 10), strconv.FormatInt(m.Octets, 10)})
				}
				return printTable(cmd.OutOrStdout(), []string{"MAILBOX", "ROLE", "MESSAGES", "UNSEEN", "OCTETS"}, rows)
			},
		}
		jsonFlag(list, &asJSON)
		var role string
		create := &cobra.Command{
			Use: "create ACCOUNT PATH", Short: "Make a mailbox", Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, _, err := g.load()
				if err != nil {
					return err
				}
				_, err = opMailboxCreate.call(cmd.Context(), c, mailboxIn{args[0], args[1], role})
				return err
			},
		}
		create.Flags().StringVar(&role, "role", "", "archive, drafts, sent, trash or junk")
		check := &cobra.Command{
			Use: "check ACCOUNT", Short: "Check counters, UIDs and blobs against each other; exit code 1 if anything is off", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, _, err := g.load()
				if err != nil {
					return err
				}
				found, err := opMailboxCheck.call(cmd.Context(), c, mailboxIn{Account: args[0]})
				if err != nil {
					return err
				}
				if asJSON {
					if err := printJSON(cmd.OutOrStdout(), append([]string{}, found...)); err != nil || len(found) == 0 {
						return err
					}
					return &exitError{code: exitFailed}
				}
				if len(found) > 0 {
					return fmt.Errorf("%s:\n%s", args[0], strings.Join(found, "\n"))
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is consistent\n", args[0])
				return err
			},
		}
		jsonFlag(check, &asJSON)
		cmd.AddCommand(list, create, check)
		return cmd
	})
}
