package sieve

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// memory is a host that remembers what the marks of settled runs say.
type memory map[string]bool

func (m memory) Do(e *runtime.Env, f *runtime.Function, a runtime.Args) (runtime.Value, error) {
	if f.Name != "remembered" {
		return nil, fmt.Errorf("%s is not for this test", f.Name)
	}
	return m[a.String(0)+" "+runtime.MemoryOf(e.View.Rcpt, a.String(1))], nil
}

func (m memory) settle(actions []runtime.Action) {
	for _, a := range actions {
		if a.Kind == runtime.Mark {
			m[strings.ToLower(strings.TrimPrefix(a.Prefix.String(), "KV_SIEVE_"))+" "+a.Key] = true
		}
	}
}

// delivery is what a script of these tests runs for.
type delivery struct {
	message  string
	from, to runtime.Path
	original string
	options  MailOptions
	enabled  []string
	memory   memory
	account  string
}

var anna = runtime.Path{Address: "anna@example.org"}
var bob = runtime.Path{Address: "bob@remote.example"}

const letter = "From: Bob <bob@remote.example>\r\nTo: anna@example.org\r\nSubject: lunch\r\nMessage-ID: <1@remote.example>\r\n\r\nhello\r\n"

// do runs a script and returns its settled actions.
func (d delivery) do(t testing.TB, script string) (runtime.Settled, error) {
	t.Helper()
	l := New(Options{Mail: d.options, Enabled: d.enabled})
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{Stage: runtime.StageDeliver})
	if err != nil {
		t.Fatal(err)
	}
	return d.run(t, p)
}

func (d delivery) run(t testing.TB, p runtime.Program) (runtime.Settled, error) {
	t.Helper()
	if d.message == "" {
		d.message = letter
	}
	if d.memory == nil {
		d.memory = memory{}
	}
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: d.from, Hostname: "mail.example.org",
		Message: mail.New([]byte(d.message)), Time: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	tx.Rcpt = runtime.Recipient{Path: d.to, Original: d.original, Account: d.account}
	if _, detail, ok := strings.Cut(d.to.Address, "+"); ok {
		tx.Rcpt.Detail, _, _ = strings.Cut(detail, "@")
	}
	res := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Host: d.memory, Seed: 1})
	s := res.Settle(nil, runtime.Limits{})
	if res.Err == nil {
		d.memory.settle(s.Actions)
	}
	return s, res.Err
}

// sends returns the sends of a settled plan.
func sends(s runtime.Settled) (out []runtime.Action) {
	for _, a := range s.Actions {
		if a.Kind == runtime.Send {
			out = append(out, a)
		}
	}
	return out
}

// send runs a script that has to ask for one send.
func (d delivery) send(t testing.TB, script string) runtime.Action {
	t.Helper()
	s, err := d.do(t, script)
	if err != nil {
		t.Fatal(err)
	}
	all := sends(s)
	if len(all) != 1 {
		t.Fatalf("%d sends in %v", len(all), s.Actions)
	}
	return all[0]
}

// wellFormed checks what every composed message must be: read by others, with lines of a
// lawful length, an ASCII header, and each field once.
func wellFormed(t testing.TB, raw []byte) *mail.Message {
	t.Helper()
	if _, err := netmail.ReadMessage(bytes.NewReader(raw)); err != nil {
		t.Fatalf("net/mail: %v in\n%s", err, raw)
	}
	m := mail.New(raw)
	seen := map[string]bool{}
	for _, f := range m.Header().Fields() {
		name := strings.ToLower(f.Name)
		if seen[name] {
			t.Errorf("%s is there twice:\n%s", name, raw)
		}
		seen[name] = true
		if !onlyASCII(string(f.Raw)) {
			t.Errorf("field %q is not ASCII", f.Raw)
		}
	}
	for _, name := range []string{"from", "date", "message-id", "auto-submitted", "mime-version", "subject"} {
		if !seen[name] {
			t.Errorf("no %s in\n%s", name, raw)
		}
	}
	lines := raw
	if m.Root().Subtype == "report" {
		lines = m.Header().Raw() // the message that is reported is as it came
	}
	for l := range bytes.Lines(lines) {
		if len(l) > 1000 || !bytes.HasSuffix(l, []byte("\r\n")) && bytes.HasSuffix(l, []byte("\n")) {
			t.Errorf("line %.60q of %d octets", l, len(l))
		}
	}
	return m
}

