package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/engine"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/kv/overlay"
	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// runIn is all that a run needs; script and message travel as octets, so that a server
// needs no access to the caller's files.
type runIn struct {
	Script    string
	Source    []byte
	Modules   map[string]runtime.Module // of the script's folder
	Message   []byte
	From, To  string
	Stage     string
	ClientIP  netip.Addr
	Helo      string
	Namespace string
	Now       time.Time
	Travel    bool // Now was given
	Explain   bool
	Commit    bool
	Fixtures  []byte // of the network, in JSON; nil: none
}

// runOut is a run as the command prints it.
type runOut struct {
	JSON    json.RawMessage
	Text    string
	Explain string
	Failed  string // the script's error
}

var opRun = newOp("run", func(ctx context.Context, n *node, in runIn) (runOut, error) {
	return in.run(ctx, n.store, n.hostOver, n.accountOf, n.config())
})

// accountOf fills in whose recipient it is, where the address is known.
func (n *node) accountOf(ctx context.Context, r *runtime.Recipient) {
	if a, err := n.accounts.Resolve(ctx, r.Address); err == nil {
		r.Account, r.Name, r.Detail = a.ID, a.Name, a.Detail
	}
}

// run compiles and runs the script. Unless it commits, every store lies below an overlay that is thrown away.
func (in runIn) run(ctx context.Context, store func(string) (kv.Store, error), host func(runtime.Trust, func(string) (kv.Store, error)) *runtime.Live, resolve func(context.Context, *runtime.Recipient), c *Config) (out runOut, err error) {
	e := newEngine(c)
	stores, refused := c.storeNames(false), refusedOf(c)
	var fixtures *runtime.Fixtures
	if in.Fixtures != nil {
		if fixtures, err = parseFixtures(in.Fixtures); err != nil {
			return out, err
		}
		delete(refused, "http_get")
		delete(refused, "http_header")
	}
	p, err := e.Compile(in.Script, in.Source, runtime.CompileOptions{
		Stage: runtime.Stage(in.Stage), Trust: runtime.Admin, Stores: stores, SQLStores: c.storeNames(true), Instrument: in.Explain, Refused: refused,
		Include: includeOf(c)(in.Script), Module: moduleIn(in.Modules),
	})
	if err != nil {
		out.Failed = err.Error()
		out.JSON, err = json.Marshal(map[string]any{"script": in.Script, "language": languageOf(e, in.Script), "plan": []any{}, "error": out.Failed, "took_us": 0})
		return out, err
	}
	layers := map[kv.Store]kv.Store{} // by store, since the default one has two names
	reach := store
	if !in.Commit {
		reach = func(id string) (kv.Store, error) {
			base, err := store(id)
			if err != nil {
				return nil, err
			}
			if layers[base] == nil {
				layers[base] = overlay.New(base, overlay.Options{Now: func() time.Time { return in.Now }})
			}
			return layers[base], nil
		}
	}
	tx := &runtime.Transaction{ID: "run", Stage: runtime.Stage(in.Stage), Listener: "run", From: runtime.Path{Address: in.From}, Time: in.Now, Hostname: c.Server.Hostname, Message: mail.New(in.Message)}
	tx.Client.Helo, tx.Client.IP = in.Helo, in.ClientIP
	tx.Rcpt.Address = in.To
	tx.Rcpts = []runtime.Path{tx.Rcpt.Path}
	resolve(ctx, &tx.Rcpt)
	level := runtime.RecordCalls
	if in.Explain {
		level = runtime.RecordFull
	}
	live := host(runtime.Admin, reach)
	live.NoNetwork = live.NoNetwork || !in.Commit
	if fixtures != nil {
		live.DNS, live.HTTP, live.Fixed = fixtures, fixtures, true
	}
	limits := limitsOf(c, runtime.Admin, p.Language())
	res := e.Run(ctx, p, tx, runtime.RunOptions{Host: live, Limits: limits, Trust: runtime.Admin, Namespace: scripts.AdminNamespace(in.Namespace), Stores: stores, Record: level, Settings: c.mailSettings()})
	settled := res.Settle(nil, limits)
	if out.JSON, err = runtime.ResultJSON(res, settled); err != nil {
		return out, err
	}
	out.Text = planText(settled)
	if res.Err != nil {
		out.Failed = res.Err.Error()
	}
	if in.Explain {
		var b strings.Builder
		if err := res.Record.Explain(&b, p.Sites()); err != nil {
			return out, err
		}
		b.WriteString("settled, as it would be done:\n")
		for line := range strings.Lines(out.Text) {
			b.WriteString("    " + line)
		}
		out.Explain = b.String()
		if out.JSON, err = withRecord(out.JSON, res.Record); err != nil {
			return out, err
		}
	}
	if in.Commit {
		err = commitMarks(ctx, store, settled)
	}
	return out, err
}

