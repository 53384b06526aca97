package sieve

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// redirects returns the redirect that a script asks for.
func (d delivery) redirect(t *testing.T, script string) runtime.Action {
	t.Helper()
	if d.from.Address == "" {
		d.from.Address = bob.Address
	}
	if d.to.Address == "" {
		d.to.Address = anna.Address
	}
	s, err := d.do(t, `require ["redirect-dsn", "redirect-deliverby", "variables", "copy"]; `+script)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.Actions {
		if a.Kind == runtime.Redirect {
			return a
		}
	}
	t.Fatalf("no redirect in %v", s.Actions)
	return runtime.Action{}
}

func TestParametersOfRedirect(t *testing.T) {
	for _, tt := range []struct {
		name   string
		d      delivery
		script string
		want   map[string]string
	}{
		{"none", delivery{}, `redirect "x@y.example";`, nil},
		{"notify", delivery{}, `redirect :notify "success, delay,SUCCESS" "x@y.example";`, map[string]string{"NOTIFY": "SUCCESS,DELAY"}},
		{"never", delivery{}, `redirect :notify "Never" :ret "hdrs" "x@y.example";`, map[string]string{"NOTIFY": "NEVER", "RET": "HDRS"}},
		{"what the sender asked for", delivery{from: runtime.Path{Params: map[string]string{"RET": "full", "ENVID": "a+2Bb", "BODY": "7BIT"}},
			to: runtime.Path{Params: map[string]string{"NOTIFY": "failure", "ORCPT": "rfc822;anna+2Bx@example.org"}}}, `redirect "x@y.example";`,
			map[string]string{"RET": "FULL", "ENVID": "a+b", "NOTIFY": "FAILURE", "ORCPT": "rfc822;anna+x@example.org"}},
		{"what the script says goes before", delivery{from: runtime.Path{Params: map[string]string{"RET": "FULL"}}}, `redirect :ret "HDRS" "x@y.example";`, map[string]string{"RET": "HDRS"}},
		{"what turns out to be nothing is left out", delivery{}, `set "n" "sometimes"; redirect :notify "${n}" :ret "${n}" "x@y.example";`, nil},
		{"within a time", delivery{}, `redirect :bytimerelative 600 "x@y.example";`, map[string]string{"BY": "600;N"}},
		{"within a time, or it comes back", delivery{}, `redirect :bytimerelative 600 :bymode "return" :bytrace "x@y.example";`, map[string]string{"BY": "600;RT"}},
		{"until a time", delivery{}, `redirect :bytimeabsolute "2026-11-21T14:00:00+01:00" :bymode "notify" "x@y.example";`, map[string]string{"BY": "3600;N"}},
		{"until a time that is over", delivery{}, `redirect :bytimeabsolute "2026-11-21T11:59:50Z" "x@y.example";`, map[string]string{"BY": "-10;N"}},
		{"until what is no time", delivery{}, `set "n" "noon"; redirect :bytimeabsolute "${n}" "x@y.example";`, nil},
		{"until far away", delivery{}, `redirect :bytimerelative 99999999999 "x@y.example";`, map[string]string{"BY": "999999999;N"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.d.redirect(t, tt.script).Params); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for script, want := range map[string]string{
		`redirect :notify "sometimes" "x@y.example";`:                                      `unknown value "sometimes"`,
		`redirect :notify "NEVER,DELAY" "x@y.example";`:                                    `unknown value`,
		`redirect :ret "all" "x@y.example";`:                                               `unknown value "all"; expected "FULL" or "HDRS"`,
		`redirect :bytimeabsolute "noon" "x@y.example";`:                                   `"noon" is no time`,
		`redirect :bytimerelative 1 :bymode "x" "x@y.example";`:                            `unknown mode "x"`,
		`redirect :bymode "notify" "x@y.example";`:                                         `":bymode" needs ":bytimerelative" or ":bytimeabsolute"`,
		`redirect :bytimerelative 1 :bytimeabsolute "2026-11-21T12:00:00Z" "x@y.example";`: `exclude each other`,
	} {
		_, err := New(Options{}).Compile("t", []byte("require [\"redirect-dsn\", \"redirect-deliverby\"];\n"+script), runtime.CompileOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func TestSenderOfRedirect(t *testing.T) {
	for _, tt := range []struct {
		choice, from     string
		wantFrom, wantBy string
	}{
		{"", "bob@remote.example", "bob@remote.example", "anna@example.org"},
		{"sender", "bob@remote.example", "bob@remote.example", "anna@example.org"},
		{" recipient ", "bob@remote.example", "anna@example.org", "anna@example.org"},
		{"orig_recipient", "bob@remote.example", "orig@example.org", "anna@example.org"},
		{"user_email", "bob@remote.example", "main@example.org", "main@example.org"},
		{"postmaster", "bob@remote.example", "postmaster@mail.example.org", "anna@example.org"},
		{"<back@example.org>", "bob@remote.example", "back@example.org", "anna@example.org"},
		{"<>", "bob@remote.example", "", "anna@example.org"},
		{"nonsense", "bob@remote.example", "bob@remote.example", "anna@example.org"},
		{"<back@example.org>", "-", "", "anna@example.org"},
		{"recipient", "-", "", "anna@example.org"},
	} {
		d := delivery{from: runtime.Path{Address: tt.from}, to: anna, original: "rfc822;orig@example.org", options: MailOptions{RedirectFrom: tt.choice}}
		if tt.choice == "user_email" {
			d.options.UserEmail = "main@example.org"
		}
		sender := tt.from
		if tt.from == "-" {
			d.from, sender = runtime.Path{}, ""
		}
		s, err := d.do(t, `redirect "x@y.example";`)
		if err != nil {
			t.Fatal(err)
		}
		a := s.Actions[0]
		if got := runtime.RedirectSender(&a, sender); got != tt.wantFrom {
			t.Errorf("%s of %s: from %s, want %s", tt.choice, tt.from, got, tt.wantFrom)
		}
		raw := runtime.Redirected([]byte(letter), &a, "anna@example.org", "id@x")
		if got := mail.New(raw).Header().Values(runtime.RedirectedField); len(got) != 1 || got[0] != tt.wantBy {
			t.Errorf("%s: by %v, want %s", tt.choice, got, tt.wantBy)
		}
	}
}

func TestEnvelopeOfDSNAndDeliverBy(t *testing.T) {
	const all = `require ["envelope", "envelope-dsn", "envelope-deliverby", "relational", "variables"]; `
	params := func(from, to map[string]string) (runtime.Path, runtime.Path) {
		return runtime.Path{Address: bob.Address, Params: from}, runtime.Path{Address: anna.Address, Params: to}
	}
	full, fullTo := params(map[string]string{"RET": "hdrs", "ENVID": "QQ+3D314", "BY": "120;RT"}, map[string]string{"NOTIFY": "SUCCESS,failure", "ORCPT": "rfc822;anna+2Bx@example.org"})
	none, noneTo := params(nil, nil)
	for _, tt := range []struct {
		test     string
		from, to runtime.Path
		want     bool
	}{
		{`envelope "notify" "SUCCESS"`, full, fullTo, true},
		{`envelope "notify" "FAILURE"`, full, fullTo, true},
		{`envelope "notify" "DELAY"`, full, fullTo, false},
		{`envelope :count "eq" "notify" "2"`, full, fullTo, true},
		{`envelope "ret" "HDRS"`, full, fullTo, true},
		{`envelope "envid" "QQ=314"`, full, fullTo, true},
		{`envelope "orcpt" "rfc822;anna+x@example.org"`, full, fullTo, true},
		{`envelope "BYTIMERELATIVE" "120"`, full, fullTo, true},
		{`envelope "bytimeabsolute" "2026-11-21T12:02:00Z"`, full, fullTo, true},
		{`envelope "bymode" "return"`, full, fullTo, true},
		{`envelope "bytrace" "true"`, full, fullTo, true},
		{`envelope ["from", "ret"] "bob@remote.example"`, full, fullTo, true},
		{`envelope :contains ["notify", "ret", "envid", "bytimerelative", "bytimeabsolute", "bymode", "bytrace"] ""`, none, noneTo, false},
		{`envelope :count "eq" ["orcpt", "notify"] "0"`, none, noneTo, true},
	} {
		s, err := delivery{from: tt.from, to: tt.to}.do(t, all+`if `+tt.test+` { discard; }`)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Actions[0].Kind == runtime.Discard; got != tt.want {
			t.Errorf("%s is %t", tt.test, got)
		}
	}
	s, err := delivery{from: none, to: noneTo, original: "rfc822;orig@example.org"}.do(t, all+`set "p" "orcpt"; if envelope "${p}" "rfc822;orig@example.org" { discard; }`)
	if err != nil || s.Actions[0].Kind != runtime.Discard {
		t.Errorf("orcpt of the gateway: %v %v", s, err)
	}
	for script, want := range map[string]string{
		`require "envelope"; if envelope "notify" "x" {}`:                              `needs require "envelope-dsn"`,
		`require "envelope"; if envelope "bymode" "x" {}`:                              `needs require "envelope-deliverby"`,
		`require ["envelope", "envelope-dsn"]; if envelope :localpart "notify" "x" {}`: `is no address`,
		`require ["envelope", "envelope-dsn"]; if envelope "nonsense" "x" {}`:          `unknown part "nonsense"`,
	} {
		_, err := New(Options{}).Compile("t", []byte(script), runtime.CompileOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", script, err)
		}
	}
	for in, want := range map[string]string{"a+2Bb": "a+b", "a+2": "", "a+XXb": "", "a+0Ab": "", "plain": "plain", "": ""} {
		if got := xtext(in); got != want {
			t.Errorf("xtext %q is %q", in, got)
		}
	}
}

func TestDuplicates(t *testing.T) {
	m := memory{}
	d := delivery{from: bob, to: anna, account: "id-anna", memory: m}
	is := func(d delivery, test string) bool {
		t.Helper()
		s, err := d.do(t, `require ["duplicate", "variables"]; if `+test+` { discard; }`)
		if err != nil {
			t.Fatal(err)
		}
		return s.Actions[0].Kind == runtime.Discard
	}
	other := d
	other.message = strings.Replace(letter, "<1@remote", "<2@remote", 1)
	bare := d
	bare.message = "Subject: x\r\n\r\n"
	neighbour := d
	neighbour.account = "id-bert"
	for _, tt := range []struct {
		name string
		d    delivery
		test string
		want bool
	}{
		{"the first time it is none", d, `duplicate`, false},
		{"the second time it is", d, `duplicate`, true},
		{"also for a changed script", d, `anyof (duplicate :seconds 5 :last, false)`, true},
		{"with a handle it is another thing", d, `duplicate :handle "h"`, false},
		{"with a handle, twice", d, `duplicate :handle "h"`, true},
		{"another message is none", other, `duplicate`, false},
		{"of another account it is none", neighbour, `duplicate`, false},
		{"without an id it is none", bare, `duplicate`, false},
		{"without an id it is never", bare, `duplicate`, false},
		{"a header", d, `duplicate :header "Subject"`, false},
		{"a header, twice", other, `duplicate :header "subject"`, true},
		{"a header that is not there", d, `duplicate :header "X-Absent"`, false},
		{"a header that is not there, twice", d, `duplicate :header "X-Absent"`, false},
		{"an id of the script", d, `duplicate :uniqueid "q"`, false},
		{"an id of the script, twice", bare, `duplicate :uniqueid "q"`, true},
		{"an id that is empty", d, `duplicate :uniqueid ""`, false},
		{"an id that is empty, twice", d, `duplicate :uniqueid ""`, false},
		{"two tests of a run are both none", d, `anyof (duplicate :uniqueid "z", duplicate :uniqueid "z")`, false},
	} {
		if got := is(tt.d, tt.test); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
	ttl := func(test string, o MailOptions) time.Duration {
		s, err := delivery{from: bob, to: anna, options: o}.do(t, `require "duplicate"; if `+test+` { keep; }`)
		if err != nil {
			t.Fatal(err)
		}
		return s.Actions[len(s.Actions)-1].TTL
	}
	const day = 24 * time.Hour
	for _, tt := range []struct {
		test string
		o    MailOptions
		want time.Duration
	}{
		{`duplicate`, MailOptions{}, 7 * day}, {`duplicate :seconds 60`, MailOptions{}, time.Minute}, {`duplicate :seconds 0`, MailOptions{}, time.Second},
		{`duplicate :seconds 999999999999999999`, MailOptions{}, 60 * day}, {`duplicate`, MailOptions{DuplicatePeriod: day}, day}, {`duplicate :seconds 9999999`, MailOptions{DuplicateMax: day}, day},
	} {
		if got := ttl(tt.test, tt.o); got != tt.want {
			t.Errorf("%s is remembered for %s, want %s", tt.test, got, tt.want)
		}
	}
	renew := memory{}
	d.memory = renew
	is(d, `duplicate`)
	for k := range renew {
		renew[k] = true
	}
	for test, want := range map[string]int{`duplicate`: 0, `duplicate :last`: 1} {
		s, _ := d.do(t, `require "duplicate"; if `+test+` {}`)
		marks := 0
		for _, a := range s.Actions {
			if a.Kind == runtime.Mark {
				marks++
			}
		}
		if marks != want {
			t.Errorf("%s of a duplicate leaves %d marks, want %d", test, marks, want)
		}
	}
	failed, err := delivery{from: bob, to: anna, memory: m}.do(t, `require ["duplicate", "reject"]; if duplicate :uniqueid "f" {} keep; reject "x";`)
	if err == nil || len(failed.Actions) != 1 {
		t.Errorf("a script that fails remembers: %v", failed.Actions)
	}
	for source := range map[string]bool{`require ["duplicate", "vnd.dovecot.duplicate"];`: true, `require ["vnd.dovecot.duplicate", "duplicate"];`: true, `require "duplicate"; if duplicate :header "a" :uniqueid "b" {}`: true} {
		if _, err := New(Options{}).Compile("t", []byte(source), runtime.CompileOptions{}); err == nil || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestReports(t *testing.T) {
	d := delivery{from: bob, to: anna}
	m := wellFormed(t, d.send(t, `require "vnd.dovecot.report"; report "abuse" "spam ü" "Abuse <abuse@b.example>";`).Raw)
	root := m.Root()
	if root.Subtype != "report" || root.Params["report-type"] != "feedback-report" || len(root.Parts) != 3 {
		t.Fatalf("%s %v with %d parts", root.Subtype, root.Params, len(root.Parts))
	}
	if got := strings.TrimSpace(root.Parts[0].Text()); got != "spam ü" {
		t.Errorf("text %q", got)
	}
	fields := mail.New(root.Parts[1].Body()).Header()
	for name, want := range map[string]string{
		"Version": "1", "Feedback-Type": "abuse", "Original-Mail-From": "<bob@remote.example>", "Original-Rcpt-To": "<anna@example.org>", "Dovecot-Reporting-User": "<anna@example.org>",
	} {
		if got := first1(fields.Values(name)); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if root.Parts[2].Message == nil || string(root.Parts[2].Message.Raw()) != letter {
		t.Errorf("the message is %q", root.Parts[2].Body())
	}
	short := wellFormed(t, d.send(t, `require "vnd.dovecot.report"; report :headers_only "abuse" "x" "abuse@b.example";`).Raw).Root()
	if p := short.Parts[2]; p.Subtype != "rfc822-headers" || strings.Contains(string(p.Body()), "hello") || !strings.Contains(string(p.Body()), "Subject: lunch") {
		t.Errorf("the header is %q", p.Body())
	}
	for _, tt := range []struct {
		choice, from, header, envelope string
	}{
		{"", "bob@remote.example", "postmaster@mail.example.org", "postmaster@mail.example.org"},
		{"sender", "bob@remote.example", "bob@remote.example", "bob@remote.example"},
		{"<r@example.org>", "bob@remote.example", "r@example.org", "r@example.org"},
		{"recipient", "", "anna@example.org", "<>"},
		{"<>", "bob@remote.example", "postmaster@mail.example.org", "postmaster@mail.example.org"},
	} {
		a := delivery{from: runtime.Path{Address: tt.from}, to: anna, options: MailOptions{ReportFrom: tt.choice}}.send(t, `require "vnd.dovecot.report"; report "abuse" "x" "abuse@b.example";`)
		if got := first1(mail.New(a.Raw).Header().Values("From")); got != tt.header || a.From != tt.envelope {
			t.Errorf("%q: from %s, envelope %s", tt.choice, got, a.From)
		}
	}
	a := d.send(t, `require ["vnd.dovecot.report", "variables"]; set "a" "no"; report "abuse" "x" "${a}";`)
	if a.Reason == "" || len(a.Raw) > 0 {
		t.Errorf("to nobody: %s", a.String())
	}
	for _, script := range []string{`report "a b" "x" "a@b.example";`, `report "abuse" "x" "no";`, `report "abuse" "x";`} {
		if _, err := New(Options{}).Compile("t", []byte(`require "vnd.dovecot.report"; `+script), runtime.CompileOptions{}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func TestOldFlags(t *testing.T) {
	d := delivery{from: bob, to: anna, enabled: []string{"imapflags"}}
	s, err := d.do(t, `require ["imapflags", "fileinto"]; mark; addflag "$A"; fileinto "a"; unmark; fileinto "b"; setflag ["\\seen"]; removeflag "$A"; keep;`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range s.Actions {
		got = append(got, a.Mailbox+" "+strings.Join(a.Flags, " "))
	}
	if diff := cmp.Diff([]string{`a \Flagged $A`, "b $A", ` \Seen`}, got); diff != "" {
		t.Error(diff)
	}
	for _, source := range []string{`require ["imapflags", "imap4flags"];`, `require ["imap4flags", "imapflags"];`} {
		if _, err := New(Options{Enabled: []string{"*"}}).Compile("t", []byte(source), runtime.CompileOptions{}); err == nil || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := New(Options{}).Compile("t", []byte(`require "imapflags";`), runtime.CompileOptions{}); err == nil {
		t.Error("imapflags is on by default")
	}
}
