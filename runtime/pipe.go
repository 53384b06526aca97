package runtime

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// A program can run at the other end of a pipe, such as in a child process with less
// rights and memory. The two sides talk in frames, each a length (four octets, big endian)
// and that many octets of CBOR:
//
//	core                          program
//	 ── Job ──────────────────────────►   source, view, limits
//	 ◄── hits, flags, call ────────────   one at a time
//	 ── result or error ──────────────►
//	 ...
//	 ◄── hits, end: value or error ────
//
// The core trusts nothing that comes back: frames, nesting and their number are
// bounded, every call is checked as one from the same process is, and the end of the
// context closes the pipe.
//
// A pipe may take one job after the other. The program's side keeps what it has compiled, so
// that a job whose source went over the pipe before is sent without it; a side that has
// forgotten it asks for it.

// Bounds of frames, in octets.
const (
	maxChildFrame = 8 << 20   // what the core takes from a program
	maxCoreFrame  = 512 << 20 // what a program takes from the core: a message is in it
	maxItems      = 1 << 18   // values within each other or side by side in what the core takes
	maxHeldHits   = 512       // hits that a program holds back until it has something else to say
)

// ErrPipe is wrapped by errors that say that the program's side of a pipe broke the
// protocol or ended early.
var ErrPipe = errors.New("the program's process failed")

// Job is what a program at the other end of a pipe is to run.
type Job struct {
	Name     string         `cbor:"n"` // of the script, with its suffix
	Language string         `cbor:"l"`
	Source   []byte         `cbor:"s"`
	Options  CompileOptions `cbor:"o"`
	View     *View          `cbor:"v"`
	// Modules are the sources of what the script requires, by their names as CompileOptions.Module
	// is asked for them.
	Modules map[string]Module `cbor:"m,omitempty"`
	// Hash stands for the script, its modules and options: jobs with one Hash are of one program. ""
	// is none. It is set by NewJob.
	Hash string `cbor:"k,omitempty"`
	// Hits asks for the sites that are reached.
	Hits bool `cbor:"h"`
	// Local says that functions which are pure may be called at the other end, without the core: View
	// has what they look at, but for the message, of which Head is the header and Size the octets.
	Local bool   `cbor:"p,omitempty"`
	Head  []byte `cbor:"d,omitempty"`
	Size  int64  `cbor:"z,omitempty"`
	raw   []byte // the message, for those who ask for it
	// Kept says that Source, Modules and Options are left out, since they went over the pipe
	// before.
	Kept bool `cbor:"q,omitempty"`
}

// Module is the source of a module, and the name that errors show for it.
type Module struct {
	File   string `cbor:"f"`
	Source []byte `cbor:"s"`
}

// Portable is a Program that can be handed to another process.
type Portable interface {
	Program
	// Job returns what the other process needs to run it with a view. Of the view it may hold less:
	// what a language asks its core for needs not go along.
	Job(v *View) *Job
}

// NewJob returns the job of a program, without a view, with its Hash.
func NewJob(name, language string, source []byte, modules map[string]Module, o CompileOptions) (*Job, error) {
	j := &Job{Name: name, Language: language, Source: source, Modules: modules, Options: o}
	b, err := encMode.Marshal(j) // one order of names
	if err != nil {
		return nil, fmt.Errorf("runtime: job: %w", err)
	}
	sum := sha256.Sum256(b)
	j.Hash = string(sum[:])
	return j, nil
}

// What a message may have, in octets, so that it is looked at at the other end.
const (
	maxLocalMessage = 1 << 20
	maxLocalHead    = 64 << 10
)

// Give gives the job a view: with all that pure functions look at where the message is not
// large, so that they are called at the other end, and cost nothing here; else with no more than
// a program needs itself. An edited message stays in the core.
func (j *Job) Give(v *View) {
	j.View = &View{Trust: v.Trust, Limits: v.Limits, Script: v.Script, Seed: v.Seed}
	j.View.Stage, j.View.Time = v.Stage, v.Time
	head := headerOctets(v.Raw)
	if v.EditedHeader != nil || v.EditedRaw != nil || len(v.Raw) > maxLocalMessage || len(head) > maxLocalHead || v.Raw == nil && v.Message != nil {
		return
	}
	j.Local, j.Head, j.Size, j.raw = true, head, int64(len(v.Raw)), v.Raw
	j.View.Transaction = v.Transaction
}

