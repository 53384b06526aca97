package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/account"
	"github.com/sluice-mail/sluice/mailstore"
)

// accountIn is what the account commands ask for.
type accountIn struct{ Name, Password, Alias string }

// accountOut is an account as the commands show it.
type accountOut struct {
	Name    string    `json:"name"`
	ID      string    `json:"id"`
	Aliases []string  `json:"aliases"`
	Created time.Time `json:"created"`
}

var (
	opAccountAdd = newOp("account/add", func(ctx context.Context, n *node, in accountIn) (accountOut, error) {
		a, err := n.accounts.Add(ctx, in.Name, in.Password)
		if err != nil {
			return accountOut{}, err
		}
		// The mailboxes are there from the first look on.
		_, release, err := n.mail.OpenAccount(ctx, a.ID)
		if err != nil {
			return accountOut{}, err
		}
		release()
		return accountOut{Name: a.Name, ID: a.ID}, nil
	}).first()
	opAccountPasswd = newOp("account/passwd", func(ctx context.Context, n *node, in accountIn) (struct{}, error) {
		return struct{}{}, n.accounts.Passwd(ctx, in.Name, in.Password)
	})
	opAccountAlias = newOp("account/alias", func(ctx context.Context, n *node, in accountIn) (struct{}, error) {
		return struct{}{}, n.accounts.Alias(ctx, in.Name, in.Alias)
	})
	opAccountUnalias = newOp("account/unalias", func(ctx context.Context, n *node, in accountIn) (struct{}, error) {
		return struct{}{}, n.accounts.Unalias(ctx, in.Name, in.Alias)
	})
	opAccountRemove = newOp("account/rm", func(ctx context.Context, n *node, in accountIn) (struct{}, error) {
		if err := n.accounts.Remove(ctx, in.Name); err != nil {
			return struct{}{}, err
		}
		// Whatever spelling of the name it was, the directory knows who went.
		gone, err := n.accounts.Removed(ctx)
		if err != nil {
			return struct{}{}, err
		}
		for _, a := range gone {
			if err := n.mail.HideAccount(ctx, a.ID); err != nil && !errors.Is(err, mailstore.ErrNotFound) {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	opAccountList = newOp("account/list", func(ctx context.Context, n *node, _ struct{}) ([]accountOut, error) {
		list, err := n.accounts.List(ctx)
		out := []accountOut{}
		for _, a := range list {
			out = append(out, accountOut{a.Name, a.ID, append([]string{}, a.Aliases...), a.Created})
		}
		return out, err
	})
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := group(&cobra.Command{Use: "account", Short: "Add, list and change accounts"})
		cmd.AddCommand(
			withPassword(g, "add NAME", "Add an account", func(cmd *cobra.Command, c *Config, in accountIn) error {
				a, err := opAccountAdd.call(cmd.Context(), c, in)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "added %s\n", a.Name)
				}
				return err
			}),
			withPassword(g, "passwd NAME", "Set an account's password", func(cmd *cobra.Command, c *Config, in accountIn) error {
				_, err := opAccountPasswd.call(cmd.Context(), c, in)
				return err
			}),
			accountAlias(g), accountRemove(g), accountList(g))
		return cmd
	})
}

// withPassword is a command that reads a password from standard input: one on the command
// line would be seen by every user of the machine.
func withPassword(g *globals, use, short string, do func(*cobra.Command, *Config, accountIn) error) *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !fromStdin {
				return usage("give --password-stdin and the password as one line of standard input")
			}
			line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 64<<10)).ReadString('\n')
			if err != nil && err != io.EOF {
				return err
			}
			c, _, err := g.load()
			if err != nil {
				return err
			}
			return do(cmd, c, accountIn{Name: args[0], Password: strings.TrimRight(line, "\r\n")})
		},
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func accountAlias(g *globals) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use: "alias NAME ALIAS", Short: "Let another address reach an account", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			o := opAccountAlias
			if remove {
				o = opAccountUnalias
			}
			_, err = o.call(cmd.Context(), c, accountIn{Name: args[0], Alias: args[1]})
			return err
		},
	}
	cmd.Flags().BoolVar(&remove, "rm", false, "remove the alias")
	return cmd
}

func accountRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove an account", Args: cobra.ExactArgs(1),
		Long: "Removes an account: nobody can log in or send mail to it from now on. Its mail is hidden at once.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			_, err = opAccountRemove.call(cmd.Context(), c, accountIn{Name: args[0]})
			return err
		},
	}
}

func accountList(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			list, err := opAccountList.call(cmd.Context(), c, struct{}{})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			var rows [][]string
			for _, a := range list {
				rows = append(rows, []string{a.Name, strings.Join(a.Aliases, " "), a.Created.Format(time.DateTime)})
			}
			return printTable(cmd.OutOrStdout(), []string{"NAME", "ALIASES", "CREATED"}, rows)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// resolveName finds the account that a command names.
func (n *node) resolveName(ctx context.Context, name string) (account.Account, error) {
	a, err := n.accounts.Resolve(ctx, name)
	if err != nil {
		return a, fmt.Errorf("account %s: %w", name, err)
	}
	return a, nil
}
