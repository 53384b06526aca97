package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

func TestPlansAreCarriedOut(t *testing.T) {
	language := funcs{
		"nothing":  func(*runtime.Task) error { return nil },
		"file":     call("fileinto", "Lists", map[string]runtime.Value{"flags": []runtime.Value{`\Seen`, "$Label"}}),
		"create":   call("fileinto", "New/Box", map[string]runtime.Value{"create": true}),
		"missing":  call("fileinto", "Nowhere"),
		"inbox":    call("fileinto", "inbox"),
		"discard":  call("discard"),
		"reject":   call("reject", "we do not want this\nat all"),
		"status":   call("reject", "5.2.2 full up"),
		"tempfail": call("tempfail", "come back"),
		"redirect": call("redirect", "eve@remote.example"),
		"copy":     call("redirect", "eve@remote.example", map[string]runtime.Value{"copy": true}),
		"self":     call("redirect", "anna@example.org"),
		"fail":     both(call("discard"), func(*runtime.Task) error { return errors.New("script bug") }),
		"conflict": both(call("reject", "no"), call("keep")),
		"panic":    func(*runtime.Task) error { panic("script panic") },
		"mark":     call("mark", "", "seen", int64(1), "7d"),
	}
	tests := []struct {
		name    string
		scripts []string
		answer  string
		stored  []string
		sent    int
	}{
		{"no script: kept", nil, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"a script that asks for nothing: kept", []string{"nothing"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"filed with flags", []string{"file"}, "250 2.0.0 OK", []string{"id-anna:Lists $seen $Label"}, 0},
		{"filed in a mailbox that is made", []string{"create"}, "250 2.0.0 OK", []string{"id-anna:New/Box"}, 0},
		{"a missing mailbox: kept", []string{"missing"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"the inbox has no case", []string{"inbox"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"discarded", []string{"discard"}, "250 2.0.0 OK", []string{}, 0},
		{"rejected, with the script's lines", []string{"reject"}, "550 5.7.1 we do not want this\nat all", []string{}, 0},
		{"rejected with a status of the script's", []string{"status"}, "550 5.2.2 full up", []string{}, 0},
		{"refused for now", []string{"tempfail"}, "451 4.7.1 come back", []string{}, 0},
		{"redirected", []string{"redirect"}, "250 2.0.0 OK", []string{}, 1},
		{"redirected as a copy: kept too", []string{"copy"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 1},
		{"redirected to oneself: kept", []string{"self"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"a script that fails: kept, whatever it asked for", []string{"fail"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"a conflict is a failure: kept", []string{"conflict"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"a panic is a failure: kept", []string{"panic"}, "250 2.0.0 OK", []string{"id-anna:INBOX"}, 0},
		{"a chain goes on while mail is kept", []string{"nothing", "mark", "file"}, "250 2.0.0 OK", []string{"id-anna:Lists $seen $Label"}, 0},
		{"a chain ends when nothing is kept", []string{"file", "reject"}, "250 2.0.0 OK", []string{"id-anna:Lists $seen $Label"}, 0},
		{"a failed script does not end the chain", []string{"fail", "file"}, "250 2.0.0 OK", []string{"id-anna:Lists $seen $Label"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.mailboxes["id-anna"] = []string{"Lists"}
			var sources []scripts.Source
			for _, name := range tt.scripts {
				sources = append(sources, script(name))
			}
			p := start(t, w, t.TempDir(), language, sources...)
			a := p.give(t, plain, "a@remote.example", "anna@example.org")
			if got := a.Outcomes[0].String(); got != tt.answer {
				t.Errorf("answer %q, want %q", got, tt.answer)
			}
			if diff := cmp.Diff(tt.stored, w.in()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if n := len(w.outgoing()); n != tt.sent {
				t.Errorf("%d messages sent, want %d", n, tt.sent)
			}
			if n := p.journal.Stats().Pending; n != 0 {
				t.Errorf("%d deliveries are pending", n)
			}
		})
	}
}

func TestStoredMessageIsReturnPathAndData(t *testing.T) {
	raw := "Subject: \x00\x80 odd\r\n\r\nbare\rcr\nlf" + strings.Repeat("x", 6000)
	for _, from := range []string{"a@remote.example", ""} {
		w := newWorld()
		start(t, w, t.TempDir(), nil).give(t, raw, from, "anna@example.org")
		if want := "Return-Path: <" + from + ">\r\n" + raw; w.stored[0].raw != want {
			t.Errorf("stored %.80q", w.stored[0].raw)
		}
	}
}

func TestOneAnswerPerRecipient(t *testing.T) {
	byName := func(t *runtime.Task) error {
		switch t.View().Rcpt.Name {
		case "ben":
			return call("reject", "no")(t)
		case "carl":
			return call("tempfail", "later")(t)
		}
		return nil
	}
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"byName": byName}, script("byName"))
	a := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org", "carl@example.org", "anna@example.org")
	if got := codes(a); got != "250 550 451 250" {
		t.Errorf("answers %s", got)
	}
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	want := Stats{Messages: 1, Delivered: 2, Refused: 1, Deferred: 1, ScriptRuns: 3}
	if diff := cmp.Diff(want, p.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestUnresolvedRecipients(t *testing.T) {
	p := start(t, newWorld(), t.TempDir(), nil)
	tx := &runtime.Transaction{}
	for address, want := range map[string]string{"who@elsewhere.example": "550 5.1.1", "broken@example.org": "451 4.3.0"} {
		if _, out := p.Recipient(t.Context(), tx, runtime.Path{Address: address}, ""); !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: %s, want %s", address, out, want)
		}
	}
	r, out := p.Recipient(t.Context(), tx, runtime.Path{Address: "anna+news@example.org"}, "old@example.org")
	if !out.Accepted() || r.Detail != "news" || r.Account != "id-anna" || r.Original != "old@example.org" {
		t.Errorf("recipient %+v, %s", r, out)
	}
}

func TestStoreErrors(t *testing.T) {
	reads := call("key_get", "", "x")
	tests := []struct {
		name, stage, onError, onStoreError string
		script                             func(*runtime.Task) error
		want                               string
	}{
		{"at delivery: kept by default", "deliver", "", "", reads, "250"},
		{"at delivery: told to come again", "deliver", "", "tempfail", reads, "451"},
		{"at delivery: a bug never costs mail", "deliver", "reject", "reject", func(*runtime.Task) error { return errors.New("bug") }, "250"},
		{"at delivery: turned into another error on the way", "deliver", "", "tempfail", func(t *runtime.Task) error {
			reads(t)
			return errors.New("something else")
		}, "451"},
		{"at delivery: caught by the script", "deliver", "", "tempfail", func(t *runtime.Task) error { reads(t); return nil }, "250"},
		{"at rcpt: accepted by default", "rcpt", "", "", reads, "250"},
		{"at rcpt: told to come again", "rcpt", "reject", "tempfail", reads, "451"},
		{"at rcpt: a bug refuses if it is told so", "rcpt", "reject", "", func(*runtime.Task) error { return errors.New("bug") }, "550"},
		{"at data: a bug defers if it is told so", "data", "tempfail", "", func(*runtime.Task) error { return errors.New("bug") }, "451"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := script("s")
			s.Stage, s.OnError, s.OnStoreError = tt.stage, tt.onError, tt.onStoreError
			p := start(t, newWorld(), t.TempDir(), funcs{"s": tt.script}, s)
			tx := &runtime.Transaction{}
			_, out := p.Recipient(t.Context(), tx, runtime.Path{Address: "anna@example.org"}, "")
			got := out.String()[:3]
			if out.Accepted() {
				got = codes(p.give(t, plain, "a@remote.example", "anna@example.org"))
			}
			if got != tt.want {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
}

func TestStagesBeforeData(t *testing.T) {
	connect, rcpt := script("connect"), script("rcpt")
	connect.Stage, rcpt.Stage = "connect", "rcpt"
	language := funcs{
		"connect": call("tempfail", "not now"),
		"rcpt":    both(call("mark", "", "tried", "x", "1h"), call("reject", "no")),
	}
	w := newWorld()
	p := start(t, w, t.TempDir(), language, connect, rcpt)
	tx := &runtime.Transaction{Stage: runtime.StageConnect}
	if out := p.Stage(t.Context(), tx); out.String() != "451 4.7.1 not now" {
		t.Errorf("connect: %s", out)
	}
	if _, out := p.Recipient(t.Context(), tx, runtime.Path{Address: "anna@example.org"}, ""); out.Code != 550 {
		t.Errorf("rcpt: %s", out)
	}
}

func TestDataScriptsSendOnce(t *testing.T) {
	s := script("s")
	s.Stage = "data"
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"s": both(
		call("redirect", "archive@remote.example"), call("fileinto", "All", map[string]runtime.Value{"create": true}))}, s)
	a := p.give(t, plain, "a@remote.example", "anna@example.org", "ben@example.org")
	if codes(a) != "250 250" || len(w.outgoing()) != 1 {
		t.Errorf("answers %s, %d sent", codes(a), len(w.outgoing()))
	}
	if diff := cmp.Diff([]string{"id-anna:All", "id-ben:All"}, w.in()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestRefusalsByTheHouse(t *testing.T) {
	full := func(o *Options) { o.Room = func() error { return mailstore.ErrNoSpace } }
	w := newWorld()
	p := startWith(t, w, t.TempDir(), nil, full)
	if a := p.give(t, plain, "", "anna@example.org"); a.Outcomes[0] != noSpace {
		t.Errorf("a full disk: %s", a.Outcomes[0])
	}
	w = newWorld()
	p = start(t, w, t.TempDir(), nil)
	w.failing(func(op string) error {
		if op == "put" {
			return errors.New("disk error")
		}
		return nil
	})
	if a := p.give(t, plain, "", "anna@example.org"); a.Outcomes[0] != serverError {
		t.Errorf("a broken journal: %s", a.Outcomes[0])
	}
	w.failing(nil)
	if a := p.give(t, plain, "", "anna@example.org"); codes(a) != "250" || len(w.in()) != 1 {
		t.Errorf("the next attempt: %s, stored %v", codes(a), w.in())
	}
}

func TestMarksAreSetOnceTheMailIsSettled(t *testing.T) {
	w := newWorld()
	mark := call("mark", "", "seen", int64(1), "1h")
	p := start(t, w, t.TempDir(), funcs{"mark": mark, "reject": both(mark, call("reject", "no")), "tempfail": both(mark, call("tempfail", "later"))})
	for name, want := range map[string]bool{"mark": true, "reject": true, "tempfail": false} {
		if err := p.library.Load([]scripts.Source{script(name)}); err != nil {
			t.Fatal(err)
		}
		clear(w.marks)
		p.give(t, plain+name, "", "anna@example.org")
		ttl, ok := w.marks["a:admin/seen"]
		if ok != want || ok && (ttl > time.Hour || ttl < 59*time.Minute) {
			t.Errorf("%s: mark %v for %s", name, ok, ttl)
		}
	}
}

func TestUnknownMarkStoreIsNotForEver(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"mark": call("mark", "", "k", int64(1))}, script("mark"))
	w.failing(func(op string) error {
		if op == "mark" {
			return kv.ErrUnsupported
		}
		return nil
	})
	p.give(t, plain, "", "anna@example.org")
	if s := p.Stats(); s.Waiting != 0 || s.Failures != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestRecordsAreKept(t *testing.T) {
	var seen []string
	p := startWith(t, newWorld(), t.TempDir(), funcs{"keep": call("keep")}, func(o *Options) {
		o.Record = runtime.RecordCalls
		o.OnRecord = func(account string, r *runtime.Record) { seen = append(seen, account+" "+r.Script) }
	}, script("keep"))
	p.give(t, plain, "", "anna@example.org")
	if diff := cmp.Diff([]string{"anna keep.go"}, seen); diff != "" {
		t.Error(diff)
	}
	if all := p.Records(); len(all) != 1 || len(all[0].Record.Calls) != 1 || all[0].Account != "anna" {
		t.Errorf("records %+v", all)
	}
}

func TestRingIsBounded(t *testing.T) {
	var r ring
	big := &runtime.Record{View: &runtime.View{Raw: make([]byte, 5<<20)}}
	for range 20 {
		r.add(Recorded{Record: big})
	}
	if r.octets > maxRecordOctets || len(r.all) > 6 {
		t.Errorf("%d records of %d octets", len(r.all), r.octets)
	}
	for range 2 * maxRecords {
		r.add(Recorded{Record: &runtime.Record{}})
	}
	if len(r.all) != maxRecords {
		t.Errorf("%d records", len(r.all))
	}
}

func TestFailuresAreTriedAgain(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"copy": call("redirect", "eve@remote.example", map[string]runtime.Value{"copy": true})}, script("copy"))
	healed := make(chan struct{})
	tries := 0
	w.failing(func(op string) error {
		if op == "import" {
			if tries++; tries < 2 {
				return mailstore.ErrOverQuota
			}
			close(healed)
			w.fail = nil
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	if a := p.give(t, plain, "", "anna@example.org"); codes(a) != "250" {
		t.Errorf("answer %s: what the journal has is promised", codes(a))
	}
	if n := len(w.outgoing()); n != 1 {
		t.Errorf("%d sent: a failed store must not hold up the rest", n)
	}
	<-healed
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" || len(w.outgoing()) != 1 {
		t.Errorf("stored (-want +got):\n%s%d sent", diff, len(w.outgoing()))
	}
}
