package imapbridge

import (
	"slices"
	"sync"
	"weak"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

// difference is what happened between two lists of entries.
type difference struct {
	gone    []int // indexes into the old list
	changed []change
	fresh   int // entries of the new list that the old one has not
}

// change is a message with new flags.
type change struct {
	old idmap.Entry
	now int // index into the new list
}

// compare finds the difference between two lists, both ascending by UID.
func compare(old, now []idmap.Entry) *difference {
	d := &difference{}
	i, j := 0, 0
	for i < len(old) && j < len(now) {
		a, b := &old[i], &now[j]
		switch {
		case a.UID < b.UID:
			d.gone = append(d.gone, i)
			i++
		case a.UID > b.UID:
			d.fresh++
			j++
		default:
			if a.ModSeq != b.ModSeq && !sameFlags(a, b) {
				d.changed = append(d.changed, change{old: *a, now: j})
			}
			i++
			j++
		}
	}
	for ; i < len(old); i++ {
		d.gone = append(d.gone, i)
	}
	d.fresh += len(now) - j
	return d
}

// sameFlags reports whether two entries have the same flags, \Recent aside.
func sameFlags(a, b *idmap.Entry) bool {
	return a.Flags&^idmap.Recent == b.Flags&^idmap.Recent && slices.Equal(a.Keywords, b.Keywords)
}

// differencesMax is how many differences are kept.
const differencesMax = 64

// differences keeps the last differences between views. Sessions that wait for the same
// mailbox go from one view to the next together, and the first to come compares for all.
// Views are not kept alive by it. Many goroutines may use it.
type differences struct {
	mu    sync.Mutex
	known map[viewPair]*sharedDifference
	order []viewPair // oldest first
}

// viewPair is an older and a newer view.
type viewPair struct{ old, now weak.Pointer[idmap.View] }

// sharedDifference is made by the first who asks.
type sharedDifference struct {
	once sync.Once
	d    *difference
}

// between returns the difference between two views. Nobody changes it.
func (ds *differences) between(old, now *idmap.View) *difference {
	pair := viewPair{weak.Make(old), weak.Make(now)}
	ds.mu.Lock()
	shared := ds.known[pair]
	if shared == nil {
		if ds.known == nil {
			ds.known = make(map[viewPair]*sharedDifference, differencesMax)
		}
		if len(ds.order) == differencesMax {
			delete(ds.known, ds.order[0])
			ds.order = slices.Delete(ds.order, 0, 1)
		}
		shared = &sharedDifference{}
		ds.known[pair], ds.order = shared, append(ds.order, pair)
	}
	ds.mu.Unlock()
	shared.once.Do(func() { shared.d = compare(old.Entries, now.Entries) })
	return shared.d
}
