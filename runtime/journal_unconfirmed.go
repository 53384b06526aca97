package runtime

import (
	"sort"
	"time"
)

// unconfirmed is the bounded set of delivery ids whose answers may not have reached the
// peer, each with its time.
type unconfirmed struct {
	within time.Duration
	most   int
	at     map[string]time.Time
	order  []string // by time; may hold ids that are gone
}

func newUnconfirmed(within time.Duration, most int) unconfirmed {
	return unconfirmed{within: within, most: most, at: map[string]time.Time{}}
}

func (u *unconfirmed) len() int { return len(u.at) }

func (u *unconfirmed) has(id string, now time.Time) bool {
	t, ok := u.at[id]
	return ok && now.Sub(t) < u.within
}

func (u *unconfirmed) add(id string, at time.Time) {
	if id == "" {
		return
	}
	u.at[id] = at
	u.order = append(u.order, id)
	for len(u.at) > u.most {
		delete(u.at, u.order[0])
		u.order = u.order[1:]
	}
	if len(u.order) > 2*len(u.at)+64 {
		u.compact()
	}
}

func (u *unconfirmed) remove(id string) bool {
	_, ok := u.at[id]
	delete(u.at, id)
	return ok
}

// compact makes order anew from what is there.
func (u *unconfirmed) compact() {
	u.order = make([]string, 0, len(u.at))
	for id := range u.at {
		u.order = append(u.order, id)
	}
	sort.Slice(u.order, func(a, b int) bool { return u.at[u.order[a]].Before(u.at[u.order[b]]) })
}

// snapshot returns what is not too old, as it is written to a segment.
func (u *unconfirmed) snapshot(now time.Time) map[string]int64 {
	out := make(map[string]int64, len(u.at))
	for id, t := range u.at {
		if now.Sub(t) < u.within {
			out[id] = t.UnixMilli()
		} else {
			delete(u.at, id)
		}
	}
	u.compact()
	return out
}

// restore makes the set what a snapshot says.
func (u *unconfirmed) restore(snapshot map[string]int64) {
	u.at = make(map[string]time.Time, len(snapshot))
	for id, ms := range snapshot {
		u.at[id] = time.UnixMilli(ms)
	}
	u.compact()
}
