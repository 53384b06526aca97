package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStringsAreQuotedOrLiteral(t *testing.T) {
	long := strings.Repeat("x", 1001)
	tests := []struct{ name, s, want string }{
		{"empty", "", `""`},
		{"plain", "a b", `"a b"`},
		{"quotes and backslashes", `"\`, `"\"\\"`},
		{"8-bit", "ä", "{2}\r\nä"},
		{"a line end", "a\r\nb", "{4}\r\na\r\nb"},
		{"NUL is left out", "a\x00b", `"ab"`},
		{"long", long, "{1001}\r\n" + long},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendString(nil, tt.s)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for s, want := range map[string]string{"INBOX": "INBOX", "nil": `"nil"`, "a b": `"a b"`, "a]": `"a]"`, "": `""`, "a*": `"a*"`} {
		if got := string(AppendAString(nil, s)); got != want {
			t.Errorf("astring %q: got %s", s, got)
		}
	}
}

// counting counts writes and can fail.
type counting struct {
	bytes.Buffer
	writes int
	fail   error
}

func (c *counting) Write(b []byte) (int, error) {
	c.writes++
	if c.fail != nil {
		return 0, c.fail
	}
	return c.Buffer.Write(b)
}

func (c *counting) WriteString(s string) (int, error) { return c.Write([]byte(s)) }

func TestWriterSendsACommandsAnswersTogether(t *testing.T) {
	var out counting
	w := NewWriter(&out)
	for i := range 1000 {
		w.Text("* ").Uint(uint64(i)).Text(" FETCH (UID ").Uint(uint64(i)).Text(")").CRLF()
	}
	if out.writes != 0 {
		t.Errorf("%d writes before the flush", out.writes)
	}
	if err := w.Flush(); err != nil || out.writes != 1 {
		t.Errorf("got %d writes, %v", out.writes, err)
	}
	if w.Octets() != int64(out.Len()) {
		t.Errorf("counted %d of %d octets", w.Octets(), out.Len())
	}
	out.Reset()
	w.Mailbox("Entwürfe", false).Text(" ").Mailbox("ü", true).Text(" ").Mailbox("a b", false).Text(" ").Literal([]byte("abc")).Text(" ")
	w.DateTime(time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", -3600))).Text(" ").Set(Set{{1, 3}, {5, 5}}).Text(" ").String("x").Text(" ").AString("y")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "Entw&APw-rfe \"ü\" \"a b\" {3}\r\nabc \" 3-Feb-2026 04:05:06 -0100\" 1:3,5 \"x\" y"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestWriterKeepsTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	out := &counting{fail: broken}
	w := NewWriter(out)
	w.Text(strings.Repeat("x", bufferSize+1))
	if !errors.Is(w.Err(), broken) {
		t.Fatalf("got %v", w.Err())
	}
	out.fail = nil
	w.Text("more")
	if err := w.Flush(); !errors.Is(err, broken) || out.Len() != 0 {
		t.Errorf("got %v and %d octets", err, out.Len())
	}
}

func TestBodyStructureFollowsTheGrammar(t *testing.T) {
	subject := "s"
	text := &BodyPart{Type: "text", Subtype: "plain", Params: []Param{{"charset", "utf-8"}}, Size: 5, Lines: 1}
	b := &BodyPart{
		Type: "multipart", Subtype: "mixed", Params: []Param{{"boundary", "b"}}, Language: []string{"de", "en"}, Location: "loc",
		Parts: []*BodyPart{
			text,
			{Type: "image", Subtype: "png", ID: "<1>", Description: "d", Encoding: "base64", Size: 9, MD5: "m",
				Disposition: "inline", DispositionParams: []Param{{"filename", "a.png"}}, Language: []string{"fr"}},
			{Type: "message", Subtype: "rfc822", Size: 7, Lines: 2, Envelope: &Envelope{Subject: &subject}, Body: text},
		},
	}
	const envelope = `(NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)`
	want := `(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)` +
		`("image" "png" NIL "<1>" "d" "base64" 9 "m" ("inline" ("filename" "a.png")) "fr" NIL)` +
		`("message" "rfc822" NIL NIL NIL "7bit" 7 ` + envelope + ` ("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)` +
		` "mixed" ("boundary" "b") NIL ("de" "en") "loc")`
	if got := string(AppendBody(nil, b, true)); got != want {
		t.Errorf("BODYSTRUCTURE\n got %s\nwant %s", got, want)
	}
	want = `(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1)("image" "png" NIL "<1>" "d" "base64" 9)` +
		`("message" "rfc822" NIL NIL NIL "7bit" 7 ` + envelope + ` ("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1) 2) "mixed")`
	if got := string(AppendBody(nil, b, false)); got != want {
		t.Errorf("BODY\n got %s\nwant %s", got, want)
	}
}

func TestEnvelopeKeepsGroups(t *testing.T) {
	e := &Envelope{
		From: []Address{{Name: "A", Mailbox: "a", Host: "x"}},
		To:   []Address{{Mailbox: "g", Group: true}, {Mailbox: "b", Host: "y", Route: "@z"}, {Group: true}, {Mailbox: "local"}},
	}
	const from = `(("A" NIL "a" "x"))`
	want := `(NIL NIL ` + from + " " + from + " " + from +
		` ((NIL NIL "g" NIL)(NIL "@z" "b" "y")(NIL NIL NIL NIL)(NIL NIL "local" "")) NIL NIL NIL NIL)`
	if got := string(AppendEnvelope(nil, e)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
