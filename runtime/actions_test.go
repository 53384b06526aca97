package runtime

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

func TestNotificationsAreMail(t *testing.T) {
	r := runTiny(t, `notify("mailto:bob@example.org?cc=eve@example.net&X-Team=ops&bcc=max@example.net", "disk full", {"importance": 1, "from": "\"Watch\" <watch@example.org>"})`, RunOptions{Seed: 7})
	if r.Err != nil || r.Value != true {
		t.Fatal(r.Value, r.Err)
	}
	a := r.Plan.Actions[0]
	if a.Kind != Send || a.As != AsNotify || a.From != "watch@example.org" {
		t.Errorf("%v", a)
	}
	if diff := cmp.Diff([]string{"bob@example.org", "eve@example.net", "max@example.net"}, a.Recipients()); diff != "" {
		t.Error(diff)
	}
	m := mail.New(a.Raw)
	for name, want := range map[string]string{"From": `"Watch" <watch@example.org>`, "To": "bob@example.org", "Cc": "eve@example.net", "Bcc": "", "Subject": "disk full",
		"Auto-Submitted": `auto-notified; owner-email="bob+news@example.org"`, "Importance": "High", "X-Team": "ops"} {
		if got := strings.Join(m.Header().Texts(name), "|"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	again := runTiny(t, `notify("mailto:bob@example.org?cc=eve@example.net&X-Team=ops&bcc=max@example.net", "disk full", {"importance": 1, "from": "\"Watch\" <watch@example.org>"})`, RunOptions{Seed: 7})
	if string(again.Plan.Actions[0].Raw) != string(a.Raw) {
		t.Error("a replay writes another message")
	}
}

func TestNotificationsThatAreNotSent(t *testing.T) {
	tx := ExampleTransaction()
	tx.Message = mail.New([]byte("Auto-Submitted: auto-replied\r\n\r\n"))
	p := compileTiny(t, `notify("mailto:bob@example.org")`)
	r := testEngine.Run(t.Context(), p, tx, RunOptions{})
	if r.Value != false || len(r.Plan.Actions) != 1 || r.Plan.Actions[0].Raw != nil || r.Plan.Actions[0].Reason == "" {
		t.Errorf("%v %v %v", r.Value, r.Err, r.Plan)
	}
	tx = ExampleTransaction()
	tx.From.Address = ""
	if r = testEngine.Run(t.Context(), p, tx, RunOptions{}); r.Plan.Actions[0].From != NullSender {
		t.Errorf("%v", r.Plan)
	}
	var limit *LimitError
	r = runTiny(t, `notify("mailto:a@b.example,c@d.example,e@f.example")`, RunOptions{Settings: &MailSettings{NotifyRecipients: 2}})
	if !errors.As(r.Err, &limit) || limit.Limit != "recipients of a notification" {
		t.Error(r.Err)
	}
}

func TestQuarantineFollowsTheSettings(t *testing.T) {
	for want, s := range map[string]*MailSettings{"Quarantine": nil, "Held/Mail": {Quarantine: "Held/Mail"}} {
		r := runTiny(t, `quarantine("a virus\r\nX: y")`, RunOptions{Settings: s})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		a := r.Plan.Actions[0]
		if a.Mailbox != want || !a.Create || a.Reason != "a virus  X: y" || a.String() != fmt.Sprintf("quarantine mailbox %q reason \"a virus  X: y\" create", want) {
			t.Errorf("%v", a)
		}
	}
}

func TestMetricsAreBounded(t *testing.T) {
	var m Metrics
	host := &Live{Metrics: &m}
	if r := runTiny(t, "metric_count(\"a.b\", 3)\nmetric_count(\"a.b\")", RunOptions{Host: host, Trust: Admin}); r.Err != nil {
		t.Fatal(r.Err)
	}
	if diff := cmp.Diff(map[string]int64{"a.b": 4}, m.All()); diff != "" {
		t.Error(diff)
	}
	if r := runTiny(t, `metric_count("a")`, RunOptions{Host: host}); r.Err == nil {
		t.Error("a user counted")
	}
	for i := range maxMetrics {
		_ = m.Count(fmt.Sprint("m", i), 1)
	}
	if r := runTiny(t, `metric_count("one_more")`, RunOptions{Host: host, Trust: Admin}); !errors.Is(r.Err, ErrMetrics) {
		t.Error(r.Err)
	}
	_ = m.Count("a.b", 1<<62)
	_ = m.Count("a.b", 1<<62)
	if got := m.All()["a.b"]; got != 1<<63-1 {
		t.Errorf("%d", got)
	}
	if n := len(m.All()); n != maxMetrics {
		t.Errorf("%d metrics", n)
	}
	for _, bad := range []string{"", "A", "a b", "a\"}", "0a", strings.Repeat("a", 65), "ä"} {
		if validMetric(bad) {
			t.Errorf("%q is a name", bad)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	r := runTiny(t, strings.Repeat("log(\"warn\", \"a\\u0085b\\u2028c\\nd\")\n", maxNotes+1), RunOptions{})
	if r.Err != nil || r.Value != false || len(r.Record.Notes) != maxNotes || r.Record.Dropped != 1 {
		t.Fatal(r.Value, r.Err, len(r.Record.Notes))
	}
	if n := r.Record.Notes[0]; n.Kind != "warn" || n.Text != "a b c d" {
		t.Errorf("%+v", n)
	}
	if got := oneNote("\xff" + strings.Repeat("x", 2000)); len(got) > maxNote+3 {
		t.Errorf("%d octets", len(got))
	}
}
