package sieve

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// messageScripts use everything that looks into a message or edits it.
var messageScripts = []string{
	`require ["body", "relational"]; if anyof (body :text :contains "never-there", body :content "" :matches "*never*there*", body :raw :is "x", body :content "multipart" :count "gt" "1") { stop; }`,
	`require ["foreverypart", "mime", "variables", "extracttext"];
foreverypart { foreverypart { if header :mime :anychild :contains "content-type" "never" { break; } } extracttext :upper :first 10 "t"; set "all" "${all}${t}"; }`,
	`require ["mime", "index", "relational"];
if anyof (header :mime :anychild :param ["name", "charset", "filename"] :contains ["content-type", "content-disposition"] "never",
  address :mime :anychild :index 3 :last "from" "never@example.org", exists :mime :anychild ["x-none"], header :index 2 "received" "never") { stop; }`,
	`require ["editheader", "fileinto", "variables"];
if header :matches "subject" "*" { addheader "X-Old" "${1}"; addheader :last "Subject" "${1}"; }
deleteheader :matches "received" "*a*"; deleteheader :index 1 :last "x"; fileinto "There"; deleteheader "content-type";`,
	`require ["foreverypart", "mime", "replace", "body"];
foreverypart { if header :mime :type "content-type" ["text", "application"] { replace "taken
--b
out"; } }
if body :text :contains "never" { stop; }
foreverypart { if not header :mime :subtype "content-type" "mixed" { replace :mime "Content-Type: multipart/mixed; boundary=q

--q

x
--q--"; foreverypart { replace "y"; } } }`,
	`require ["convert", "foreverypart", "enclose", "editheader", "replace"];
convert "text/html" "text/plain" ""; convert "text/plain" "text/html" "charset=utf-8";
addheader "X-1" "a"; enclose :subject "x" :headers ["from", "subject"] "text"; foreverypart { if convert "text/plain" "text/html" "" {} }
replace :subject "y" "z";`,
}

// hostileMessages are made to cost much more than their size.
func hostileMessages() map[string]string {
	const size = 1 << 20
	fill := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, max(1, (size-len(head)-len(tail))/len(piece))) + tail
	}
	multipart := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	html := "Content-Type: text/html\r\n\r\n"
	deep := func() string {
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, "Content-Type: message/rfc822\r\nX: %d\r\n\r\n", i)
		}
		return b.String()
	}
	return map[string]string{
		"empty":                  "",
		"no header":              fill("", "just text\r\n", ""),
		"no body":                "Subject: x\r\n",
		"10,000 parts":           multipart + strings.Repeat("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", 10_000) + "--b--\r\n",
		"10,000 empty parts":     multipart + strings.Repeat("--b\r\n", 10_000),
		"parts without an end":   fill(multipart, "--b\r\n\r\n", ""),
		"no boundary":            fill("Content-Type: multipart/mixed\r\n\r\n", "--b\r\n", ""),
		"empty boundary":         fill("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n", "--\r\n", ""),
		"deep multiparts":        deepMessage(500),
		"deep messages":          deep(),
		"encoded deep messages":  "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64Lines(base64Message(6)),
		"many fields":            fill("", "Received: a\r\n", "\r\n"),
		"many names":             fill("", "X: a\r\nSubject: b\r\n", "\r\n"),
		"one long field":         fill("Subject: ", "a ", "\r\n\r\n"),
		"encoded words":          fill("Subject: ", "=?utf-8?q?=C3?= ", "\r\n\r\n"),
		"many parameters":        fill("Content-Type: text/plain", "; name*1*=a", "\r\n\r\nx"),
		"many addresses":         fill("From: ", "a@b.org, ", "\r\n\r\n"),
		"broken base64":          fill("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n", "=A!=", ""),
		"broken quoted":          fill("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "=C3=", ""),
		"unknown charset":        fill("Content-Type: text/plain; charset=x-none\r\n\r\n", "\xff\xfe", ""),
		"UTF-7":                  fill("Content-Type: text/plain; charset=utf-7\r\n\r\n", "+AA", ""),
		"unknown encoding":       fill("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: multipart/related\r\n\r\n", "a", ""),
		"open tags":              fill(html, "<a ", ""),
		"open end tags":          fill(html, "</a", ""),
		"open quotes":            fill(html, "<a '\"", ""),
		"quotes in a tag":        fill(html+"<a ", "\"\" ", ""),
		"open comments":          fill(html, "<!-- ", ""),
		"open scripts":           fill(html, "<script></x", ""),
		"entities":               fill(html, "&#x", ""),
		"blocks":                 fill(html, "<p>", ""),
		"NUL":                    fill("Subject: \x00\r\n\r\n", "\x00", ""),
		"bare CR":                fill("Subject: x\r\n\r\n", "\r", ""),
		"boundary in everything": fill(multipart, "--b --b--b\n--b\n", ""),
	}
}

