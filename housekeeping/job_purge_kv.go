package housekeeping

import "sort"

// purge-kv removes expired rows from every key-value store. A store has a schedule of its
// own in store.<id>.purge.frequency.
func init() {
	register(Job{
		Name:     "purge-kv",
		Doc:      "Removes expired keys from every key-value store.",
		Setting:  "store.<id>.purge.frequency",
		Schedule: "0 3 *",
		New: func(d Deps) []Work {
			var works []Work
			for name, s := range d.Stores {
				works = append(works, Work{Target: name, Schedule: s.Schedule, Batch: s.Purge, Count: counter(s.Purger)})
			}
			sort.Slice(works, func(i, j int) bool { return works[i].Target < works[j].Target })
			return works
		},
	})
}
