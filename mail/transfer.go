package mail

import "bytes"

// encodes says whether a transfer encoding changes octets.
func encodes(encoding string) bool {
	switch encoding {
	case "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue":
		return true
	}
	return false
}

// DecodeTransfer undoes a transfer encoding, named in lower case, as far as it goes. It
// returns body itself where nothing is encoded.
//
// Spec: RFC 2045, section 6
func DecodeTransfer(encoding string, body []byte) []byte { return decodeTransfer(encoding, body) }

// decodeTransfer undoes a transfer encoding as far as it goes. It returns body
// itself where nothing is encoded.
func decodeTransfer(encoding string, body []byte) []byte {
	switch encoding {
	case "base64":
		return decodeBase64(make([]byte, 0, len(body)/4*3+3), body)
	case "quoted-printable":
		return decodeQuotedPrintable(body)
	case "x-uuencode", "uuencode", "x-uue":
		return decodeUU(body)
	}
	return body
}

// base64Value maps an octet to its six bits, 64 for the padding, 255 for the rest.
var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(digits) {
		t[digits[i]] = byte(i)
	}
	t['='] = 64
	return t
}()

// decodeBase64 appends what base64 says. Octets that are no base64 are skipped,
// padding ends a group and not the text, and of a group that is cut off the whole
// octets are taken.
//
// Spec: RFC 2045, section 6.8.
func decodeBase64(out, in []byte) []byte {
	var bits uint32
	n := 0
	flush := func() {
		switch n {
		case 2:
			out = append(out, byte(bits>>4))
		case 3:
			out = append(out, byte(bits>>10), byte(bits>>2))
		}
		bits, n = 0, 0
	}
	for _, c := range in {
		v := base64Value[c]
		switch {
		case v < 64:
			bits = bits<<6 | uint32(v)
			if n++; n == 4 {
				out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
				bits, n = 0, 0
			}
		case v == 64:
			flush()
		}
	}
	flush()
	return out
}

// decodeQuotedPrintable undoes quoted-printable. Blanks at the end of a line are
// dropped, an equals sign that begins nothing is kept, 8-bit octets too.
//
// Spec: RFC 2045, section 6.7.
func decodeQuotedPrintable(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for line := range bytes.Lines(in) {
		text := bytes.TrimRight(line, "\r\n")
		end := line[len(text):]
		text = bytes.TrimRight(text, " \t")
		soft := false
		for len(text) > 0 {
			i := bytes.IndexByte(text, '=')
			if i < 0 {
				out = append(out, text...)
				break
			}
			out = append(out, text[:i]...)
			text = text[i+1:]
			if len(text) == 0 {
				soft = true // also at the very end of the body
				break
			}
			if len(text) >= 2 {
				if hi, lo := unhex(text[0]), unhex(text[1]); hi >= 0 && lo >= 0 {
					out = append(out, byte(hi<<4|lo))
					text = text[2:]
					continue
				}
			}
			out = append(out, '=')
		}
		if !soft {
			out = append(out, end...)
		}
	}
	return out
}

// decodeUU undoes uuencode: the lines between "begin" and "end", or all lines if
// there is no "begin".
func decodeUU(in []byte) []byte {
	out := make([]byte, 0, len(in)/4*3)
	if i := bytes.Index(in, []byte("begin ")); i == 0 || i > 0 && in[i-1] == '\n' {
		in = in[lineEnd(in, i):]
	}
	for line := range bytes.Lines(in) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		n := int(line[0]-' ') & 63
		if n == 0 || string(line) == "end" {
			break
		}
		line = line[1:]
		for i := 0; n > 0 && i < len(line); i += 4 {
			var q [4]byte
			for j := range q {
				if i+j < len(line) {
					q[j] = (line[i+j] - ' ') & 63
				}
			}
			group := [3]byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
			out = append(out, group[:min(n, 3)]...)
			n -= 3
		}
	}
	return out
}
