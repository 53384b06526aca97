package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/mailbox"
	"github.com/sluice-mail/sluice/runtime"
)

// filterOptions are the flags of the command.
type filterOptions struct {
	apply, json, verbose, quiet bool
	create, send, exitCode      bool
	jobs                        int
	from, rcpt                  string
	fromGiven                   bool
	discard, discardFolder      string
	separator                   string
	namespace, trust            string
	trusted                     runtime.Trust
	undo                        string
}

// exitWouldChange is the exit code of --exit-code.
const exitWouldChange = 3

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		o := &filterOptions{}
		cmd := &cobra.Command{
			Use: "filter SCRIPT MAILBOX", Short: "Run a script over the messages of a Maildir or an mbox",
			Long: `Runs a script in any of the languages over each message of a Maildir (also a folder of one) or an mbox
file. It is a dry run: nothing is written, what scripts write to a store is thrown away, and a summary
says what would be done. With --apply it is done: messages are filed below the same Maildir (or in
files beside the mbox), flagged, and discarded as --discard says. Nothing is sent without --send.

A message that the script keeps stays where it is. A run with --apply that was broken off goes on
where it stood when it is started again in the same way. Its journal says how to take it back:
sluice filter --undo JOURNAL puts every message back to where it was.

The exit code is 1 if there were errors; with --exit-code it is 3 if any message would change.`,
			Args: func(cmd *cobra.Command, args []string) error {
				if o.undo != "" {
					return cobra.NoArgs(cmd, args)
				}
				return cobra.ExactArgs(2)(cmd, args)
			},
			RunE: func(cmd *cobra.Command, args []string) error {
				o.fromGiven = cmd.Flags().Changed("from")
				if err := o.check(); err != nil {
					return err
				}
				if o.undo != "" {
					return filterUndo(cmd, o)
				}
				c, _, err := g.load()
				if err != nil {
					return err
				}
				return filter(cmd, c, o, args[0], args[1])
			},
		}
		f := cmd.Flags()
		jsonFlag(cmd, &o.json)
		f.Lookup("json").Usage = "print a JSON object for each message, one a line; the summary goes to standard error"
		f.BoolVar(&o.apply, "apply", false, "do what the script decides, with a journal by which it can be undone")
		f.StringVar(&o.undo, "undo", "", "put back what a run did: its journal, or the folder of it")
		f.BoolVarP(&o.verbose, "verbose", "v", false, "also print each message that changes")
		f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress bar")
		f.IntVarP(&o.jobs, "jobs", "j", 0, "how many messages are filtered at once; 0: as many as there are cores")
		f.StringVar(&o.from, "from", "", "envelope sender; none: the Return-Path, Sender or From of each message")
		f.StringVar(&o.rcpt, "rcpt", "", "envelope recipient; none: the Delivered-To, Envelope-To or To of each message")
		f.StringVar(&o.discard, "discard", discardKeep, `what becomes of discarded messages: keep, delete, or "move MAILBOX"`)
		f.BoolVar(&o.create, "create", false, "make mailboxes that are missing, as if each fileinto said :create")
		f.StringVar(&o.separator, "separator", "/", "what parts the levels of mailbox names in the script: / or .")
		f.BoolVar(&o.send, "send", false, "with --apply also send redirects, vacation messages and notifications, and let scripts run external programs")
		f.BoolVar(&o.exitCode, "exit-code", false, "end with 3 if a message would change")
		f.StringVar(&o.namespace, "namespace", "admin", "key space of the script")
		f.StringVar(&o.trust, "trust", "admin", "admin or user")
		return cmd
	})
}

// check refuses flags that mean nothing.
func (o *filterOptions) check() error {
	verb, folder, moves := strings.Cut(o.discard, " ")
	if !moves {
		verb, folder, moves = strings.Cut(o.discard, ":")
	}
	folder = strings.TrimSpace(folder)
	switch {
	case (verb == discardKeep || verb == discardDelete) && !moves, verb == discardMove && folder != "":
		o.discard, o.discardFolder = verb, folder
	default:
		return usage(`--discard %q is not one of keep, delete, "move MAILBOX"`, o.discard)
	}
	if o.separator != "/" && o.separator != "." {
		return usage("--separator %q is not one of /, .", o.separator)
	}
	switch o.trust {
	case "admin":
		o.trusted = runtime.Admin
	case "user":
		o.trusted = runtime.User
	default:
		return usage("--trust %q is not one of admin, user", o.trust)
	}
	for flag, address := range map[string]string{"--from": o.from, "--rcpt": o.rcpt} {
		if address == "" {
			continue // the null sender, or none
		}
		if _, err := mail.ParseAddress(address); err != nil {
			return usage("%s %q is no address", flag, address)
		}
	}
	switch {
	case o.send && !o.apply:
		return usage("--send is for --apply")
	case o.undo != "" && o.apply:
		return usage("--undo and --apply exclude each other")
	case o.jobs < 0 || o.jobs > 1000:
		return usage("--jobs %d is not between 0 and 1000", o.jobs)
	case o.jobs == 0:
		o.jobs = goruntime.GOMAXPROCS(0)
	}
	return nil
}

