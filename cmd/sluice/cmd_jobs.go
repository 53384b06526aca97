package main

import (
	"context"
	"fmt"
	"strconv"
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
		return n.jobs.RunNow(ctx, in.Name, in.Dry)
	})
	opJobsPast = newOp("jobs/history", func(ctx context.Context, n *node, in jobIn) (housekeeping.Past, error) {
		return n.jobs.Past(ctx, in.Name)
	})
)

func init() {
	commands = append(commands, func(g *globals) *cobra.Command {
		cmd := &cobra.Command{Use: "jobs", Short: "Look at the housekeeper's jobs and run them"}
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
