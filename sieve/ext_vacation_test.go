package sieve

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

func letterWith(fields string) string { return fields + letter }

// TestWhenVacationIsSilent has a case for each rule that keeps vacation from answering, and
// beside it the closest message that is answered.
func TestWhenVacationIsSilent(t *testing.T) {
	away := `require "vacation"; vacation "away";`
	to := func(address string) string { return strings.Replace(letter, "anna@example.org", address, 1) }
	for _, tt := range []struct {
		name   string
		d      delivery
		script string
		why    string // "": it answers
	}{
		{"a person is answered", delivery{}, away, ""},
		{"the null sender is not", delivery{from: runtime.Path{Address: "-"}}, away, "the sender is null"},
		{"a sender that is no address is not", delivery{from: runtime.Path{Address: "bob"}}, away, "the sender is no address"},
		{"the recipient is not", delivery{from: runtime.Path{Address: "Anna@Example.ORG"}}, away, "the sender is the recipient"},
		{"one of :addresses is not", delivery{}, `require "vacation"; vacation :addresses ["x@y.example", "BOB@remote.example"] "away";`, "the sender is the recipient"},
		{"the user's address is not", delivery{options: MailOptions{UserEmail: "bob@remote.example"}}, away, "the sender is the recipient"},
		{"the recipient without the detail is not", delivery{from: anna, to: runtime.Path{Address: "anna+news@example.org"}}, away, "the sender is the recipient"},
		{"the original recipient is not", delivery{original: "rfc822;bob@remote.example"}, away, "the sender is the recipient"},

		{"MAILER-DAEMON is not", delivery{from: runtime.Path{Address: "MAILER-DAEMON@remote.example"}}, away, "the sender is a machine"},
		{"LISTSERV is not", delivery{from: runtime.Path{Address: "listserv@remote.example"}}, away, "the sender is a machine"},
		{"majordomo is not", delivery{from: runtime.Path{Address: "Majordomo@remote.example"}}, away, "the sender is a machine"},
		{"an owner is not", delivery{from: runtime.Path{Address: "owner-l@remote.example"}}, away, "the sender is a machine"},
		{"a request address is not", delivery{from: runtime.Path{Address: "l-request@remote.example"}}, away, "the sender is a machine"},
		{"a request address with more behind it is not", delivery{from: runtime.Path{Address: "l-request+x@remote.example"}}, away, "the sender is a machine"},
		{"bounces are not", delivery{from: runtime.Path{Address: "l-bounces+anna=example.org@remote.example"}}, away, "the sender is a machine"},
		{"a downowner is", delivery{from: runtime.Path{Address: "landowner@remote.example"}}, away, ""},

		{"List-Id", delivery{message: letterWith("List-Id: <l>\r\n")}, away, "it came from a mailing list"},
		{"List-Owner", delivery{message: letterWith("List-Owner: x\r\n")}, away, "it came from a mailing list"},
		{"List-Subscribe", delivery{message: letterWith("List-Subscribe: x\r\n")}, away, "it came from a mailing list"},
		{"List-Post", delivery{message: letterWith("List-Post: x\r\n")}, away, "it came from a mailing list"},
		{"List-Unsubscribe", delivery{message: letterWith("list-unsubscribe:\r\n")}, away, "it came from a mailing list"},
		{"List-Help", delivery{message: letterWith("List-Help: x\r\n")}, away, "it came from a mailing list"},
		{"List-Archive", delivery{message: letterWith("List-Archive: x\r\n")}, away, "it came from a mailing list"},
		{"a field that only begins like them", delivery{message: letterWith("Listing: x\r\n")}, away, ""},

		{"Auto-Submitted: auto-replied", delivery{message: letterWith("Auto-Submitted: auto-replied\r\n")}, away, "it was sent by a machine"},
		{"Auto-Submitted: auto-generated with more", delivery{message: letterWith("Auto-Submitted: auto-generated; x=y\r\n")}, away, "it was sent by a machine"},
		{"Auto-Submitted: no", delivery{message: letterWith("Auto-Submitted: No\r\n")}, away, ""},
		{"Auto-Submitted: no with more", delivery{message: letterWith("Auto-Submitted: no ; x\r\n")}, away, ""},
		{"Auto-Submitted twice", delivery{message: letterWith("Auto-Submitted: no\r\nAuto-Submitted: yes\r\n")}, away, "it was sent by a machine"},

		{"Precedence: bulk", delivery{message: letterWith("Precedence: bulk\r\n")}, away, "it is bulk mail"},
		{"Precedence: junk", delivery{message: letterWith("Precedence: Junk\r\n")}, away, "it is bulk mail"},
		{"Precedence: list", delivery{message: letterWith("Precedence: list\r\n")}, away, "it is bulk mail"},
		{"Precedence: normal", delivery{message: letterWith("Precedence: normal\r\n")}, away, ""},

		{"X-Auto-Response-Suppress: All", delivery{message: letterWith("X-Auto-Response-Suppress: all\r\n")}, away, "its sender wants no automatic answer"},
		{"X-Auto-Response-Suppress: OOF among others", delivery{message: letterWith("X-Auto-Response-Suppress: DR,\tOOF, RN\r\n")}, away, "its sender wants no automatic answer"},
		{"X-Auto-Response-Suppress: None", delivery{message: letterWith("X-Auto-Response-Suppress: None, AutoReply\r\n")}, away, ""},

		{"mail to somebody else", delivery{message: to("all@example.org")}, away, "none of the recipient's addresses is in its header"},
		{"mail without a recipient", delivery{message: "From: bob@remote.example\r\n\r\n"}, away, "none of the recipient's addresses is in its header"},
		{"mail to one of :addresses", delivery{message: to("all@example.org")}, `require "vacation"; vacation :addresses "ALL@example.org" "away";`, ""},
		{"mail to the user's address", delivery{message: to("all@example.org"), options: MailOptions{UserEmail: "all@example.org"}}, away, ""},
		{"mail to the original recipient", delivery{message: to("all@example.org"), original: "all@example.org"}, away, "none of the recipient's addresses is in its header"},
		{"mail to the original recipient, where that counts", delivery{message: to("all@example.org"), original: "all@example.org", options: MailOptions{VacationOriginalRecipient: true}}, away, ""},
		{"mail to the address without its detail", delivery{to: runtime.Path{Address: "anna+news@example.org"}}, away, ""},
		{"any mail, where nobody looks", delivery{message: to("all@example.org"), options: MailOptions{VacationAnyRecipient: true}}, away, ""},
		{"mail to a broken list of addresses", delivery{message: to("<<<")}, away, "none of the recipient's addresses is in its header"},
		{"Cc", delivery{message: letterWith("") + "", from: bob}, away, ""},
		{"mail in Cc", delivery{message: strings.Replace(letter, "To:", "Cc:", 1)}, away, ""},
		{"mail in Bcc", delivery{message: strings.Replace(letter, "To:", "Bcc:", 1)}, away, ""},
		{"mail in Resent-To", delivery{message: strings.Replace(letter, "To:", "Resent-To:", 1)}, away, ""},
		{"mail in Resent-Cc", delivery{message: strings.Replace(letter, "To:", "Resent-Cc:", 1)}, away, ""},
		{"mail in Resent-Bcc", delivery{message: strings.Replace(letter, "To:", "Resent-Bcc: x,", 1)}, away, ""},
		{"mail in another field", delivery{message: strings.Replace(letter, "To:", "X-To:", 1)}, away, "none of the recipient's addresses is in its header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			switch tt.d.from.Address {
			case "":
				tt.d.from = bob
			case "-":
				tt.d.from = runtime.Path{}
			}
			if tt.d.to.Address == "" {
				tt.d.to = anna
			}
			a := tt.d.send(t, tt.script)
			if a.As != runtime.AsVacation || a.Reason != tt.why || (len(a.Raw) == 0) != (tt.why != "") {
				t.Errorf("got %s, want %q", a.String(), tt.why)
			}
			if tt.why == "" {
				wellFormed(t, a.Raw)
			}
		})
	}
}

