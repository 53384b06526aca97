package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/dump"
	"github.com/sluice-mail/sluice/kv/engine"
)

// kvRaw is a row as it crosses the control socket.
type kvRaw struct {
	Prefix kv.Prefix `json:"p"`
	Name   []byte    `json:"k"`
	Value  []byte    `json:"v"`
	Exp    int64     `json:"e,omitempty"` // unix ms
	Fence  uint64    `json:"f,omitempty"`
}

// dumpPage is how many rows cross it at once.
const dumpPage = 1000

type (
	exportIn struct {
		Store  string
		Prefix kv.Prefix
		Cursor string
	}
	exportOut struct {
		Rows []kvRaw
		Next string
		None string // why the prefix's store cannot list rows
	}
	importIn struct {
		Store string
		Keep  bool // rows that are there already stay as they are
		Rows  []kvRaw
	}
	importOut struct {
		Written int `json:"written"`
		Kept    int `json:"kept"`    // were there already, or were written under a later fence
		Expired int `json:"expired"` // their time was over
	}
	backupIn struct{ Store, Path string }
)

var (
	opKVExport = newOp("kv/export", func(ctx context.Context, n *node, in exportIn) (exportOut, error) {
		s, err := n.store(in.Store)
		if err != nil {
			return exportOut{}, err
		}
		items, next, err := s.List(ctx, in.Prefix, "", in.Cursor, dumpPage)
		out := exportOut{Next: next}
		if errors.Is(err, kv.ErrUnsupported) {
			out.None, err = err.Error(), nil
		}
		for _, it := range items {
			r := kvRaw{it.Key.Prefix, []byte(it.Key.Name), it.Value.Bytes, 0, it.Value.Fence}
			if !it.Value.Expires.IsZero() {
				r.Exp = it.Value.Expires.UnixMilli()
			}
			out.Rows = append(out.Rows, r)
		}
		return out, err
	})
	opKVImport = newOp("kv/import", func(ctx context.Context, n *node, in importIn) (importOut, error) {
		s, err := n.store(in.Store)
		if err != nil {
			return importOut{}, err
		}
		return in.write(ctx, s)
	}).first()
	opKVBackup = newOp("kv/backup", func(ctx context.Context, n *node, in backupIn) (bool, error) {
		s, err := n.store(in.Store)
		if err != nil {
			return false, err
		}
		b, ok := s.(interface {
			BackupTo(ctx context.Context, path string) error
		})
		if !ok {
			return false, errNoBackup
		}
		err = b.BackupTo(ctx, in.Path)
		if errors.Is(err, kv.ErrUnsupported) {
			err = errNoBackup
		}
		return err == nil, err
	})
)

var errNoBackup = errors.New("only a store of type sqlite or rocksdb can be backed up; name it with --store, or use sluice kv export")

// importers is how many rows are written at once: a store with group commit wants company.
const importers = 64

// write puts the rows into s.
func (in importIn) write(ctx context.Context, s kv.Store) (out importOut, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rows := make(chan kvRaw)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range importers {
		wg.Go(func() {
			for r := range rows {
				to, err := in.insist(ctx, s, r, &out)
				if err != nil {
					cancel(fmt.Errorf("%s: %w", r.Prefix, err))
					continue
				}
				mu.Lock()
				*to++
				mu.Unlock()
			}
		})
	}
	for _, r := range in.Rows {
		select {
		case rows <- r:
		case <-ctx.Done():
		}
	}
	close(rows)
	wg.Wait()
	return out, context.Cause(ctx)
}

// patience is for how long one row is tried again while the store does not answer. A server that is slow
// under so many writes at once shall not end an import in the middle.
const patience = 10 * time.Second

