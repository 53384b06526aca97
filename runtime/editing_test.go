package runtime

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

// fieldsOf tells the X- fields that an action's message has and the example has not.
func fieldsOf(a *Action) string {
	var out []string
	m := mail.New(a.Message(ExampleTransaction().Message.Raw()))
	for _, f := range m.Header().Fields() {
		if strings.HasPrefix(f.Name, "X-") && f.Name != "X-Tag" {
			out = append(out, f.Name+"="+f.Text())
		}
	}
	if string(m.Body()) != string(ExampleTransaction().Message.Body()) {
		out = append(out, "another body")
	}
	return strings.Join(out, " ")
}

// A chain of scripts edits one message: each sees, stores and hands on what the earlier ones made.
func TestChainsEditTheMessage(t *testing.T) {
	for _, tt := range []struct {
		name    string
		scripts []string
		want    []string
	}{
		{"an implicit keep has the edit", []string{`header_add("X-A", "1")`}, []string{"keep X-A=1"}},
		{"what is stored before an edit is without it", []string{"fileinto(\"A\", {\"copy\": true})\nheader_add(\"X-A\", \"1\")"}, []string{"fileinto ", "keep X-A=1"}},
		{"a keep of a later script has the edits of an earlier one", []string{`header_add("X-A", "1")`, `keep()`}, []string{"keep X-A=1"}},
		{"two scripts edit in turn", []string{`header_add("X-A", "1")`, `header_add("X-B", "2")`}, []string{"keep X-B=2 X-A=1"}},
		{"a later script reads and takes away", []string{`header_add("X-A", "1")`, `header_delete("X-A", {"is": "1"})`}, []string{"keep "}},
		{"a redirect and a quarantine have the edit", []string{"header_add(\"X-A\", \"1\")\nredirect(\"eve@example.net\", {\"copy\": true})\nquarantine(\"x\")"}, []string{"redirect X-A=1", "quarantine X-A=1"}},
		{"a failed script edits nothing", []string{`header_add("X-A", "1")`, "header_add(\"X-B\", \"2\")\nfail"}, []string{"keep X-A=1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var actions []Action
			for _, source := range tt.scripts {
				o := RunOptions{Namespace: "admin"}
				o.After(actions)
				actions = runTiny(t, source, o).Settle(actions, Limits{}).Actions
			}
			var got []string
			for i := range actions {
				got = append(got, string(actions[i].Kind)+" "+fieldsOf(&actions[i]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// Flags go from script to script, and a later one may take them away.
func TestChainsSetFlags(t *testing.T) {
	for _, tt := range []struct {
		name    string
		scripts []string
		want    string
	}{
		{"an implicit keep has them", []string{`flag_add("$A \\Seen")`}, `keep $A \Seen`},
		{"later stores have them", []string{"flag_add(\"$A\")\nfileinto(\"X\")\nflag_add(\"$B\")"}, `fileinto $A`},
		{"a store that names flags has those", []string{"flag_add(\"$A\")\nkeep([\"$B\"])"}, `keep $B`},
		{"a store that names none has none", []string{"flag_add(\"$A\")\nkeep([])"}, `keep `},
		{"a later script adds", []string{`flag_add("$A")`, `flag_add("$B")`}, `keep $A $B`},
		{"a later script stores with them", []string{`flag_add("$A")`, `fileinto("X")`}, `fileinto $A`},
		{"a later script takes away", []string{`flag_add("$A $B")`, `flag_remove("$a")`}, `keep $B`},
		{"a later script sets anew", []string{`flag_add("$A")`, `flag_set([])`}, `keep `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var actions []Action
			for _, source := range tt.scripts {
				o := RunOptions{Namespace: "admin"}
				o.After(actions)
				actions = runTiny(t, source, o).Settle(actions, Limits{}).Actions
			}
			if got := string(actions[0].Kind) + " " + strings.Join(actions[0].Flags, " "); got != tt.want || len(actions) != 1 {
				t.Errorf("%v, want %s", actions, tt.want)
			}
		})
	}
}

// A message that was replaced as a whole keeps its body when its header is edited.
func TestEditsOfAReplacedMessage(t *testing.T) {
	r := runTiny(t, "header_add(\"X-A\", \"1\")\nbody_text()", RunOptions{EditedRaw: []byte("Subject: other\r\n\r\nother body\r\n")})
	if r.Err != nil || r.Value != "other body\r\n" {
		t.Fatal(r.Value, r.Err)
	}
	if got, want := string(r.Plan.KeepRaw), "X-A: 1\r\nSubject: other\r\n\r\nother body\r\n"; got != want || r.Plan.KeepHeader != nil {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEditsAreBounded(t *testing.T) {
	var limit *LimitError
	r := runTiny(t, strings.Repeat("header_add(\"X-A\", \"1\")\n", maxAddedFields+1), RunOptions{})
	if !errors.As(r.Err, &limit) || limit.Limit != "header fields" {
		t.Error(r.Err)
	}
	r = runTiny(t, fmt.Sprintf("header_add(\"X-A\", %q)", strings.Repeat("x", 2049)), RunOptions{})
	if r.Err == nil || !strings.HasSuffix(r.Err.Error(), "header_add: argument 2 (value): it has 2049 octets, 2048 are possible") {
		t.Error(r.Err)
	}
	tx := ExampleTransaction()
	tx.Message = mail.New([]byte("X-Long: " + strings.Repeat("a", 1<<20) + "\r\n\r\nbody"))
	source := strings.Repeat("header_add(\"X-A\", \"1\")\nkeep()\n", 4)
	r = testEngine.Run(t.Context(), compileTiny(t, source), tx, RunOptions{Limits: Limits{Memory: 5 << 20}})
	if !errors.As(r.Err, &limit) || limit.Limit != "memory" {
		t.Error(r.Err)
	}
}

func TestProtectedFields(t *testing.T) {
	o := RunOptions{Settings: &MailSettings{ForbidAdd: []string{"X-No", "subject"}, ForbidDelete: []string{"X-Tag", "Subject"}, HeaderSize: 5}}
	s := func(code string) Value {
		t.Helper()
		r := runTiny(t, code, o)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Value
	}
	for code, want := range map[string]Value{
		`header_add("x-no", "1")`: false, `header_add("Subject", "1")`: true, `header_delete("x-tag")`: int64(0), `header_delete("Subject")`: int64(1),
		`header_replace("X-Tag", "1")`: false, `header_replace("X-No", "1")`: false, `header_delete("Auto-Submitted")`: int64(0), `header_add("Received", "1")`: true,
	} {
		if got := s(code); got != want {
			t.Errorf("%s is %v", code, got)
		}
	}
	if r := runTiny(t, `header_add("X-A", "123456")`, o); r.Err == nil {
		t.Error("a long value was taken")
	}
}

// Nothing is copied, decoded or walked that was not asked for.
func TestTheMessageIsReadLazily(t *testing.T) {
	raw := []byte("Subject: x\r\nX-A: 1\r\n\r\n" + strings.Repeat("line\r\n", 1000))
	head := raw[:strings.Index(string(raw), "\r\n\r\n")+4]
	loads := 0
	for _, tt := range []struct {
		source string
		loads  int
	}{
		{"header(\"Subject\")\nheader_add(\"X-B\", \"2\")\nheader_names()\nheader_delete(\"X-A\")\nmessage_id()\nsize()", 0},
		{"body_text()\nbody_text()\nattachments()\nmime_parts()", 1},
		{"header_add(\"X-B\", \"2\")\nbody_text()\nheader_add(\"X-C\", \"3\")\nbody_text()", 1},
	} {
		loads = 0
		tx := ExampleTransaction()
		tx.Message = mail.NewLazy(head, int64(len(raw)), func() []byte { loads++; return raw })
		if r := testEngine.Run(t.Context(), compileTiny(t, tt.source), tx, RunOptions{}); r.Err != nil || loads != tt.loads {
			t.Errorf("%s: %d loads, want %d; %v", tt.source, loads, tt.loads, r.Err)
		}
	}
}

// What a message is made of never makes a call fail, and no more text is made than a run may make.
func TestReadingHostileMessages(t *testing.T) {
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for range 1200 {
		many += "--b\r\nContent-Disposition: attachment; filename=" + strings.Repeat("x", 5000) + "\r\n\r\nx\r\n"
	}
	calls := []string{`header_names()`, `header_all("X")`, `header_raw_all("X")`, `header_address_parts("To")`, `header_addresses("To")`, `references()`, `received(1)`, `received_part(1, "from")`,
		`mime_parts()`, `attachments()`, `attachment_names()`, `attachment_text(1)`, `attachment_content(-1)`, `body_html()`, `body_to_text()`, `is_encoding_problem()`, `header_param("Content-Type", "x")`, `message_date()`, `header_replace("X", "y")`, `header_delete("X")`}
	for name, raw := range map[string]string{
		"nothing":          "",
		"octets":           "\xff\xfe\x00: \xff\r\nX: \xff\r\n\r\n\xff",
		"many fields":      strings.Repeat("X: "+strings.Repeat("y", 600)+"\r\n", 9000),
		"many addresses":   "To: " + strings.Repeat("\"a\" <a@b>, ", 50_000) + "\r\n\r\n",
		"many ids":         "References: " + strings.Repeat("<a@b> ", 50_000) + "\r\n\r\n",
		"many parts":       many,
		"a long Received":  "Received: " + strings.Repeat("from (", 50_000) + "\r\n\r\n",
		"a long parameter": "Content-Type: text/plain; " + strings.Repeat("x*0=y; ", 50_000) + "\r\n\r\n",
	} {
		for _, code := range calls {
			tx := ExampleTransaction()
			tx.Message = mail.New([]byte(raw))
			started := time.Now()
			r := testEngine.Run(t.Context(), compileTiny(t, code), tx, RunOptions{Limits: Limits{Output: 256 << 10, Time: time.Minute}})
			var limit *LimitError
			if r.Err != nil && (!errors.As(r.Err, &limit) || limit.Limit != "output") {
				t.Errorf("%s of %s: %v", code, name, r.Err)
			}
			if SizeOf(r.Value) > 512<<10 {
				t.Errorf("%s of %s returns %d octets", code, name, SizeOf(r.Value))
			}
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("%s of %s took %s", code, name, took)
			}
		}
	}
}

func BenchmarkReadMessage(b *testing.B) {
	for _, bb := range []struct{ name, source string }{
		{"header", `header("Subject")`}, {"ten headers", strings.Repeat("header(\"Subject\")\n", 10)}, {"edit", "header_add(\"X-A\", \"1\")\nkeep()"},
		{"body twice", "body_text()\nbody_text()"}, {"parts", "mime_parts()"}, {"attachments twice", "attachments()\nattachments()"}, {"received", "received_part(1, \"ip\")"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := compileTiny(b, bb.source)
			tx := Example{Message: "parts"}.Transaction()
			b.ReportAllocs()
			for b.Loop() {
				if r := testEngine.Run(b.Context(), p, tx, RunOptions{Namespace: "admin"}); r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}
