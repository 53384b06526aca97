package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// kvIn is what the kv commands ask for. A key is named by prefix and name, or by a script
// namespace, the kind of row and the script's own name for it.
type kvIn struct {
	Store  string
	Prefix string
	Script octets
	Kind   string
	Name   octets
	Value  octets
	TTL    string
	By     int64
	Cursor string
	Limit  int
}

// octets are any bytes. They cross the control socket in base64: JSON text would change those that
// are no UTF-8.
type octets string

func (o octets) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, []byte(o)), nil
}

func (o *octets) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	*o = octets(b)
	return err
}

// kvRow is a row as the commands show it: the value as text where it is text, as JSON for a
// script's value, else as hex.
type kvRow struct {
	Prefix  string
	Name    octets
	Value   string
	Expires *time.Time
	Absent  bool // a counter that nobody has counted yet
}

// kvShown is a kvRow as --json prints it. A name that is no UTF-8 is in base64, as in a dump.
type kvShown struct {
	Prefix  string     `json:"prefix"`
	Name    *string    `json:"name,omitempty"`
	Name64  *octets    `json:"name64,omitempty"`
	Value   string     `json:"value"`
	Expires *time.Time `json:"expires,omitempty"`
}

// scriptKinds are the spaces of a script's keys.
var scriptKinds = map[string]kv.Prefix{"value": kv.Script, "counter": kv.ScriptCounter, "rate": kv.ScriptRate, "lock": kv.ScriptLock}

// where resolves the store and the key; in.Name may be the start of a name.
func (n *node) where(in kvIn) (kv.Store, kv.Key, error) {
	s, err := n.store(in.Store)
	if err != nil {
		return nil, kv.Key{}, err
	}
	if in.Script != "" {
		p, ok := scriptKinds[in.Kind]
		if !ok {
			return nil, kv.Key{}, fmt.Errorf("--kind %q is not one of value, counter, rate, lock", in.Kind)
		}
		return s, runtime.ScriptKey(p, in.namespace(), string(in.Name)), nil
	}
	p, err := kv.ParsePrefix(in.Prefix)
	return s, kv.Key{Prefix: p, Name: string(in.Name)}, err
}

// whereRow is where for values and counters, which have rows that can be shown and set.
func (n *node) whereRow(in kvIn) (kv.Store, kv.Key, error) {
	s, k, err := n.where(in)
	if kind := k.Prefix.Info().Kind; err == nil && (kind == kv.KindRate || kind == kv.KindLock) {
		err = fmt.Errorf("%s holds rate limits or locks, which cannot be listed, shown or set; kv stats counts them, kv del ends them", k.Prefix)
	}
	return s, k, err
}

// namespace is the key space behind --script: an administrator's namespace, or user:ID.
func (in kvIn) namespace() string {
	if id, ok := strings.CutPrefix(string(in.Script), "user:"); ok {
		return scripts.UserNamespace(id)
	}
	return scripts.AdminNamespace(string(in.Script))
}

// row shows an item.
func (in kvIn) row(k kv.Key, v kv.Value) kvRow {
	r := kvRow{Prefix: k.Prefix.String(), Name: octets(k.Name), Value: showValue(k.Prefix, v.Bytes)}
	if in.Script != "" {
		r.Name = octets(strings.TrimPrefix(k.Name, in.namespace()+"\x00"))
	}
	if !v.Expires.IsZero() {
		r.Expires = &v.Expires
	}
	return r
}

func (r kvRow) shown() kvShown {
	out := kvShown{Prefix: r.Prefix, Value: r.Value, Expires: r.Expires}
	if name := string(r.Name); utf8.ValidString(name) {
		out.Name = &name
	} else {
		out.Name64 = &r.Name
	}
	return out
}

func showValue(p kv.Prefix, b []byte) string {
	if p == kv.Script {
		if v, err := runtime.DecodeValue(b); err == nil {
			if text, err := json.Marshal(v); err == nil {
				return string(text)
			}
		}
	}
	if printable(string(b)) {
		return string(b)
	}
	return fmt.Sprintf("0x%x", b)
}

