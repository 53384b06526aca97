package sieve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

func TestMailtoURIs(t *testing.T) {
	for _, tt := range []struct{ uri, want string }{
		{"mailto:a@b.example", "to a@b.example"},
		{"MAILTO:a@b.example", "to a@b.example"},
		{"mailto:a@b.example,c@d.example", "to a@b.example to c@d.example"},
		{"mailto:a@b.example%2cc@d.example", "to a@b.example to c@d.example"},
		{"mailto:a%2Bb@b.example", "to a+b@b.example"},
		{"mailto:?to=%22x%20y%22%20%3Ca@b.example%3E", "to a@b.example"},
		{"mailto:a@b.example?cc=c@d.example&bcc=e@f.example", "to a@b.example cc c@d.example bcc e@f.example"},
		{"mailto:a@b.example?Subject=x%20y&BODY=%0D%0Az", "to a@b.example subject \"x y\" body \"\\r\\nz\""},
		{"mailto:a@b.example?x-y=1&Keywords=", "to a@b.example x-y \"1\" Keywords \"\""},
		{"mailto:a@b.example?from=x&date=x&auto-submitted=no&Resent-To=x&content-type=x&received=x", "to a@b.example"},

		{"", "unknown method"}, {"mailto", "unknown method"}, {"xmpp:a@b", "unknown method"}, {"snailto:a@b.example", "unknown method"},
		{"mailto:", "names no recipient"}, {"mailto:?subject=x", "names no recipient"}, {"mailto:a@b.example;", "may not hold \";\""},
		{"mailto:a@b.example?x<=1", "may not hold \"<\""}, {"mailto:a@b.example?x=1>", "may not hold \">\""}, {"mailto:a@b.example?x:=1", "no name of a header field"},
		{"mailto:a%23b.example", "no mail address"}, {"mailto:a@b.example?to=c%23d", "no mail address"}, {"mailto:a@b.example?x", "no field of a URI"},
		{"mailto:a@b.example?", "no field of a URI"}, {"mailto:a%@b.example", "broken escape"}, {"mailto:a b@c.example", "may not hold an octet 20"},
		{"mailto:ä@b.example", "may not hold an octet C3"}, {"mailto:a@b.example,", ""}, {"mailto:a@b.example%0d%0aX", "no mail address"},
		{"mailto:a@b.example?" + strings.Repeat("x=1&", 16) + "x=1", "too many fields"}, {"mailto:" + strings.Repeat("a", 70<<10) + "@b.example", "too long"},
	} {
		u, err := runtime.NotifyMethod(tt.uri)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			var parts []string
			for _, a := range u.To {
				parts = append(parts, "to "+a.String())
			}
			for _, a := range u.Cc {
				parts = append(parts, "cc "+a.String())
			}
			for _, a := range u.Bcc {
				parts = append(parts, "bcc "+a.String())
			}
			if u.Subject != nil {
				parts = append(parts, "subject "+shown(*u.Subject))
			}
			if u.Body != nil {
				parts = append(parts, "body "+shown(*u.Body))
			}
			for _, f := range u.Fields {
				parts = append(parts, f[0]+" "+shown(f[1]))
			}
			got = strings.Join(parts, " ")
		}
		if err == nil && got != tt.want && tt.want != "" || err != nil && (tt.want == "" || !strings.Contains(got, tt.want)) {
			t.Errorf("%.60s: %s, want %s", tt.uri, got, tt.want)
		}
	}
}

func shown(s string) string {
	return `"` + strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(s) + `"`
}

