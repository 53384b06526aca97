package sieve

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// said runs a script for a transaction and returns what it said, its error, and its notes.
func said(t testing.TB, o Options, script string, tx runtime.Transaction, host runtime.Host) []string {
	t.Helper()
	o.Extensions, o.Expressions = append(o.Extensions, sayExtension()), fakeExpressions{}
	l := New(o)
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{Stage: tx.Stage})
	if err != nil {
		var out []string
		for line := range strings.Lines(err.Error()) {
			out = append(out, "refused "+strings.TrimPrefix(strings.TrimSpace(line), "t:"))
		}
		return out
	}
	out := []string{}
	res := runtime.NewEngine(l).Run(context.WithValue(t.Context(), saidKey{}, &out), p, &tx, runtime.RunOptions{Seed: 1, Host: host})
	if res.Err != nil {
		out = append(out, "error "+strings.TrimPrefix(res.Err.Error(), "t:"))
	}
	for _, n := range res.Record.Notes {
		out = append(out, n.Kind+" "+n.Text)
	}
	return out
}

func TestDates(t *testing.T) {
	const message = "Date: Thu, 01 Jan 2026 01:02:03 +0200\r\n" +
		"X-Broken: Thu, 31 Feb 2026 01:02:03 +0200\r\nX-Broken: somewhen\r\n" +
		"Received: from a by b; Thu, 1 Jan 2026 00:00:01 +0000\r\nReceived: from b by c; Wed, 31 Dec 2025 23:59:59 +0000\r\n" +
		"X-Zone: Fri, 02 Jan 2026 00:30:00 -0330\r\nX-Old: Mon, 15 Nov 1858 12:00:00 +0000\r\n\r\n"
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(message)),
		Time: time.Date(2026, time.March, 29, 23, 30, 5, 0, time.UTC)}
	const head = `require ["date", "variables", "relational", "comparator-i;ascii-numeric"]; `
	part := func(test string) string { return "if " + test + ` "*" { say "${0}"; }` }
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"the zone of the server", part(`date :matches "date" "iso8601"`), []string{`say "2026-01-01T00:02:03+01:00"`}},
		{"the zone of the field", part(`date :originalzone :matches "date" "iso8601"`), []string{`say "2026-01-01T01:02:03+02:00"`}},
		{"a zone of the script", part(`date :zone "-0530" :matches "date" "iso8601"`), []string{`say "2025-12-31T17:32:03-05:30"`}},
		{"UTC is Z", part(`date :zone "+0000" :matches "date" "iso8601"`), []string{`say "2025-12-31T23:02:03Z"`}},
		{"the zone is a part", part(`date :originalzone :matches "x-zone" "zone"`), []string{`say "-0330"`}},
		{"all parts", part(`date :originalzone :matches "date" "year"`) + part(`date :originalzone :matches "date" "month"`) +
			part(`date :originalzone :matches "date" "day"`) + part(`date :originalzone :matches "date" "date"`) +
			part(`date :originalzone :matches "date" "hour"`) + part(`date :originalzone :matches "date" "minute"`) +
			part(`date :originalzone :matches "date" "second"`) + part(`date :originalzone :matches "date" "time"`) +
			part(`date :originalzone :matches "date" "std11"`) + part(`date :originalzone :matches "date" "WeekDay"`),
			[]string{`say "2026"`, `say "01"`, `say "01"`, `say "2026-01-01"`, `say "01"`, `say "02"`, `say "03"`, `say "01:02:03"`,
				`say "Thu, 01 Jan 2026 01:02:03 +0200"`, `say "4"`}},
		{"days are counted in the zone that is asked for", part(`date :originalzone :matches "date" "julian"`) +
			part(`date :zone "+0000" :matches "date" "julian"`) + part(`date :zone "+0000" :matches "x-old" "julian"`),
			[]string{`say "61041"`, `say "61040"`, `say "-2"`}},
		{"any field of the name will do", `if date :zone "+0000" "received" "year" "2025" { say "yes"; }`, []string{`say "yes"`}},
		{"dates are counted, not matches", `if date :count "eq" "received" "year" "2" { say "two"; } if date :count "eq" "x-broken" "year" "0" { say "none"; }`,
			[]string{`say "two"`, `say "none"`}},
		{"a broken date matches nothing", `if date :contains "x-broken" "date" "" { say "yes"; }`, []string{}},
		{"dates have an order", `if date :value "ge" :originalzone "date" "date" "2025-12-31" { say "yes"; }
			if date :value "lt" :originalzone :comparator "i;ascii-numeric" "date" "hour" "1" { say "never"; }`, []string{`say "yes"`}},
		{"the current date is that of the transaction", part(`currentdate :matches "iso8601"`) + part(`currentdate :zone "+0000" :matches "weekday"`),
			[]string{`say "2026-03-30T00:30:05+01:00"`, `say "0"`}},
		{"there is one current date", `if currentdate :count "eq" "year" "1" { say "one"; }`, []string{`say "one"`}},
		{"a part by a variable", `set "p" "year"; ` + part(`currentdate :matches "${p}"`) + `set "p" "century"; ` + part(`currentdate :matches "${p}"`), []string{`say "2026"`}},
		{"a zone by a variable", `set "z" "+0200"; ` + part(`currentdate :zone "${z}" :matches "hour"`) + `set "z" "CET"; ` + part(`currentdate :zone "${z}" :matches "hour"`),
			[]string{`say "01"`, `problem "CET" is no time zone`}},
		{"what is wrong is said", "\n" + `if date :zone "CET" "date" "yaer" "" {} if currentdate :originalzone "date" "x" {} if date :zone "+0100" :originalzone "date" "year" "x" {}`,
			[]string{`refused 2:15: "CET" is no time zone; expected an offset such as "+0200"`,
				`refused 2:28: unknown part of a date "yaer"; is "year" meant?; known are date, day, hour, iso8601, julian, minute, month, second, std11, time, weekday, year, zone`,
				"refused 2:56: unknown tagged argument ':originalzone' for the currentdate test " +
					"(it takes :comparator, :contains, :count, :is, :list, :matches, :regex, :value, :zone)", `refused 2:106: ":zone" and ":originalzone" exclude each other`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := said(t, Options{Zone: time.FixedZone("", 3600)}, head+tt.script, tx, nil)
			var lines []string
			for _, l := range got {
				if !strings.HasPrefix(l, "problem date: field") {
					lines = append(lines, l)
				}
			}
			if diff := cmp.Diff(tt.want, append([]string{}, lines...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBrokenDatesAreNoted(t *testing.T) {
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte("Date: never\r\n\r\n"))}
	got := said(t, Options{}, `require "date"; if date :contains "date" "year" "" { say "yes"; }`, tx, nil)
	if len(got) != 1 || !strings.HasPrefix(got[0], "problem date: field Date: ") {
		t.Errorf("got %q", got)
	}
}

func TestEnvironment(t *testing.T) {
	item := func(name string) string {
		return `if environment :matches "` + name + `" "*" { say "` + name + `=${0}"; } `
	}
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Hostname: "mx.example.org", Message: mail.New([]byte(testMessage)),
		Client: runtime.Client{PTR: "peer.example.net", IP: netip.MustParseAddr("192.0.2.7")}}
	tx.Rcpt.Name = "bob"
	early := tx
	early.Stage, early.Client = runtime.StageConnect, runtime.Client{}
	imap := tx
	imap.Stage = runtime.StageIMAP
	imap.IMAP = &runtime.IMAPEvent{User: "u", Email: "u@example.org", Cause: "FLAG", Mailbox: "Junk", ChangedFlags: []string{`\Seen`, "$x"}}
	set := map[string]string{"name": "Other", "vnd.dovecot.config.color": "blue", "x-own": "1"}
	all := item("name") + item("host") + item("domain") + item("location") + item("phase") + item("remote-host") + item("remote-ip") +
		item("version") + item("nonsense") + item("imap.user") + item("vnd.dovecot.username")
	for _, tt := range []struct {
		name, script string
		tx           runtime.Transaction
		items        map[string]string
		want         []string
	}{
		{"at delivery", `require ["environment", "variables"]; ` + all, tx, nil, []string{`say "name=Sluice"`, `say "host=mx.example.org"`, `say "domain=example.org"`,
			`say "location=MDA"`, `say "phase=during"`, `say "remote-host=peer.example.net"`, `say "remote-ip=192.0.2.7"`}},
		{"in the dialogue", `require ["environment", "variables"]; ` + all, early, nil, []string{`say "name=Sluice"`, `say "host=mx.example.org"`, `say "domain=example.org"`,
			`say "location=MTA"`, `say "phase=pre"`}},
		{"in the mail store", `require ["environment", "variables", "imapsieve"]; ` + item("location") + item("phase") + item("imap.user") + item("imap.email") +
			item("imap.cause") + item("imap.mailbox") + item("imap.changedflags"), imap, nil,
			[]string{`say "location=MS"`, `say "phase=post"`, `say "imap.user=u"`, `say "imap.email=u@example.org"`, `say "imap.cause=FLAG"`, `say "imap.mailbox=Junk"`,
				`say "imap.changedflags=\\Seen $x"`}},
		{"items of the administrator", `require ["environment", "variables"]; ` + item("NAME") + item("x-own") + item("vnd.dovecot.config.color"), tx, set,
			[]string{`say "NAME=Other"`, `say "x-own=1"`}},
		{"Dovecot's items", `require ["vnd.dovecot.environment", "variables"]; ` + item("vnd.dovecot.username") + item("vnd.dovecot.default-mailbox") +
			item("vnd.dovecot.config.color") + `say "${env.vnd.dovecot.default_mailbox} ${env.X_own} ${env.location} ${env.none}.";`, tx, set,
			[]string{`say "vnd.dovecot.username=bob"`, `say "vnd.dovecot.default-mailbox=INBOX"`, `say "vnd.dovecot.config.color=blue"`, `say "INBOX 1 MDA ."`}},
		{"an item is counted once, an unknown one not at all", `require ["environment", "relational"];
			if environment :count "eq" "host" "1" { say "one"; } if environment :count "eq" "nonsense" "0" { say "never"; }`, tx, nil, []string{`say "one"`}},
		{"variables of the environment cannot be set", `require ["vnd.dovecot.environment", "variables"]; set "env.x" "y";`, tx, nil,
			[]string{`refused 1:55: variables of the namespace "env" cannot be set`}},
		{"imapsieve at delivery", `require "imapsieve";`, tx, nil, []string{`refused 1:9: the extension "imapsieve" is for scripts of the stage imap; this one is for deliver`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, Options{Environment: tt.items}, tt.script, tt.tx, nil)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDebugLogGoesToTheRecord(t *testing.T) {
	tx := runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte("Subject: a\tb\r\n\r\n"))}
	got := said(t, Options{}, `require ["vnd.dovecot.debug", "variables"]; if header :matches "subject" "*" { debug_log "it is ${1}"; }`, tx, nil)
	if diff := cmp.Diff([]string{"debug it is a b"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestElbonians(t *testing.T) {
	got := said(t, Options{}, `require "comparator-elbonia"; if not header :comparator "elbonia" "subject" "SALE 50%" { say "octets"; }`,
		runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New([]byte(testMessage))}, nil)
	if diff := cmp.Diff([]string{`say "octets"`}, got); diff != "" {
		t.Error(diff)
	}
}
