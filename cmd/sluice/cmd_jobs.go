package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/housekeeping"
)

// jobIn is what the jobs commands ask for.
type jobIn struct {
	Name string
	Dry  bool
}

var (
	opJobsList = newOp("jobs/list", func(ctx context.Context, n *node, _ jobIn) ([]housekeeping.Status, error) {
		return n.jobs.Status(ctx)
	})
	opJobsRun = newOp("jobs/run", func(ctx context.Context, n *node, in jobIn) (housekeeping.Run, error) {
		names, err := n.jobNames(ctx, in.Name)
		if err != nil {
			return housekeeping.Run{}, err
		}
		var sum housekeeping.Run
		for i, name := range names {
			r, err := n.jobs.RunNow(ctx, name, in.Dry)
			if err != nil {
				return sum, err
			}
			if i == 0 {
				sum.Started, sum.Dry = r.Started, r.Dry
			}
			sum.Took += r.Took
			sum.Removed += r.Removed
			if r.Error != "" {
				sum.Error = r.Error
			}
		}
		return sum, nil
	})
	opJobsPast = newOp("jobs/history", func(ctx context.Context, n *node, in jobIn) (housekeeping.Past, error) {
		names, err := n.jobNames(ctx, in.Name)
		if err != nil {
			return housekeeping.Past{}, err
		}
		var all housekeeping.Past
		for _, name := range names {
			past, err := n.jobs.Past(ctx, name)
			if err != nil {
				return all, err
			}
			all.Runs = append(all.Runs, past.Runs...)
		}
		slices.SortStableFunc(all.Runs, func(a, b housekeeping.Run) int { return a.Started.Compare(b.Started) })
		return all, nil
	})
)

// jobNames returns the jobs that a name means: itself, or, for the name without a target, such as purge-kv,
// the job for every target.
func (n *node) jobNames(ctx context.Context, name string) ([]string, error) {
	list, err := n.jobs.Status(ctx)
	if err != nil {
		return nil, err
	}
	var found, known []string
	for _, j := range list {
		base, _, _ := strings.Cut(j.Name, ":")
		if j.Name == name || base == name {
			found = append(found, j.Name)
		}
		known = append(known, j.Name)
	}
	if found == nil {
		return nil, fmt.Errorf("unknown job %q; the jobs are %s", name, strings.Join(known, " "))
	}
	return found, nil
}

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := group(&cobra.Command{Use: "jobs", Short: "Look at the housekeeper's jobs and run them"})
		cmd.AddCommand(jobsList(g), jobsRun(g), jobsHistory(g))
		return cmd
	})
}

func jobsList(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List jobs with their schedules, next and last runs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			list, err := opJobsList.call(cmd.Context(), c, jobIn{})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			var rows [][]string
			for _, j := range list {
				last := "never"
				if j.Last != nil {
					last = fmt.Sprintf("%s removed %d %s", j.Last.Started.Local().Format(time.DateTime), j.Last.Removed, j.Last.Error)
				}
				rows = append(rows, []string{j.Name, j.Schedule, j.Setting, j.Next.Local().Format(time.DateTime), last})
			}
			return printTable(cmd.OutOrStdout(), []string{"JOB", "SCHEDULE", "SETTING", "NEXT", "LAST"}, rows)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func jobsRun(g *globals) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "run JOB", Short: "Run a job now", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			r, err := opJobsRun.call(cmd.Context(), c, jobIn{args[0], dry})
			if err != nil {
				return err
			}
			what := "removed"
			if r.Dry {
				what = "would remove"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s %d in %s\n", args[0], what, r.Removed, r.Took.Round(time.Millisecond))
			if r.Error != "" {
				return fmt.Errorf("%s: %s", args[0], r.Error)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be removed")
	return cmd
}

func jobsHistory(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "history JOB", Short: "List a job's past runs", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := g.load()
			if err != nil {
				return err
			}
			past, err := opJobsPast.call(cmd.Context(), c, jobIn{Name: args[0]})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), past.Runs)
			}
			var rows [][]string
			for _, r := range past.Runs {
				rows = append(rows, []string{r.Started.Local().Format(time.DateTime), r.Took.Round(time.Millisecond).String(), strconv.FormatInt(r.Removed, 10), r.Error})
			}
			return printTable(cmd.OutOrStdout(), []string{"STARTED", "TOOK", "REMOVED", "ERROR"}, rows)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
