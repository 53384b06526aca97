package runtime

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func tokens(t *testing.T, s, kind string) []string {
	t.Helper()
	e := &Env{View: &View{Limits: DefaultLimits}}
	v, err := tokenize(e, Args{s, kind})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, s := range v.([]Value) {
		out = append(out, s.(string))
	}
	return out
}

func TestTokens(t *testing.T) {
	for _, tt := range []struct {
		name, kind, text string
		want             []string
	}{
		{"an apostrophe at the ends", "words", "'quoted' dogs'", []string{"quoted", "dogs"}},
		{"apostrophes of print", "words", "don’t", []string{"don’t"}},
		{"letters with marks", "words", "gru\u0308n नमस्ते", []string{"gru\u0308n", "नमस्ते"}},
		{"characters among letters", "words", "a日本b", []string{"a", "日", "本", "b"}},
		{"no UTF-8", "words", "a\xffb", []string{"a", "b"}},
		{"brackets around", "url", "(https://a.example) [http://b.example/] <http://c.example>", []string{"https://a.example", "http://b.example/", "http://c.example"}},
		{"quotes of print around", "url", "“https://a.example” «http://b.example»", []string{"https://a.example", "http://b.example"}},
		{"punctuation behind", "url", "http://a.example/x?, http://b.example... http://c.example!", []string{"http://a.example/x", "http://b.example", "http://c.example"}},
		{"a scheme behind letters", "url_strict", "gohttp://a.example", []string{"http://a.example"}},
		{"another scheme", "url_strict", "magnet+x://abc", []string{"magnet+x://abc"}},
		{"no scheme, no host", "url_strict", "://a.example http:// 1://x", []string{}},
		{"a name with port and path", "url", "see example.org:8080/x.", []string{"https://example.org:8080/x"}},
		{"a name at the end of a sentence", "url", "We are example.org.", []string{"https://example.org"}},
		{"two sentences without a blank", "url", "the end.It goes on", []string{}},
		{"files", "url", "/usr/bin/perl.com a\\b.com", []string{}},
		{"a name beyond ASCII", "url", "siehe grün.de", []string{"https://grün.de"}},
		{"addresses one by one", "email", "a@x.example,b@y.example;c+d@z.example", []string{"a@x.example", "b@y.example", "c+d@z.example"}},
		{"an address in a sentence", "email", "Write to 'eve@x.example'.", []string{"eve@x.example"}},
		{"no addresses", "email", "@eve eve@ a@b @ @@ a@@x.example eve@host", []string{}},
		{"an address of a link", "email", "mailto:eve@x.example?subject=x", []string{"eve@x.example"}},
		{"a rewritten sender", "email", "SRS0=a=b=x.example=eve@y.example", []string{"SRS0=a=b=x.example=eve@y.example"}},
		{"addresses and names in order", "uri", "x.com,a@y.com,z.com http://w.com", []string{"https://x.com", "a@y.com", "https://z.com", "http://w.com"}},
		{"an address in front of a URI", "uri", "a@y.com,http://w.com", []string{"a@y.com", "http://w.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tokens(t, tt.text, tt.kind)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTokensTakeTimeByTheTextOnly(t *testing.T) {
	for _, piece := range []string{"@", "a@", "://", "http://", "a.com", "a.com/", ".", "'a", "日", "))))", "a@b.example,", "x.", "a'", "http://(", "\xff", "\u0300"} {
		s := strings.Repeat(piece, 1<<19/len(piece))
		for _, kind := range []string{"words", "uri"} {
			started := time.Now()
			e := &Env{View: &View{Limits: DefaultLimits}}
			if _, err := tokenize(e, Args{s, kind}); err != nil {
				t.Logf("%q: %v", piece, err)
			}
			if took := time.Since(started); took > 3*time.Second {
				t.Errorf("%s of %q took %s", kind, piece, took)
			}
		}
	}
}

func TestTokensAreBounded(t *testing.T) {
	for limit, l := range map[string]Limits{"memory": {Memory: 64 * 100}, "output": {Output: 100}} {
		r := testEngine.Run(t.Context(), compileTiny(t, `tokenize("`+strings.Repeat("a ", 1000)+`", "words")`), ExampleTransaction(), RunOptions{Limits: l})
		if r.Err == nil || !strings.Contains(r.Err.Error(), limit+" limit of ") {
			t.Errorf("%s: %v", limit, r.Err)
		}
	}
}

// FuzzTokenize checks that what is found stands in the text, in order.
func FuzzTokenize(f *testing.F) {
	for _, s := range []string{"Don't buy 2", "see http://a.example/x(y)).", "a@b.example,www.c.org:80/x", "日本 ok’s", "\xff@\xff.\xff", "x.com。y.com", "://", "[http://[::1]/]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range []string{"words", "uri", "uri_strict", "email"} {
			rest := s
			for _, token := range tokens(t, s, kind) {
				i := strings.Index(rest, token)
				if i < 0 && kind == "uri" {
					token = strings.TrimPrefix(token, "https://")
					i = strings.Index(rest, token)
				}
				if i < 0 || token == "" {
					t.Fatalf("%s: %q is not in the rest of %q", kind, token, s)
				}
				rest = rest[i+len(token):]
			}
		}
	})
}

func BenchmarkTokenize(b *testing.B) {
	s := strings.Repeat("What a line of text looks like, with https://example.org/x?y=z and www.example.com or eve@example.net in it. ", 100)
	e := &Env{View: &View{Limits: DefaultLimits}}
	for _, kind := range []string{"words", "uri"} {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				if _, err := tokenize(e, Args{s, kind}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
