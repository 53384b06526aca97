package housekeeping

import "context"

// Accounts removes the data of deleted accounts.
type Accounts interface {
	// PurgeAccounts removes one batch of the data of deleted accounts, and returns how many
	// rows and files, and whether there are more.
	PurgeAccounts(ctx context.Context) (removed int, more bool, err error)
}

// purge-accounts removes what deleted accounts left. They are hidden since they were deleted.
func init() {
	register(Job{
		Name:     "purge-accounts",
		Doc:      "Removes the data of deleted accounts.",
		Setting:  "housekeeper.schedule-purge-accounts",
		Schedule: "0 3 *",
		New: func(d Deps) []Work {
			if d.Accounts == nil {
				return nil
			}
			return []Work{{Batch: d.Accounts.PurgeAccounts, Count: counter(d.Accounts)}}
		},
	})
}
