// Command bars measures `sluice filter` beside Debian's sieve-filter, over the same Maildir at the
// same time.
//
//	go run ./mailbox/bars [-n 2000] [-rounds 7] [-script FILE]
//
//	round 1   sluice        first run     warm run      Who is first changes from round to
//	round 2   first run     warm run      sluice        round. A ratio is made within a
//	round 3   ...                                       round; the median of the rounds counts.
//
// A first run of sieve-filter has neither its index files nor the compiled script; a warm one has both, and
// reads header fields from its cache. sluice keeps nothing, so that each of its runs is a first one. Both
// are whole processes, from start to end, that print what they would do with each message (sluice with
// --json). Their decisions must be the same. CPU is that of the process, user and system.
//
// It ends with status 1 if a bar is missed. What is not installed is said, and nothing is measured.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/sluice-mail/sluice/corpus"
	"github.com/sluice-mail/sluice/peers"
)

// The bars: how many times faster than sieve-filter.
const (
	barFirst = 3.0
	barWarm  = 1.5
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	n := flag.Int("n", 2000, "number of messages")
	rounds := flag.Int("rounds", 7, "number of rounds")
	script := flag.String("script", "sieve/testdata/bench/rules100.sieve", "the script")
	flag.Parse()
	missed, err := run(ctx, os.Stdout, *n, *rounds, *script)
	switch {
	case errors.Is(err, peers.ErrMissing):
		fmt.Fprintln(os.Stderr, "bars: SKIPPED:", err, "(.ci/prepare tests installs it)")
	case err != nil:
		fmt.Fprintln(os.Stderr, "bars:", err)
		os.Exit(1)
	case missed:
		os.Exit(1)
	}
}

// sample is one run of one side.
type sample struct {
	wall, cpu time.Duration
	decisions map[string][]string
}

// bench is what the sides work on.
type bench struct {
	judge   *peers.SieveFilter
	program string // sluice
	dir     string
	script  []byte
}