// TestVacationKeeps: it takes nothing from the implicit keep.
func TestVacationKeeps(t *testing.T) {
	s, err := delivery{from: bob, to: anna}.do(t, `require "vacation"; vacation "away";`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range s.Actions {
		got = append(got, string(a.Kind))
	}
	if diff := cmp.Diff([]string{"send", "keep", "mark"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestVacationAnswersASenderOnce(t *testing.T) {
	m := memory{}
	d := delivery{from: bob, to: anna, account: "id-anna", memory: m}
	sent := func(d delivery, script string) bool {
		t.Helper()
		return len(d.send(t, `require "vacation"; `+script).Raw) > 0
	}
	steps := []struct {
		name   string
		change func(*delivery)
		script string
		want   bool
	}{
		{"the first message", nil, `vacation "away";`, true},
		{"the second", nil, `vacation "away";`, false},
		{"with other days, as a changed script", nil, `if true { vacation :days 3 "away"; }`, false},
		{"the sender in other letters", func(d *delivery) { d.from.Address = "Bob@Remote.Example" }, `vacation "away";`, false},
		{"another sender", func(d *delivery) { d.from.Address = "carl@remote.example" }, `vacation "away";`, true},
		{"another text", nil, `vacation "still away";`, true},
		{"another subject", nil, `vacation :subject "x" "away";`, true},
		{"another from", nil, `vacation :from "x@y.example" "away";`, true},
		{"as MIME", nil, `vacation :mime "away";`, true},
		{"a handle", nil, `vacation :handle "h" "away";`, true},
		{"the handle with another text", nil, `vacation :handle "h" :subject "x" "gone";`, false},
		{"another handle", nil, `vacation :handle "i" "away";`, true},
		{"another account", func(d *delivery) { d.account = "id-bert" }, `vacation "away";`, true},
	}
	for _, s := range steps {
		one := d
		if s.change != nil {
			s.change(&one)
		}
		if got := sent(one, s.script); got != s.want {
			t.Errorf("%s: answered %t, want %t", s.name, got, s.want)
		}
	}
	if a := d.send(t, `require "vacation"; vacation "away";`); a.Reason != "the sender has got it before" {
		t.Errorf("reason %q", a.Reason)
	}
}

func TestHowLongVacationRemembers(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name   string
		tags   string
		o      MailOptions
		period time.Duration // 0: nothing is remembered
	}{
		{"7 days", "", MailOptions{}, 7 * day},
		{"as configured", "", MailOptions{VacationPeriod: 3 * day}, 3 * day},
		{"as the script says", ":days 10", MailOptions{}, 10 * day},
		{"at least a day", ":days 0", MailOptions{}, day},
		{"at least a day, in seconds", ":seconds 60", MailOptions{}, day},
		{"at least as configured", ":seconds 60", MailOptions{VacationMin: time.Second}, time.Minute},
		{"each message is answered", ":seconds 0", MailOptions{VacationMin: -1}, 0},
		{"at most 60 days", ":days 100", MailOptions{}, 60 * day},
		{"at most 60 days, of any number", ":days 9999999999", MailOptions{}, 60 * day},
		{"at most as configured", ":days 100", MailOptions{VacationMax: 90 * day}, 90 * day},
		{"without a bound", ":days 100", MailOptions{VacationMax: -1}, 100 * day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := delivery{from: bob, to: anna, options: tt.o}.do(t, `require ["vacation", "vacation-seconds"]; vacation `+tt.tags+` "away";`)
			if err != nil {
				t.Fatal(err)
			}
			var got time.Duration
			for _, a := range s.Actions {
				if a.Kind == runtime.Mark {
					got = a.TTL
				}
			}
			if got != tt.period {
				t.Errorf("%s, want %s", got, tt.period)
			}
		})
	}
}

func TestFieldsOfVacation(t *testing.T) {
	long := strings.Repeat("lang ", 100)
	for _, tt := range []struct {
		name, field string
		d           delivery
		script      string
		want        []string
	}{
		{"the subject of the message", "Subject", delivery{}, `vacation "x";`, []string{"Auto: lunch"}},
		{"the subject of the script", "Subject", delivery{}, `vacation :subject "Grüße" "x";`, []string{"Grüße"}},
		{"an encoded subject of the script", "Subject", delivery{}, `vacation :subject "=?utf-8?q?Gr=C3=BC=C3=9Fe?= x" "x";`, []string{"Grüße x"}},
		{"the subject where there is none", "Subject", delivery{message: "To: anna@example.org\r\n\r\n"}, `vacation "x";`, []string{"Automated reply"}},
		{"the configured subject where there is none", "Subject", delivery{message: "To: anna@example.org\r\n\r\n", options: MailOptions{VacationSubject: "Weg"}}, `vacation "x";`, []string{"Weg"}},
		{"a template", "Subject", delivery{options: MailOptions{VacationSubjectTemplate: "Weg: %$ (%{subject}) %x"}}, `vacation "x";`, []string{"Weg: lunch (lunch) %x"}},
		{"a subject is no template", "Subject", delivery{message: strings.Replace(letter, "lunch", "%$ %{subject}", 1)}, `vacation "x";`, []string{"Auto: %$ %{subject}"}},
		{"a long subject is cut", "Subject", delivery{message: strings.Replace(letter, "lunch", long, 1), options: MailOptions{VacationSubjectLength: 20}}, `vacation "x";`, []string{"Auto: lang lang lan…"}},
		{"a subject that just fits", "Subject", delivery{options: MailOptions{VacationSubjectLength: 11}}, `vacation "x";`, []string{"Auto: lunch"}},
		{"an encoded subject of the message", "Subject", delivery{message: strings.Replace(letter, "lunch", "=?iso-8859-1?q?=FC?=\r\n =?utf-8?b?w7w=?=", 1)}, `vacation "x";`, []string{"Auto: üü"}},

		{"from is the address that was written to", "From", delivery{message: strings.Replace(letter, "anna@", "all@", 1)}, `vacation :addresses "All@example.org" "x";`, []string{"All@example.org"}},
		{"from of the script", "From", delivery{}, `vacation :from "Anna <a@b.example>" "x";`, []string{`"Anna" <a@b.example>`}},
		{"from beyond ASCII", "From", delivery{}, `vacation :from "Änna Österling <a@b.example>" "x";`, []string{"Änna Österling <a@b.example>"}},
		{"from that is none", "From", delivery{}, `set "f" "no address"; vacation :from "${f}" "x";`, []string{"anna@example.org"}},
		{"from that is two", "From", delivery{}, `set "f" "a@b.example, c@d.example"; vacation :from "${f}" "x";`, []string{"anna@example.org"}},

		{"to with the name of the header", "To", delivery{}, `vacation "x";`, []string{`"Bob" <bob@remote.example>`}},
		{"to of the Sender", "To", delivery{message: letterWith("Sender: \"B.\" <BOB@remote.example>\r\n")}, `vacation "x";`, []string{`"B." <BOB@remote.example>`}},
		{"to of nobody in the header", "To", delivery{from: runtime.Path{Address: "x@remote.example"}}, `vacation "x";`, []string{"<x@remote.example>"}},
		{"to of the header", "To", delivery{from: runtime.Path{Address: "srs@remote.example"}, options: MailOptions{VacationToHeader: true}}, `vacation "x";`, []string{`"Bob" <bob@remote.example>`}},

		{"it says that it is automatic", "Auto-Submitted", delivery{}, `vacation "x";`, []string{"auto-replied (vacation)"}},
		{"and bulk", "Precedence", delivery{}, `vacation "x";`, []string{"bulk"}},
		{"what it answers", "In-Reply-To", delivery{}, `vacation "x";`, []string{"<1@remote.example>"}},
		{"references", "References", delivery{message: letterWith("References: <a@b>  junk <c@d>\r\n\t<e f@g>\r\n")}, `vacation "x";`, []string{"<a@b> <c@d> <1@remote.example>"}},
		{"references of a message that only answers", "References", delivery{message: letterWith("In-Reply-To: <a@b>\r\n")}, `vacation "x";`, []string{"<a@b> <1@remote.example>"}},
		{"references of a message that answers two", "References", delivery{message: letterWith("In-Reply-To: <a@b> <c@d>\r\n")}, `vacation "x";`, []string{"<1@remote.example>"}},
		{"no references without an id", "References", delivery{message: "To: anna@example.org\r\nReferences: <a@b>\r\n\r\n"}, `vacation "x";`, nil},
		{"no references of a broken id", "In-Reply-To", delivery{message: "To: anna@example.org\r\nMessage-ID: a@b\r\n\r\n"}, `vacation "x";`, nil},
		{"the type of a MIME reason", "Content-Type", delivery{}, `vacation :mime "Content-Type: text/html` + "\r\n" + `X-Evil: 1` + "\r\n\r\n" + `<p>x</p>";`, []string{"text/html"}},
		{"nothing but its type", "X-Evil", delivery{}, `vacation :mime "Content-Type: text/html` + "\r\n" + `X-Evil: 1` + "\r\n\r\n" + `<p>x</p>";`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.d.from.Address == "" {
				tt.d.from = bob
			}
			tt.d.to = anna
			a := tt.d.send(t, `require ["vacation", "variables"]; `+tt.script)
			m := wellFormed(t, a.Raw)
			if diff := cmp.Diff(tt.want, m.Header().Texts(tt.field)); diff != "" {
				t.Errorf("(-want +got):\n%s\nin\n%s", diff, a.Raw)
			}
			if a.From != runtime.NullSender || a.Address != tt.d.from.Address {
				t.Errorf("envelope %s to %s", a.From, a.Address)
			}
		})
	}
}

func TestVacationFromRecipient(t *testing.T) {
	a := delivery{from: bob, to: anna, options: MailOptions{VacationFromRecipient: true}}.send(t, `require "vacation"; vacation "x";`)
	if a.From != "anna@example.org" {
		t.Errorf("from %s", a.From)
	}
}

func TestBodyOfVacation(t *testing.T) {
	for name, text := range map[string]string{
		"ASCII": "Hello\r\nthere.", "beyond it": "Grüße\r\n.\r\nFrom here", "a long line": strings.Repeat("x", 2000), "dots": "..\r\n.x", "empty": "",
	} {
		source := strings.ReplaceAll(text, "\r\n", "\n")
		a := delivery{from: bob, to: anna}.send(t, "require \"vacation\"; vacation \""+source+"\";")
		m := wellFormed(t, a.Raw)
		if got := strings.TrimRight(m.Root().Text(), "\r\n"); got != text {
			t.Errorf("%s: %q, want %q", name, got, text)
		}
	}
}

func TestErrorsOfVacation(t *testing.T) {
	for script, want := range map[string]string{
		`vacation :from "no" "x";`:                       `vacation: :from: "no" is no mail address`,
		`vacation :addresses ["a@b.example", "no"] "x";`: `vacation: :addresses: "no" is no mail address`,
		`vacation :days 1 :seconds 1 "x";`:               `":days" and ":seconds" exclude each other`,
	} {
		_, err := New(Options{}).Compile("t", []byte("require \"vacation-seconds\";\n"+script), runtime.CompileOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 || !strings.HasPrefix(err.Error(), "t:2:") {
			t.Errorf("%s: %v", script, err)
		}
	}
	for name, script := range map[string]string{
		"two vacations":           `vacation "a"; vacation "a";`,
		"vacation and reject":     `vacation "a"; reject "b";`,
		"ereject and vacation":    `ereject "b"; vacation "a";`,
		"a silent one and reject": `set "x" "bob@remote.example"; vacation :addresses "${x}" "a"; reject "b";`,
	} {
		s, err := delivery{from: bob, to: anna}.do(t, `require ["vacation", "reject", "ereject", "variables"]; `+script)
		if err == nil || !strings.Contains(err.Error(), "conflicting actions") || len(s.Actions) != 1 || !s.Actions[0].Implicit {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestVacationIsFiled(t *testing.T) {
	const tags = `vacation :fcc "Sent" :flags ["\\Seen", "$Away"] :create :specialuse "\\Sent" :mailboxid "id7" "x";`
	s, err := delivery{from: bob, to: anna}.do(t, `require ["vacation", "fcc", "imap4flags", "mailbox"]; `+strings.Replace(strings.Replace(tags, `:specialuse "\\Sent" `, "", 1), `:mailboxid "id7" `, "", 1))
	if err != nil {
		t.Fatal(err)
	}
	var sent, filed runtime.Action
	for _, a := range s.Actions {
		switch a.Kind {
		case runtime.Send:
			sent = a
		case runtime.FileCopy:
			filed = a
		}
	}
	want := runtime.Action{Kind: runtime.FileCopy, As: runtime.AsVacation, Mailbox: "Sent", Create: true, Flags: []string{`\Seen`, "$Away"}, Raw: sent.Raw}
	if diff := cmp.Diff(want, filed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	silent, err := delivery{from: bob, to: anna, message: letterWith("List-Id: x\r\n")}.do(t, `require ["vacation", "fcc"]; vacation :fcc "Sent" "x";`)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range silent.Actions {
		if a.Kind == runtime.FileCopy {
			t.Error("what is not sent is filed")
		}
	}
	for script, want := range map[string]string{
		`require ["vacation", "imap4flags"]; vacation :flags "x" "y";`:        `":flags"`,
		`require ["vacation", "fcc"]; vacation :fcc "a" :flags "x" "y";`:      `needs require "imap4flags"`,
		`require ["vacation", "fcc", "imap4flags"]; vacation :flags "x" "y";`: `":flags" needs ":fcc" here`,
		`require ["vacation", "fcc"]; vacation :fcc "" "y";`:                  "mailbox name is empty",
		`require "vacation"; vacation :fcc "a" "y";`:                          `needs require "fcc"`,
	} {
		_, err := New(Options{}).Compile("t", []byte(script), runtime.CompileOptions{})
		if err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), strings.Trim(want, `"`)) {
			t.Errorf("%s: %v", script, err)
		}
	}
}
