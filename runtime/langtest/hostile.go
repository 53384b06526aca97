package langtest

import (
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/runtime"
)

// Bounds are what Hostile allows.
type Bounds struct {
	Growth int64 // octets that a script may make the process grow by
	// Lawful, if not nil, says which errors a script may end with.
	Lawful func(error) bool
}

// Hostile runs scripts that want more than they may have. Each has to be refused with a
// place, or be back within twice its time; those whose name ends in a star may end well.
func (r Room) Hostile(t *testing.T, scripts []Script, b Bounds) {
	const limit = time.Second
	for _, tt := range scripts {
		t.Run(tt.Name, func(t *testing.T) {
			goruntime.GC()
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			began, spent := time.Now(), cpu(t)
			got := r.Do(t, tt.Source, runtime.Limits{Time: limit})
			took := time.Since(began)
			spent = cpu(t) - spent
			goruntime.ReadMemStats(&after)
			switch {
			case got.Err == nil && !strings.HasSuffix(tt.Name, "*"):
				t.Errorf("ended well with %.60v", got.Value)
			case got.Err != nil && (!r.told(got.Err) || b.Lawful != nil && !b.Lawful(got.Err)):
				t.Error(got.Err)
			}
			// A machine that is busy with other things delays everything: what the process itself
			// spent has to be over the bound too.
			if took > 2*limit && spent > 2*limit {
				t.Errorf("took %s, %s of them on a processor: %v", took, spent, got.Err)
			}
			if grown := int64(after.Sys) - int64(before.Sys); grown > b.Growth {
				t.Errorf("memory grew by %d MiB: %v", grown>>20, got.Err)
			}
			t.Log(took, got.Err)
		})
	}
}

// cpu is the processor time that this process has spent.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// told says whether an error is one that a script's owner can use: it has a place, and no
// fault of ours in it.
func (r Room) told(err error) bool {
	return strings.HasPrefix(err.Error(), r.Script+":") && !strings.Contains(err.Error(), "internal error")
}

// seeds adds the hostile scripts, the Filter and the examples of the function table.
func (r Room) seeds(f *testing.F, scripts []Script) {
	for _, s := range scripts {
		f.Add(s.Source)
	}
	f.Add(r.Filter)
	for _, fn := range runtime.Functions() {
		for _, ex := range fn.Examples {
			f.Add(ex.Code)
		}
	}
}

// FuzzCompile holds that any source is compiled, or refused with errors that have a
// place in it.
func (r Room) FuzzCompile(f *testing.F, scripts []Script) {
	r.seeds(f, scripts)
	f.Fuzz(func(t *testing.T, source string) {
		for _, instrument := range []bool{false, true} {
			p, err := r.Language.Compile(r.Script, []byte(source), runtime.CompileOptions{Trust: runtime.Admin, Instrument: instrument})
			if err != nil {
				if !r.told(err) {
					t.Error(err)
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
func (r Room) FuzzRun(f *testing.F, scripts []Script) {
	r.seeds(f, scripts)
	limits := runtime.Limits{Time: 100 * time.Millisecond, Steps: 20_000, Memory: 4 << 20, Output: 64 << 10}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := r.Language.Compile(r.Script, []byte(source), runtime.CompileOptions{Trust: runtime.Admin, Instrument: true})
		if err != nil {
			return
		}
		host, _ := Live(t)
		began := time.Now()
		got := Execute(t, p, runtime.RunOptions{Host: host, Limits: limits})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("took %s: %v", took, got.Err)
		}
		if got.Err != nil && strings.Contains(got.Err.Error(), "internal error") {
			t.Error(got.Err)
		}
	})
}
