package expr

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

func seeds(f *testing.F) {
	for _, h := range hostile {
		f.Add(h.source)
	}
	f.Add(filter)
	for _, fn := range runtime.Functions() {
		for _, ex := range fn.Examples {
			f.Add(ex.Code)
		}
	}
}

// FuzzCompile holds that any source is compiled, or refused with errors that have a
// place in it.
func FuzzCompile(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, source string) {
		for _, instrument := range []bool{false, true} {
			p, err := New(Options{}).Compile("t.expr", []byte(source), runtime.CompileOptions{Trust: runtime.Admin, Instrument: instrument})
			if err != nil {
				for line := range strings.SplitSeq(err.Error(), "\n") {
					if strings.Contains(line, "internal error") {
						t.Error(line)
					}
				}
				if !strings.HasPrefix(err.Error(), "t.expr:") {
					t.Errorf("no place: %v", err)
				}
				continue
			}
			lines := strings.Count(source, "\n") + 1
			for _, s := range p.Sites() {
				if s.Line < 1 || s.Line > lines || s.Col < 1 {
					t.Errorf("site %+v is outside the source", s)
				}
			}
		}
	})
}

// FuzzRun holds that any script ends soon, whatever it does, and without a panic.
func FuzzRun(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, source string) {
		p, err := New(Options{}).Compile("t.expr", []byte(source), runtime.CompileOptions{Trust: runtime.Admin, Instrument: true})
		if err != nil {
			return
		}
		host, _ := live(t)
		limits := runtime.Limits{Time: 100 * time.Millisecond, Steps: 20_000, Memory: 4 << 20, Output: 64 << 10}
		began := time.Now()
		r := runtime.NewEngine().Run(t.Context(), p, runtime.ExampleTransaction(), runtime.RunOptions{
			Host: host, Trust: runtime.Admin, Namespace: "admin", Limits: limits})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("took %s: %v", took, r.Err)
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "internal error") {
			t.Error(r.Err)
		}
	})
}