// headerOctets returns the header of a message, with the empty line that ends it.
func headerOctets(raw []byte) []byte {
	for from := 0; ; {
		i := bytes.IndexByte(raw[from:], '\n')
		if i < 0 {
			return raw
		}
		line := raw[from : from+i]
		from += i + 1
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return raw[:from]
		}
	}
}

// fromProgram is a frame from the program to the core.
type fromProgram struct {
	Hits     []HitRecord `cbor:"h,omitempty"`
	SetFlags bool        `cbor:"s,omitempty"`
	Flags    []string    `cbor:"f,omitempty"`
	Want     bool        `cbor:"w,omitempty"` // the job once more, with its source
	Fetch    bool        `cbor:"m,omitempty"` // the message
	Call     string      `cbor:"c,omitempty"`
	Args     []Value     `cbor:"a,omitempty"`
	End      bool        `cbor:"e,omitempty"`
	Value    Value       `cbor:"v,omitempty"`
	Error    *pipeError  `cbor:"x,omitempty"`
}

// fromCore is a frame from the core to the program: the answer to a call.
type fromCore struct {
	Value Value      `cbor:"v,omitempty"`
	Error *pipeError `cbor:"x,omitempty"`
}

// pipeError is an error on its way.
type pipeError struct {
	Text  string `cbor:"t"`
	Cause string `cbor:"c,omitempty"`
	Limit string `cbor:"l,omitempty"`
	Max   int64  `cbor:"m,omitempty"`
}

func newPipeError(err error) *pipeError {
	if err == nil {
		return nil
	}
	e := &pipeError{Text: cut(err.Error(), 64<<10), Cause: causeOf(err)}
	var limit *LimitError
	if errors.As(err, &limit) {
		e.Limit, e.Max = limit.Limit, limit.Max
	}
	return e
}

func (e *pipeError) err() error {
	if e == nil {
		return nil
	}
	return errorOf(e.Text, e.Cause, e.Limit, e.Max)
}

// pipeDec reads frames of a program that may be hostile.
var pipeDec = must(cbor.DecOptions{
	DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	IntDec: cbor.IntDecConvertSignedOrFail, UTF8: cbor.UTF8DecodeInvalid, DefaultMapType: valueMap,
	MaxNestedLevels: maxResultDepth + 4, MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 18,
}.DecMode())

func writeFrame(w io.Writer, v any) error {
	b, err := encodeStruct(v)
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 4+min(len(b), 4096)), uint32(len(b)))
	if len(b) <= 4096 { // one write for what is short
		_, err = w.Write(append(head, b...))
		return err
	}
	if _, err = w.Write(head); err == nil {
		_, err = w.Write(b)
	}
	return err
}

// readFrame reads a frame of at most most octets into v. Memory grows with what
// really comes, not with what a frame says of itself.
func readFrame(r io.Reader, most int, mode cbor.DecMode, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n > int64(most) {
		return fmt.Errorf("frame of %d octets is over %d", n, most)
	}
	b, err := readOctets(r, n)
	if err != nil {
		return err
	}
	if most == maxChildFrame && !fewItems(b, maxItems) {
		return fmt.Errorf("frame has over %d values", maxItems)
	}
	if err := mode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}

// readOctets reads n octets.
func readOctets(r io.Reader, n int64) ([]byte, error) {
	const atOnce = 64 << 10
	if n <= atOnce {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// fewItems says whether CBOR has at most so many items, keys and values alike: an octet of it can
// take forty in memory. What is not well formed is left to the decoder.
func fewItems(b []byte, most int) bool {
	for n := 0; len(b) > 0; n++ {
		if n == most {
			return false
		}
		kind, info := b[0]>>5, b[0]&31
		b = b[1:]
		size := uint64(info)
		if info >= 24 {
			octets := 1 << (info - 24)
			if info > 27 || len(b) < octets {
				return true
			}
			size = 0
			for _, o := range b[:octets] {
				size = size<<8 | uint64(o)
			}
			b = b[octets:]
		}
		if kind == 2 || kind == 3 { // octets, text
			if size > uint64(len(b)) {
				return true
			}
			b = b[size:]
		}
	}
	return true
}
