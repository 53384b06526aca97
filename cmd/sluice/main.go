// Command sluice makes a mail system programmable: filter scripts in Sieve, expr or
// JavaScript between an MTA and an embedded mail store that IMAP clients read.
//
// This room is the composition root. It reads the configuration into the rooms' Options
// and wires them (node.go); every command is one file cmd_NAME.go. A command that acts on
// data is an op (op.go): it runs inside the server when one runs, and else in the
// command itself with the data directory locked, never both.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of all commands but deliver, which has those of sysexits(3).
const (
	exitOK     = 0
	exitFailed = 1  // a check or test failed, or the act did
	exitUsage  = 2  // the words of the command are off
	exitConfig = 78 // the configuration is off
)

// exitError carries an exit code through cobra; quiet ones have said all already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() {
	beChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs one command and returns its exit code.
func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr *os.File) int {
	// The MTA calls deliver with arguments of sendmail's kind, and whatever happens it has to
	// end with a code of sysexits(3): it does not pass through cobra.
	g := &globals{}
	if rest := leadingGlobals(g, args); len(rest) > 0 && rest[0] == "deliver" {
		return deliver(ctx, g, rest[1:], stdin, stdout, stderr)
	}
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "sluice: "+text)
	}
	var ee *exitError
	var ce *configError
	switch {
	case errors.As(err, &ee):
		return ee.code
	case errors.As(err, &ce):
		return exitConfig
	case cobraUsage(err):
		return exitUsage
	}
	return exitFailed
}

// globals are the flags that every command has, "" where they are not given.
type globals struct {
	config string
	data   string
}

const defaultDataDir = "data"

// leadingGlobals takes the flags of every command in front of a command's name.
func leadingGlobals(g *globals, args []string) []string {
	for len(args) > 0 {
		name, value, glued := strings.Cut(args[0], "=")
		to := g.flag(name)
		switch {
		case to == nil:
			return args
		case glued:
			*to, args = value, args[1:]
		case len(args) > 1:
			*to, args = args[1], args[2:]
		default:
			return args
		}
	}
	return args
}

// flag returns where the value of a global flag goes, nil if name is none.
func (g *globals) flag(name string) *string {
	switch name {
	case "--config":
		return &g.config
	case "--data":
		return &g.data
	}
	return nil
}

// load reads the configuration that the flags name.
func (g *globals) load() (*Config, origins, error) {
	return loadConfig(g.config, g.data, os.Environ())
}

func newRoot() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "A programmable mail system: filter scripts between your MTA and your mailboxes",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&g.config, "config", "", "configuration file (TOML); none: all defaults")
	root.PersistentFlags().StringVar(&g.data, "data", "", "data directory; none: database.db-path, else ./"+defaultDataDir)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	for _, add := range commands {
		root.AddCommand(add(g))
	}
	return root
}

// commands are filled in by the files cmd_NAME.go.
var commands []func(*globals) *cobra.Command

// cobraUsage tells cobra's own complaints, which have no type, from failures.
func cobraUsage(err error) bool {
	return hasAnyPrefix(err.Error(), "unknown command", "accepts ", "requires ", "unknown flag", "unknown shorthand", "invalid argument", "required flag")
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