// insist is writeOne with patience. To write a row twice does no harm: it is the same row.
func (in importIn) insist(ctx context.Context, s kv.Store, r kvRaw, out *importOut) (*int, error) {
	began := time.Now()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		to, err := in.writeOne(ctx, s, r, out)
		if !kv.IsUnavailable(err) || ctx.Err() != nil || time.Since(began) > patience {
			return to, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// writeOne writes a row and returns what it counts as.
func (in importIn) writeOne(ctx context.Context, s kv.Store, r kvRaw, out *importOut) (*int, error) {
	ttl := time.Duration(0)
	if r.Exp != 0 {
		if ttl = time.Until(time.UnixMilli(r.Exp)).Truncate(time.Millisecond); ttl <= 0 {
			return &out.Expired, nil
		}
	}
	k := kv.Key{Prefix: r.Prefix, Name: string(r.Name)}
	if in.Keep {
		done, err := s.Add(ctx, k, r.Value, ttl)
		if !done {
			return &out.Kept, err
		}
		return &out.Written, err
	}
	if r.Fence == 0 {
		return &out.Written, s.Set(ctx, k, r.Value, ttl)
	}
	err := s.SetFenced(ctx, k, r.Value, ttl, r.Fence)
	switch {
	case errors.Is(err, kv.ErrNotOwner):
		return &out.Kept, nil
	case errors.Is(err, kv.ErrUnsupported): // no locks there, so no fences either
		err = s.Set(ctx, k, r.Value, ttl)
	}
	return &out.Written, err
}

func kvExport(g *globals) *cobra.Command {
	var store, output string
	var quiet bool
	cmd := &cobra.Command{
		Use: "export [PREFIX]", Short: "Write the rows of a store, or of one prefix, to a file that import reads", Args: cobra.MaximumNArgs(1),
		Long: "Writes all values and counters in order, one JSON object a line (the package kv/dump describes\nthe format), from a running server too. Rate limits and locks are about the present and stay behind.",
		RunE: func(cmd *cobra.Command, args []string) error {
			prefixes := make([]kv.Prefix, 0, 256)
			for p := range 256 {
				prefixes = append(prefixes, kv.Prefix(p))
			}
			if len(args) > 0 {
				p, err := kv.ParsePrefix(args[0])
				if err != nil {
					return usage("%v", err)
				}
				prefixes = []kv.Prefix{p}
			}
			c, _, err := g.load()
			if err != nil {
				return err
			}
			return session(cmd.Context(), c, false, func(ctx context.Context) error {
				return toFile(cmd, output, func(w io.Writer) error { return exportTo(ctx, cmd, c, w, store, prefixes, quiet) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&store, "store", "", "id of the store; none: the default one")
	f.StringVarP(&output, "output", "o", "", "file to write; none: standard output")
	f.BoolVarP(&quiet, "quiet", "q", false, "no progress bar")
	return cmd
}

// toFile has write fill the file, which takes its name only when it is whole and on disk.
func toFile(cmd *cobra.Command, path string, write func(io.Writer) error) error {
	if path == "" {
		return write(cmd.OutOrStdout())
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func exportTo(ctx context.Context, cmd *cobra.Command, c *Config, w io.Writer, store string, prefixes []kv.Prefix, quiet bool) error {
	total := int64(-1)
	if !quiet && terminal(os.Stderr) {
		stats, err := opKVStats.call(ctx, c, kvIn{Store: store})
		if err != nil {
			return err
		}
		total = 0
		for _, s := range stats {
			for _, p := range prefixes {
				if s.Prefix == p.String() {
					total += s.Rows
				}
			}
		}
	}
	id := store
	if id == "" {
		id = c.Storage.Lookup
	}
	d, err := dump.NewWriter(w, dump.Head{Made: time.Now(), Store: id})
	if err != nil {
		return err
	}
	bar := progress("exporting", total, quiet)
	var without []string
	for _, p := range prefixes {
		in := exportIn{Store: store, Prefix: p}
		for {
			page, err := opKVExport.call(ctx, c, in)
			if err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
			if page.None != "" {
				if without = append(without, p.String()); len(without) == len(prefixes) {
					return errors.New(page.None)
				}
			}
			for _, r := range page.Rows {
				it := kv.Item{Key: kv.Key{Prefix: r.Prefix, Name: string(r.Name)}, Value: kv.Value{Bytes: r.Value, Expires: kv.Moment(r.Exp), Fence: r.Fence}}
				if err := d.Write(it); err != nil {
					return err
				}
			}
			_ = bar.Add(len(page.Rows))
			if in.Cursor = page.Next; in.Cursor == "" {
				break
			}
		}
	}
	_ = bar.Finish()
	if len(without) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "sluice: not exported, since their store cannot list its rows: %s\n", strings.Join(without, ", "))
	}
	return d.Close()
}

func kvImport(g *globals) *cobra.Command {
	var store string
	var keep, quiet, asJSON bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Write the rows of an exported file into a store", Args: cobra.ExactArgs(1),
		Long: "Reads the whole file first: if it was cut or changed, nothing is written. Rows replace what is\nthere, unless --keep is given; rows whose time is over are left out. FILE may be - for standard input.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			f, rows, err := openDump(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			var sum importOut
			err = session(cmd.Context(), c, true, func(ctx context.Context) (err error) {
				sum, err = importFrom(ctx, c, f, importIn{Store: store, Keep: keep}, progress("importing", rows, quiet))
				return err
			})
			if err != nil {
				return fmt.Errorf("after %d rows: %w", sum.Written+sum.Kept+sum.Expired, err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), sum)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d rows written, %d kept as they were, %d expired\n", sum.Written, sum.Kept, sum.Expired)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&store, "store", "", "id of the store; none: the default one")
	f.BoolVar(&keep, "keep", false, "leave rows that are there already as they are")
	f.BoolVarP(&quiet, "quiet", "q", false, "no progress bar")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// openDump opens a dump that was read to its end once, and counts its rows.
func openDump(path string) (*os.File, int64, error) {
	open := func() (*os.File, error) { return os.Open(path) }
	if path == "-" {
		open = func() (*os.File, error) { return spool(os.Stdin) }
	}
	f, err := open()
	if err != nil {
		return nil, 0, err
	}
	rows, err := countRows(f)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, rows, nil
}

// spool copies in to a file without a name.
func spool(in io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "sluice-import-")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	if _, err := io.Copy(f, in); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// countRows reads a dump from its beginning to its end and goes back to the beginning.
func countRows(f *os.File) (rows int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	d, err := dump.NewReader(f)
	for err == nil {
		if _, err = d.Next(); err == nil {
			rows++
		}
	}
	if err != io.EOF {
		return 0, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return rows, err
}

func importFrom(ctx context.Context, c *Config, f io.Reader, in importIn, bar *progressbar.ProgressBar) (sum importOut, err error) {
	d, err := dump.NewReader(f)
	if err != nil {
		return sum, err
	}
	send := func() error {
		out, err := opKVImport.call(ctx, c, in)
		sum.Written, sum.Kept, sum.Expired = sum.Written+out.Written, sum.Kept+out.Kept, sum.Expired+out.Expired
		_ = bar.Add(len(in.Rows))
		in.Rows = in.Rows[:0]
		return err
	}
	octets := 0
	for {
		it, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return sum, err
		}
		r := kvRaw{Prefix: it.Key.Prefix, Name: []byte(it.Key.Name), Value: it.Value.Bytes, Fence: it.Value.Fence}
		if !it.Value.Expires.IsZero() {
			r.Exp = it.Value.Expires.UnixMilli()
		}
		in.Rows = append(in.Rows, r)
		if octets += len(r.Value); len(in.Rows) == dumpPage || octets > kv.MaxPageOctets {
			octets = 0
			if err := send(); err != nil {
				return sum, err
			}
		}
	}
	if err := send(); err != nil {
		return sum, err
	}
	_ = bar.Finish()
	_, err = opKVFlush.call(ctx, c, kvIn{Store: in.Store})
	return sum, err
}

func kvBackup(g *globals) *cobra.Command {
	var store string
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Copy an embedded store as it is at this moment, while the server runs", Args: cobra.ExactArgs(1),
		Long: "Writes everything that was acknowledged to a new file, checks that file, and gives it its name.\nsluice kv restore puts it back. The backup of a store of type rocksdb is a directory, as the store is.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			path, err := filepath.Abs(args[0]) // the server may be in another directory
			if err != nil {
				return err
			}
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s is there already", path)
			}
			in := backupIn{Store: store, Path: path}
			if in.Store == "" {
				in.Store = c.Storage.Lookup
			}
			_, err = opKVBackup.call(cmd.Context(), c, in)
			return err
		},
	}
	cmd.Flags().StringVar(&store, "store", "", "id of the store; none: the default one")
	return cmd
}

func kvRestore(g *globals) *cobra.Command {
	var store string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in place of an embedded store; the server must not run", Args: cobra.ExactArgs(1),
		Long: "Checks a copy of the backup from end to end, then puts it in the place of the store's file, which stays\nbeside it with the suffix .before-restore.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			id := store
			if id == "" {
				id = c.Storage.Lookup
			}
			s, ok := c.Store[id]
			if !ok || s.SQL {
				return usage("unknown store %q", id)
			}
			if s.Type == "rocksdb" {
				return fmt.Errorf("store %q is of type rocksdb, whose backup is a directory: copy it to %s while the server does not run", id, s.Path)
			}
			if s.Type != "sqlite" {
				return fmt.Errorf("store %q is of type %s; only sqlite is restored from a backup: use sluice kv import for others", id, s.Type)
			}
			if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
				return err
			}
			if err := engine.Restore(cmd.Context(), args[0], s.Path, engine.Options{Logger: quietLogger()}); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&store, "store", "", "id of the store; none: the default one")
	return cmd
}

// progress is a bar on the terminal, or nothing where there is none. total -1 is unknown.
func progress(what string, total int64, quiet bool) *progressbar.ProgressBar {
	return progressOf(what, "rows", total, quiet)
}

// progressOf is a progress of other things than rows.
func progressOf(what, things string, total int64, quiet bool) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(!quiet && terminal(os.Stderr)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(things),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}

// terminal reports whether somebody looks at f.
func terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
