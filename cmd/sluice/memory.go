package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A script may take tens of megabytes for a moment. Go collects them when it needs memory again, which
// may be minutes later, and gives them back slowly; a mail server has neighbours.
const (
	giveBackEvery = 5 * time.Second
	giveBackFrom  = 16 << 20 // octets beyond those of the last time
)

// giveBack returns memory that is no longer used to the system until ctx ends.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(giveBackEvery)
	defer tick.Stop()
	last := heapOctets()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// A server that always does much keeps what it needs for that.
		if heapOctets() > last+last/2+giveBackFrom {
			debug.FreeOSMemory()
			last = heapOctets()
		}
	}
}

// heapOctets is the memory that the process has for its heap, used or not.
func heapOctets() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s)
	var n uint64
	for _, m := range s {
		n += m.Value.Uint64()
	}
	return n
}
