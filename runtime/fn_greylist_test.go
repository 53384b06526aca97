package runtime

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
)

func TestGreylisting(t *testing.T) {
	const options = `{"delay": "5m", "window": "4h", "lifetime": "10d"}`
	type step struct {
		wait    time.Duration
		allowed bool
		left    int64
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"a second try passes after the delay", []step{{0, false, 300}, {time.Minute, false, 240}, {239500 * time.Millisecond, false, 1}, {500 * time.Millisecond, true, 0}}},
		{"who passed passes at once", []step{{0, false, 300}, {time.Hour, true, 0}, {0, true, 0}, {9 * 24 * time.Hour, true, 0}}},
		{"a pass prolongs the lifetime", []step{{0, false, 300}, {time.Hour, true, 0}, {9 * 24 * time.Hour, true, 0}, {9 * 24 * time.Hour, true, 0}}},
		{"who did not come for a lifetime begins anew", []step{{0, false, 300}, {time.Hour, true, 0}, {10 * 24 * time.Hour, false, 300}}},
		{"who comes after the window begins anew", []step{{0, false, 300}, {4*time.Hour + time.Second, false, 300}, {5 * time.Minute, true, 0}}},
		{"tries that are too early do not put off", []step{{0, false, 300}, {4 * time.Minute, false, 60}, {time.Minute, true, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t)
			for i, step := range tt.steps {
				s.c.advance(step.wait)
				m := s.admin(`greylist("k", ` + options + `)`).(map[string]Value)
				if m["allowed"] != step.allowed || m["seconds_left"] != step.left {
					t.Errorf("step %d: %s, want %v and %d s", i+1, ValueText(m), step.allowed, step.left)
				}
			}
		})
	}
}

func TestGreylistTellsTheFirstTry(t *testing.T) {
	s := newSession(t)
	first := s.c.now().Unix()
	for range 5 {
		s.adminWants(`greylist("k").first_seen`, first)
		s.c.advance(3 * time.Minute)
	}
	long := strings.Repeat("x", 2000)
	s.adminWants(`greylist("`+long+`", {"delay": 0}).allowed`, false)
	s.adminWants(`greylist("`+long+`", {"delay": 0}).allowed`, true)
	s.adminWants(`greylist("`+long+`y", {"delay": 0}).allowed`, false)
}

func TestGreylistFollowsItsOptionsNotItsRows(t *testing.T) {
	s := newSession(t)
	s.adminWants(`greylist("k", {"delay": 60, "window": "30d"}).allowed`, false)
	s.c.advance(24 * time.Hour)
	s.adminWants(`greylist("k", {"delay": 60, "window": "1h"}).allowed`, false)
	for code, want := range map[string]string{
		`greylist("k", {"lifetime": 0})`:       "option lifetime: 0s is out of range",
		`greylist("k", {"window": "400d"})`:    "option window: 9600h0m0s is more than 366 days",
		`greylist("k", {"delay": "soon"})`:     "option delay: ",
		`greylist("k", {"delay": [1]})`:        "option delay: expected a duration",
		`greylist("k", {"lifetime": "9999d"})`: "option lifetime: ",
	} {
		if r := s.as(Admin, "a1", code, RunOptions{}); r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%s: %v, want %s", code, r.Err, want)
		}
	}
}

func TestOfManyFirstTriesNoneIsAllowed(t *testing.T) {
	s := newSession(t)
	var allowed atomic.Int64
	p := compileTiny(t, `greylist("k", {"delay": 0}).allowed`)
	try := func() {
		r := testEngine.Run(t.Context(), p, ExampleTransaction(), RunOptions{Host: s.host, Trust: Admin, Now: s.c.now})
		if r.Err != nil {
			t.Error(r.Err)
		} else if r.Value == true {
			allowed.Add(1)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				try()
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != 159 {
		t.Errorf("%d of 160 are allowed, want all but the first", n)
	}
}

func TestAnswersToWhatUsersSentAreKnown(t *testing.T) {
	s := newSession(t)
	s.admin(`trusted_reply_add("<sent@example.org>")`)
	check := func(header string) Value {
		t.Helper()
		tx := ExampleTransaction()
		tx.Message = mail.New([]byte(header + "\r\nx\r\n"))
		r := testEngine.Run(t.Context(), compileTiny(t, `trusted_reply_check()`), tx, RunOptions{Host: s.host, Trust: Admin, Now: s.c.now})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Value
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, " <%d@example.org>\r\n", i)
	}
	for _, tt := range []struct {
		name, header string
		want         bool
	}{
		{"in In-Reply-To", "In-Reply-To: <sent@example.org>\r\n", true},
		{"in References", "References: <1@x.example>\r\n <sent@example.org> <2@x.example>\r\n", true},
		{"in a text around it", "In-Reply-To: your mail <sent@example.org> of monday\r\n", true},
		{"in case that differs", "In-Reply-To: <SENT@example.org>\r\n", false},
		{"nowhere", "Subject: <sent@example.org>\r\n", false},
		{"at the end of many", "References:" + many.String() + " <sent@example.org>\r\n", true},
		{"at the begin of too many", "References: <sent@example.org>\r\n" + many.String(), false},
	} {
		if got := check(tt.header); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	s.c.advance(30 * 24 * time.Hour)
	if check("In-Reply-To: <sent@example.org>\r\n") != false {
		t.Error("it is known for longer than 30 days")
	}
}

func TestLongNamesAreHashed(t *testing.T) {
	a, b := strings.Repeat("x", 3000), strings.Repeat("x", 3001)
	if boundedName(a) == boundedName(b) || len(boundedName(a)) > kv.MaxName || boundedName("short") != "short" {
		t.Errorf("names are %s, %s", boundedName(a), boundedName(b))
	}
}
