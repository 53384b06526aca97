package html

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinks(t *testing.T) {
	for _, tt := range []struct {
		name, html string
		want       []Link
	}{
		{"an anchor and what it shows", `see <a class=x href="http://evil.example/?a=1&amp;b=2">https://<b>bank</b>.example</a>.`,
			[]Link{{"a", "http://evil.example/?a=1&b=2", "https://bank.example"}}},
		{"an image with its alternative text", `<img src='cid:1' alt="A &amp; B">`, []Link{{"img", "cid:1", "A & B"}}},
		{"an image in an anchor", `<A HREF=x><IMG SRC=y>z</A>`, []Link{{"img", "y", ""}, {"a", "x", "z"}}},
		{"anchors that do not end", `<a href=x>one<a href=y>two`, []Link{{"a", "x", "one"}, {"a", "y", "two"}}},
		{"an anchor without a link", `<a name=x>one</a>`, nil},
		{"comments and scripts", `<!--<a href=x>--><script>"<a href=y>"</script><style><a href=z></style>`, nil},
		{"line ends in a link", "<a href=' ht\ntp://x\t/ '>y</a>", []Link{{"a", "http://x/", "y"}}},
		{"forms and frames", `<form action=/f><iframe src="//g"></iframe><input src=i>`, []Link{{"form", "/f", ""}, {"iframe", "//g", ""}, {"input", "i", ""}}},
		{"a head", `<head><base href=b><link href=c></head>`, []Link{{"base", "b", ""}, {"link", "c", ""}}},
		{"a link that is empty", `<a href="">x</a>`, []Link{{"a", "", "x"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Collect(Links(tt.html))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	for _, tt := range []struct {
		name, html string
		want       [][2]string
	}{
		{"quotes of both kinds and none", `<x a="1 2" B='3>"' c=4/5>`, [][2]string{{"a", "1 2"}, {"b", `3>"`}, {"c", "4/5"}}},
		{"no value", `<x a b=>`, [][2]string{{"a", ""}, {"b", ""}}},
		{"blanks around the sign", "<x a = \n1 b\t=2>", [][2]string{{"a", "1"}, {"b", "2"}}},
		{"slashes", "<x/a=1/ b />", [][2]string{{"a", "1/"}, {"b", ""}}},
		{"a sign in front", "<x =a=1>", [][2]string{{"=a", "1"}}},
		{"a quote that is not closed", `<x a="1 b=2>`, [][2]string{{"a", "1 b=2"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got [][2]string
			for tag := range Tags(tt.html) {
				for n, v := range tag.Attrs() {
					got = append(got, [2]string{n, v})
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTimeGrowsWithTheInputOnly(t *testing.T) {
	const n = 400_000
	for name, s := range map[string]string{
		"empty quotes":        "<a" + strings.Repeat(" ''", n) + ">",
		"open quotes":         strings.Repeat(`<a '"><b "'`, n),
		"signs":               strings.Repeat("<", n),
		"comments":            strings.Repeat("<!--", n),
		"ends":                "<script>" + strings.Repeat("</scripty", n),
		"attributes":          "<img " + strings.Repeat("a ", n) + ">",
		"anchors":             strings.Repeat("<a href=x>y", n),
		"ampersands":          strings.Repeat("&", n),
		"quotes far behind":   strings.Repeat("<a ' "+strings.Repeat("x", 5000)+">", 100),
		"tags without an end": strings.Repeat("<a ", n),
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			Text(s)
			for range Links(s) {
			}
			if took := time.Since(started); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// FuzzLinks checks that nothing panics, and that what is named is not longer than the input,
// but for entities.
func FuzzLinks(f *testing.F) {
	for _, s := range []string{"<a href=x>y</a>", `<img src="a" alt='b'`, "<a", "<a =", `<a href='x" y>`, "</a><a href>", "<script><a href=1></script><a/href=/>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for l := range Links(s) {
			n += len(l.URL) + len(l.Text)
			if strings.ContainsAny(l.URL, "\r\n\t") && !strings.Contains(s, "&") {
				t.Fatalf("%q", l.URL)
			}
		}
		if n > 4*len(s)+8 {
			t.Fatalf("%d octets of %d", n, len(s))
		}
		for range Links(s) {
			break
		}
		for tag := range Tags(s) {
			if tag.Name == "" || tag.Name[0] == '/' {
				t.Fatalf("tag %q", tag.Name)
			}
		}
	})
}

func BenchmarkText(b *testing.B) {
	s := strings.Repeat(`<p class="a b">What a <b>line</b> of &quot;text&quot; looks like, <a href="https://example.org/x?y=1&amp;z=2">more or less</a>.</p>`+"\n", 200)
	b.ReportAllocs()
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Text(s)
	}
}
