package sieve

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// runWith runs a script for a message and returns what came of it, and what it said.
func runWith(t testing.TB, l *Language, script, message string, o runtime.RunOptions) (*runtime.Result, []string) {
	t.Helper()
	p, err := l.Compile("t", []byte(script), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	ctx := context.WithValue(context.Background(), saidKey{}, &said)
	tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(message)),
		Time: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Hostname: "mx.example.net"}
	o.Seed, o.Host = 1, &runtime.Live{}
	return runtime.NewEngine(l).Run(ctx, p, tx, o), said
}

// kept is the message that the implicit keep of a run stores.
func kept(r *runtime.Result, message string) string {
	a := runtime.Action{Header: r.Plan.KeepHeader, Raw: r.Plan.KeepRaw}
	return string(a.Message([]byte(message)))
}

func TestEncloseBuildsAMessage(t *testing.T) {
	message := "Received: trace\r\nFrom: a@example.org\r\nTo: b@example.net\r\nSubject: ä\r\n\r\nLine\r\n"
	res, _ := runWith(t, testLanguage(), `require "enclose"; enclose :subject "Grüße" :headers "X-None" "Vorsicht, ö!";`, message, runtime.RunOptions{})
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	got := kept(res, message)
	m := mail.New([]byte(got))
	root := m.Root()
	if root.Type != "multipart" || len(root.Parts) != 2 || root.Parts[1].Message == nil {
		t.Fatalf("no message in a message:\n%s", got)
	}
	if diff := cmp.Diff(message, string(root.Parts[1].Message.Raw())); diff != "" {
		t.Error(diff)
	}
	if text := root.Parts[0].Text(); text != "Vorsicht, ö!" {
		t.Errorf("text %q", text)
	}
	var names []string
	for _, f := range m.Header().Fields() {
		names = append(names, f.Name+": "+f.Text())
	}
	delim := root.Params["boundary"]
	want := []string{
		"Received: trace", "From: a@example.org", "To: b@example.net", "Subject: Grüße", "Date: Fri, 20 Nov 2026 09:00:00 +0000",
		"Message-ID: " + m.Header().Values("Message-ID")[0], "MIME-Version: 1.0",
		"Content-Type: multipart/mixed; boundary=\"" + delim + "\"", "Content-Transfer-Encoding: 8bit",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	again, _ := runWith(t, testLanguage(), `require "enclose"; enclose :subject "Grüße" :headers "X-None" "Vorsicht, ö!";`, message, runtime.RunOptions{})
	if kept(again, message) != got {
		t.Error("another message when it is run again")
	}
}

func TestAChainGoesOnWithTheEdits(t *testing.T) {
	message := "Subject: x\r\n\r\nbody\r\n"
	l := testLanguage()
	var o runtime.RunOptions
	for _, tt := range []struct{ name, script, want string }{
		{"the first adds a field", `require "editheader"; addheader "X-1" "a";`, "X-1: a\r\nSubject: x\r\n\r\nbody\r\n"},
		{"the second sees it", `require "editheader"; if exists "x-1" { addheader "X-2" "b"; }`, "X-2: b\r\nX-1: a\r\nSubject: x\r\n\r\nbody\r\n"},
		{"one that edits nothing keeps them", `require "editheader"; deleteheader "x-none";`, "X-2: b\r\nX-1: a\r\nSubject: x\r\n\r\nbody\r\n"},
		{"one without the extension too", `keep;`, "Subject: x\r\n\r\nbody\r\n"},
		{"the body is replaced", `require "replace"; replace "new";`, "X-2: b\r\nX-1: a\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nnew"},
		{"and is searched then", `require ["body", "editheader"]; if body :text "new" { deleteheader "x-1"; }`, "X-2: b\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nnew"},
	} {
		res, _ := runWith(t, l, tt.script, message, o)
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		if len(res.Plan.Actions) == 1 {
			if a := res.Plan.Actions[0]; string(a.Message([]byte(message))) != "X-2: b\r\nX-1: a\r\n"+message {
				t.Errorf("%s: stored %q", tt.name, a.Header)
			}
			continue
		}
		if got := kept(res, message); got != tt.want {
			t.Errorf("%s: got %q", tt.name, got)
		}
		o.EditedHeader, o.EditedRaw = res.Plan.KeepHeader, res.Plan.KeepRaw
	}
}

func TestForbiddenFields(t *testing.T) {
	l := New(Options{Extensions: []Extension{sayExtension()}, ForbidAdd: []string{"X-Out", "Subject"}, ForbidDelete: []string{"x-in", "subject"}})
	message := "Subject: x\r\nX-In: a\r\nX-Out: b\r\n\r\n"
	res, _ := runWith(t, l, `require "editheader";
deleteheader "X-IN"; deleteheader "x-out"; deleteheader "subject"; addheader "x-out" "c"; addheader "X-in" "d"; addheader "SUBJECT" "e";`, message, runtime.RunOptions{})
	if got, want := kept(res, message), "SUBJECT: e\r\nX-in: d\r\nX-In: a\r\n\r\n"; res.Err != nil || got != want {
		t.Errorf("got %q %v", got, res.Err)
	}
}

func TestSizeOfTheEditedMessage(t *testing.T) {
	message := "Subject: x\r\n\r\nbody\r\n"
	script := `require ["editheader", "replace", "foreverypart"];
addheader "X-1" "abc";
if size :over %d { say "over"; }
if size :under %d { say "under"; }
replace "0123456789";
if size :over 100 { say "replaced"; }`
	for _, tt := range []struct {
		edited bool
		size   int
		want   []string
	}{{false, len(message), nil}, {true, len(message) + 10, []string{`say "replaced"`}}} {
		l := New(Options{Extensions: []Extension{sayExtension()}, EditedSize: tt.edited})
		_, said := runWith(t, l, fmt.Sprintf(script, tt.size, tt.size), message, runtime.RunOptions{})
		if diff := cmp.Diff(tt.want, said); diff != "" {
			t.Errorf("%v: %s", tt.edited, diff)
		}
	}
}

func TestMessageLimits(t *testing.T) {
	nested := strings.Repeat("foreverypart { ", 3) + "say \"in\"; " + strings.Repeat("} ", 3)
	large := "Subject: x\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 10_000)
	for _, tt := range []struct {
		name, script, want string
		options            Options
		limits             runtime.Limits
	}{
		{"nested loops", `require "foreverypart"; ` + nested, "foreverypart limit of 3 reached", Options{PartLoops: 3}, runtime.Limits{}},
		{"a long value", `require ["editheader", "variables"]; set "v" "0123456789"; addheader "x" "${v}${v}";`, "header size limit of 15 reached", Options{HeaderSize: 15}, runtime.Limits{}},
		{"many versions of a message", `require ["replace", "fileinto"]; replace "a"; ` +
			strings.Repeat(`replace :mime "`+strings.Repeat("a", 1000)+`"; `, 200), "memory limit of 100000 reached", Options{}, runtime.Limits{Memory: 100_000}},
		{"a message that is enclosed again and again", `require "enclose"; ` + strings.Repeat(`enclose "x"; `, 30), "memory limit of 1000000 reached", Options{}, runtime.Limits{Memory: 1_000_000}},
		{"a loop in a loop", `require ["foreverypart", "mime"]; foreverypart { if header :mime :anychild "x" "y" {} }`, "steps limit of 20 reached", Options{}, runtime.Limits{Steps: 20}},
		{"output of added fields", `require ["editheader", "variables"]; set "v" "` + strings.Repeat("a", 1000) + `"; ` + strings.Repeat(`addheader "x" "${v}"; `, 30), "output limit of 10000 reached", Options{}, runtime.Limits{Output: 10_000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.options
			l.Extensions = []Extension{sayExtension()}
			message := large
			if strings.Contains(tt.name, "loop") {
				message = deepMessage(10)
			}
			lang := New(l)
			p, err := lang.Compile("t", []byte(tt.script), runtime.CompileOptions{})
			if tt.options.PartLoops > 0 {
				// What is nested in one script is found when it is compiled; the loops of included
				// scripts are counted when they run.
				if err != nil {
					t.Fatal(err)
				}
				p.(*program).limits.PartLoops = 2
				tt.want = "foreverypart limit of 2 reached"
			}
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			ctx := context.WithValue(t.Context(), saidKey{}, &said)
			tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(message))}
			res := runtime.NewEngine(lang).Run(ctx, p, tx, runtime.RunOptions{Limits: tt.limits, Seed: 1})
			var limit *runtime.LimitError
			if !errors.As(res.Err, &limit) || limit.Error() != tt.want {
				t.Fatalf("got %v, want %s", res.Err, tt.want)
			}
			settled, err := runtime.Settle(res.Plan, res.Err, nil, tt.limits)
			if err != nil || len(settled.Actions) != 1 || settled.Actions[0].Header != nil || settled.Actions[0].Raw != nil {
				t.Errorf("the mail is not kept as it came: %v %v", settled, err)
			}
		})
	}
}

