package gateway

import (
	"sync"

	"github.com/sluice-mail/sluice/runtime"
)

// How much of the recent runs is kept.
const (
	maxRecords      = 500
	maxRecordOctets = 32 << 20
)

// Recorded is a run of the recent past.
type Recorded struct {
	Message string // the transaction's id, as in the log
	Account string // name of the recipient's account; "" where a stage has none
	Record  *runtime.Record
}

// ring keeps the newest records, bounded by their number and their octets.
type ring struct {
	mu     sync.Mutex
	all    []Recorded
	octets int
}

// note keeps a run's record and hands it on.
func (in *Intake) note(tx *runtime.Transaction, r *runtime.Record) {
	if r == nil || in.o.Record == runtime.RecordOff {
		return
	}
	in.records.add(Recorded{Message: tx.ID, Account: tx.Rcpt.Name, Record: r})
	if in.o.OnRecord != nil {
		in.o.OnRecord(tx.Rcpt.Name, r)
	}
}

// Records returns the recent runs, oldest first.
func (in *Intake) Records() []Recorded {
	in.records.mu.Lock()
	defer in.records.mu.Unlock()
	return append([]Recorded(nil), in.records.all...)
}

func (r *ring) add(rec Recorded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, rec)
	r.octets += weight(rec)
	for len(r.all) > maxRecords || r.octets > maxRecordOctets && len(r.all) > 0 {
		r.octets -= weight(r.all[0])
		r.all[0] = Recorded{}
		r.all = r.all[1:]
	}
}

// weight is about what a record holds in memory.
func weight(r Recorded) int {
	n := 1000 + 500*len(r.Record.Calls) + 20*len(r.Record.Hits)
	if v := r.Record.View; v != nil {
		n += len(v.Raw)
	}
	for _, a := range r.Record.Plan.Actions {
		n += len(a.Raw) + len(a.Header)
	}
	n += len(r.Record.Plan.KeepRaw) + len(r.Record.Plan.KeepHeader)
	return n
}
