package housekeeping

import "context"

// Logs folds the accounts' change logs.
type Logs interface {
	// SnapshotLog folds one batch of change log entries beyond max-changelog-entries, and
	// forgets what made imports idempotent long ago; it returns how many, and whether there
	// are more.
	SnapshotLog(ctx context.Context) (removed int, more bool, err error)
}

// snapshot-log keeps the histories of accounts from growing for ever.
func init() {
	register(Job{
		Name:     "snapshot-log",
		Doc:      "Folds the change log beyond max-changelog-entries.",
		Setting:  "housekeeper.schedule-snapshot-log",
		Schedule: "45 3 *",
		New: func(d Deps) []Work {
			if d.Logs == nil {
				return nil
			}
			return []Work{{Batch: d.Logs.SnapshotLog, Count: counter(d.Logs)}}
		},
	})
}