func run(ctx context.Context, w io.Writer, n, rounds int, script string) (missed bool, err error) {
	code, err := os.ReadFile(script)
	if err != nil {
		return false, err
	}
	judge, err := peers.NewSieveFilter()
	if err != nil {
		return false, err
	}
	defer judge.Close()
	dir, err := os.MkdirTemp("", "sluice-bars-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	b := &bench{judge: judge, program: filepath.Join(dir, "sluice"), dir: dir, script: code}
	if err := os.WriteFile(filepath.Join(dir, "script.sieve"), code, 0o600); err != nil {
		return false, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.program, "./cmd/sluice")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return false, fmt.Errorf("building sluice: %w", err)
	}
	octets, err := corpus.MadeMaildir(judge.Maildir, n, 1)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(w, "%s over %d messages, %.1f MB; %d rounds\n\n", filepath.Base(script), n, float64(octets)/1e6, rounds)

	sides := []struct {
		name string
		run  func(context.Context) (*sample, error)
	}{{"sluice filter", b.ours}, {"sieve-filter, first run", b.first}, {"sieve-filter, warm", b.warm}}
	samples := make([][]*sample, len(sides))
	for _, s := range sides { // not counted: the files come into the page cache
		if _, err := s.run(ctx); err != nil {
			return false, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := range rounds {
		got := make([]*sample, len(sides))
		turn := []int{0, 1, 2}
		if round%2 == 1 {
			turn = []int{1, 2, 0} // a warm run always comes behind a first one
		}
		for _, i := range turn {
			if got[i], err = sides[i].run(ctx); err != nil {
				return false, fmt.Errorf("%s: %w", sides[i].name, err)
			}
		}
		for i := range sides {
			samples[i] = append(samples[i], got[i])
			if diff := differ(got[0].decisions, got[i].decisions); diff != "" {
				return false, fmt.Errorf("round %d: %s decides otherwise: %s", round+1, sides[i].name, diff)
			}
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\twall\tbest\tCPU\tmessages/s\tratio\tCPU ratio\tbar\t")
	for i, s := range sides {
		wall := median(samples[i], func(s *sample) float64 { return s.wall.Seconds() })
		best := slices.MinFunc(samples[i], func(a, b *sample) int { return cmp.Compare(a.wall, b.wall) }).wall.Seconds()
		cpu := median(samples[i], func(s *sample) float64 { return s.cpu.Seconds() })
		fmt.Fprintf(t, "%s\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f\t", s.name, wall*1e3, best*1e3, cpu*1e3, float64(n)/wall)
		if i == 0 {
			fmt.Fprintln(t, "\t\t\t")
			continue
		}
		bar := []float64{0, barFirst, barWarm}[i]
		ratios := make([]float64, rounds)
		cpus := make([]float64, rounds)
		for r := range rounds {
			ratios[r] = samples[i][r].wall.Seconds() / samples[0][r].wall.Seconds()
			cpus[r] = samples[i][r].cpu.Seconds() / samples[0][r].cpu.Seconds()
		}
		ratio, verdict := middle(ratios), "ok"
		if ratio < bar {
			missed, verdict = true, "MISSED"
		}
		fmt.Fprintf(t, "%.1f\t%.1f\t%.1f %s\t\n", ratio, middle(cpus), bar, verdict)
	}
	if err := t.Flush(); err != nil {
		return false, err
	}
	fmt.Fprintf(w, "\n%d messages decided alike in each round: %s\n", n, tally(samples[0][0].decisions))
	return missed, nil
}

func median(all []*sample, of func(*sample) float64) float64 {
	list := make([]float64, len(all))
	for i, s := range all {
		list[i] = of(s)
	}
	return middle(list)
}

func middle(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

func (b *bench) first(ctx context.Context) (*sample, error) {
	if err := b.judge.Forget(); err != nil {
		return nil, err
	}
	return b.warm(ctx)
}

func (b *bench) warm(ctx context.Context) (*sample, error) {
	r, err := b.judge.Run(ctx, b.script)
	if err != nil {
		return nil, err
	}
	return &sample{r.Wall, r.CPU, r.Decisions}, nil
}

// ours runs sluice. A mailbox that is not there is an error to it, where sieve-filter does not look.
func (b *bench) ours(ctx context.Context) (*sample, error) {
	cmd := exec.CommandContext(ctx, b.program, "filter", "--json", "--create", "script.sieve", b.judge.Maildir)
	cmd.Dir = b.dir
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, log.Bytes())
	}
	s := &sample{wall: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), decisions: map[string][]string{}}
	for line := range bytes.Lines(out.Bytes()) {
		var m struct {
			MessageID string `json:"message_id"`
			Plan      []struct {
				Action, Mailbox, Address string
				Flags                    []string
			}
		}
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, err
		}
		var list []string
		for _, a := range m.Plan {
			switch a.Action {
			case "keep":
				list = append(list, peers.Decision("store INBOX", a.Flags))
			case "fileinto":
				list = append(list, peers.Decision("store "+a.Mailbox, a.Flags))
			default:
				list = append(list, peers.Decision(strings.TrimSpace(a.Action+" "+a.Address), nil))
			}
		}
		slices.Sort(list)
		s.decisions[m.MessageID] = list
	}
	return s, nil
}

// differ returns a message about which two sides decide differently, "" if there is none.
func differ(a, b map[string][]string) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d and %d messages", len(a), len(b))
	}
	for _, id := range slices.Sorted(maps.Keys(a)) {
		if !slices.Equal(a[id], b[id]) {
			return fmt.Sprintf("%s: %q and %q", id, a[id], b[id])
		}
	}
	return ""
}

// tally counts the decisions.
func tally(decisions map[string][]string) string {
	counts := map[string]int{}
	for _, list := range decisions {
		counts[strings.Join(list, " and ")]++
	}
	var out []string
	for _, what := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) }) {
		out = append(out, fmt.Sprintf("%d %s", counts[what], what))
	}
	return strings.Join(out, ", ")
}
