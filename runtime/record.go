package runtime

import "time"

// Level says how much of a run is recorded.
type Level uint8

// The levels.
const (
	RecordOff     Level = iota
	RecordSummary       // outcome, plan, time
	RecordCalls         // also every call that is not pure, with arguments and result: enough to replay
	RecordFull          // also pure calls and the sites that were reached
)

// maxRecorded bounds the calls and the sites that a record keeps; what comes after is
// counted in Record.Dropped.
const maxRecorded = 10_000

// Record is what is kept of one run: enough to explain it, and with its calls enough to
// replay it without any store.
type Record struct {
	Script   string        `json:"script" cbor:"script"`
	Language string        `json:"language" cbor:"language"`
	View     *View         `json:"-" cbor:"view,omitempty"` // kept from RecordCalls on
	Calls    []CallRecord  `json:"calls,omitempty" cbor:"calls,omitempty"`
	Hits     []HitRecord   `json:"hits,omitempty" cbor:"hits,omitempty"`
	Plan     Plan          `json:"plan" cbor:"plan"`
	Value    Value         `json:"value,omitempty" cbor:"value,omitempty"`
	Error    string        `json:"error,omitempty" cbor:"error,omitempty"`
	Started  time.Time     `json:"started" cbor:"started"`
	Took     time.Duration `json:"took" cbor:"took"`
	Dropped  int           `json:"dropped,omitempty" cbor:"dropped,omitempty"`
}

// CallRecord is one call of a function.
type CallRecord struct {
	Function string  `json:"function" cbor:"f"`
	Args     []Value `json:"args" cbor:"a"`
	Result   Value   `json:"result" cbor:"r"`
	Error    string  `json:"error,omitempty" cbor:"e,omitempty"`
	Limit    string  `json:"limit,omitempty" cbor:"l,omitempty"` // set if Error is a *LimitError
	Pure     bool    `json:"pure,omitempty" cbor:"p,omitempty"`
}

// HitRecord is one outcome at a site.
type HitRecord struct {
	Site    int     `json:"site" cbor:"s"`
	Outcome Outcome `json:"outcome" cbor:"o"`
}

func (r *Record) add(l Level, f *Function, args []Value, v Value, err error) {
	if l < RecordCalls {
		return
	}
	if len(r.Calls) >= maxRecorded {
		r.Dropped++
		return
	}
	c := CallRecord{Function: f.Name, Args: args, Result: v, Pure: f.Effect <= Acts}
	if err != nil {
		c.Error = err.Error()
		if le, ok := err.(*LimitError); ok {
			c.Limit = le.Limit
		}
	}
	r.Calls = append(r.Calls, c)
}

func (r *Record) hit(l Level, site int, o Outcome) {
	if l < RecordFull {
		return
	}
	if len(r.Hits) >= maxRecorded {
		r.Dropped++
		return
	}
	r.Hits = append(r.Hits, HitRecord{Site: site, Outcome: o})
}