// withRecord adds the record to the JSON of a run.
func withRecord(object json.RawMessage, r *runtime.Record) (json.RawMessage, error) {
	record, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return append(append(object[:len(object)-1:len(object)-1], `,"record":`...), append(record, '}')...), nil
}

// languageOf is the language of a script that does not compile, "" if there is none.
func languageOf(e *runtime.Engine, name string) string {
	for _, l := range e.Languages() {
		if l.Suffix() == path.Ext(name) {
			return l.Name()
		}
	}
	return ""
}

// commitMarks sets the marks of a run that commits; nothing else of a plan is done by run.
func commitMarks(ctx context.Context, store func(string) (kv.Store, error), s runtime.Settled) error {
	for _, a := range s.Actions {
		if a.Kind != runtime.Mark {
			continue
		}
		st, err := store(a.Store)
		if err != nil {
			return err
		}
		v, err := runtime.EncodeValue(a.Value)
		if err != nil {
			return err
		}
		key := runtime.ScriptKey(kv.Script, a.Namespace, a.Key)
		if a.Prefix != 0 {
			key = runtime.MemoryKey(a.Prefix, a.Key)
		}
		if err := st.Set(ctx, key, v, a.TTL); err != nil {
			return err
		}
	}
	return nil
}

// planText is a settled plan for people, an action a line.
func planText(s runtime.Settled) string {
	actions := s.Actions
	if s.Refused != nil {
		actions = append([]runtime.Action{*s.Refused}, actions...)
	}
	var b strings.Builder
	for _, a := range actions {
		b.WriteString(a.String() + "\n")
	}
	return b.String()
}

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		in := runIn{}
		var asJSON bool
		var storePath, now, fixtures string
		var from, clientIP string
		cmd := &cobra.Command{
			Use: "run SCRIPT MESSAGE", Short: "Show what a script would do with a message", Args: cobra.ExactArgs(2),
			Long: "Runs a script on a message (- is standard input) and prints the plan that it asks for. Nothing is\ndelivered. What the script writes to a store is thrown away, unless --commit says otherwise.\nThe script sees the store of the running server, else that of the data directory, else an empty one.",
			RunE: func(cmd *cobra.Command, args []string) error {
				c, _, err := g.load()
				if err != nil {
					return err
				}
				if in.Source, err = os.ReadFile(args[0]); err != nil {
					return err
				}
				if in.Message, err = readAll(cmd.InOrStdin(), args[1]); err != nil {
					return err
				}
				if err := in.checkFlags(cmd, from, clientIP); err != nil {
					return err
				}
				if fixtures != "" {
					if in.Fixtures, err = readFixtures(fixtures); err != nil {
						return err
					}
				}
				in.Script, in.From = args[0], from
				if path.Ext(in.Script) == ".js" {
					in.Modules = gathered(newEngine(c), in.Script, in.Source)
				}
				if !cmd.Flags().Changed("from") {
					in.From = returnPath(in.Message)
				}
				if in.To == "" {
					in.To = "recipient@" + c.Server.Hostname
				}
				in.Now, in.Travel = time.Now(), now != ""
				if in.Travel && in.Commit && storePath == "" {
					return usage("--commit with --now needs a --store of its own: rows of another time would spoil the real one")
				}
				if in.Travel {
					if in.Now, err = time.Parse(time.RFC3339, now); err != nil {
						return usage("--now %q is no time such as 2026-11-21T12:00:00Z", now)
					}
				}
				out, err := callRun(cmd.Context(), c, in, storePath)
				if err != nil {
					return err
				}
				w := cmd.OutOrStdout()
				switch {
				case asJSON:
					fmt.Fprintf(w, "%s\n", out.JSON)
				case in.Explain:
					fmt.Fprint(w, out.Explain)
				default:
					fmt.Fprint(w, out.Text)
				}
				if out.Failed != "" {
					return diagnostics(cmd, out.Failed)
				}
				return nil
			},
		}
		f := cmd.Flags()
		jsonFlag(cmd, &asJSON)
		f.BoolVar(&in.Explain, "explain", false, "print the record of the run: branches, calls with arguments and results, plan, time")
		f.StringVar(&from, "from", "", "envelope sender; none: the message's Return-Path or From")
		f.StringVar(&in.To, "to", "", "envelope recipient")
		f.StringVar(&in.Stage, "stage", "deliver", "stage: "+stageNames())
		f.StringVar(&clientIP, "client-ip", "", "the client's address")
		f.StringVar(&in.Helo, "helo", "", "the name that the client greeted with")
		f.StringVar(&in.Namespace, "namespace", "admin", "key space of the script")
		f.StringVar(&storePath, "store", "", "SQLite file to use as the default store")
		f.StringVar(&now, "now", "", "the time that the script sees, such as 2026-11-21T12:00:00Z; a store named with --store has it too")
		f.StringVar(&fixtures, "fixtures", "", "TOML or JSON file with what the DNS and web servers answer; without it a dry run asks neither")
		f.BoolVar(&in.Commit, "commit", false, "keep what the script writes to the store")
		return cmd
	})
}