// printable says whether text can go to a terminal as it is.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// bytes is the value that a command gives, as the row keeps it.
func (in kvIn) bytes(p kv.Prefix) ([]byte, error) {
	text := string(in.Value)
	if p != kv.Script {
		if _, err := kv.ParseCounter([]byte(text)); err != nil && p.Info().Kind == kv.KindCounter {
			return nil, fmt.Errorf("%s holds counters: the value has to be a whole number", p)
		}
		return []byte(text), nil
	}
	v, err := runtime.ParseLiteral(text)
	if err != nil {
		if hasAnyPrefix(text, "{", "[", `"`) {
			return nil, fmt.Errorf("the value begins as JSON and is none: %w", err)
		}
		v = text // a bare word is text
	}
	return runtime.EncodeValue(v)
}

func (in kvIn) ttl() (time.Duration, error) {
	if in.TTL == "" {
		return 0, nil
	}
	return kv.ParseTTL(in.TTL)
}

var (
	opKVGet = newOp("kv/get", func(ctx context.Context, n *node, in kvIn) (kvRow, error) {
		s, k, err := n.whereRow(in)
		if err != nil {
			return kvRow{}, err
		}
		v, err := s.Get(ctx, k)
		if errors.Is(err, kv.ErrNotFound) && k.Prefix.Info().Kind == kv.KindCounter {
			r := in.row(k, kv.Value{Bytes: kv.FormatCounter(0)})
			r.Absent = true
			return r, nil
		}
		return in.row(k, v), err
	})
	opKVSet = newOp("kv/set", func(ctx context.Context, n *node, in kvIn) (bool, error) {
		return true, kvWrite(ctx, n, in, kv.Store.Set)
	}).first()
	opKVAdd = newOp("kv/add", func(ctx context.Context, n *node, in kvIn) (done bool, err error) {
		err = kvWrite(ctx, n, in, func(s kv.Store, ctx context.Context, k kv.Key, v []byte, ttl time.Duration) (err error) {
			done, err = s.Add(ctx, k, v, ttl)
			return err
		})
		return done, err
	}).first()
	opKVDel = newOp("kv/del", func(ctx context.Context, n *node, in kvIn) (bool, error) {
		s, k, err := n.where(in)
		if err != nil {
			return false, err
		}
		return s.Delete(ctx, k)
	})
	opKVIncr = newOp("kv/incr", func(ctx context.Context, n *node, in kvIn) (int64, error) {
		if in.Script != "" {
			in.Kind = "counter"
		}
		s, k, err := n.whereRow(in)
		if err != nil {
			return 0, err
		}
		ttl, err := in.ttl()
		if err != nil {
			return 0, err
		}
		return s.Incr(ctx, k, in.By, ttl)
	}).first()
	opKVList = newOp("kv/list", func(ctx context.Context, n *node, in kvIn) (kvPage, error) {
		s, k, err := n.whereRow(in)
		if err != nil {
			return kvPage{}, err
		}
		items, next, err := s.List(ctx, k.Prefix, k.Name, in.Cursor, in.Limit)
		p := kvPage{Rows: []kvRow{}, Next: next}
		for _, it := range items {
			p.Rows = append(p.Rows, in.row(it.Key, it.Value))
		}
		return p, err
	})
	opKVStats = newOp("kv/stats", func(ctx context.Context, n *node, in kvIn) ([]kvStats, error) {
		s, err := n.store(in.Store)
		if err != nil {
			return nil, err
		}
		list, err := s.Stats(ctx)
		out := []kvStats{}
		for _, p := range list {
			out = append(out, kvStats{p.Prefix.String(), p.Rows, p.Octets})
		}
		return out, err
	})
	opKVFlush = newOp("kv/flush", func(ctx context.Context, n *node, in kvIn) (bool, error) {
		s, err := n.store(in.Store)
		if err != nil {
			return false, err
		}
		return true, s.Flush(ctx)
	})
	opKVPurge = newOp("kv/purge", func(ctx context.Context, n *node, in kvIn) (int, error) {
		s, err := n.store(in.Store)
		if err != nil {
			return 0, err
		}
		total := 0
		for {
			removed, more, err := s.Purge(ctx)
			total += removed
			if err != nil || !more {
				return total, err
			}
		}
	})
)

// kvPage is a page of kv list.
type kvPage struct {
	Rows []kvRow
	Next string
}

// kvStats is a line of kv stats.
type kvStats struct {
	Prefix string `json:"prefix"`
	Rows   int64  `json:"rows"`
	Octets int64  `json:"octets"`
}

