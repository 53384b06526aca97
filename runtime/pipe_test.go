package runtime

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ends is one side of a pipe in both directions.
type ends struct {
	io.Reader
	io.Writer
	closers []io.Closer
}

func (e *ends) Close() error {
	var errs []error
	for _, c := range e.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// osPipe returns both sides of a pair of pipes.
func osPipe(t *testing.T) (core, program *ends) {
	t.Helper()
	r1, w1, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	core = &ends{Reader: r1, Writer: w2, closers: []io.Closer{r1, w2}}
	program = &ends{Reader: r2, Writer: w1, closers: []io.Closer{r2, w1}}
	t.Cleanup(func() { _, _ = core.Close(), program.Close() }) // most are closed already
	return core, program
}

func loadTiny(j *Job) (Program, error) {
	return testEngine.Compile(j.Name, j.Source, j.Options)
}

// overPipe is a RunOptions.Link to a program that side runs at the other end.
func overPipe(t *testing.T, source string, side func(*ends)) func(context.Context, *View, Link, Program) (Value, error) {
	return func(ctx context.Context, v *View, core Link, p Program) (Value, error) {
		ours, theirs := osPipe(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer theirs.Close()
			side(theirs)
		}()
		defer func() {
			_ = ours.Close()
			<-done
		}()
		return ServeCore(ctx, ours, &Job{Name: p.Name(), Language: p.Language(), Source: []byte(source), View: v}, core)
	}
}

func TestProgramBehindAPipe(t *testing.T) {
	for _, source := range []string{
		everything,
		"key_get(\"\", \"\")",
		"key_gett(\"\", \"k\")",
		"keep()\nfail here",
		"boom",
		"bad",
		"repeat 200 key_get(\"\", \"k\")",
		"try spin\nkeep()",
		"if true == true then keep()\nrepeat 2000 now()",
	} {
		here, _ := record1(t, source, RecordFull)
		r := testEngine.Run(t.Context(), compileTiny(t, source), ExampleTransaction(), RunOptions{
			Host: liveOver(newStore(t, newClock())), Namespace: "admin", Record: RecordFull,
			Link: overPipe(t, source, func(e *ends) {
				if err := RunRemote(t.Context(), e, loadTiny); err != nil {
					t.Errorf("%s: %v", source, err)
				}
			}),
		})
		if fmt.Sprint(here.Err) != fmt.Sprint(r.Err) || errors.Is(here.Err, ErrBudget) != errors.Is(r.Err, ErrBudget) {
			t.Errorf("%s: error is %v here, %v there", source, here.Err, r.Err)
		}
		if d := cmp.Diff(here.Plan, r.Plan); d != "" {
			t.Errorf("%s: plan (-here +there):\n%s", source, d)
		}
		if !Equal(here.Value, r.Value) {
			t.Errorf("%s: value is %v here, %v there", source, here.Value, r.Value)
		}
		if d := cmp.Diff(here.Record.Hits, r.Record.Hits); d != "" {
			t.Errorf("%s: hits (-here +there):\n%s", source, d)
		}
	}
}

func TestProgramInAnotherProcess(t *testing.T) {
	r := testEngine.Run(t.Context(), compileTiny(t, everything), ExampleTransaction(), RunOptions{
		Host: liveOver(newStore(t, newClock())), Namespace: "admin",
		Link: func(ctx context.Context, v *View, core Link, p Program) (Value, error) {
			c := child(t, "pipe", "")
			in, err := c.StdinPipe()
			if err != nil {
				return nil, err
			}
			out, err := c.StdoutPipe()
			if err != nil {
				return nil, err
			}
			if err := c.Start(); err != nil {
				return nil, err
			}
			rw := &ends{Reader: out, Writer: in, closers: []io.Closer{out, in}}
			value, err := ServeCore(ctx, rw, &Job{Name: p.Name(), Source: []byte(everything), View: v}, core)
			_ = rw.Close()
			if waitErr := c.Wait(); err == nil {
				err = waitErr
			}
			return value, err
		},
	})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	here, _ := record1(t, everything, RecordOff)
	if d := cmp.Diff(here.Plan, r.Plan); d != "" {
		t.Errorf("plan (-here +there):\n%s", d)
	}
}

// pipeChild is the child process of the test above.
func pipeChild() {
	rw := struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}
	if err := RunRemote(context.Background(), rw, loadTiny); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestHostileProgramBehindAPipe(t *testing.T) {
	frame := func(v any) []byte {
		b, err := encodeStruct(v)
		if err != nil {
			t.Fatal(err)
		}
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	}
	write := func(b []byte) func(*ends) {
		return func(e *ends) {
			if err := readFrame(e.Reader, maxCoreFrame, journalDec, new(Job)); err != nil {
				t.Error(err)
			}
			_, _ = e.Write(b)
		}
	}
	deep := []byte{0, 0, 0, 0}
	deep = append(deep, 0xa2, 0x61, 'e', 0xf5, 0x61, 'v') // {e: true, v: [[[...
	deep = append(deep, strings.Repeat("\x81", 5000)...)
	binary.BigEndian.PutUint32(deep, uint32(len(deep)-4))
	for _, tt := range []struct {
		name string
		side func(*ends)
		want string
	}{
		{"ends at once", func(*ends) {}, "the program's process failed"},
		{"ends after it has read its job", write(nil), "it ended without a result"},
		{"writes garbage", write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), "frame of 1213486160 octets is over 8388608"},
		{"writes a frame that is no CBOR", write([]byte{0, 0, 0, 2, 0xff, 0xff}), "frame: cbor"},
		{"ends within a frame", write([]byte{0, 0, 1, 0, 0xa0}), "unexpected EOF"},
		{"ends within the head of a frame", write([]byte{0, 0}), "unexpected EOF"},
		{"nests too deeply", write(deep), "nested"},
		{"gives a tag for a value", write(append([]byte{0, 0, 0, 8}, 0xa2, 0x61, 'e', 0xf5, 0x61, 'v', 0xc0, 0x60)), "frame: cbor"},
		{"calls what is not there", write(frame(fromProgram{Call: "format_disk"})), "the program's process failed"},
		{"claims an error", write(frame(fromProgram{End: true, Error: &pipeError{Text: "mine", Cause: "unavailable"}})), "mine"},
		{"goes on after its end, for the next job to hear", write(append(frame(fromProgram{End: true}), frame(fromProgram{End: true, Value: "forged"})...)), "it goes on after its end"},
		{"writes without end", func(e *ends) {
			go func() { _, _ = io.Copy(io.Discard, e.Reader) }()
			f := frame(fromProgram{SetFlags: true})
			for {
				if _, err := e.Write(f); err != nil {
					return
				}
			}
		}, "steps limit of 2000 reached"},
		{"says nothing", func(e *ends) { _, _ = io.Copy(io.Discard, e.Reader) }, "time limit of 200ms reached"},
		{"does not read", func(e *ends) {
			for {
				if _, err := e.Write(frame(fromProgram{Call: "now"})); err != nil {
					return
				}
			}
		}, "limit of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			started := time.Now()
			r := testEngine.Run(t.Context(), compileTiny(t, "keep()"), ExampleTransaction(), RunOptions{
				Limits: Limits{Time: 200 * time.Millisecond, Steps: 2000},
				Link:   overPipe(t, "keep()", tt.side),
			})
			if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", r.Err, tt.want)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if d := cmp.Diff(acts("keep implicit"), r.Settle(nil, Limits{}).Actions); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestHostileProgramCannotExceedLimits(t *testing.T) {
	var asked atomic.Int64
	side := func(e *ends) {
		l := &remoteLink{w: e, r: bufio.NewReader(e)}
		var job Job
		if err := readFrame(l.r, maxCoreFrame, journalDec, &job); err != nil {
			t.Error(err)
			return
		}
		for {
			_, err := l.Invoke("key_get", []Value{"", "k"})
			if l.broken != nil {
				return
			}
			asked.Add(1)
			if err != nil && asked.Load() > 20 {
				_ = l.send(fromProgram{End: true, Value: "fine"}) // as if nothing had been
				return
			}
		}
	}
	r := testEngine.Run(t.Context(), compileTiny(t, "keep()"), ExampleTransaction(), RunOptions{
		Host: liveOver(newStore(t, newClock())), Limits: Limits{Ops: 3}, Link: overPipe(t, "", side),
	})
	if !errors.Is(r.Err, ErrBudget) || r.Err.Error() != "ops limit of 3 reached" {
		t.Errorf("error is %v", r.Err)
	}
}

func FuzzServeCore(f *testing.F) {
	b, err := encodeStruct(fromProgram{Call: "now", Hits: []HitRecord{{Site: 1}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	b, err = encodeStruct(fromProgram{End: true, Value: []Value{int64(1)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	f.Fuzz(func(t *testing.T, in []byte) {
		v := &View{Transaction: *ExampleTransaction()}
		r := &run{ctx: t.Context(), view: v, limits: DefaultLimits, record: &Record{}, level: RecordFull, now: time.Now}
		value, err := ServeCore(t.Context(), &ends{Reader: strings.NewReader(string(in)), Writer: io.Discard}, &Job{View: v}, r)
		left := maxChildFrame
		if err == nil && checkValue(value, maxResultDepth, &left) != nil {
			t.Errorf("result %#v is no value", value)
		}
	})
}
