package runtime

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	stdhtml "html"
	"io"
	"mime/quotedprintable"
	"net/url"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// What a decoder gives is text: octets that are no UTF-8 become U+FFFD, so that all languages
// see the same. Who wants the octets asks for bytes.

func init() {
	asBytes := Param{Name: "bytes", Kind: Bool, Optional: true, Default: false, Doc: "true: as bytes, whatever they are; else as text, in which U+FFFD stands for what is no UTF-8"}
	encoded := Param{Name: "text", Kind: String, Doc: "encoded text"}
	register(Function{
		Name:   "base64_encode",
		Family: "encode",
		Doc:    "Returns data in base64 (RFC 4648) on one line.",
		Params: []Param{octetsParam, {Name: "variant", Kind: String, Optional: true, Default: "standard", Doc: "`standard`, with padding, or `url`: `-` and `_`, without padding"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `base64_encode("grün")`, Want: `"Z3LDvG4="`}, {Code: `base64_encode("")`, Want: `""`},
			{Code: `base64_encode("a?>", "url")`, Want: `"YT8-"`}, {Code: `base64_encode("a", "url")`, Want: `"YQ"`},
			{Code: `base64_encode("a", "mime")`, Error: `base64_encode: unknown variant "mime"; known are standard, url`},
			{Code: `base64_encode(1)`, Error: `base64_encode: argument 1 (data): expected string or bytes, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, err := octets("base64_encode", a, 0)
			if err != nil {
				return nil, err
			}
			if err := e.made(int64(len(s)) * 4 / 3); err != nil {
				return nil, err
			}
			switch a.String(1) {
			case "standard":
				return base64.StdEncoding.EncodeToString([]byte(s)), nil
			case "url":
				return base64.RawURLEncoding.EncodeToString([]byte(s)), nil
			}
			return nil, fmt.Errorf("base64_encode: unknown variant %q; known are standard, url", cut(a.String(1), 40))
		},
	})
	register(Function{
		Name:   "base64_decode",
		Family: "encode",
		Doc:    "Returns what base64 holds. Both alphabets are understood, with or without padding; white space does not count.",
		Params: []Param{encoded, asBytes},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `base64_decode("Z3LDvG4=")`, Want: `"grün"`}, {Code: `base64_decode("YT8-")`, Want: `"a?>"`}, {Code: `base64_decode("YQ")`, Want: `"a"`},
			{Code: `base64_decode(" Y W\r\nI= ")`, Want: `"ab"`}, {Code: `base64_decode("")`, Want: `""`},
			{Code: `base64_decode("/w==")`, Want: "\"\ufffd\""}, {Code: `len(base64_decode("/wA=", true))`, Want: `2`},
			{Code: `base64_decode("Y.Q=")`, Error: `base64_decode: offset 1: no base64`},
			{Code: `base64_decode("YWJjZ")`, Error: `base64_decode: offset 5: text ends too early`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			b, err := decodeBase64(a.String(0))
			if err != nil {
				return nil, fmt.Errorf("base64_decode: %w", err)
			}
			return decoded(b, a.Bool(1)), nil
		},
	})
	register(Function{
		Name:   "hex_encode",
		Family: "encode",
		Doc:    "Returns the octets of data in hex digits, in lower case.",
		Params: []Param{octetsParam},
		Result: String, Trust: User,
		Examples: []Example{{Code: `hex_encode("ü!")`, Want: `"c3bc21"`}, {Code: `hex_encode("")`, Want: `""`}},
		Call: func(e *Env, a Args) (Value, error) {
			s, err := octets("hex_encode", a, 0)
			if err != nil {
				return nil, err
			}
			if err := e.made(int64(len(s)) * 2); err != nil {
				return nil, err
			}
			return hex.EncodeToString([]byte(s)), nil
		},
	})
	register(Function{
		Name:   "hex_decode",
		Family: "encode",
		Doc:    "Returns the octets that hex digits, in either case, stand for.",
		Params: []Param{encoded, asBytes},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `hex_decode("C3bc21")`, Want: `"ü!"`}, {Code: `hex_decode("")`, Want: `""`}, {Code: `hex_decode("ff")`, Want: "\"\ufffd\""},
			{Code: `hex_decode("6g")`, Error: `hex_decode: offset 1: no hex digit`}, {Code: `hex_decode("616")`, Error: `hex_decode: the number of digits is odd`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			s := a.String(0)
			if i := strings.IndexFunc(s, func(r rune) bool { return !isHex(r) }); i >= 0 {
				return nil, fmt.Errorf("hex_decode: offset %d: no hex digit", i)
			}
			b, err := hex.DecodeString(s)
			if err != nil {
				return nil, fmt.Errorf("hex_decode: the number of digits is odd")
			}
			return decoded(b, a.Bool(1)), nil
		},
	})
	register(Function{
		Name:   "url_encode",
		Family: "encode",
		Doc:    "Returns text with every octet but letters, digits and `-._~` as % and two hex digits (RFC 3986), so that it can be a part of a path or query.",
		Params: []Param{textParam},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `url_encode("a b&c=ü/+")`, Want: `"a%20b%26c%3D%C3%BC%2F%2B"`}, {Code: `url_encode("a-b._~")`, Want: `"a-b._~"`}, {Code: `url_encode("")`, Want: `""`},
			{Code: `url_encode(1)`, Error: `url_encode: argument 1 (text): expected string, got int`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			if err := e.made(3 * int64(len(a.String(0)))); err != nil {
				return nil, err
			}
			return strings.ReplaceAll(url.QueryEscape(a.String(0)), "+", "%20"), nil
		},
	})
	register(Function{
		Name:   "url_decode",
		Family: "encode",
		Doc:    "Returns text with each % and two hex digits replaced by their octet. A % that has no digits stays.",
		Params: []Param{encoded, {Name: "form", Kind: Bool, Optional: true, Default: false, Doc: "true: `+` is a space, as in the data of forms"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `url_decode("a%20b%C3%bc+")`, Want: `"a bü+"`}, {Code: `url_decode("a+b%2B", true)`, Want: `"a b+"`},
			{Code: `url_decode("100% %zz %4")`, Want: `"100% %zz %4"`}, {Code: `url_decode("%ff")`, Want: "\"\ufffd\""},
		},
		Call: func(_ *Env, a Args) (Value, error) { return decoded(decodeURL(a.String(0), a.Bool(1)), false), nil },
	})
	register(Function{
		Name:   "quoted_printable_encode",
		Family: "encode",
		Doc:    "Returns text in quoted-printable (RFC 2045), in lines of at most 76 characters.",
		Params: []Param{textParam},
		Result: String, Trust: User,
		Examples: []Example{{Code: `quoted_printable_encode("grün = ")`, Want: `"gr=C3=BCn =3D=20"`}, {Code: `quoted_printable_encode("a\r\nb")`, Want: `"a\r\nb"`}},
		Call: func(e *Env, a Args) (Value, error) {
			if err := e.made(3 * int64(len(a.String(0)))); err != nil {
				return nil, err
			}
			var b strings.Builder
			w := quotedprintable.NewWriter(&b)
			_, _ = io.WriteString(w, a.String(0)) // neither fails on a Builder
			_ = w.Close()
			return b.String(), nil
		},
	})
	register(Function{
		Name:   "quoted_printable_decode",
		Family: "encode",
		Doc:    "Returns what quoted-printable text holds. What is broken in it stays as it is.",
		Params: []Param{encoded, asBytes},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `quoted_printable_decode("gr=C3=BCn =3D=20")`, Want: `"grün = "`}, {Code: `quoted_printable_decode("a=\r\nb")`, Want: `"ab"`},
			{Code: `quoted_printable_decode("50=ZZ")`, Want: `"50=ZZ"`}, {Code: `quoted_printable_decode("")`, Want: `""`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			return decoded(mail.DecodeTransfer("quoted-printable", []byte(a.String(0))), a.Bool(1)), nil
		},
	})
	register(Function{
		Name:   "decode_words",
		Family: "encode",
		Doc:    "Returns the text of a header field with its encoded words (RFC 2047) decoded. What is broken or of an unknown charset stays as it is.",
		Params: []Param{encoded},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `decode_words("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= there")`, Want: `"Grüße there"`}, {Code: `decode_words("=?iso-8859-1?B?/A==?=")`, Want: `"ü"`},
			{Code: `decode_words("=?utf-8?q?a?= =?utf-8?q?b?=")`, Want: `"ab"`}, {Code: `decode_words("plain")`, Want: `"plain"`}, {Code: `decode_words("=?utf-8?x?a?=")`, Want: `"=?utf-8?x?a?="`},
		},
		Call: func(_ *Env, a Args) (Value, error) { return mail.DecodeWords(a.String(0)), nil },
	})
	register(Function{
		Name:   "charset_decode",
		Family: "encode",
		Doc:    "Returns bytes of a charset as text. An unknown charset is taken as windows-1252.",
		Params: []Param{octetsParam, {Name: "charset", Kind: String, Doc: "its name in mail, such as `\"iso-8859-1\"`"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `charset_decode(hex_decode("67fc", true), "iso-8859-1")`, Want: `"gü"`}, {Code: `charset_decode(hex_decode("80", true), "windows-1252")`, Want: `"€"`},
			{Code: `charset_decode("abc", "utf-8")`, Want: `"abc"`}, {Code: `charset_decode([], "utf-8")`, Error: `charset_decode: argument 1 (data): expected string or bytes, got list`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s, err := octets("charset_decode", a, 0)
			if err != nil {
				return nil, err
			}
			if err := e.made(3 * int64(len(s))); err != nil {
				return nil, err
			}
			return mail.DecodeCharset(a.String(1), []byte(s)), nil
		},
	})
	register(Function{
		Name:   "html_escape",
		Family: "encode",
		Doc:    "Returns text as it stands in HTML: `<`, `>`, `&` and both quotes are written as entities.",
		Params: []Param{textParam},
		Result: String, Trust: User,
		Examples: []Example{{Code: `html_escape("a<b & 'c'")`, Want: `"a&lt;b &amp; &#39;c&#39;"`}, {Code: `html_escape("ü")`, Want: `"ü"`}},
		Call: func(e *Env, a Args) (Value, error) {
			if err := e.made(5 * int64(len(a.String(0)))); err != nil {
				return nil, err
			}
			return stdhtml.EscapeString(a.String(0)), nil
		},
	})
	register(Function{
		Name:   "html_unescape",
		Family: "encode",
		Doc:    "Returns text with HTML's entities replaced by what they stand for. Elements stay as they are.",
		Params: []Param{encoded},
		Result: String, Trust: User,
		Examples: []Example{{Code: `html_unescape("&lt;b&gt; &amp; &#252; &euro;")`, Want: `"<b> & ü €"`}, {Code: `html_unescape("&zzz; &")`, Want: `"&zzz; &"`}},
		Call:     func(_ *Env, a Args) (Value, error) { return stdhtml.UnescapeString(a.String(0)), nil },
	})
}

// decoded returns octets as text or as bytes.
func decoded(b []byte, asBytes bool) Value {
	if asBytes {
		return b
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

// decodeBase64 reads base64 of either alphabet.
//
// Spec: RFC 4648, sections 4 and 5
func decodeBase64(s string) ([]byte, error) {
	out := make([]byte, 0, len(s)*3/4)
	bits, n, ended := uint32(0), 0, false
	for i := range len(s) {
		c, v := s[i], uint32(0)
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		case c == '=':
			ended = true
			continue
		case ended:
			return nil, fmt.Errorf("offset %d: text behind the padding", i)
		case 'A' <= c && c <= 'Z':
			v = uint32(c - 'A')
		case 'a' <= c && c <= 'z':
			v = uint32(c-'a') + 26
		case '0' <= c && c <= '9':
			v = uint32(c-'0') + 52
		case c == '+' || c == '-':
			v = 62
		case c == '/' || c == '_':
			v = 63
		default:
			return nil, fmt.Errorf("offset %d: no base64", i)
		}
		if bits, n = bits<<6|v, n+1; n == 4 {
			out, bits, n = append(out, byte(bits>>16), byte(bits>>8), byte(bits)), 0, 0
		}
	}
	switch n {
	case 1:
		return nil, fmt.Errorf("offset %d: text ends too early", len(s))
	case 2:
		out = append(out, byte(bits>>4))
	case 3:
		out = append(out, byte(bits>>10), byte(bits>>2))
	}
	return out, nil
}

func decodeURL(s string, form bool) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s) && isHex(rune(s[i+1])) && isHex(rune(s[i+2])):
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
		case c == '+' && form:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return out
}

func isHex(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
