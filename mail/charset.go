package mail

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// DecodeCharset returns octets, which are in charset, as UTF-8. An unknown charset is
// windows-1252. Without one, or where ASCII or UTF-8 is named, octets that are UTF-8
// stay; else those that only name ASCII are windows-1252, and in UTF-8 what is broken
// becomes U+FFFD.
func DecodeCharset(charset string, octets []byte) string {
	charset = strings.ToLower(strings.Trim(charset, " \t\"'"))
	switch charset {
	case "", "us-ascii", "ascii", "unknown-8bit", "7bit", "8bit":
		if utf8.Valid(octets) {
			return string(octets)
		}
		return decodeWith(charmap.Windows1252, octets)
	case "utf-8", "utf8", "unicode-1-1-utf-8":
		return strings.ToValidUTF8(string(octets), "\uFFFD")
	case "utf-7", "unicode-1-1-utf-7":
		return decodeUTF7(octets)
	}
	return decodeWith(findEncoding(charset), octets)
}

func decodeWith(enc encoding.Encoding, octets []byte) string {
	out, err := enc.NewDecoder().Bytes(octets)
	if err != nil {
		out = octets // decoders of x/text replace what is broken; this does not happen
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// findEncoding returns the encoding of a name in lower case, windows-1252 for an unknown one.
func findEncoding(charset string) encoding.Encoding {
	if enc := knownEncoding(charset); enc != nil {
		return enc
	}
	return charmap.Windows1252
}

// knownEncoding returns the encoding of a name in lower case: as browsers read it, else as IANA
// lists it, else nil.
func knownEncoding(charset string) encoding.Encoding {
	switch charset {
	case "utf-16", "utf16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM) // RFC 2781, section 4.3
	case "_iso-8859-1":
		return charmap.Windows1252
	case "x-unknown", "unknown", "default":
		return nil
	}
	if enc, err := htmlindex.Get(charset); err == nil && enc != encoding.Replacement {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(charset); err == nil && enc != nil {
		return enc
	}
	if number, ok := strings.CutPrefix(charset, "cp"); ok {
		if enc, err := htmlindex.Get("windows-" + number); err == nil {
			return enc
		}
	}
	return nil
}

// decodeUTF7 undoes UTF-7; what is broken is kept as it stands.
//
// Spec: RFC 2152.
func decodeUTF7(in []byte) string {
	var b strings.Builder
	utf16 := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	for i := 0; i < len(in); i++ {
		c := in[i]
		if c != '+' {
			if c < utf8.RuneSelf {
				b.WriteByte(c)
			} else {
				b.WriteRune(utf8.RuneError)
			}
			continue
		}
		j := i + 1
		for j < len(in) && base64Value[in[j]] < 64 {
			j++
		}
		switch {
		case j == i+1 && j < len(in) && in[j] == '-':
			b.WriteByte('+')
			i = j
			continue
		case j == i+1:
			b.WriteByte('+')
			continue
		}
		units := decodeBase64(nil, in[i+1:j])
		if len(units) < 2 { // 1+1
			b.Write(in[i:j])
			i = j - 1
			continue
		}
		b.WriteString(decodeWith(utf16, units[:len(units)&^1]))
		if j < len(in) && in[j] == '-' {
			j++
		}
		i = j - 1
	}
	return b.String()
}
