package wire

import (
	"errors"
	"io"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
)

// testLimits are the bounds of the tests.
func testLimits(string) Limits {
	return Limits{Line: 1000, Literal: 100, Literals: 150, Count: 3}
}

// readAll reads all commands of input, each as text: what it was, or why it was refused.
func readAll(t *testing.T, input string) (out []string, continues int, err error) {
	t.Helper()
	r := NewReader(strings.NewReader(input))
	r.Limits = testLimits
	r.Continue = func() error { continues++; return nil }
	for {
		c, err := r.Command()
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			out = append(out, refused.Tag+" "+refused.Name+" refused: "+refused.Text)
		case err != nil:
			return out, continues, err
		default:
			var line strings.Builder
			line.WriteString(c.Tag + " " + c.Name)
			for _, l := range c.literals {
				line.WriteString(" <" + string(l.data) + ">")
			}
			out = append(out, line.String())
		}
	}
}

func TestReaderFindsTheEndOfEachCommand(t *testing.T) {
	long := strings.Repeat("x", 1001)
	tests := []struct {
		name, input string
		want        []string
		continues   int
		err         error
	}{
		{"plain commands", "a NOOP\r\nb LOGOUT\r\n", []string{"a NOOP", "b LOGOUT"}, 0, io.EOF},
		{"bare LF ends a line", "a noop\nb NOOP\n", []string{"a NOOP", "b NOOP"}, 0, io.EOF},
		{"a literal is asked for", "a LOGIN {3}\r\nabc {1}\r\nx\r\nb NOOP\r\n", []string{"a LOGIN <abc> <x>", "b NOOP"}, 2, io.EOF},
		{"LITERAL+ is not", "a LOGIN {3+}\r\na\r\n {1+}\r\nx\r\n", []string{"a LOGIN <a\r\n> <x>"}, 0, io.EOF},
		{"a literal8 and the form with a minus", "a X ~{1}\r\na {1-}\r\nb\r\n", []string{"a X <a> <b>"}, 2, io.EOF},
		{"an empty literal", "a X {0}\r\n\r\nb NOOP\r\n", []string{"a X <>", "b NOOP"}, 1, io.EOF},
		{"a literal too large is not asked for", "a X {101}\r\nb NOOP\r\n", []string{"a X refused: literal is too large", "b NOOP"}, 0, io.EOF},
		{"one that comes anyway is swallowed", "a X {102+}\r\n" + strings.Repeat("b NOP\n", 17) + " {2+}\r\nhi\r\nb NOOP\r\n",
			[]string{"a X refused: literal is too large", "b NOOP"}, 0, io.EOF},
		{"all literals together are bounded", "a X {90+}\r\n" + long[:90] + " {90+}\r\n" + long[:90] + "\r\nb NOOP\r\n",
			[]string{"a X refused: literal is too large", "b NOOP"}, 0, io.EOF},
		{"so is their number", "a X {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n4\r\nb NOOP\r\n", []string{"a X refused: too many literals", "b NOOP"}, 0, io.EOF},
		{"a long line is read to its end", "a X " + long + "\r\nb NOOP\r\n", []string{"a X refused: command line is too long", "b NOOP"}, 0, io.EOF},
		{"a literal at the end of a long line is swallowed", "a X " + long + long + " {6+}\r\nx FOO\n\r\nb NOOP\r\n",
			[]string{"a X refused: command line is too long", "b NOOP"}, 0, io.EOF},
		{"a line of exactly the limit", "a X " + long[:996] + "\r\n", []string{"a X"}, 0, io.EOF},
		{"one octet more", "a X " + long[:997] + "\r\nb NOOP\r\n", []string{"a X refused: command line is too long", "b NOOP"}, 0, io.EOF},
		{"lines are counted together", "a X " + long[:600] + "{1+}\r\nx" + long[:600] + "\r\nb NOOP\r\n",
			[]string{"a X refused: command line is too long", "b NOOP"}, 0, io.EOF},
		{"braces that announce nothing", "a X {}\r\nb X {x}\r\nc X 3}\r\nd X {3\r\n", []string{"a X", "b X", "c X", "d X"}, 0, io.EOF},
		{"no tag", "\r\n* OK\r\n+ x\r\n(a) NOOP\r\n", []string{" ", " ", " ", " "}, 0, io.EOF},
		{"a tag alone", "a\r\nb \r\n", []string{"a ", "b "}, 0, io.EOF},
		{"half a line", "a NOOP", nil, 0, io.ErrUnexpectedEOF},
		{"half a literal", "a X {10+}\r\nabc", nil, 0, io.ErrUnexpectedEOF},
		{"more than anybody swallows", "a X {999999999999999999999999+}\r\n", nil, 0, ErrFlood},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, continues, err := readAll(t, tt.input)
			if strings.Join(got, "|") != strings.Join(tt.want, "|") || continues != tt.continues || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %d continuations, %v\nwant %q, %d, %v", got, continues, err, tt.want, tt.continues, tt.err)
			}
		})
	}
}

func TestReaderGivesUpALineWithoutEnd(t *testing.T) {
	r := NewReader(io.LimitReader(repeated('x'), lineSwallowMax+1<<20))
	if _, err := r.Command(); !errors.Is(err, ErrFlood) {
		t.Errorf("got %v", err)
	}
}

// repeated is one octet without end.
type repeated byte

func (o repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(o)
	}
	return len(p), nil
}

func TestReaderSkipsALiteralThatThereIsNoMemoryFor(t *testing.T) {
	const size = 4 * chunk
	r := NewReader(strings.NewReader("a APPEND x {3+}\r\nabc {" + strconv.Itoa(size) + "+}\r\n" + strings.Repeat("x", size) + " {2+}\r\nyz\r\nb NOOP\r\n"))
	r.Limits = func(string) Limits { return Limits{Line: 1000, Literal: size, Literals: 2 * size, Count: 9} }
	left := int64(2 * chunk)
	r.Take = func(n int64) bool {
		if n > left {
			return false
		}
		left -= n
		return true
	}
	var refused *RefusedError
	if _, err := r.Command(); !errors.As(err, &refused) || !refused.Busy || refused.Tag != "a" {
		t.Fatalf("got %v", err)
	}
	if c, err := r.Command(); err != nil || c.Tag != "b" {
		t.Errorf("behind it: got %v, %v", c, err)
	}
}

// endless announces much and sends little.
type endless struct{ io.Reader }

func TestReaderTakesMemoryOnlyForWhatComes(t *testing.T) {
	r := NewReader(endless{strings.NewReader("a APPEND x {60000000+}\r\nabc")})
	r.Limits = func(string) Limits { return Limits{Line: 1000, Literal: 64 << 20, Literals: 64 << 20, Count: 1} }
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	if _, err := r.Command(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	goruntime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d octets for a literal of three", took)
	}
}

func TestReaderReadsLines(t *testing.T) {
	r := NewReader(strings.NewReader("DONE\r\n" + strings.Repeat("x", 5000) + "\r\nnext\n"))
	if got, err := r.Line(16); got != "DONE" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	var refused *RefusedError
	if _, err := r.Line(16); !errors.As(err, &refused) {
		t.Errorf("long line: got %v", err)
	}
	if got, err := r.Line(16); got != "next" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
