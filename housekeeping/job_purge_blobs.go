package housekeeping

import "context"

// Blobs removes blobs.
type Blobs interface {
	// PurgeBlobs removes one batch of blobs that nothing links to and of uploads whose time
	// is over, and returns how many, and whether there are more.
	PurgeBlobs(ctx context.Context) (removed int, more bool, err error)
}

// purge-blobs removes the files of messages that no Email links to any more.
func init() {
	register(Job{
		Name:     "purge-blobs",
		Doc:      "Removes blobs that nothing links to, and unfinished uploads.",
		Setting:  "housekeeper.schedule-purge-blobs",
		Schedule: "30 3 *",
		New: func(d Deps) []Work {
			if d.Blobs == nil {
				return nil
			}
			return []Work{{Batch: d.Blobs.PurgeBlobs, Count: counter(d.Blobs)}}
		},
	})
}
