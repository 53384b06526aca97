package mail

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTransferEncodingsAreUndoneAsFarAsTheyGo(t *testing.T) {
	for _, tt := range []struct{ name, encoding, in, want string }{
		{"base64", "base64", "SGVsbG8=\r\n", "Hello"},
		{"base64 without padding", "base64", "SGVsbG8", "Hello"},
		{"base64 that is cut off", "base64", "SGVsbG", "Hell"},
		{"base64 with one letter too many", "base64", "SGVsbG8hS", "Hello!"},
		{"base64 with foreign octets", "base64", "SG-V*\x00s\r\n\xffbG8=", "Hello"},
		{"base64 in pieces with padding", "base64", "SGU=bGxv", "Hello"},
		{"base64 of nothing", "base64", "=\r\n====", ""},
		{"quoted-printable", "quoted-printable", "caf=C3=A9=\r\n!\r\n", "café!\r\n"},
		{"quoted-printable in lower case", "quoted-printable", "=c3=a9", "é"},
		{"quoted-printable with bare LF", "quoted-printable", "a=\nb\n", "ab\n"},
		{"quoted-printable with blanks behind the equals sign", "quoted-printable", "a= \t\r\nb", "ab"},
		{"quoted-printable with blanks at line ends", "quoted-printable", "a \t\r\nb ", "a\r\nb"},
		{"quoted-printable with a lone equals sign", "quoted-printable", "1=2 =ZZ =4", "1=2 =ZZ =4"},
		{"quoted-printable with an encoded equals sign", "quoted-printable", "=3D41", "=41"},
		{"quoted-printable ending in an equals sign", "quoted-printable", "a=", "a"},
		{"quoted-printable with raw octets", "quoted-printable", "\xe9\x00", "\xe9\x00"},
		{"uuencode", "x-uuencode", "begin 644 x\n%2&5L;&\\\n`\nend\n", "Hello"},
		{"uuencode without a beginning", "x-uue", "%2&5L;&\\\r\n", "Hello"},
		{"uuencode with a length that lies", "uuencode", "begin 1 x\nM2&5L", "Hel"},
		{"no encoding", "8bit", "a\r\n\x00\xff", "a\r\n\x00\xff"},
		{"an unknown encoding", "rot13", "abc=\r\n", "abc=\r\n"},
	} {
		if got := string(decodeTransfer(tt.encoding, []byte(tt.in))); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCharsetsBecomeUTF8(t *testing.T) {
	for _, tt := range []struct{ name, charset, in, want string }{
		{"UTF-8 stays", "UTF-8", "é☃", "é☃"},
		{"broken UTF-8 is marked", "utf-8", "a\xe9b", "a\uFFFDb"},
		{"ISO 8859-1 is windows-1252", "iso-8859-1", "\xe9\x80", "é€"},
		{"an unknown one is windows-1252", "x-klingon", "\xe9\x80", "é€"},
		{"none is UTF-8 if it can be", "", "é", "é"},
		{"none is windows-1252 else", "", "\xe9", "é"},
		{"ASCII with raw octets too", "us-ascii", "\xe9", "é"},
		{"quotes and blanks around the name are forgiven", ` "ISO-8859-15" `, "\xa4", "€"},
		{"Koi8-r", "KOI8-R", "\xc1", "а"},
		{"Shift_JIS", "Shift_JIS", "\x82\xa0", "あ"},
		{"ISO-2022-JP", "iso-2022-jp", "\x1b$B$\"\x1b(B", "あ"},
		{"Big5", "big5", "\xa4\xa4", "中"},
		{"GB2312", "gb2312", "\xd6\xd0", "中"},
		{"HZ, which browsers refuse", "hz-gb-2312", "~{VP~}", "中"},
		{"UTF-16 with its mark", "utf-16", "\xff\xfea\x00", "a"},
		{"UTF-16 without is big endian", "utf-16", "\x00a", "a"},
		{"UTF-7", "utf-7", "Hi +AOk-! +- 1+1", "Hi é! + 1+1"},
		{"a code page by number", "cp1251", "\xe0", "а"},
		{"NUL stays", "us-ascii", "a\x00b", "a\x00b"},
	} {
		if got := DecodeCharset(tt.charset, []byte(tt.in)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestEncodedWords(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain text stays", "hello  you", "hello  you"},
		{"q", "=?utf-8?q?caf=C3=A9_au?= lait", "café au lait"},
		{"b", "=?UTF-8?B?w6k=?=", "é"},
		{"neighbours join without the blanks between", "=?utf-8?q?a?= \t =?utf-8?b?Yg==?=", "ab"},
		{"folded neighbours join", "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"},
		{"text between neighbours keeps its blanks", "=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"},
		{"a character cut in two is whole again", "=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"},
		{"words without blanks between", "=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
		{"in the middle of a word", "x=?utf-8?q?a?=y", "xay"},
		{"with a language", "=?utf-8*de?q?=C3=BC?=", "ü"},
		{"unknown charset is windows-1252", "=?x-klingon?q?=E9?=", "é"},
		{"different charsets", "=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"},
		{"blanks inside are forgiven", "=?utf-8?q?a b?=", "a b"},
		{"broken base64", "=?utf-8?b?w6k*?=", "é"},
		{"not ended", "=?utf-8?q?abc", "=?utf-8?q?abc"},
		{"no encoding that is known", "=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
		{"no charset", "=??q?abc?=", "=??q?abc?="},
		{"empty text", "a =?utf-8?q??= b", "a  b"},
		{"an equals sign first", "=?utf-8?q?=41?=", "A"},
		{"broken hex", "=?utf-8?q?=4=ZZ?=", "=4=ZZ"},
		{"raw octets beside", "\xe9 =?utf-8?q?a?= \xe9", "é a é"},
		{"raw UTF-8 beside", "é =?utf-8?q?a?=", "é a"},
		{"nothing", "", ""},
		{"ISO-2022-JP in two words", "=?iso-2022-jp?b?GyRCJCIbKEI=?= =?iso-2022-jp?b?GyRCJCIbKEI=?=", "ああ"},
	} {
		if got := DecodeWords(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestParameters(t *testing.T) {
	for _, tt := range []struct {
		name, in, first string
		want            map[string]string
	}{
		{"plain", "text/plain; charset=utf-8", "text/plain", map[string]string{"charset": "utf-8"}},
		{"quoted with escapes", `a; name="x \"y\" \\ ;z"; b=c`, "a", map[string]string{"name": `x "y" \ ;z`, "b": "c"}},
		{"names in any case", "a; NAME=x; Name=y", "a", map[string]string{"name": "x"}},
		{"comments", "a (c;d) ; (x) b (y) = (z) c (w)", "a", map[string]string{"b": "c"}},
		{"a quote that is not closed", `a; b="c; d`, "a", map[string]string{"b": "c; d"}},
		{"text behind a quote", `a; b="c" d; e=f`, "a", map[string]string{"b": "c", "e": "f"}},
		{"blanks in a value", "a; name=my file.txt; b=c", "a", map[string]string{"name": "my file.txt", "b": "c"}},
		{"empty ones", "a;; ;b;=c;d=", "a", map[string]string{"d": ""}},
		{"an encoded one", "a; b*=utf-8'de'%C3%A9%zz", "a", map[string]string{"b": "é%zz"}},
		{"an encoded one prevails", "a; b*=utf-8''x; b=y", "a", map[string]string{"b": "x"}},
		{"pieces in any order", "a; b*2=c; b*0*=iso-8859-1''%E9; b*1*=%E8", "a", map[string]string{"b": "éèc"}},
		{"a piece twice", "a; b*0=x; b*0=y; b*1=z", "a", map[string]string{"b": "xz"}},
		{"an encoded one without a charset", "a; b*=%41", "a", map[string]string{"b": "A"}},
		{"an asterisk that means nothing", "a; b*x=y", "a", map[string]string{"b*x": "y"}},
		{"encoded words where they do not belong", `a; name="=?utf-8?q?=C3=A9?="`, "a", map[string]string{"name": "é"}},
		{"none", "a", "a", nil},
		{"nothing", "", "", nil},
	} {
		first, list := parseParams(tt.in)
		if d := cmp.Diff(tt.want, decodeParams(list)); d != "" || first != tt.first {
			t.Errorf("%s: first %q\n%s", tt.name, first, d)
		}
	}
}

func TestFilenamesAreNames(t *testing.T) {
	for _, tt := range []struct{ name, header, want string }{
		{"from the disposition", "Content-Disposition: attachment; filename=a.txt", "a.txt"},
		{"from the type", "Content-Type: text/plain; name=b.txt", "b.txt"},
		{"the disposition first", "Content-Type: text/plain; name=b.txt\r\nContent-Disposition: inline; filename=a.txt", "a.txt"},
		{"without folders", "Content-Disposition: attachment; filename=\"../../etc/passwd\"", "passwd"},
		{"without Windows folders", `Content-Disposition: attachment; filename="C:\\x\\y.exe"`, "y.exe"},
		{"without control characters", "Content-Disposition: attachment; filename=\"a\x00\x1fb.txt\"", "ab.txt"},
		{"never only dots", "Content-Disposition: attachment; filename=\"a/..\"", ""},
		{"none", "Subject: x", ""},
	} {
		if got := New([]byte(tt.header + "\r\n\r\n")).Root().Filename(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestParametersAreBounded(t *testing.T) {
	if _, list := parseParams("a" + strings.Repeat(";b=c", maxParams+10)); len(list) != maxParams {
		t.Errorf("%d parameters, want %d", len(list), maxParams)
	}
}

func TestWorkStaysLinear(t *testing.T) {
	const n = 1 << 18
	for name, unit := range map[string]string{
		"beginnings of encoded words": "=?", "encoded words without an end": "=?a?q?", "ends of encoded words": "?=",
		"parentheses": "(", "closing parentheses": ")", "quotes": "\"", "brackets": "[", "angles": "<", "routes": "<@", "angles closed": "<>",
		"at signs": "@", "commas": ",", "colons": ":", "groups": "a:;", "backslashes": "\\", "pieces": ";a*1=", "words": "a ", "addresses": "a@b,",
	} {
		t.Run(name, func(t *testing.T) {
			s := strings.Repeat(unit, n/len(unit))
			for _, s := range []string{s, s + "?=", "?=" + s, "\"" + s, "(" + s} {
				DecodeWords(s)
				ParseAddresses(s)
				_, _ = ParseDate(s)
				_, params := parseParams(s)
				decodeParams(params)
			}
		})
	}
}