// collectLess has garbage collected less often than suits a server: a run makes much of it, and little
// stays. It returns what takes that back.
func collectLess() (restore func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	percent, limit := debug.SetGCPercent(800), debug.SetMemoryLimit(512<<20)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// filter runs the script over the mailbox.
func filter(cmd *cobra.Command, c *Config, o *filterOptions, script, path string) (err error) {
	defer collectLess()()
	code, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	f := &filterRun{o: o, config: c, engine: newEngine(c), started: time.Now(), stores: newFilterStores(c, o.apply), lists: newLists(c), network: newNetwork(c)}
	defer func() { err = errors.Join(err, f.network.close()) }()
	if err := f.network.openSQL(c); err != nil {
		return err
	}
	children := bound(c, f.engine, nil, nil)
	defer func() { err = errors.Join(err, children.Close()) }()
	compile := runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: o.trusted, Stores: f.stores.names, SQLStores: c.storeNames(true), Include: includeOf(c)(script), Module: moduleOf(script)}
	if o.send {
		compile.Refused = refusedOf(c)
	}
	if f.program, err = f.engine.Compile(script, code, compile); err != nil {
		return diagnostics(cmd, err.Error())
	}
	if f.source, err = mailbox.Open(path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stores.close(cmd.Context()), f.source.Close()) }()
	f.mailboxes = func(name string) bool {
		folder, err := f.source.Resolve(name, o.separator)
		return err == nil && f.source.HasFolder(folder)
	}
	if f.inboxFolder, err = f.source.Resolve("INBOX", o.separator); err != nil {
		return err
	}
	if o.discard == discardMove {
		if f.discardFolder, err = f.source.Resolve(o.discardFolder, o.separator); err != nil {
			return usage("--discard: %v", err)
		}
	}
	if o.apply {
		sum := sha256.Sum256(code)
		if p, ok := f.program.(runtime.Portable); ok {
			if job := p.Job(&runtime.View{}); len(job.Modules) > 0 {
				sum = sha256.Sum256([]byte(job.Hash)) // which is of the modules, too
			}
		}
		return f.apply(cmd, hex.EncodeToString(sum[:]), path)
	}
	return f.dry(cmd, path)
}

// dry reports what would be done.
func (f *filterRun) dry(cmd *cobra.Command, path string) error {
	t := newTally()
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	bar := progressOf("filtering", "messages", int64(f.source.Len()), f.o.quiet)
	err := f.each(cmd.Context(), 0, func(r *filtered) error {
		if r.deed != nil {
			if _, _, err := f.extraOf(cmd.Context(), r); err != nil {
				r.problem, r.changes = err, false
			}
		}
		t.add(r)
		_ = bar.Add(1)
		return f.report(cmd, out, r)
	})
	_ = bar.Finish()
	err = errors.Join(err, out.Flush())
	f.summary(cmd, t, path)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted after %d of %s", t.messages, count(f.source.Len(), "message"))
	case err != nil:
		return err
	}
	if err := t.failures(); err != nil {
		return err
	}
	if f.o.exitCode && t.changes > 0 {
		return &exitError{code: exitWouldChange}
	}
	return nil
}

// report prints what is to be told of one message.
func (f *filterRun) report(cmd *cobra.Command, out *bufio.Writer, r *filtered) error {
	if f.o.json {
		line, err := f.line(r)
		if err == nil {
			_, err = out.Write(line)
		}
		return err
	}
	if e := errorOf(r); e != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", shown(f.source.Label(r.index)), shown(e.Text))
	} else if f.o.verbose && (r.changes || len(r.notDone) > 0) {
		fmt.Fprintf(out, "%s: %s  %s %s\n", shown(f.source.Label(r.index)), strings.Join(decisions(r), ", "), shown(r.id), shown(r.title))
	}
	return nil
}

// summary prints the counts: to standard error where standard output is for programs.
func (f *filterRun) summary(cmd *cobra.Command, t *tally, path string) {
	w := cmd.OutOrStdout()
	if f.o.json {
		w = cmd.ErrOrStderr()
	}
	t.write(w, f.o.apply, path)
}
