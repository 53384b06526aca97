package mail

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// EncodingProblem says whether the part's octets are not what its fields promise: a transfer
// encoding that is unknown or broken, a charset that is unknown, text that is none in its charset.
// A part without a charset has no problem if it is UTF-8. It looks at all of the body.
//
// Spec: RFC 8621, section 4.1.4 (isEncodingProblem).
func (p *Part) EncodingProblem() bool {
	body := p.Body()
	switch p.Encoding {
	case "", "7bit", "8bit", "binary":
	case "base64":
		if brokenBase64(body) {
			return true
		}
	case "quoted-printable":
		if brokenQuotedPrintable(body) {
			return true
		}
	default:
		if !encodes(p.Encoding) {
			return true
		}
	}
	if p.Multipart() || p.Message != nil {
		return p.Multipart() && encodes(p.Encoding)
	}
	if p.Type != "text" {
		return false
	}
	return brokenText(p.Params["charset"], decodeTransfer(p.Encoding, body))
}

// brokenBase64 says whether a body has what base64 does not have, or is cut off.
func brokenBase64(body []byte) bool {
	n, padded := 0, 0
	for _, c := range body {
		switch v := base64Value[c]; {
		case v < 64:
			if padded > 0 {
				return true
			}
			n++
		case v == 64:
			padded++
		case c != '\r' && c != '\n' && !isBlank(c):
			return true
		}
	}
	return (n+padded)%4 != 0 || padded > 2
}

// brokenQuotedPrintable says whether an equals sign begins nothing, or an octet should have been
// encoded.
func brokenQuotedPrintable(body []byte) bool {
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c >= 0x7f:
			return true
		case c != '=':
		case i+2 < len(body) && unhex(body[i+1]) >= 0 && unhex(body[i+2]) >= 0:
			i += 2
		default:
			rest := bytes.TrimLeft(body[i+1:min(len(body), i+80)], " \t\r")
			if len(rest) > 0 && rest[0] != '\n' {
				return true
			}
		}
	}
	return false
}

// brokenText says whether octets are no text in a charset.
func brokenText(charset string, octets []byte) bool {
	charset = strings.ToLower(strings.Trim(charset, " \t\"'"))
	switch charset {
	case "", "us-ascii", "ascii", "7bit", "8bit", "utf-8", "utf8", "unicode-1-1-utf-8":
		return !utf8.Valid(octets)
	case "utf-7", "unicode-1-1-utf-7":
		return strings.ContainsRune(decodeUTF7(octets), utf8.RuneError)
	}
	enc := knownEncoding(charset)
	return enc == nil || strings.ContainsRune(decodeWith(enc, octets), utf8.RuneError)
}
