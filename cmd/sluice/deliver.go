package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/gateway/lmtp"
	"github.com/sluice-mail/sluice/gateway/pipe"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// systemSocket is where the packaged server listens for deliveries (packaging/sluice.toml).
const systemSocket = "/run/sluice/lmtp.sock"

// newLMTP returns the LMTP server of a node.
func newLMTP(n *node, conf func() *tls.Config) *lmtp.Server {
	return lmtp.New(lmtp.Options{Intake: n.intake, TLS: conf, MaxMessageBytes: n.config().LMTP.MaxMessageSize, Logger: n.log})
}

func init() {
	// deliver is run without cobra (see run); it stands here for --help.
	commands = append(commands, func(*globals) *cobra.Command {
		return &cobra.Command{
			Use: "deliver [--socket PATH] -f SENDER -r RECIPIENT...", Short: "Take a message from standard input, for an MTA's pipe",
			Long:               "Hands a message over to the running server and ends with a code of sysexits(3): 0 delivered, 65, 67 or 77\nrefused for good, 75 for every failure of our own. Also takes sendmail's -i -f SENDER -- RECIPIENT...\n\nThe exit code is one for all recipients: have the MTA run it for each recipient by itself\n(Postfix: NAME_destination_recipient_limit = 1), or a refusal for one bounces for all.",
			DisableFlagParsing: true,
			RunE:               func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		}
	})
}

// deliver is the command of that name. --config and --data may stand among its arguments.
func deliver(ctx context.Context, g *globals, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
		fmt.Fprintln(stdout, "usage: sluice deliver [--config FILE] [--data DIR] [--socket PATH] -f SENDER -r RECIPIENT... <MESSAGE\n       sluice deliver -i -f SENDER -- RECIPIENT... <MESSAGE")
		return pipe.ExitOK
	}
	args = takeGlobals(g, args)
	o := pipe.Options{Args: args, Stdin: stdin, Stdout: stdout, Stderr: stderr}
	c, from, err := g.load()
	if err != nil {
		// A configuration that cannot be read, such as by the MTA's user, is no reason to bounce.
		fmt.Fprintln(stderr, "sluice: "+err.Error())
		return pipe.ExitTempFail
	}
	o.Socket, o.MaxMessageBytes = c.LMTP.Socket, c.LMTP.MaxMessageSize
	o.Local = func(ctx context.Context, m pipe.Mail) ([]gateway.Outcome, error) { return deliverHere(ctx, c, m) }
	if _, err := os.Stat(o.Socket); err != nil && from["lmtp.socket"] == "" {
		if _, err := os.Stat(systemSocket); err == nil {
			o.Socket = systemSocket // nobody named one
		}
	}
	return pipe.Main(ctx, o)
}

// takeGlobals takes --config and --data, with their values, out of the arguments.
func takeGlobals(g *globals, args []string) (rest []string) {
	for i := 0; i < len(args); i++ {
		name, value, glued := strings.Cut(args[i], "=")
		to := g.flag(name)
		switch {
		case args[i] == "--":
			return append(rest, args[i:]...)
		case to == nil:
			rest = append(rest, args[i])
			// the value of another option is never one of ours
			if len(args[i]) == 2 && strings.ContainsRune("froqaF", rune(args[i][1])) && args[i][0] == '-' && i+1 < len(args) {
				i++
				rest = append(rest, args[i])
			}
		case glued:
			*to = value
		case i+1 < len(args):
			i++
			*to = args[i]
		}
	}
	return rest
}

// deliverHere delivers without a server: it opens the data directory, which no other process may have
// open. An error means that the MTA shall try again.
func deliverHere(ctx context.Context, c *Config, m pipe.Mail) (_ []gateway.Outcome, err error) {
	if err := dataThere(c); err != nil {
		return nil, err
	}
	n, err := openNode(ctx, c, nodeOptions{logger: quietLogger(), delivers: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close(ctx)) }()
	tx := &runtime.Transaction{
		ID: n.intake.NewID(), Stage: runtime.StageRcpt, Listener: "pipe", From: runtime.Path{Address: m.From}, QueueID: m.QueueID,
		Time: time.Now(), Hostname: c.Server.Hostname, Message: mail.New(m.Raw),
	}
	tx.Client.IP, _ = netip.ParseAddr(m.Client)
	outcomes := make([]gateway.Outcome, len(m.Rcpts))
	var rcpts []runtime.Recipient
	var which []int
	for i, to := range m.Rcpts {
		tx.Rcpts = append(tx.Rcpts, runtime.Path{Address: to})
		r, out := n.intake.Recipient(ctx, tx, runtime.Path{Address: to}, m.Original)
		if outcomes[i] = out; out.Accepted() {
			rcpts, which = append(rcpts, r), append(which, i)
		}
	}
	if len(rcpts) == 0 {
		return outcomes, nil
	}
	answer := n.intake.Deliver(ctx, tx, rcpts)
	for k, i := range which {
		outcomes[i] = answer.Outcomes[k]
	}
	// The exit code is all that the MTA hears. If it says to try again, all recipients come
	// again, and those that were served must then be known.
	if slices.ContainsFunc(outcomes, gateway.Outcome.Temporary) {
		answer.Abandon()
	} else {
		answer.Confirm()
	}
	return outcomes, nil
}
