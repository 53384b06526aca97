package mail

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEncodingProblems(t *testing.T) {
	for _, tt := range []struct {
		name, header, body string
		want               bool
	}{
		{"plain ASCII", "", "hello", false},
		{"UTF-8 without a charset", "", "gr\xc3\xbc\xc3\x9fe", false},
		{"neither", "", "gr\xfc\xdfe", true},
		{"latin 1 as it is named", "Content-Type: text/plain; charset=iso-8859-1\n", "gr\xfc\xdfe", false},
		{"UTF-8 that is named and is none", "Content-Type: text/plain; charset=utf-8\n", "gr\xfc\xdfe", true},
		{"an unknown charset", "Content-Type: text/plain; charset=klingon\n", "a", true},
		{"a charset that says nothing", "Content-Type: text/plain; charset=unknown\n", "a", true},
		{"an octet that the charset lacks", "Content-Type: text/plain; charset=windows-1253\n", "\xd2", true},
		{"utf-7", "Content-Type: text/plain; charset=utf-7\n", "gr+APw-n", false},
		{"an unknown transfer encoding", "Content-Transfer-Encoding: zip\n", "a", true},
		{"base64", "Content-Transfer-Encoding: base64\n", "aGVs\r\nbG8=\r\n", false},
		{"base64 that is cut off", "Content-Transfer-Encoding: base64\n", "aGVsbG8", true},
		{"base64 with something behind its end", "Content-Transfer-Encoding: base64\n", "aGVsbG8=aGVs", true},
		{"base64 with other octets", "Content-Transfer-Encoding: base64\n", "aGV*sbG8=", true},
		{"quoted-printable", "Content-Transfer-Encoding: quoted-printable\n", "a=3Db=\r\nc= \r\nd=", false},
		{"quoted-printable with a lone equals sign", "Content-Transfer-Encoding: quoted-printable\n", "a=zz", true},
		{"quoted-printable with raw octets", "Content-Transfer-Encoding: quoted-printable\n", "gr\xc3\xbcn", true},
		{"octets that are no text", "Content-Type: image/png\n", "\xff\xfe", false},
		{"a multipart that is encoded", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := New([]byte(tt.header + "\n" + tt.body)).Root()
			if got := p.EncodingProblem(); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func FuzzEncodingProblem(f *testing.F) {
	for _, s := range []string{"Content-Type: text/plain; charset=x\n\na", "Content-Transfer-Encoding: base64\n\na=b", "Content-Transfer-Encoding: quoted-printable\n\n=", "Content-Type: text/plain; charset=utf-16\n\n\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := New(raw)
		for p := range m.Root().All() {
			if p.EncodingProblem() {
				continue
			}
			if p.Type == "text" && !p.Multipart() && p.Params["charset"] == "" && p.Encoding != "x-uuencode" && strings.ContainsRune(p.Text(), '\uFFFD') &&
				!strings.ContainsRune(string(p.Decoded()), '\uFFFD') {
				t.Errorf("%q has no problem, and text %q", raw, p.Text())
			}
		}
		for path, p := range m.Paths() {
			if got := m.Section(numbers(t, path)); got != p {
				t.Errorf("section %q of %q is another part", path, raw)
			}
		}
	})
}

// numbers are those of a path.
func numbers(t *testing.T, path string) (list []int) {
	for s := range strings.SplitSeq(path, ".") {
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

func TestPathsAreThoseOfSections(t *testing.T) {
	raw := strings.ReplaceAll(`Content-Type: multipart/mixed; boundary=a

--a

one
--a
Content-Type: message/rfc822

Content-Type: multipart/alternative; boundary=b

--b

two
--b
Content-Type: text/html

three
--b--
--a
Content-Type: message/rfc822

Subject: x

four
--a--
`, "\n", "\r\n")
	m := New([]byte(raw))
	var got []string
	for path, p := range m.Paths() {
		got = append(got, path+" "+p.Type+"/"+p.Subtype)
		if m.Section(numbers(t, path)) != p {
			t.Errorf("section %q is another part", path)
		}
	}
	want := []string{" multipart/mixed", "1 text/plain", "2 message/rfc822", "2.1 text/plain", "2.2 text/html", "3 message/rfc822", "3.1 text/plain"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range m.Paths() {
		break // early ends are lawful
	}
	if got := slices.Collect(func(yield func(string) bool) {
		for path := range New([]byte("a: b\n\nc")).Paths() {
			if !yield(path) {
				return
			}
		}
	}); !cmp.Equal(got, []string{"1"}) {
		t.Error(got)
	}
}
