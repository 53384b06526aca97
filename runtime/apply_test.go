package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// twoPlans is a delivery with all kinds of actions, marks in front.
func twoPlans() *Delivery {
	d := delivery("x", "a@b", "c@d")
	d.Serial = "serial"
	d.Plans[0].Actions = acts("mark k", "redirect e@f", "fileinto A", "reply hello", "fileinto B", "discard")
	d.Plans[1].Actions = acts("keep implicit", "mark l")
	return d
}

func effects(r *Recorder) []string {
	var out []string
	for _, a := range r.Applied() {
		out = append(out, fmt.Sprintf("%s %d %s", a.Rcpt, a.Index, a.Action.Kind))
	}
	return out
}

var wantEffects = []string{
	"a@b 2 fileinto", "a@b 4 fileinto", "a@b 1 redirect", "a@b 3 reply", "a@b 0 mark",
	"c@d 0 keep", "c@d 1 mark",
}

func TestApplyOrder(t *testing.T) {
	r := new(Recorder)
	for range 2 { // the second time does nothing
		if err := Apply(t.Context(), r, twoPlans()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(wantEffects, effects(r)); d != "" {
			t.Errorf("effects (-want +got):\n%s", d)
		}
	}
}

// failing is a target that fails at one step: before or after its effect, with an error
// or by dying.
type failing struct {
	Recorder
	step  int // counts down
	after bool
	crash bool
}

var errDisk = errors.New("disk")

func (f *failing) Do(ctx context.Context, d *Delivery, rcpt, index int, a Action) error {
	f.step--
	if f.step == 0 && f.after {
		if err := f.Recorder.Do(ctx, d, rcpt, index, a); err != nil {
			return err
		}
	}
	if f.step == 0 {
		if f.crash {
			panic("crash")
		}
		return errDisk
	}
	return f.Recorder.Do(ctx, d, rcpt, index, a)
}

func TestApplyAfterFailureAtAnyStep(t *testing.T) {
	for step := 1; step <= len(wantEffects); step++ {
		for _, after := range []bool{false, true} {
			for _, crash := range []bool{false, true} {
				t.Run(fmt.Sprintf("step %d after=%v crash=%v", step, after, crash), func(t *testing.T) {
					target := &failing{step: step, after: after, crash: crash}
					func() {
						defer func() {
							if crash != (recover() != nil) {
								t.Error("no crash")
							}
						}()
						if err := Apply(t.Context(), target, twoPlans()); !errors.Is(err, errDisk) {
							t.Errorf("error is %v", err)
						}
					}()
					if err := Apply(t.Context(), target, twoPlans()); err != nil {
						t.Fatal(err)
					}
					got := effects(&target.Recorder)
					seen := map[string]bool{}
					for _, e := range got {
						if seen[e] {
							t.Errorf("%s twice", e)
						}
						seen[e] = true
					}
					for _, e := range wantEffects {
						if !seen[e] {
							t.Errorf("%s is missing", e)
						}
					}
					if last := strings.Join(got, " "); strings.Index(last, "a@b 0 mark") < strings.Index(last, "a@b 3 reply") {
						t.Errorf("a mark before what it says: %v", got)
					}
				})
			}
		}
	}
}

func TestApplyGoesOnPastAFailedAction(t *testing.T) {
	target := &failing{step: 1}
	err := Apply(t.Context(), target, twoPlans())
	if err == nil || !strings.Contains(err.Error(), "apply fileinto for a@b") {
		t.Errorf("error is %v", err)
	}
	want := []string{"a@b 4 fileinto", "a@b 1 redirect", "a@b 3 reply", "c@d 0 keep", "c@d 1 mark"}
	if d := cmp.Diff(want, effects(&target.Recorder)); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
}

func TestApplyStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := new(Recorder)
	if err := Apply(ctx, r, twoPlans()); !errors.Is(err, context.Canceled) || len(r.Applied()) > 0 {
		t.Errorf("error is %v after %v", err, effects(r))
	}
}

// TestJournalAndApply puts, dies between any two steps, opens again and applies: each
// effect happens once.
func TestJournalAndApply(t *testing.T) {
	for step := range 2 * len(wantEffects) {
		dir := t.TempDir()
		target := &failing{step: step/2 + 1, after: step%2 == 1, crash: true}
		j := openJournal(t, dir, JournalOptions{})
		d := twoPlans()
		put(t, j, d)
		func() {
			defer func() { _ = recover() }()
			if err := Apply(t.Context(), target, d); err != nil {
				t.Error(err)
			}
		}()
		closeJournal(t, j)
		j = openJournal(t, dir, JournalOptions{})
		for d := range j.All() {
			if err := Apply(t.Context(), target, d); err != nil {
				t.Error(err)
			}
			done(t, j, d)
		}
		if got := effects(&target.Recorder); len(got) != len(wantEffects) {
			t.Errorf("died at step %d, after its effect: %v: effects %v", step/2+1, step%2 == 1, got)
		}
		wantBodies(t, j)
	}
}