func TestNotifications(t *testing.T) {
	for _, tt := range []struct {
		name   string
		d      delivery
		script string
		want   map[string]string // fields, and envelope, to, body, why
	}{
		{"with nothing but a recipient", delivery{}, `notify "mailto:x@y.example";`, map[string]string{
			"To": "x@y.example", "From": `"Postmaster" <postmaster@mail.example.org>`, "Subject": "Notification: lunch", "Importance": "Normal", "X-Priority": "3 (Normal)",
			"Auto-Submitted": `auto-notified; owner-email="anna@example.org"`, "X-Sieve": "Sluice", "body": "There is a new message.", "envelope": "postmaster@mail.example.org", "to": "x@y.example"}},
		{"with a message", delivery{}, `notify :message "hello ü" "mailto:x@y.example?subject=other";`, map[string]string{"Subject": "hello ü", "body": "hello ü"}},
		{"with subject and body of the URI", delivery{}, `notify "mailto:x@y.example?subject=other&body=a%0D%0Ab";`, map[string]string{"Subject": "other", "body": "a\r\nb"}},
		{"with message and body", delivery{}, `notify :message "m" "mailto:x@y.example?body=b";`, map[string]string{"Subject": "m", "body": "b"}},
		{"with from", delivery{}, `notify :from "Anna <anna@example.org>" "mailto:x@y.example";`, map[string]string{"From": `"Anna" <anna@example.org>`, "envelope": "anna@example.org"}},
		{"with a configured sender", delivery{options: MailOptions{NotifyFrom: "sender"}}, `notify :from "anna@example.org" "mailto:x@y.example";`, map[string]string{"From": "anna@example.org", "envelope": "bob@remote.example"}},
		{"with a configured recipient as sender", delivery{options: MailOptions{NotifyFrom: " recipient "}}, `notify "mailto:x@y.example";`, map[string]string{"envelope": "anna@example.org"}},
		{"with the user as sender", delivery{options: MailOptions{NotifyFrom: "user_email", UserEmail: "u@example.org"}}, `notify "mailto:x@y.example";`, map[string]string{"envelope": "u@example.org", "Auto-Submitted": `auto-notified; owner-email="u@example.org"`}},
		{"with an address as sender", delivery{options: MailOptions{NotifyFrom: "<n@example.org>"}}, `notify "mailto:x@y.example";`, map[string]string{"envelope": "n@example.org"}},
		{"with the null sender, as configured", delivery{options: MailOptions{NotifyFrom: "<>"}}, `notify "mailto:x@y.example";`, map[string]string{"envelope": "<>"}},
		{"of a bounce, from the null sender", delivery{from: runtime.Path{Address: "-"}}, `notify :from "anna@example.org" "mailto:x@y.example";`, map[string]string{"envelope": "<>"}},
		{"with high importance", delivery{}, `notify :importance "1" "mailto:x@y.example";`, map[string]string{"Importance": "High", "X-Priority": "1 (Highest)"}},
		{"with low importance", delivery{}, `notify :importance "3" "mailto:x@y.example";`, map[string]string{"Importance": "Low", "X-Priority": "5 (Lowest)"}},
		{"with options, which mailto has none of", delivery{}, `notify :options "a=b" "mailto:x@y.example";`, map[string]string{"to": "x@y.example"}},
		{"to several", delivery{}, `notify "mailto:x@y.example,X@Y.example?cc=c@y.example&bcc=b@y.example,x@y.example";`, map[string]string{"To": "x@y.example", "Cc": "c@y.example", "Bcc": "", "to": "x@y.example c@y.example b@y.example"}},
		{"with fields of the URI", delivery{}, `notify "mailto:x@y.example?x-y=1%0D%0ABcc:%20z&from=evil";`, map[string]string{"X-Y": "1  Bcc: z", "From": `"Postmaster" <postmaster@mail.example.org>`}},

		{"of a message by a machine", delivery{message: letterWith("Auto-Submitted: auto-notified\r\n")}, `notify "mailto:x@y.example";`, map[string]string{"why": "the message was sent by a machine"}},
		{"with a method that turns out to be none", delivery{}, `set "m" "tel:1"; notify "${m}";`, map[string]string{"why": `unknown method "tel:1" of a notification; expected mailto:`}},
		{"with a URI that turns out to be broken", delivery{}, `set "m" "a b"; notify "mailto:x@y.example?body=${m}";`, map[string]string{"why": `the URI may not hold an octet 20; expected it as %20`}},
		{"with an importance that turns out to be none", delivery{}, `set "i" "9"; notify :importance "${i}" "mailto:x@y.example";`, map[string]string{"Importance": "Normal"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			switch tt.d.from.Address {
			case "":
				tt.d.from = bob
			case "-":
				tt.d.from = runtime.Path{}
			}
			tt.d.to = anna
			a := tt.d.send(t, `require ["enotify", "variables"]; `+tt.script)
			got := map[string]string{}
			for name := range tt.want {
				switch name {
				case "envelope":
					got[name] = a.From
				case "to":
					got[name] = strings.Join(a.Recipients(), " ")
				case "why":
					got[name] = a.Reason
				case "body":
					got[name] = strings.TrimSpace(wellFormed(t, a.Raw).Root().Text())
				default:
					got[name] = first1(wellFormed(t, a.Raw).Header().Texts(name))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || a.As != runtime.AsNotify {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotificationsOfARun(t *testing.T) {
	run := func(script string) (runtime.Settled, error) {
		return delivery{from: bob, to: anna}.do(t, `require ["enotify", "reject", "fcc"]; `+script)
	}
	s, err := run(`notify "mailto:a@y.example,b@y.example"; notify "mailto:B@y.example?cc=c@y.example"; notify "mailto:a@y.example";`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range sends(s) {
		got = append(got, strings.Join(a.Recipients(), " ")+a.Reason)
	}
	if diff := cmp.Diff([]string{"a@y.example b@y.example", "c@y.example", "its recipients are notified already"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s, err = run(`notify :fcc "Sent" "mailto:a@y.example"; reject "no";`); err != nil || s.Refused == nil || len(s.Actions) != 2 {
		t.Errorf("with reject: %v %v", s, err)
	}
	if _, err = run(`notify "mailto:` + strings.Repeat("a@y.example,", 1) + `b@y.example,c@y.example,d@y.example,e@y.example,f@y.example,g@y.example,h@y.example,i@y.example";`); err == nil || !strings.Contains(err.Error(), "recipients of a notification limit of 8") {
		t.Errorf("nine recipients: %v", err)
	}
	many := ""
	for i := range 9 {
		many += `notify "mailto:a` + string(rune('a'+i)) + `@y.example";`
	}
	if _, err = run(many); err == nil || !strings.Contains(err.Error(), "outgoing limit of 8") {
		t.Errorf("nine notifications: %v", err)
	}
}

func TestErrorsOfEnotify(t *testing.T) {
	for script, want := range map[string]string{
		`notify "snailto:x";`:                                   "unknown method",
		`notify;`:                                               "notify",
		`notify :from "" "mailto:a@b.example";`:                 ":from",
		`notify :importance "4" "mailto:a@b.example";`:          `expected "1", "2" or "3"`,
		`notify :options "x" "mailto:a@b.example";`:             "expected name=value",
		`notify :options ["a=b", "_c=d"] "mailto:a@b.example";`: "expected name=value",
		`notify :low "mailto:a@b.example";`:                     ":low",
		`set :encodeurl :quotewildcard :length "a" "b";`:        "",
	} {
		_, err := New(Options{}).Compile("t", []byte("require [\"enotify\", \"variables\"];\n"+script), runtime.CompileOptions{})
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", script, err)
		case err != nil && (strings.Count(err.Error(), "\n") > 0 || !strings.HasPrefix(err.Error(), "t:2:")):
			t.Errorf("%s: more than one error, or at another place: %v", script, err)
		}
	}
}

func TestTestsOfEnotify(t *testing.T) {
	l := New(Options{Extensions: []Extension{sayExtension()}})
	for test, want := range map[string]bool{
		`valid_notify_method "mailto:a@b.example"`:                                true,
		`valid_notify_method ["mailto:a@b.example", "tel:1"]`:                     false,
		`valid_notify_method "mailto:a@b.example?header:=x"`:                      false,
		`notify_method_capability "mailto:a@b.example" "Online" ["yes", "maybe"]`: true,
		`notify_method_capability "mailto:a@b.example" "online" "yes"`:            false,
		`notify_method_capability "mailto:a@b.example" "busy" "maybe"`:            false,
		`notify_method_capability "tel:1" "online" "maybe"`:                       false,
		`notify_method_capability :matches "mailto:a@b.example" "online" "m*"`:    true,
		`notify_method_capability :count "eq" "mailto:a@b.example" "online" "1"`:  true,
		`notify_method_capability :count "eq" "mailto:a@b.example" "busy" "0"`:    true,
	} {
		got := outcome(t, l, `require ["enotify", "relational"]; if `+test+` { say "yes"; }`, world{message: letter})
		if (got[0] == `say "yes"`) != want {
			t.Errorf("%s: %v", test, got)
		}
	}
}

func TestEncodeURL(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"aZ09-._~", 100, "aZ09-._~"}, {"a b&c=d\r\n%", 100, "a%20b%26c%3Dd%0D%0A%25"}, {"ü", 100, "%C3%BC"}, {"\xff", 100, "%FF"},
		{"a b", 3, "a"}, {"a b", 4, "a%20"}, {"üb", 5, ""}, {"aü", 6, "a"}, {"", 0, ""},
	} {
		if got := encodeURL(tt.in, tt.limit); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestOldNotify(t *testing.T) {
	run := func(script string) []string {
		t.Helper()
		d := delivery{from: bob, to: anna, enabled: []string{"notify"}}
		s, err := d.do(t, `require ["notify", "variables"]; `+script)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range sends(s) {
			one := strings.Join(a.Recipients(), " ") + a.Reason
			if len(a.Raw) > 0 {
				m := wellFormed(t, a.Raw)
				one += " " + first1(m.Header().Values("Importance")) + ": " + strings.TrimSpace(m.Root().Text())
			}
			got = append(got, one)
		}
		return got
	}
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"sends at the end", `notify :options ["a@y.example", "b@y.example"]; keep;`, []string{"a@y.example b@y.example Normal: Bob <bob@remote.example>: lunch"}},
		{"puts in what the message says", `notify :high :options "a@y.example" :message "$env-from$ $text[2]$ $text$ $x$ $";`, []string{"a@y.example High: bob@remote.example he hello\r\n $x$ $"}},
		{"puts nothing in twice", `notify :options "a@y.example" :message "$subject$$";`, []string{"a@y.example Normal: lunch$"}},
		{"takes all back", `notify :options "a@y.example"; notify :id "x" :options "b@y.example"; denotify;`, nil},
		{"takes one back", `notify :options "a@y.example" :id "x"; notify :options "b@y.example" :id "y"; denotify :is "x";`, []string{"b@y.example Normal: Bob <bob@remote.example>: lunch"}},
		{"takes back by pattern and importance", `notify :low :options "a@y.example" :id "xa"; notify :high :options "b@y.example" :id "xb"; denotify :matches "x*" :low;`, []string{"b@y.example High: Bob <bob@remote.example>: lunch"}},
		{"tells nobody twice", `notify :options "a@y.example"; notify :options "A@y.example";`, []string{"a@y.example Normal: Bob <bob@remote.example>: lunch", "its recipients are notified already"}},
		{"has no recipient", `set "a" "no"; notify :options "${a}";`, []string{"it has no recipient"}},
	} {
		if diff := cmp.Diff(tt.want, run(tt.script)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for source, errors := range map[string]int{
		`require "notify"; notify :options "";`:                                1,
		`require "notify"; notify :method "tel" :options "a@y.example";`:       1,
		`require "notify"; notify :from "a@y.example" :options "a@y.example";`: 1,
		`require "notify"; notify "mailto:a@y.example";`:                       1,
		`require ["enotify", "notify"]; notify "mailto:a@y.example";`:          1,
		`require ["notify", "enotify"];`:                                       1,
		`require "enotify"; denotify;`:                                         1,
	} {
		_, err := New(Options{Enabled: []string{"notify"}}).Compile("t", []byte(source), runtime.CompileOptions{})
		if err == nil || strings.Count(err.Error(), "\n") != errors-1 {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := New(Options{}).Compile("t", []byte(`require "notify";`), runtime.CompileOptions{}); err == nil {
		t.Error("notify is on by default")
	}
}
