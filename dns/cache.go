package dns

import (
	"container/list"
	"time"
)

// entrySize is how many octets of answers the cache may hold for each of its entries: names of
// others may have large records.
const entrySize = 1 << 10

// cache holds answers for as long as they hold, the last used ones if there are too many. It is
// not for several goroutines.
type cache struct {
	most    int // entries
	size    int // octets
	entries map[key]*list.Element
	order   *list.List // of *entry, the last used one in front
}

type entry struct {
	key
	answer  Answer
	err     error
	expires time.Time
	size    int
}

func newCache(most int) cache {
	return cache{most: most, entries: map[key]*list.Element{}, order: list.New()}
}

// get returns what is known, nil if nothing is or its time is over.
func (c *cache) get(k key, now time.Time) *entry {
	at := c.entries[k]
	if at == nil {
		return nil
	}
	e := at.Value.(*entry)
	if !now.Before(e.expires) {
		c.remove(at)
		return nil
	}
	c.order.MoveToFront(at)
	return e
}

func (c *cache) put(e *entry) {
	e.size = len(e.name) + 100
	for _, v := range e.answer.Values {
		e.size += len(v) + 18
	}
	if old := c.entries[e.key]; old != nil {
		c.remove(old)
	}
	if e.size > c.most*entrySize {
		return
	}
	c.entries[e.key] = c.order.PushFront(e)
	c.size += e.size
	for len(c.entries) > c.most || c.size > c.most*entrySize {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(at *list.Element) {
	e := c.order.Remove(at).(*entry)
	delete(c.entries, e.key)
	c.size -= e.size
}
