// Command bars measures what the key-value engine promises, beside what others do on the same
// machine at the same time.
//
//	go run ./kv/bars [K1 K2 ...] [-rounds 7] [-quick] [-json]
//
// It prints a table for each bar: our figure, the other side's, their ratio, the bar, and ok or
// MISSED. If a bar is missed it says which and ends with status 1.
//
//	round 1   ours  Redis  bare        Ours and theirs take turns, and who is first
//	round 2   Redis bare   ours        changes from round to round. A ratio is made
//	round 3   bare  ours   Redis       within a round; the median of the rounds counts.
//
// What the figures mean:
//
//   - Redis is a private server on a unix socket, asked through go-redis. Where writes are durable it has
//     appendfsync always, on the disk that our file is on.
//   - "bare" is one prepared statement of database/sql on a SQLite file of the same rows in the same
//     folder; for writes one UPSERT a commit with synchronous=FULL, from one connection.
//   - CPU is that of this process for an operation, user and system, without the servers'.
//   - Values are never the ones before: a row that stays as it is would cost no fsync.
//   - A disk's fsync depends on what else it does. Rounds of K3 begin while the load average is under 2, and K3
//     comes first, since the other bars make load themselves. Without such rounds K3 says so.
//
// The folder for files is that of temporary files ($TMPDIR). It must not be in memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bar is a line of the register. One of the functions is set: measure fills a table, print writes one
// by itself, with "MISSED" where a bar is not kept.
type bar struct {
	id, title string
	measure   func(context.Context, *table) error
	print     func(context.Context, io.Writer) error
}

// all is in the order of measuring.
var all = []bar{
	{id: "K3", title: "durable set", measure: k3},
	{id: "K1", title: "cached get", measure: k1},
	{id: "K2", title: "uncached get", measure: k2},
	{id: "K4", title: "relaxed counter", measure: k4},
	{id: "K5", title: "rate limit", measure: k5},
	{id: "K6", title: "lock and unlock", measure: k6},
	{id: "K7", title: "purge", print: k7},
	{id: "K9", title: "kill -9", print: k9},
	{id: "K10", title: "size", print: k10},
}

// settings are the flags.
type settings struct {
	rounds int
	slice  time.Duration // of one side in one round
	quick  bool
	json   bool
}

func main() {
	if dir := os.Getenv(counterChild); dir != "" {
		fmt.Fprintln(os.Stderr, "bars:", countForEver(dir)) // it is killed; an error is its only other end
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bars:", err)
		os.Exit(1)
	case len(missed) > 0:
		fmt.Fprintln(os.Stderr, "bars: missed:", strings.Join(missed, ", "))
		os.Exit(1)
	}
}

// run measures the bars that are asked for and returns what was missed.
func run(ctx context.Context, args []string, w io.Writer) (missed []string, err error) {
	set, wanted, err := parse(args)
	if err != nil {
		return nil, err
	}
	for _, b := range wanted {
		if b.print != nil {
			text := new(strings.Builder)
			err := b.print(ctx, io.MultiWriter(text, textOnly(w, set)))
			if err != nil {
				return missed, fmt.Errorf("%s: %w", b.id, err)
			}
			if strings.Contains(text.String(), "MISSED") {
				missed = append(missed, b.id)
			}
			if set.json {
				if err := writeJSON(w, map[string]any{"id": b.id, "title": b.title, "text": text.String(), "missed": strings.Contains(text.String(), "MISSED")}); err != nil {
					return missed, err
				}
			}
		} else {
			t := &table{ID: b.id, Title: b.title, settings: set}
			if err := b.measure(ctx, t); err != nil {
				return missed, fmt.Errorf("%s: %w", b.id, err)
			}
			missed = append(missed, t.missed()...)
			if set.json {
				err = writeJSON(w, t)
			} else {
				err = t.write(w)
			}
			if err != nil {
				return missed, err
			}
		}
		if !set.json {
			fmt.Fprintln(w)
		}
	}
	return missed, nil
}

func textOnly(w io.Writer, set settings) io.Writer {
	if set.json {
		return io.Discard
	}
	return w
}

// parse reads flags and ids in any order; no id is all of them.
func parse(args []string) (set settings, wanted []bar, err error) {
	f := flag.NewFlagSet("bars", flag.ContinueOnError)
	f.IntVar(&set.rounds, "rounds", 7, "rounds whose median counts")
	f.BoolVar(&set.quick, "quick", false, "short rounds and small files: to see that it runs")
	f.BoolVar(&set.json, "json", false, "one JSON object a bar")
	var ids []string
	for {
		if err := f.Parse(args); err != nil {
			return set, nil, err
		}
		if f.NArg() == 0 {
			break
		}
		ids = append(ids, strings.ToUpper(f.Arg(0)))
		args = f.Args()[1:]
	}
	if set.rounds < 1 {
		return set, nil, errors.New("-rounds is at least 1")
	}
	set.slice = 300 * time.Millisecond
	if set.quick {
		_ = os.Setenv(quickBars, "1") // a constant name cannot be refused
		set.slice = 50 * time.Millisecond
		set.rounds = min(set.rounds, 3)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(b bar) bool { return b.id == id }) {
			var known []string
			for _, b := range all {
				known = append(known, b.id)
			}
			return set, nil, fmt.Errorf("no bar %s; there are %s", id, strings.Join(known, " "))
		}
	}
	for _, b := range all {
		if len(ids) == 0 || slices.Contains(ids, b.id) {
			wanted = append(wanted, b)
		}
	}
	return set, wanted, nil
}
