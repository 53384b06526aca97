package imapbridge

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
)

func TestDescribe(t *testing.T) {
	const noAddresses = "NIL NIL NIL NIL NIL NIL"
	tests := []struct{ name, raw, envelope, body string }{
		{"nothing at all", "", "(NIL NIL " + noAddresses + " NIL NIL)", `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{"a body without a header", "\r\nhello\r\n", "(NIL NIL " + noAddresses + " NIL NIL)",
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1)`},
		{"a date keeps its text", "Date: yesterday  at noon\r\n\r\n", `("yesterday  at noon" NIL ` + noAddresses + " NIL NIL)",
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{"8-bit text is a literal", "Subject: \xc3\xa4\r\n\r\n", "(NIL {2}\r\n\xc3\xa4 " + noAddresses + " NIL NIL)",
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{"an empty field is not NIL", "Subject:\r\nIn-Reply-To: <a>\r\n\r\n", `(NIL "" ` + noAddresses + ` "<a>" NIL)`,
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{"names with quotes, routes, groups", "From: \"A \\\"B\\\"\" <@r,@s:a@x>\r\nTo: G: b@y;, undisclosed:;\r\n\r\n",
			`(NIL NIL (("A \"B\"" "@r,@s" "a" "x")) (("A \"B\"" "@r,@s" "a" "x")) (("A \"B\"" "@r,@s" "a" "x")) ` +
				`((NIL NIL "G" NIL)(NIL NIL "b" "y")(NIL NIL NIL NIL)(NIL NIL "undisclosed" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)`,
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{"fields of their own for sender and answers", "From: a@x\r\nSender: s@x\r\nReply-To: r@x\r\nCc: c@x\r\nBcc: b@x\r\n\r\n",
			`(NIL NIL ((NIL NIL "a" "x")) ((NIL NIL "s" "x")) ((NIL NIL "r" "x")) NIL ((NIL NIL "c" "x")) ((NIL NIL "b" "x")) NIL NIL)`,
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
		{"encodings are lower case", "Content-Type: TEXT/HTML; Charset=UTF-8\r\nContent-Transfer-Encoding: QUOTED-PRINTABLE\r\n\r\nx\r\n",
			"(NIL NIL " + noAddresses + " NIL NIL)", `("text" "html" ("charset" "UTF-8") NIL NIL "quoted-printable" 3 1)`},
		{"a multipart without its parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n",
			"(NIL NIL " + noAddresses + " NIL NIL)", `(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 9 1) "mixed")`},
		{"NUL does not come into a string", "Subject: a\x00b\r\n\r\n", `(NIL "ab" ` + noAddresses + " NIL NIL)",
			`("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			envelope, _, body := Describe(mail.New([]byte(tt.raw)))
			if string(envelope) != tt.envelope {
				t.Errorf("ENVELOPE\n got %s\nwant %s", envelope, tt.envelope)
			}
			if string(body) != tt.body {
				t.Errorf("BODY\n got %s\nwant %s", body, tt.body)
			}
		})
	}
}

func TestDescribeIsBoundedByNesting(t *testing.T) {
	raw := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000) + "x"
	_, structure, _ := Describe(mail.New([]byte(raw)))
	if n := len(structure); n > 64<<10 {
		t.Errorf("got %d octets", n)
	}
}

func TestCutSection(t *testing.T) {
	const raw = "From: a@x\r\nSubject: s\r\n folded\r\nfrom: b@x\r\n\r\nbody\r\n"
	tests := []struct {
		name    string
		raw     string
		section wire.Section
		want    string
		ok      bool
	}{
		{"all", raw, wire.Section{}, raw, true},
		{"header", raw, wire.Section{Specifier: wire.SectionHeader}, raw[:len(raw)-6], true},
		{"text", raw, wire.Section{Specifier: wire.SectionText}, "body\r\n", true},
		{"fields", raw, wire.Section{Specifier: wire.SectionHeaderFields, Fields: []string{"FROM"}}, "From: a@x\r\nfrom: b@x\r\n\r\n", true},
		{"other fields", raw, wire.Section{Specifier: wire.SectionHeaderFieldsNot, Fields: []string{"FROM"}}, "Subject: s\r\n folded\r\n\r\n", true},
		{"fields that are not there", raw, wire.Section{Specifier: wire.SectionHeaderFields, Fields: []string{"X"}}, "\r\n", true},
		{"a header without an end", "From: a@x", wire.Section{Specifier: wire.SectionHeaderFields, Fields: []string{"From"}}, "From: a@x\r\n\r\n", true},
		{"part 1 of a message without parts", raw, wire.Section{Path: []int{1}}, "body\r\n", true},
		{"its MIME header", raw, wire.Section{Path: []int{1}, Specifier: wire.SectionMIME}, raw[:len(raw)-6], true},
		{"a part that is not there", raw, wire.Section{Path: []int{2}}, "", false},
		{"the header of what is no message", raw, wire.Section{Path: []int{1}, Specifier: wire.SectionHeader}, "", false},
		{"a part of a part", nested, wire.Section{Path: []int{1, 2}}, "<p>", true},
		{"within a message", nested, wire.Section{Path: []int{3, 1}}, "inside", true},
		{"the header within", nested, wire.Section{Path: []int{3}, Specifier: wire.SectionHeader}, "Subject: in\r\n\r\n", true},
		{"NUL and bare CR stay", "A: b\r\n\r\n\x00\r\xff", wire.Section{Specifier: wire.SectionText}, "\x00\r\xff", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := cutSection(mail.New([]byte(tt.raw)), &tt.section)
			if string(got) != tt.want || ok != tt.ok {
				t.Errorf("got %q, %v", got, ok)
			}
		})
	}
}