func kvWrite(ctx context.Context, n *node, in kvIn, write func(kv.Store, context.Context, kv.Key, []byte, time.Duration) error) error {
	s, k, err := n.whereRow(in)
	if err != nil {
		return err
	}
	ttl, err := in.ttl()
	if err != nil {
		return err
	}
	v, err := in.bytes(k.Prefix)
	if err != nil {
		return err
	}
	return write(s, ctx, k, v, ttl)
}

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := group(&cobra.Command{Use: "kv", Short: "Look at and change the key-value store",
			Long: "A key is named by its prefix (a name such as KV_GREYLIST, or its number) and its name:\n\n    sluice kv get KV_GREYLIST NAME\n\nThe keys of scripts are named by their namespace instead:\n\n    sluice kv list --script admin\n    sluice kv get --script admin --kind counter NAME\n\nA script's value is shown and given as JSON; a bare word is text. list --json prints an object a line."})
		for _, c := range kvCommands {
			cmd.AddCommand(c.command(g))
		}
		cmd.AddCommand(kvExport(g), kvImport(g), kvBackup(g), kvRestore(g))
		offline := cmd.PersistentFlags().Bool("offline", false, "ask no server: open the stores and lock them; fails while a server has them")
		cmd.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
			if *offline {
				cmd.SetContext(context.WithValue(cmd.Context(), offlineKey{}, true))
			}
		}
		return cmd
	})
}

// kvCommand is one subcommand of kv.
type kvCommand struct {
	use, short string
	args       []string // after PREFIX, which --script stands for
	optional   int      // how many of args may be left out
	noKey      bool     // neither prefix nor name
	ttl, by    bool
	run        func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error
}

var kvCommands = []kvCommand{
	{use: "get", short: "Print a value", args: []string{"NAME"}, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		r, err := opKVGet.call(cmd.Context(), c, in)
		if err != nil {
			return kvMissing(err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), r.shown())
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), r.Value)
		return err
	}},
	{use: "ttl", short: "Print how long a key has to live", args: []string{"NAME"}, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		r, err := opKVGet.call(cmd.Context(), c, in)
		if err != nil {
			return kvMissing(err)
		}
		if r.Absent {
			return errAbsent
		}
		if asJSON {
			show := r.shown()
			return printJSON(cmd.OutOrStdout(), struct {
				Name    *string    `json:"name,omitempty"`
				Name64  *octets    `json:"name64,omitempty"`
				Expires *time.Time `json:"expires"`
			}{show.Name, show.Name64, r.Expires})
		}
		text := "never"
		if r.Expires != nil {
			text = time.Until(*r.Expires).Round(time.Second).String()
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	}},
	{use: "set", short: "Set a value", args: []string{"NAME", "VALUE"}, ttl: true, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		done, err := opKVSet.call(cmd.Context(), c, in)
		return kvDone(cmd, "set", done, asJSON, nil, err)
	}},
	{use: "add", short: "Set a value if the key is absent; exit code 1 if it is there", args: []string{"NAME", "VALUE"}, ttl: true, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		done, err := opKVAdd.call(cmd.Context(), c, in)
		return kvDone(cmd, "added", done, asJSON, errors.New("the key is there already"), err)
	}},
	{use: "del", short: "Remove a key; exit code 1 if it is absent", args: []string{"NAME"}, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		done, err := opKVDel.call(cmd.Context(), c, in)
		return kvDone(cmd, "deleted", done, asJSON, errAbsent, err)
	}},
	{use: "incr", short: "Add to a counter and print it", args: []string{"NAME"}, ttl: true, by: true, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		v, err := opKVIncr.call(cmd.Context(), c, in)
		if err == nil && asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]int64{"value": v})
		}
		if err == nil {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), v)
		}
		return err
	}},
	{use: "list", short: "List keys whose names start so", args: []string{"START"}, optional: 1, run: kvList},
	{use: "stats", short: "Count rows by prefix", noKey: true, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		list, err := opKVStats.call(cmd.Context(), c, in)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), list)
		}
		var rows [][]string
		for _, p := range list {
			rows = append(rows, []string{p.Prefix, strconv.FormatInt(p.Rows, 10), strconv.FormatInt(p.Octets, 10)})
		}
		return printTable(cmd.OutOrStdout(), []string{"PREFIX", "ROWS", "OCTETS"}, rows)
	}},
	{use: "purge", short: "Remove expired rows now", noKey: true, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		removed, err := opKVPurge.call(cmd.Context(), c, in)
		if err == nil && asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]int{"removed": removed})
		}
		if err == nil {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed %d rows\n", removed)
		}
		return err
	}},
	{use: "flush", short: "Return when all that was written is on disk", noKey: true, run: func(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
		done, err := opKVFlush.call(cmd.Context(), c, in)
		return kvDone(cmd, "flushed", done, asJSON, nil, err)
	}},
}

