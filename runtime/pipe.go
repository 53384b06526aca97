package runtime

import (
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

// Bounds of frames, in octets.
const (
	maxChildFrame = 8 << 20   // what the core takes from a program
	maxCoreFrame  = 512 << 20 // what a program takes from the core: a message is in it
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
	// Hits asks for the sites that are reached.
	Hits bool `cbor:"h"`
}

// fromProgram is a frame from the program to the core.
type fromProgram struct {
	Hits     []HitRecord `cbor:"h,omitempty"`
	SetFlags bool        `cbor:"s,omitempty"`
	Flags    []string    `cbor:"f,omitempty"`
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
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if err := mode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}
