package runtime

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/mail"
)

// counted counts the octets that the core writes.
type counted struct {
	io.ReadWriter
	n int
}

func (c *counted) Write(b []byte) (int, error) {
	c.n += len(b)
	return c.ReadWriter.Write(b)
}

// manyJobs runs jobs over one pipe and returns the values and the octets that each job took.
func manyJobs(t *testing.T, jobs []*Job, forget func(*ProgramEnd)) (values []Value, sizes []int) {
	t.Helper()
	ours, theirs := osPipe(t)
	done := make(chan error, 1)
	go func() {
		e := NewProgramEnd(theirs, loadTiny)
		for {
			if err := e.Run(t.Context()); err != nil {
				done <- err
				return
			}
			if forget != nil {
				forget(e)
			}
		}
	}()
	out := &counted{ReadWriter: ours}
	core := NewCoreEnd(out)
	for _, j := range jobs {
		r := testEngine.Run(t.Context(), compileTiny(t, string(j.Source)), ExampleTransaction(), RunOptions{
			Host: liveOver(newStore(t, newClock())), Namespace: "admin",
			Link: func(ctx context.Context, v *View, l Link, _ Program) (Value, error) {
				job := *j
				job.Give(v)
				out.n = 0
				return core.Serve(ctx, &job, l)
			},
		})
		if r.Err != nil || !core.Ended() {
			t.Fatal(r.Err)
		}
		values, sizes = append(values, r.Value), append(sizes, out.n)
	}
	_ = ours.Close()
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("the program's end: %v", err)
	}
	return values, sizes
}

func TestAPipeTakesJobAfterJob(t *testing.T) {
	source := "key_get(\"\", \"k\")\n" + strings.Repeat("now()\n", 500)
	one, err := NewJob("t.tiny", "tiny", []byte(source), nil, CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := NewJob("t.tiny", "tiny", []byte("subject()"), nil, CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if one.Hash == two.Hash || one.Hash == "" {
		t.Error("two programs have one hash")
	}
	values, sizes := manyJobs(t, []*Job{one, two, one, two}, nil)
	if !Equal(values[1], values[3]) || values[1] == nil {
		t.Errorf("values are %v", values)
	}
	if sizes[0] < len(source) || sizes[2] > len(source)/2+sizes[3] {
		t.Errorf("octets sent: %v; the source has %d", sizes, len(source))
	}
	again, all := manyJobs(t, []*Job{one, one, one}, func(e *ProgramEnd) { clear(e.kept) })
	if !Equal(again[0], again[2]) || all[2] < len(source) {
		t.Errorf("%v, %v octets sent", again, all)
	}
}

func TestAProgramKeepsABoundedNumberOfPrograms(t *testing.T) {
	e := NewProgramEnd(nil, loadTiny)
	for i := range 3 * maxKeptPrograms {
		j := &Job{Name: "t.tiny", Source: []byte("now()"), Hash: string(rune('a' + i))}
		if _, err := e.program(j); err != nil {
			t.Fatal(err)
		}
		if len(e.kept) > maxKeptPrograms {
			t.Fatalf("%d are kept", len(e.kept))
		}
	}
	large := &Job{Name: "t.tiny", Source: []byte(strings.Repeat("now()\n", maxKeptOctets/10)), Hash: "large"}
	for range 3 {
		if _, err := e.program(large); err != nil {
			t.Fatal(err)
		}
		large.Hash += "x"
	}
	if len(e.kept) != 1 {
		t.Errorf("%d are kept", len(e.kept))
	}
}

func TestWhatAJobGives(t *testing.T) {
	raw := []byte("Subject: x\r\nTo: y\r\n\r\nbody\r\n")
	for _, tt := range []struct {
		name  string
		view  *View
		local bool
		head  string
	}{
		{"a message", &View{Raw: raw}, true, "Subject: x\r\nTo: y\r\n\r\n"},
		{"lines of LF", &View{Raw: []byte("A: b\n\nbody")}, true, "A: b\n\n"},
		{"a header alone", &View{Raw: []byte("A: b\n")}, true, "A: b\n"},
		{"no message", &View{}, true, ""},
		{"an edited one", &View{Raw: raw, EditedHeader: []byte("A: b\n\n")}, false, ""},
		{"a large one", &View{Raw: append(bytes.Clone(raw), make([]byte, maxLocalMessage)...)}, false, ""},
		{"a large header", &View{Raw: bytes.Repeat([]byte("A: b\n"), maxLocalHead)}, false, ""},
		{"one that is not read", &View{Transaction: Transaction{Message: mail.New(raw)}}, false, ""},
	} {
		j := &Job{}
		tt.view.Namespace = "u:1"
		if j.Give(tt.view); j.Local != tt.local || string(j.Head) != tt.head || j.View.Raw != nil || j.View.Namespace != "" {
			t.Errorf("%s: local %v, head %q, %+v", tt.name, j.Local, j.Head, j.View)
		}
	}
}

func TestFewItems(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    []byte
		most int
		want bool
	}{
		{"nothing", nil, 0, true},
		{"a number", []byte{0x01}, 1, true},
		{"a list of two", []byte{0x82, 0x01, 0x02}, 2, false},
		{"a long text is one", append([]byte{0x79, 0x01, 0x00}, make([]byte, 256)...), 1, true},
		{"octets that look like numbers", []byte{0x43, 1, 2, 3}, 1, true},
		{"a text that is cut off", []byte{0x7b, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1, 1}, 1, true},
		{"a head that is cut off", []byte{0x1a, 1}, 1, true},
		{"lists in lists", bytes.Repeat([]byte{0x81}, 100), 50, false},
	} {
		if got := fewItems(tt.b, tt.most); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	b := append([]byte{0x9a, 0, 4, 0, 1}, make([]byte, maxItems+1)...)
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	var m fromProgram
	if err := readFrame(bytes.NewReader(frame), maxChildFrame, pipeDec, &m); err == nil || !strings.Contains(err.Error(), "values") {
		t.Errorf("a frame of many values: %v", err)
	}
}

// FuzzFewItems holds that the count is never below what the decoder finds.
func FuzzFewItems(f *testing.F) {
	for _, v := range []Value{nil, "text", []Value{int64(1), []byte{1}}, map[string]Value{"a": []Value{1.5, true}}} {
		b, err := encodeStruct(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Value
		if pipeDec.Unmarshal(b, &v) != nil {
			_ = fewItems(b, maxItems)
			return
		}
		var count func(v Value) int
		count = func(v Value) int {
			n := 1
			switch v := v.(type) {
			case []Value:
				for _, e := range v {
					n += count(e)
				}
			case map[string]Value:
				for _, e := range v {
					n += 1 + count(e)
				}
			}
			return n
		}
		if n := count(v); fewItems(b, n-1) {
			t.Errorf("%x has %d items, fewer were counted", b, n)
		}
	})
}