// checkFlags refuses what no transaction could have.
func (in *runIn) checkFlags(cmd *cobra.Command, from, clientIP string) (err error) {
	if !slices.Contains(runtime.Stages, runtime.Stage(in.Stage)) {
		return usage("--stage %q is not one of %s", in.Stage, stageNames())
	}
	if clientIP != "" {
		if in.ClientIP, err = netip.ParseAddr(clientIP); err != nil {
			return usage("--client-ip %q is no IP address", clientIP)
		}
	}
	for flag, address := range map[string]string{"--from": from, "--to": in.To} {
		if address == "" || flag == "--from" && !cmd.Flags().Changed("from") {
			continue // the null sender, or a default
		}
		if _, err := mail.ParseAddress(address); err != nil {
			return usage("%s %q is no address", flag, address)
		}
	}
	return nil
}

// callRun runs where the store is: in the server, over the data directory, over the named
// file, or over an empty store.
func callRun(ctx context.Context, c *Config, in runIn, storePath string) (out runOut, err error) {
	if storePath == "" || storePath == c.Store[c.Storage.Lookup].Path {
		if _, err := os.Stat(c.Database.DBPath); err == nil {
			return opRun.call(ctx, c, in)
		}
	}
	network := newNetwork(c)
	defer func() { err = errors.Join(err, network.close()) }()
	if err := network.openSQL(c); err != nil {
		return runOut{}, err
	}
	empty := func() kv.Store { return memory.New(memory.Options{Now: func() time.Time { return in.Now }}) }
	s := empty()
	if storePath != "" {
		if _, err := os.Stat(storePath); err != nil && !in.Commit {
			return runOut{}, fmt.Errorf("--store: %w", err)
		}
		o := engine.Options{Path: storePath}
		if in.Travel {
			o.Now = func() time.Time { return in.Now } // what is stored expires by the same clock
		}
		e, err := engine.Open(ctx, o)
		if err != nil {
			return runOut{}, fmt.Errorf("--store: %w", err)
		}
		s = e
	}
	host := func(_ runtime.Trust, store func(string) (kv.Store, error)) *runtime.Live {
		live := &runtime.Live{Stores: store, Auth: hostname(c.Server.Hostname).checker}
		network.into(live)
		return live
	}
	stores := map[string]kv.Store{"": s, c.Storage.Lookup: s}
	out, err = in.run(ctx, func(id string) (kv.Store, error) {
		if _, ok := c.Store[id]; !ok && id != "" {
			return nil, fmt.Errorf("unknown store %q", id)
		}
		if stores[id] == nil {
			stores[id] = empty()
		}
		return stores[id], nil
	}, host, func(context.Context, *runtime.Recipient) {}, c)
	return out, errors.Join(err, s.Close())
}

// returnPath guesses a message's envelope sender.
func returnPath(raw []byte) string {
	h := mail.New(raw).Header()
	for _, name := range []string{"Return-Path", "Sender", "From"} {
		for _, v := range h.Values(name) {
			if list := mail.ParseAddresses(v).Addresses; len(list) > 0 {
				return list[0].String()
			}
		}
	}
	return ""
}