// TestComposedMail compares whole plans, with the messages in them, with files that hold a
// script, a message and what is wanted.
func TestComposedMail(t *testing.T) {
	files, err := filepath.Glob("testdata/mail/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d := delivery{from: bob, to: anna, enabled: []string{"*"}}
			file := map[string]string{}
			for _, f := range ar.Files {
				file[f.Name] = string(f.Data)
			}
			d.message = mail.CRLF(file["message.eml"])
			s, err := d.do(t, file["script.sieve"])
			got := planText(s, err)
			for _, a := range s.Actions {
				if len(a.Raw) > 0 && a.Kind == runtime.Send {
					wellFormed(t, a.Raw)
				}
			}
			if *update {
				for i := range ar.Files {
					if ar.Files[i].Name == "want" {
						ar.Files[i].Data = []byte(got)
					}
				}
				if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(file["want"], got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// planText shows a plan with the messages in it.
func planText(s runtime.Settled, err error) string {
	var b strings.Builder
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	if s.Refused != nil {
		fmt.Fprintln(&b, s.Refused.String())
	}
	for _, a := range s.Actions {
		if a.Kind == runtime.Mark {
			a.Key, _, _ = strings.Cut(a.Key, "\x00")
		}
		fmt.Fprintln(&b, a.String())
		for l := range strings.Lines(string(a.Raw)) {
			b.WriteString(strings.TrimRight("  | "+strings.TrimRight(l, "\r\n"), " ") + "\n")
		}
	}
	return b.String()
}

// hostile are texts that must stay within the field or value they are put into.
var hostile = []string{
	"a\r\nBcc: eve@evil.example", "a\nX-Evil: 1", "a\r\n\r\nbody", "a\rb", "\x00\x1b[31m", "=?utf-8?q?=0D=0ABcc:_eve?=", "\u2028Bcc: x",
	strings.Repeat("ü", 3000), strings.Repeat("x", 5000), strings.Repeat("a ", 4000), "\xff\xfe", `"; <eve@evil.example>`, "$subject$ %$ ${1}",
	"eve@evil.example\r\nBcc: <b@c>", "<>", "-->", "",
}

// TestNoFieldIsMadeOfAText puts hostile texts wherever a script may put text of a message.
func TestNoFieldIsMadeOfAText(t *testing.T) {
	scripts := map[string]string{
		"vacation": `vacation :subject "s ${v}" :from "${v}" :handle "${v}" :addresses ["${v}", "anna@example.org"] :fcc "${v}" "text ${v}";`,
		"mime":     `vacation :mime "Content-Type: text/plain; charset=utf-8${v}` + "\r\n\r\n" + `text ${v}";`,
		"notify":   `notify :from "${v}" :message "m ${v}" :importance "${v}" :fcc "${v}" "mailto:a@b.example?subject=x&x-y=1";`,
		"method":   `notify "mailto:a@b.example?subject=${e}&body=${e}&x-y=${e}";`,
		"raw":      `notify "mailto:a@b.example?subject=${v}";`,
		"report":   `report "abuse" "${v}" "abuse@b.example";`,
		"kind":     `report "${v}" "${v}" "${v}";`,
	}
	for name, script := range scripts {
		for i, text := range hostile {
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				d := delivery{from: bob, to: anna, message: "X-V: " + strings.NewReplacer("\r", "=", "\n", "=").Replace(text) + "\r\n" + letter}
				source := `require ["variables", "vacation", "enotify", "fcc", "vnd.dovecot.report", "encoded-character"];
set "v" "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\x00", "", "\r", "${hex:0d}", "\n", "${hex:0a}", "${1}", "").Replace(text) + `";
set :encodeurl "e" "${v}";
` + script
				s, err := d.do(t, source)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range sends(s) {
					if len(a.Raw) == 0 {
						continue
					}
					m := wellFormed(t, a.Raw)
					for _, f := range []string{"Bcc", "X-Evil"} {
						if m.Header().Has(f) {
							t.Errorf("%s was made of a text:\n%s", f, a.Raw)
						}
					}
					if got := mail.ParseAddresses(m.Header().Values("From")[0]); len(got.Addresses) != 1 {
						t.Errorf("From is %q", m.Header().Values("From"))
					}
				}
			})
		}
	}
}

func TestTwoMessagesOfARunHaveDifferentIDs(t *testing.T) {
	s, err := delivery{from: bob, to: anna}.do(t, `require ["enotify", "vacation"]; vacation "x"; notify "mailto:a@b.example"; notify "mailto:c@d.example";`)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, a := range sends(s) {
		ids[mail.New(a.Raw).Header().Values("Message-ID")[0]] = true
	}
	if len(ids) != 3 {
		t.Errorf("ids %v", ids)
	}
}

// A run that is replayed asks for the same octets.
func TestComposingAgainGivesTheSameOctets(t *testing.T) {
	l := New(Options{})
	p, err := l.Compile("t", []byte(`require ["vacation", "enotify", "vnd.dovecot.report"]; vacation "x"; notify "mailto:a@b.example"; report "abuse" "x" "a@b.example";`), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := delivery{from: bob, to: anna}
	first, _ := d.run(t, p)
	again, _ := d.run(t, p)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
}
