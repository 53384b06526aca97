package housekeeping

import (
	"context"
	"time"
)

// defaultVanishedTTL is cache-removed-id-ttl's default.
const defaultVanishedTTL = 2592000 * time.Second

// Vanished forgets vanished ids.
type Vanished interface {
	// PurgeVanished forgets one batch of the ids that vanished before the given time, and
	// returns how many, and whether there are more.
	PurgeVanished(ctx context.Context, before time.Time) (removed int, more bool, err error)
}

// purge-vanished forgets the UIDs of removed messages that clients had time to hear of.
func init() {
	register(Job{
		Name:     "purge-vanished",
		Doc:      "Forgets the ids of messages that were removed longer ago than cache-removed-id-ttl.",
		Setting:  "imap.cache-purge-every",
		Schedule: "0 3 *",
		New: func(d Deps) []Work {
			if d.Vanished == nil {
				return nil
			}
			ttl := d.VanishedTTL
			if ttl <= 0 {
				ttl = defaultVanishedTTL
			}
			return []Work{{Count: counter(d.Vanished), Batch: func(ctx context.Context) (int, bool, error) {
				return d.Vanished.PurgeVanished(ctx, d.Now().Add(-ttl))
			}}}
		},
	})
}
