package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-mail/sluice/kv"
)

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
	Notes    []NoteRecord  `json:"notes,omitempty" cbor:"notes,omitempty"` // at every level
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
	Args     []Value `json:"args" cbor:"a"` // without secrets in header fields of requests
	Result   Value   `json:"result" cbor:"r"`
	Error    string  `json:"error,omitempty" cbor:"e,omitempty"`
	Limit    string  `json:"limit,omitempty" cbor:"l,omitempty"` // set if Error is a *LimitError
	LimitMax int64   `json:"limit_max,omitempty" cbor:"m,omitempty"`
	Cause    string  `json:"cause,omitempty" cbor:"c,omitempty"` // which of the known errors Error is
	Pure     bool    `json:"pure,omitempty" cbor:"p,omitempty"`  // was not asked of the host
	// Hits is how many of the record's hits came before the call.
	Hits int `json:"hits,omitempty" cbor:"h,omitempty"`
}

// HitRecord is one outcome at a site.
type HitRecord struct {
	Site    int     `json:"site" cbor:"s"`
	Outcome Outcome `json:"outcome" cbor:"o"`
}

func (r *Record) add(l Level, f *Function, args []Value, v Value, err error, asked bool) {
	if l < RecordCalls {
		return
	}
	if len(r.Calls) >= maxRecorded {
		r.Dropped++
		return
	}
	c := CallRecord{Function: f.Name, Args: slices.Clone(maskArgs(f, args)), Result: v, Pure: !asked, Hits: len(r.Hits)}
	if err != nil {
		c.Error, c.Cause = err.Error(), causeOf(err)
		var limit *LimitError
		if errors.As(err, &limit) {
			c.Limit, c.LimitMax = limit.Limit, limit.Max
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

// causes are the errors that callers tell apart, under the names that they have in records
// and pipes.
var causes = []struct {
	name string
	err  error
}{
	{"unavailable", kv.ErrUnavailable}, {"unsupported", kv.ErrUnsupported}, {"not counter", kv.ErrNotCounter},
	{"too large", kv.ErrTooLarge}, {"value too large", ErrTooLarge}, {"locked", kv.ErrLocked}, {"not owner", kv.ErrNotOwner},
	{"not found", kv.ErrNotFound}, {"invalid", kv.ErrInvalid}, {"overflow", kv.ErrOverflow}, {"full", kv.ErrFull}, {"closed", kv.ErrClosed}, {"refused", ErrRefused}, {"temporary", ErrTemporary}, {"replay", ErrReplay}, {"deadline", context.DeadlineExceeded},
	{"cancelled", context.Canceled},
}

// causeOf returns the name of the known error that err is, or "".
func causeOf(err error) string {
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return ""
}

// toldError is an error as a record or a pipe tells it: its text, and what it is.
type toldError struct {
	text  string
	cause error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.cause }

// errorOf makes an error again of what was kept of it.
func errorOf(text, cause, limit string, limitMax int64) error {
	e := &toldError{text: text}
	for _, c := range causes {
		if c.name == cause {
			e.cause = c.err
		}
	}
	if limit != "" {
		l := &LimitError{Limit: limit, Max: limitMax}
		if l.Error() == text {
			return l
		}
		e.cause = l
	}
	return e
}

// MarshalRecord returns r in CBOR, to be kept and replayed.
func MarshalRecord(r *Record) ([]byte, error) {
	b, err := encodeStruct(r)
	if err != nil {
		return nil, fmt.Errorf("runtime: record: %w", err)
	}
	return b, nil
}

// UnmarshalRecord reads what MarshalRecord wrote.
func UnmarshalRecord(b []byte) (*Record, error) {
	r := new(Record)
	if err := journalDec.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("runtime: record: %w", err)
	}
	return r, nil
}
