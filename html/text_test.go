package html

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, html, want string }{
		{"plain text", "a  b\r\nc", "a b c"},
		{"inline markup joins", "a<b>b</b>c <i>d</i>", "abc d"},
		{"blocks are lines", "<div>a<div>b</div></div><p>c</p>d", "a\nb\nc\nd"},
		{"line breaks", "a<br>b<br/><br />c", "a\nb\n\nc"},
		{"entities", "&lt;a&gt; &amp;amp; &#65;&#x42; &euro;&nbsp;5 &none;", "<a> &amp; AB € 5 &none;"},
		{"comments", "a<!-- b <c> -- > -->d<!doctype x>e<?php f ?>g", "adeg"},
		{"scripts, styles and heads", "<head><title>t</title></head>a<script>if (1<2) '</b>'</script>b<STYLE>p{}</style >c", "abc"},
		{"quotes in tags", `a<x y="1>2" z='3>4'>b`, "ab"},
		{"a quote that is not closed", `a<x y="1>b c`, "ab c"},
		{"signs that are no tags", "1 < 2 > 0 <3 </ <", "1 < 2 > 0 <3 </ <"},
		{"a tag that is not closed", "a<b c", "a"},
		{"a comment that is not closed", "a<!-- b", "a"},
		{"a script that is not closed", "a<script>b</scrip", "a"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.html); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzText checks that text that was made HTML is the same text again, but for blanks, and
// that no input is longer as text, but for entities.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a <b> &amp; c", "<!-- ", "<a '\"", "</script", "a\tb\nc\r\n", "&#0;&#x110000;", "<p>\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Text(s); len(got) > 2*len(s)+8 {
			t.Fatalf("%d octets of %d", len(got), len(s))
		}
		blanks := func(s string) string {
			return strings.Join(strings.FieldsFunc(strings.ReplaceAll(s, "\u00a0", " "), func(c rune) bool { return strings.ContainsRune(" \t\r\n\f", c) }), " ")
		}
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00") {
			return
		}
		if got, want := blanks(Text(FromText(s))), blanks(s); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
