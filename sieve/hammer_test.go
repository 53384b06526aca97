package sieve

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// hammerScript uses what keeps something for a run: what belongs to the program must not.
const hammerScript = `require ["variables", "fileinto", "copy", "imap4flags", "editheader", "mime", "foreverypart", "extracttext",
	"replace", "enclose", "convert", "regex", "relational", "comparator-i;ascii-numeric", "comparator-i;unicode-casemap", "date", "index",
	"body", "envelope", "subaddress", "environment", "duplicate", "vacation", "enotify", "fcc", "mailbox", "include", "ihave",
	"spamtest", "virustest", "vnd.dovecot.debug", "vnd.dovecot.report", "vnd.dovecot.environment", "vnd.sluice.while", "mailboxid", "special-use"];
global "g";
include :personal "part";
if header :matches "Subject" "*-*" { set "a" "${1}"; set "b" "${2}"; }
if header :regex "Subject" "([0-9]+)-(x[0-9]+)" { set "r" "${1}:${2}"; }
if header :regex "Subject" "^${a}-(.*)$" { set "rr" "${1}"; }
if address :is :detail "to" "${a}" { addflag "$detail"; }
if date :value "ge" "date" "year" "1990" { addflag "$date"; }
if header :comparator "i;unicode-casemap" :contains "Subject" "X${b}" { addflag "$never"; }
if header :count "ge" :comparator "i;ascii-numeric" "Subject" "1" { addflag "$count"; }
if body :content "text" :contains "word ${a}" { addflag "$body"; }
if duplicate :handle "${a}" { stop; }
addheader "X-A" "${a}"; deleteheader :index 1 "X-B";
foreverypart :name "l" { if header :mime :type "Content-Type" "text" { extracttext :first 40 "t"; replace "replaced ${a}"; break :name "l"; } }
set "i" ""; while not string "${i}" "xxx" { set "i" "${i}x"; if string "${i}" "y" { continue; } }
if header :index 1 :is "X-A" "${a}" { addflag "$edited"; }
debug_log "${env.vnd.dovecot.username}${a}";
vacation :subject "away ${a}" :addresses "to+${a}@example.net" "gone ${b}";
notify :message "m ${a}" "mailto:n${a}@example.org?body=${b}";
fileinto :copy "box${a}"; addflag "$g${g}";
fileinto "end${r}${rr}";
`

// TestHammer runs one program with many extensions many times at once.
func TestHammer(t *testing.T) {
	l := New(Options{Expressions: fakeExpressions{}, Include: func(_, _ string) (string, []byte, error) {
		return "part", []byte(`require ["include", "variables"]; global "g"; if header :matches "Subject" "*" { set "g" "${1}"; } return;`), nil
	}})
	p, err := l.Compile("t", []byte(hammerScript), runtime.CompileOptions{Stage: runtime.StageDeliver})
	if err != nil {
		t.Fatal(err)
	}
	engine := runtime.NewEngine(l)
	run := func(i, j int) string {
		message := fmt.Sprintf("From: a@example.org\r\nTo: to+%d@example.net\r\nDate: Tue, 1 Apr 1997 09:06:31 -0800\r\nX-B: 1\r\nX-B: 2\r\n"+
			"Subject: %d-x%d\r\nMessage-ID: <%d.%d@x>\r\n\r\nword %d\r\n", i, i, j, i, j, i)
		tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, From: runtime.Path{Address: "a@example.org"}, Message: mail.New([]byte(message))}
		tx.Rcpt.Address, tx.Rcpt.Detail = fmt.Sprintf("to+%d@example.net", i), fmt.Sprint(i)
		res := engine.Run(context.Background(), p, tx, runtime.RunOptions{Host: memory{}, Seed: 1})
		if res.Err != nil {
			return res.Err.Error()
		}
		var out []string
		for _, a := range res.Plan.Actions {
			out = append(out, actionLine(a), string(a.Header), bodyOf(a.Raw))
		}
		return strings.Join(out, "\n")
	}
	alone := map[[2]int]string{}
	for i := range 4 {
		for j := range 25 {
			alone[[2]int{i, j}] = run(i, j)
		}
	}
	if s := alone[[2]int{1, 2}]; !strings.Contains(s, "end1:x2x2") || !strings.Contains(s, "$edited") || !strings.Contains(s, "$g1-x2") {
		t.Fatalf("the script does not do what it should:\n%s", s)
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for j := range 25 {
				i := n % 4
				if got := run(i, j); got != alone[[2]int{i, j}] {
					t.Errorf("run %d.%d among others:\n%s\nalone:\n%s", i, j, got, alone[[2]int{i, j}])
					return
				}
			}
		})
	}
	wg.Wait()
}

// bodyOf returns a message without what changes with time.
func bodyOf(raw []byte) string {
	return strings.Join(slices.DeleteFunc(strings.Split(string(raw), "\r\n"), func(l string) bool { return strings.HasPrefix(l, "Date: ") }), "\n")
}
