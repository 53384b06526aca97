package gateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

func TestRepliesAreWithheld(t *testing.T) {
	tests := []struct {
		name, from, header string
		relay              bool
		want               int
	}{
		{"a person is answered", "a@remote.example", "Subject: x\r\n", true, 1},
		{"the null sender is not", "", "Subject: x\r\n", true, 0},
		{"without a relay nobody is", "a@remote.example", "Subject: x\r\n", false, 0},
		{"a list is not", "a@remote.example", "List-Id: <x.example>\r\n", true, 0},
		{"nor by List-Unsubscribe", "a@remote.example", "list-unsubscribe: <mailto:x@x>\r\n", true, 0},
		{"an automatic message is not", "a@remote.example", "Auto-Submitted: auto-generated; x=y\r\n", true, 0},
		{"one that says it is not automatic is", "a@remote.example", "Auto-Submitted: No (comment)\r\n", true, 0},
		{"a plain no is", "a@remote.example", "Auto-Submitted: no\r\n", true, 1},
		{"bulk mail is not", "a@remote.example", "Precedence: bulk\r\n", true, 0},
		{"junk is not", "a@remote.example", "Precedence: JUNK\r\n", true, 0},
		{"a mailer daemon is not", "MAILER-DAEMON@remote.example", "", true, 0},
		{"a list's bounce address is not", "list-bounces+anna=example.org@remote.example", "", true, 0},
		{"a list's request address is not", "list-request@remote.example", "", true, 0},
		{"oneself is not", "anna@EXAMPLE.org", "", true, 0},
		{"no address is not", "no address", "", true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.ready = tt.relay
			p := start(t, w, t.TempDir(), funcs{"reply": call("reply", "Got it", "Thanks.")}, script("reply"))
			p.give(t, tt.header+"\r\nhello\r\n", tt.from, "anna@example.org")
			if n := len(w.outgoing()); n != tt.want {
				t.Errorf("%d replies, want %d", n, tt.want)
			}
			if diff := cmp.Diff([]string{"id-anna:INBOX"}, w.in()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplyMessage(t *testing.T) {
	w := newWorld()
	text := "Hällo,\nthanks.\n.\n" + strings.Repeat("long ", 400)
	p := start(t, w, t.TempDir(), funcs{"reply": call("reply", strings.Repeat("Grüße ", 30)+"\r\nBcc: x@x", text)}, script("reply"))
	p.give(t, "Message-ID: <1@remote.example>\r\n\r\nhello\r\n", "a@remote.example", "anna@example.org")
	got := w.outgoing()[0]
	if got.From != "" || got.To != "a@remote.example" {
		t.Errorf("envelope %q to %q", got.From, got.To)
	}
	m := mail.New(got.Raw)
	for name, want := range map[string]string{
		"From": "<anna@example.org>", "To": "<a@remote.example>", "Auto-Submitted": "auto-replied",
		"In-Reply-To": "<1@remote.example>", "References": "<1@remote.example>", "MIME-Version": "1.0",
	} {
		if diff := cmp.Diff([]string{want}, m.Header().Values(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if m.Header().Has("Bcc") {
		t.Error("a subject became another field")
	}
	if s := m.Header().Texts("Subject")[0]; !strings.HasPrefix(s, "Grüße Grüße") {
		t.Errorf("subject %q", s)
	}
	if body := strings.ReplaceAll(m.Root().Text(), "\r\n", "\n"); strings.TrimSpace(body) != strings.TrimSpace(text) {
		t.Errorf("text %q", body)
	}
	for l := range strings.SplitSeq(string(got.Raw), "\r\n") {
		if len(l) > 998 {
			t.Errorf("a line of %d octets", len(l))
		}
	}
}

func TestRedirectLoops(t *testing.T) {
	w := newWorld()
	p := start(t, w, t.TempDir(), funcs{"redirect": call("redirect", "eve@remote.example")}, script("redirect"))
	p.give(t, plain, "a@remote.example", "anna@example.org")
	first := w.outgoing()[0]
	if first.From != "a@remote.example" || first.To != "eve@remote.example" ||
		!strings.HasPrefix(string(first.Raw), "X-Sieve-Redirected-From: anna@example.org\r\nMessage-ID: <") || !strings.HasSuffix(string(first.Raw), "@mail.example.org>\r\n"+plain) {
		t.Errorf("redirect %+v", first)
	}
	p.give(t, "Received: back again\r\n"+string(first.Raw), "a@remote.example", "anna@example.org")
	p.give(t, strings.Repeat("Received: x\r\n", 51)+plain, "a@remote.example", "anna@example.org")
	w.ready = false
	p.give(t, plain+"no relay", "a@remote.example", "anna@example.org")
	if n := len(w.outgoing()); n != 1 {
		t.Errorf("%d redirects, want 1", n)
	}
	if n := len(w.in()); n != 3 {
		t.Errorf("%d kept, want 3", n)
	}
}

func TestCleanTextAndStatus(t *testing.T) {
	tests := []struct{ name, reason, want string }{
		{"control characters and line ends cannot leave the answer", "a\r\n250 ok\x00\x1b[31m\rb", "550 5.7.1 a\n250 ok[31m b"},
		{"letters beyond ASCII", "größer", "550 5.7.1 gr??er"},
		{"nothing", " \r\n ", "550 5.7.1 refused"},
		{"a status of another class is text", "4.2.2 full", "550 5.7.1 4.2.2 full"},
		{"a status", "5.2.2 full", "550 5.2.2 full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := answerOf(runtime.Action{Kind: runtime.Reject, Reason: tt.reason}).String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if n := len(cleanText(strings.Repeat("ä", 10_000))); n > maxReason {
		t.Errorf("%d octets", n)
	}
}

func TestEncodeTextIsFolded(t *testing.T) {
	for l := range strings.SplitSeq(encodeText(strings.Repeat("ü", 500)), "\r\n") {
		if len(l) > 78 {
			t.Errorf("a line of %d octets: %s", len(l), l)
		}
	}
}

// A mark is set after the run, by the gateway itself: the store was checked before.
func TestAUsersScriptMarksInUsersStoresOnly(t *testing.T) {
	w := newWorld()
	language := funcs{"s": call("mark", "private", "k", int64(1))}
	p := startWith(t, w, t.TempDir(), language, func(o *Options) {
		o.Library = scripts.New(scripts.Options{Engine: o.Engine, Stores: []string{"private"}, UserStores: []string{}})
		s := script("s")
		s.Trust = "user"
		if err := o.Library.Load([]scripts.Source{s}); err != nil {
			t.Fatal(err)
		}
	})
	p.give(t, plain, "a@remote.example", "anna@example.org")
	if n := p.Stats().ScriptErrors; n != 1 {
		t.Errorf("%d errors of scripts", n)
	}
	if len(w.marks) != 0 {
		t.Errorf("set %v", w.marks)
	}
}