// printLine prints v on one line, for a stream of objects.
func printLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// kvDone ends a command that says only whether it did something: why is the error if it did not.
func kvDone(cmd *cobra.Command, what string, done, asJSON bool, why, err error) error {
	if err == nil && asJSON {
		err = printJSON(cmd.OutOrStdout(), map[string]bool{what: done})
	}
	if err == nil && !done {
		return why
	}
	return err
}

var errAbsent = errors.New("the key is absent")

func kvMissing(err error) error {
	if err.Error() == kv.ErrNotFound.Error() {
		return errAbsent
	}
	return err
}

// kvList prints page after page, so that a large store is never held in memory.
func kvList(cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
	return session(cmd.Context(), c, false, func(ctx context.Context) error { return kvPages(ctx, cmd, c, in, asJSON) })
}

func kvPages(ctx context.Context, cmd *cobra.Command, c *Config, in kvIn, asJSON bool) error {
	left := in.Limit
	if left == 0 {
		left = 1 << 62
	}
	w := cmd.OutOrStdout()
	for left > 0 {
		in.Limit = min(left, 500)
		page, err := opKVList.call(ctx, c, in)
		if err != nil {
			return err
		}
		for _, r := range page.Rows {
			if asJSON {
				err = printLine(w, r.shown())
			} else {
				expires := ""
				if r.Expires != nil {
					expires = "  # until " + r.Expires.Format(time.DateTime)
				}
				name := string(r.Name)
				if !printable(name) {
					name = strconv.Quote(name)
				}
				_, err = fmt.Fprintf(w, "%s = %s%s\n", name, r.Value, expires)
			}
			if err != nil {
				return err
			}
		}
		left -= len(page.Rows)
		if in.Cursor = page.Next; in.Cursor == "" {
			return nil
		}
	}
	return nil
}

// takes names the arguments of a command, in brackets those that may be left out.
func (k kvCommand) takes(args []string) string {
	if len(args) == 0 {
		return "no arguments"
	}
	all := slices.Clone(args)
	for i := len(all) - k.optional; i < len(all); i++ {
		all[i] = "[" + all[i] + "]"
	}
	return strings.Join(all, " ")
}

func (k kvCommand) command(g *globals) *cobra.Command {
	var in kvIn
	var asJSON bool
	use := k.use
	if !k.noKey {
		use += " " + k.takes(append([]string{"[PREFIX]"}, k.args...))
	}
	cmd := &cobra.Command{
		Use: use, Short: k.short,
		RunE: func(cmd *cobra.Command, args []string) error {
			want := k.args
			if k.noKey {
				want = nil
			} else if in.Script == "" {
				want = append([]string{"PREFIX"}, want...)
			}
			if len(args) > len(want) || len(args) < len(want)-k.optional {
				return usage("kv %s takes %s; see sluice kv %s --help", k.use, k.takes(want), k.use)
			}
			if _, known := scriptKinds[in.Kind]; in.Script != "" && !known {
				return usage("--kind %q is not one of value, counter, rate, lock", in.Kind)
			}
			for i, name := range want[:len(args)] {
				switch name {
				case "PREFIX":
					in.Prefix = args[i]
				case "NAME", "START":
					in.Name = octets(args[i])
				case "VALUE":
					in.Value = octets(args[i])
				}
			}
			if in.Limit < 0 {
				return usage("--limit %d: expected 0 or more", in.Limit)
			}
			c, _, err := g.load()
			if err != nil {
				return err
			}
			return k.run(cmd, c, in, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Store, "store", "", "id of the store; none: the default one")
	if !k.noKey {
		f.StringVar((*string)(&in.Script), "script", "", "namespace of scripts, or user:ID for an account's, in place of PREFIX")
		f.StringVar(&in.Kind, "kind", "value", "with --script: value or counter; for del also rate or lock")
	}
	if k.use == "list" {
		f.IntVar(&in.Limit, "limit", 1000, "rows at most; 0: all")
	}
	if k.ttl {
		f.StringVar(&in.TTL, "ttl", "", "time to live: seconds, or 90s, 15m, 24h, 30d; none: for ever")
	}
	if k.by {
		f.Int64Var(&in.By, "by", 1, "what is added")
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