// deepMessage is a message of n multiparts in each other.
func deepMessage(n int) string {
	var b strings.Builder
	b.WriteString("Subject: deep\r\n")
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\nX: %d\r\n\r\nprologue %d\r\n--b%d\r\n", i, i, i, i)
	}
	b.WriteString("Content-Type: text/plain\r\n\r\nthe text\r\n")
	for i := range n {
		fmt.Fprintf(&b, "--b%d--\r\nepilogue %d\r\n", n-1-i, n-1-i)
	}
	return b.String()
}

// TestHeadersCostNoCopy runs header tests on a message of 5 MB.
func TestHeadersCostNoCopy(t *testing.T) {
	message := attachedMessage(5 << 20)
	p, err := New(Options{}).Compile("t", []byte(`require ["editheader", "fileinto"];
if header :contains "subject" "report" { addheader "X-1" "a"; deleteheader "X-2"; }
if address "from" "a@example.org" { fileinto "x"; }`), runtime.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const runs = 20
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	for range runs {
		v := &runtime.View{Transaction: runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New(message)}}
		if _, err := p.Run(runtime.NewTask(t.Context(), v, &sink{})); err != nil {
			t.Fatal(err)
		}
	}
	goruntime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 256<<10 {
		t.Errorf("%d octets were allocated", n)
	}
}

// TestTextIsDecodedOnce runs one body test and then ten on a long text.
func TestTextIsDecodedOnce(t *testing.T) {
	message := longTextMessage(1 << 20)
	test := `if body :text :contains "never there" { stop; } if body :content "text/html" :contains "never" { stop; } if body :raw :contains "never there" { stop; }`
	count := func(n int) float64 {
		p, err := New(Options{}).Compile("t", []byte(`require "body"; `+strings.Repeat(test, n)), runtime.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(1, func() {
			v := &runtime.View{Transaction: runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New(message)}}
			if _, err := p.Run(runtime.NewTask(context.Background(), v, &sink{})); err != nil {
				t.Error(err)
			}
		})
	}
	if one, ten := count(1), count(10); ten > one+1000 {
		t.Errorf("one test: %.0f allocations, ten: %.0f", one, ten)
	}
}
