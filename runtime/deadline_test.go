package runtime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlineEnds(t *testing.T) {
	started := func(parent context.Context, after time.Duration) *deadline {
		d := &deadline{}
		d.start(parent, time.Now(), after)
		return d
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"when its time is over, without anybody who waits", func(t *testing.T) {
			d := started(t.Context(), time.Second)
			defer d.stop()
			<-time.After(time.Second - 1)
			if err := d.Err(); err != nil {
				t.Fatal(err)
			}
			<-time.After(1)
			if err := d.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}},
		{"when its time is over, for those who wait", func(t *testing.T) {
			d := started(t.Context(), time.Second)
			defer d.stop()
			<-d.Done()
			if err := d.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}},
		{"with its parent", func(t *testing.T) {
			parent, cancel := context.WithCancel(t.Context())
			d := started(parent, time.Hour)
			defer d.stop()
			done := d.Done()
			cancel()
			<-done
			if err := d.Err(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}},
		{"with its parent, without anybody who waits", func(t *testing.T) {
			parent, cancel := context.WithCancel(t.Context())
			d := started(parent, time.Hour)
			defer d.stop()
			cancel()
			if err := d.Err(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}},
		{"with an earlier time of its parent", func(t *testing.T) {
			parent, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			d := started(parent, time.Hour)
			defer d.stop()
			if at, ok := d.Deadline(); !ok || time.Until(at) != time.Second {
				t.Fatal(at, ok)
			}
		}},
		{"when it is stopped, with what was made of it", func(t *testing.T) {
			d := started(t.Context(), time.Hour)
			child, cancel := context.WithTimeout(d, time.Minute)
			defer cancel()
			d.stop()
			<-child.Done()
			if !errors.Is(child.Err(), context.Canceled) || !errors.Is(d.Err(), context.Canceled) {
				t.Fatal(child.Err(), d.Err())
			}
		}},
		{"before anybody waits: who waits then does not wait", func(t *testing.T) {
			d := started(t.Context(), time.Hour)
			d.stop()
			<-d.Done()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { synctest.Test(t, tt.do) })
	}
}

func TestDeadlineKeepsValues(t *testing.T) {
	type key struct{}
	d := &deadline{}
	d.start(context.WithValue(t.Context(), key{}, 1), time.Now(), time.Hour)
	defer d.stop()
	before := d.Value(key{})
	d.Done()
	if before != 1 || d.Value(key{}) != 1 {
		t.Fatal(before, d.Value(key{}))
	}
}