// base64Message is a message with n messages in it, each encoded.
func base64Message(n int) string {
	if n == 0 {
		return "Subject: last\r\nContent-Type: text/html\r\n\r\n<p>inmost"
	}
	return "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\nX: " + fmt.Sprint(n) + "\r\n\r\n" + base64Lines(base64Message(n-1))
}

// TestHostileMessages runs scripts that use every extension on every message: no run fails
// but by a limit, none lasts, and what is stored can be read again.
func TestHostileMessages(t *testing.T) {
	l := testLanguage()
	for name, message := range hostileMessages() {
		t.Run(name, func(t *testing.T) {
			for i, script := range messageScripts {
				started := time.Now()
				res, _ := runWith(t, l, script, message, runtime.RunOptions{Limits: runtime.Limits{Time: 20 * time.Second}})
				if took := time.Since(started); took > 10*time.Second {
					t.Errorf("script %d took %s", i, took)
				}
				if res.Err != nil && !errors.Is(res.Err, runtime.ErrBudget) {
					t.Errorf("script %d: %v", i, res.Err)
				}
				if s := kept(res, message); len(s) > 3*len(message)+100_000 {
					t.Errorf("script %d: %d octets are stored", i, len(s))
				}
			}
		})
	}
}

// FuzzMessage runs scripts that look into a message and edit it on any message. No run
// fails but by a limit; a message that was edited can be edited and read again.
func FuzzMessage(f *testing.F) {
	for i := range messageScripts {
		for name, m := range hostileMessages() {
			if len(m) < 4096 {
				f.Add(uint8(i), m)
			} else if name != "deep multiparts" {
				f.Add(uint8(i), m[:2048])
			}
		}
		f.Add(uint8(i), deepMessage(4))
		f.Add(uint8(i), base64Message(2))
	}
	l := testLanguage()
	var programs []runtime.Program
	for _, s := range messageScripts {
		p, err := l.Compile("t", []byte(s), runtime.CompileOptions{})
		if err != nil {
			f.Fatal(err)
		}
		programs = append(programs, p)
	}
	engine := runtime.NewEngine(l)
	f.Fuzz(func(t *testing.T, which uint8, message string) {
		tx := &runtime.Transaction{ID: "1", Stage: runtime.StageDeliver, Message: mail.New([]byte(message)), Time: time.Unix(1, 0)}
		o := runtime.RunOptions{Host: &runtime.Live{}, Seed: 1, Limits: runtime.Limits{Time: 10 * time.Second, Steps: 100_000, Memory: 1 << 20}}
		p := programs[int(which)%len(programs)]
		for round := range 2 {
			res := engine.Run(t.Context(), p, tx, o)
			if res.Err != nil && !errors.Is(res.Err, runtime.ErrBudget) {
				t.Fatalf("round %d: %v", round, res.Err)
			}
			if h := res.Plan.KeepHeader; h != nil {
				if got := mail.New(h).Header().Raw(); len(got) != len(h) {
					t.Fatalf("a header that ends early: %q of %q", got, h)
				}
			}
			o.EditedHeader, o.EditedRaw = res.Plan.KeepHeader, res.Plan.KeepRaw
		}
	})
}
