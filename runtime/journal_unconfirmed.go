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
	at     map[string]noted
	order  []numbered // by number; may hold ids that are gone, or came again later
	last   uint64
}

// noted is when an id came, and as the how-manieth.
type noted struct {
	time   time.Time
	number uint64
}

type numbered struct {
	id     string
	number uint64
}

func newUnconfirmed(within time.Duration, most int) unconfirmed {
	return unconfirmed{within: within, most: most, at: map[string]noted{}}
}

func (u *unconfirmed) len() int { return len(u.at) }

func (u *unconfirmed) has(id string, now time.Time) bool {
	n, ok := u.at[id]
	return ok && now.Sub(n.time) < u.within
}

func (u *unconfirmed) add(id string, at time.Time) {
	if id == "" {
		return
	}
	u.last++
	u.at[id] = noted{at, u.last}
	u.order = append(u.order, numbered{id, u.last})
	for len(u.at) > u.most {
		if o := u.order[0]; u.at[o.id].number == o.number {
			delete(u.at, o.id)
		}
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
	u.order = make([]numbered, 0, len(u.at))
	for id, n := range u.at {
		u.order = append(u.order, numbered{id, n.number})
	}
	sort.Slice(u.order, func(a, b int) bool { return u.order[a].number < u.order[b].number })
}

// snapshot returns what is not too old, as it is written to a segment.
func (u *unconfirmed) snapshot(now time.Time) map[string]int64 {
	out := make(map[string]int64, len(u.at))
	for id, n := range u.at {
		if now.Sub(n.time) < u.within {
			out[id] = n.time.UnixMilli()
		} else {
			delete(u.at, id)
		}
	}
	u.compact()
	return out
}

// restore makes the set what a snapshot says.
func (u *unconfirmed) restore(snapshot map[string]int64) {
	u.at = make(map[string]noted, len(snapshot))
	u.order = u.order[:0]
	ids := make([]string, 0, len(snapshot))
	for id := range snapshot {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(a, b int) bool { return snapshot[ids[a]] < snapshot[ids[b]] })
	for _, id := range ids {
		u.add(id, time.UnixMilli(snapshot[id]))
	}
}
