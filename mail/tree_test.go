package mail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline writes a tree as "type/subtype[body]" with children in braces.
func outline(p *Part) string {
	s := p.Type + "/" + p.Subtype
	switch {
	case p.Multipart():
		var kids []string
		for _, c := range p.Parts {
			kids = append(kids, outline(c))
		}
		return s + "{" + strings.Join(kids, " ") + "}"
	case p.Message != nil:
		return s + "{" + outline(p.Message.Root()) + "}"
	}
	return s + fmt.Sprintf("%q", p.Body())
}

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") }

func TestTreesOfMessages(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=x"
	for _, tt := range []struct{ name, raw, want string }{
		{"without MIME it is text", crlf("Subject: a", "", "hi"), `text/plain"hi"`},
		{"the line end in front of a boundary is the boundary's",
			crlf(mixed, "", "pre", "--x", "", "a", "", "--x", "Content-Type: text/html", "", "b", "--x--", "epi"),
			`multipart/mixed{text/plain"a\r\n" text/html"b"}`},
		{"bare LFs do as well", strings.ReplaceAll(crlf(mixed, "", "--x", "", "a", "--x", "", "b", "--x--", ""), "\r", ""),
			`multipart/mixed{text/plain"a" text/plain"b"}`},
		{"a missing end boundary is the end", crlf(mixed, "", "--x", "", "a", "--x", "", "b", ""), `multipart/mixed{text/plain"a" text/plain"b\r\n"}`},
		{"blanks behind a boundary are no part of it", crlf(mixed, "", "--x \t", "", "a", "--x-- ", ""), `multipart/mixed{text/plain"a"}`},
		{"what only begins like a boundary is text", crlf(mixed, "", "--x", "", "--xy", " --x", "--x-", "--x---", "--x--"), `multipart/mixed{text/plain"--xy\r\n --x\r\n--x-\r\n--x---"}`},
		{"a boundary at the very end counts", crlf(mixed, "", "--x", "", "a", "--x--"), `multipart/mixed{text/plain"a"}`},
		{"parts may be empty", crlf(mixed, "", "--x", "--x", "", "--x", "Content-Type: text/html", "--x--"), `multipart/mixed{text/plain"" text/plain"" text/html""}`},
		{"without a boundary the body is one part", crlf("Content-Type: multipart/mixed", "", "a"), `multipart/mixed{text/plain"a"}`},
		{"without boundary lines too", crlf(mixed, "", "a"), `multipart/mixed{text/plain"a"}`},
		{"an end boundary alone makes no part", crlf(mixed, "", "a", "--x--", "b"), `multipart/mixed{text/plain"a\r\n--x--\r\nb"}`},
		{"behind the end boundary nothing is a part", crlf(mixed, "", "--x", "", "a", "--x--", "--x", "", "b"), `multipart/mixed{text/plain"a"}`},
		{"the outer boundary ends an inner multipart", crlf(mixed, "", "--x", "Content-Type: multipart/alternative; boundary=y", "", "--y", "", "a", "--x", "", "b", "--x--"),
			`multipart/mixed{multipart/alternative{text/plain"a"} text/plain"b"}`},
		{"an inner boundary may begin with the outer one", crlf(mixed, "", "--x", "Content-Type: multipart/alternative; boundary=xx", "", "--xx", "", "a", "--xx--", "--x", "", "b", "--x--"),
			`multipart/mixed{multipart/alternative{text/plain"a"} text/plain"b"}`},
		{"parts of a digest are messages", crlf("Content-Type: multipart/digest; boundary=x", "", "--x", "", "Subject: in", "", "a", "--x", "Content-Type: text/plain", "", "b", "--x--"),
			`multipart/digest{message/rfc822{text/plain"a"} text/plain"b"}`},
		{"a message may hold a multipart", crlf("Content-Type: message/rfc822", "", mixed, "", "--x", "", "a", "--x--"), `message/rfc822{multipart/mixed{text/plain"a"}}`},
		{"an encoded message is decoded", crlf("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", "U3ViamVjdDogaW4NCg0KYQ=="), `message/rfc822{text/plain"a"}`},
		{"a type without a subtype is text", crlf("Content-Type: html", "", "a"), `text/plain"a"`},
		{"a type may have comments and blanks", crlf("Content-Type: (c) TEXT (d) / HTML ; x=y", "", "a"), `text/html"a"`},
		{"the first of several types counts", crlf("Content-Type: text/html", "Content-Type: image/png", "", "a"), `text/html"a"`},
		{"a quoted boundary may have blanks", crlf(`Content-Type: multipart/mixed; boundary="a b"`, "", "--a b", "", "a", "--a b--"), `multipart/mixed{text/plain"a"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := outline(New([]byte(tt.raw)).Root()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			exercise(t, []byte(tt.raw))
		})
	}
}

func TestTreesAreBounded(t *testing.T) {
	const head = "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
	t.Run("in parts: the last one has the rest", func(t *testing.T) {
		raw := head + strings.Repeat("--x\r\n\r\na\r\n", 3000) + "--x--\r\nthe end"
		root := New([]byte(raw)).Root()
		if len(root.Parts) != MaxParts-1 {
			t.Errorf("%d parts", len(root.Parts))
		}
		if last := root.Parts[len(root.Parts)-1]; !strings.HasSuffix(string(last.Body()), "--x--\r\nthe end") {
			t.Errorf("the rest is lost: %.40q", last.Body())
		}
		exercise(t, []byte(raw))
	})
	t.Run("in parts over several levels", func(t *testing.T) {
		inner := "Content-Type: multipart/mixed; boundary=y\r\n\r\n" + strings.Repeat("--y\r\n\r\na\r\n", 600) + "--y--\r\n"
		exercise(t, []byte(head+strings.Repeat("--x\r\n"+inner, 4)+"--x--\r\n"))
	})
	t.Run("in multiparts", func(t *testing.T) {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		p, depth := New([]byte(b.String())).Root(), 0
		for ; p.Multipart(); p = p.Parts[0] {
			depth++
		}
		if depth != MaxDepth || p.Type+"/"+p.Subtype != "application/octet-stream" {
			t.Errorf("%d levels, then %s/%s", depth, p.Type, p.Subtype)
		}
	})
	t.Run("in messages", func(t *testing.T) {
		p, depth := New([]byte(strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 100))).Root(), 0
		for ; p.Message != nil; p = p.Message.Root() {
			depth++
		}
		if depth != MaxDepth || p.Type+"/"+p.Subtype != "application/octet-stream" {
			t.Errorf("%d levels, then %s/%s", depth, p.Type, p.Subtype)
		}
	})
}

// rfc3501 is the message that RFC 3501 numbers in section 6.4.5, with contents that
// name their parts.
var rfc3501 = crlf("Subject: top", "Content-Type: multipart/mixed; boundary=A", "",
	"--A", "", "one",
	"--A", "Content-Type: application/octet-stream", "", "two",
	"--A", "Content-Type: message/rfc822", "X-Mime: 3", "",
	"Subject: three", "Content-Type: multipart/mixed; boundary=B", "",
	"--B", "", "three.one",
	"--B", "Content-Type: application/octet-stream", "", "three.two", "--B--",
	"--A", "Content-Type: multipart/mixed; boundary=C", "",
	"--C", "Content-Type: image/gif", "X-Mime: 4.1", "", "four.one",
	"--C", "Content-Type: message/rfc822", "", "Subject: four.two", "Content-Type: multipart/mixed; boundary=D", "",
	"--D", "", "four.two.one",
	"--D", "Content-Type: multipart/alternative; boundary=E", "",
	"--E", "", "four.two.two.one",
	"--E", "Content-Type: text/richtext", "", "four.two.two.two", "--E--", "--D--", "--C--",
	"--A", "Content-Type: message/rfc822", "", "Subject: five", "", "five.one", "--A--", "")

func TestSectionsAreNumberedAsIMAPDoes(t *testing.T) {
	m := New([]byte(rfc3501))
	for _, tt := range []struct {
		path []int
		body string // "" for a part that has children, "-" for none
		mime string // X-Mime of its header
	}{
		{[]int{1}, "one", ""},
		{[]int{2}, "two", ""},
		{[]int{3}, "", "3"},
		{[]int{3, 1}, "three.one", ""},
		{[]int{3, 2}, "three.two", ""},
		{[]int{4}, "", ""},
		{[]int{4, 1}, "four.one", "4.1"},
		{[]int{4, 2}, "", ""},
		{[]int{4, 2, 1}, "four.two.one", ""},
		{[]int{4, 2, 2}, "", ""},
		{[]int{4, 2, 2, 1}, "four.two.two.one", ""},
		{[]int{4, 2, 2, 2}, "four.two.two.two", ""},
		{[]int{5, 1}, "five.one", ""},
		{[]int{0}, "-", ""},
		{[]int{-1}, "-", ""},
		{[]int{6}, "-", ""},
		{[]int{1, 1}, "-", ""},
		{[]int{3, 3}, "-", ""},
		{[]int{5, 2}, "-", ""},
		{[]int{5, 1, 1}, "-", ""},
	} {
		p := m.Section(tt.path)
		if p == nil || tt.body == "-" {
			if p != nil || tt.body != "-" {
				t.Errorf("%v: got %v", tt.path, p)
			}
			continue
		}
		if tt.body != "" && string(p.Body()) != tt.body {
			t.Errorf("%v: body %q, want %q", tt.path, p.Body(), tt.body)
		}
		if got := strings.Join(p.Header().Values("X-Mime"), ","); got != tt.mime {
			t.Errorf("%v: header %q", tt.path, p.Header().Raw())
		}
	}
	if got := m.Section([]int{4, 2}).Message.Header().Values("Subject"); len(got) != 1 || got[0] != "four.two" {
		t.Errorf("BODY[4.2.HEADER] has subject %q", got)
	}
	if m.Section(nil) != m.Root() {
		t.Error("the empty path is not the root")
	}
	exercise(t, []byte(rfc3501))
}

func TestAMessageThatIsNoMultipartIsItsPartOne(t *testing.T) {
	m := New([]byte("Subject: a\r\n\r\nbody"))
	if p := m.Section([]int{1}); p != m.Root() || string(p.Body()) != "body" {
		t.Errorf("section 1 is %v", p)
	}
	if m.Section([]int{2}) != nil || m.Section([]int{1, 1}) != nil {
		t.Error("there is more than part 1")
	}
	m = New([]byte("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"))
	if p := m.Section([]int{1, 1}); p == nil || string(p.Body()) != "body" {
		t.Errorf("section 1.1 of a forwarded message is %v", p)
	}
}

func TestOffsetsAreThoseOfTheOutermostMessage(t *testing.T) {
	m := New([]byte(rfc3501))
	for p := range m.Root().All() {
		if got := string(m.Raw()[p.BodyOffset() : p.BodyOffset()+len(p.Body())]); got != string(p.Body()) {
			t.Errorf("part at %d: %q", p.Offset(), got)
		}
	}
}

func TestFieldsOfAPart(t *testing.T) {
	p := New([]byte(crlf(
		"Content-Type: TEXT/Plain; CHARSET=\"ISO-8859-1\"; format=flowed",
		"Content-Transfer-Encoding: (c) Quoted-Printable",
		"Content-Disposition: ATTACHMENT; filename*=utf-8''caf%C3%A9.txt; Size=3",
		"Content-ID: <id@x>", "Content-Description: =?utf-8?q?d?=", "Content-Language: de, en",
		"Content-Location: http://x/", "Content-MD5: Q2hlY2s=", "", "caf=E9", "two", ""))).Root()
	type facts struct {
		Type, Subtype, Disposition, Encoding, ID, Description, Language, Location, MD5, Text, Filename string
		Params, DispositionParams                                                                      map[string]string
		ParamList, DispositionParamList                                                                []Param
		Lines                                                                                          int
	}
	got := facts{p.Type, p.Subtype, p.Disposition, p.Encoding, p.ID, p.Description, p.Language, p.Location, p.MD5, p.Text(), p.Filename(),
		p.Params, p.DispositionParams, p.ParamList, p.DispositionParamList, p.Lines()}
	want := facts{"text", "plain", "attachment", "quoted-printable", "<id@x>", "=?utf-8?q?d?=", "de, en", "http://x/", "Q2hlY2s=", "café\r\ntwo\r\n", "café.txt",
		map[string]string{"charset": "ISO-8859-1", "format": "flowed"}, map[string]string{"filename": "café.txt", "size": "3"},
		[]Param{{"CHARSET", "ISO-8859-1"}, {"format", "flowed"}}, []Param{{"filename*", "utf-8''caf%C3%A9.txt"}, {"Size", "3"}}, 2}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
