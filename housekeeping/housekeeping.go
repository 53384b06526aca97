// Package housekeeping runs the jobs that keep a mail system tidy: purge expired
// keys, forget vanished ids, clean blobs.
//
//	job_NAME.go ──registers──> Job ──New(Deps)──> Work (one per store, for purge-kv)
//	                                               │ due, or run now
//	History (since, last due time, runs) <── Scheduler ──lease──> kv.LockHousekeeper
//	                                               │
//	                                     Batch ── Batch ── Batch     yields in between
//
// It promises:
//
//   - A work runs once per due time, also where clocks are put forward or back. Due
//     times that passed while the process was down are caught up by one run.
//   - While one node works, no other does: it holds a lease that is renewed, and the
//     run is cancelled when the lease is lost. A node that gets the lease looks into the
//     history again, so that nodes with a common history share the due times.
//   - Between two batches a work waits about as long as the batch took, so that
//     mail gets at least half of what it competes for.
//   - A failing or panicking work is an entry of the history, and nothing else stops.
//
// What is purged is handed in as small interfaces (Deps).
package housekeeping

import (
	"context"
	"fmt"
	"sort"
	"time"
)

// Deps are the things that jobs work on. A job whose thing is absent is not scheduled.
type Deps struct {
	// Stores are the key-value stores by their names, for purge-kv.
	Stores map[string]Store
	// Vanished is what forgets vanished ids, for purge-vanished.
	Vanished Vanished
	// VanishedTTL is how long vanished ids are kept; default 30 days.
	VanishedTTL time.Duration
	// Blobs is what removes blobs that nothing links to, for purge-blobs.
	Blobs Blobs
	// Accounts is what removes the data of deleted accounts, for purge-accounts.
	Accounts Accounts
	// Logs is what folds change logs, for snapshot-log.
	Logs Logs
	// Schedules are the schedules by job name; a job that is not named has its default.
	Schedules map[string]string
	// Now is the clock; set by New from Options.
	Now func() time.Time
}

// Store is a key-value store and when it is purged.
type Store struct {
	Purger
	Schedule string // "": that of the job
}

// Purger removes what is over in bounded batches; kv.Store is one.
type Purger interface {
	// Purge removes one batch and returns how much it removed and whether there is
	// more to look at.
	Purge(ctx context.Context) (removed int, more bool, err error)
}

// Counter is what a thing offers beside its batches so that a dry run can tell how much
// would be removed.
type Counter interface {
	Due(ctx context.Context) (int64, error)
}

// Batch does one bounded piece of a work and says whether there is more to do.
type Batch func(ctx context.Context) (removed int, more bool, err error)

// Work is a job bound to what it works on.
type Work struct {
	Target   string // such as the name of a store; "" where a job has only one
	Schedule string // "": that of the job
	Batch    Batch
	// Count tells a dry run how much would be removed; nil: it cannot be told.
	Count func(ctx context.Context) (int64, error)
}

// Job is a kind of work. Each is registered by a file of its own.
type Job struct {
	Name     string // such as purge-kv
	Doc      string
	Setting  string // the configuration key of its schedule
	Schedule string // the default
	// New returns the works of this job; none if there is nothing to work on.
	New func(d Deps) []Work
}

var registered = map[string]Job{}

// register adds a job; it panics on nonsense, which every test run would meet.
func register(j Job) {
	if _, ok := registered[j.Name]; ok || j.Name == "" || j.Doc == "" || j.New == nil {
		panic("housekeeping: job " + j.Name + " is registered twice or lacks its doc or code")
	}
	if _, err := ParseSchedule(j.Schedule); err != nil {
		panic(fmt.Sprintf("housekeeping: job %s: %v", j.Name, err))
	}
	registered[j.Name] = j
}

// Jobs lists the known jobs in the order of their names.
func Jobs() []Job {
	jobs := make([]Job, 0, len(registered))
	for _, j := range registered {
		jobs = append(jobs, j)
	}
	sort.Slice(jobs, func(i, j int) bool { return jobs[i].Name < jobs[j].Name })
	return jobs
}

// counter returns v's Count for a dry run, or nil.
func counter(v any) func(context.Context) (int64, error) {
	if c, ok := v.(Counter); ok {
		return c.Due
	}
	return nil
}
