package corpus

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"strings"
)

// Own returns our own hostile messages, made in code since editors and archives lose
// such octets. The names say what is odd; messages come in a fixed order, the small
// ones first.
func Own() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, m := range own {
			if !yield(m.name, m.make()) {
				return
			}
		}
	}
}

// message is a message that is made when it is wanted: some are large.
type message struct {
	name string
	make func() []byte
}

const head = "From: a@example.org\r\nTo: b@example.org\r\nSubject: odd\r\nMessage-ID: <odd@example.org>\r\n"

func text(parts ...string) func() []byte {
	return func() []byte { return []byte(strings.Join(parts, "")) }
}

var own = []message{
	{"nothing at all", text("")},
	{"one empty line", text("\r\n")},
	{"header without a body", text(head)},
	{"empty body", text(head, "\r\n")},
	{"body without a header", text("just some words\r\nand more: of them\r\n")},
	{"body behind an empty line without a header", text("\r\nSubject: not a header\r\n")},
	{"mbox From_ line in front", text("From a@example.org Thu Aug 22 12:36:23 2002\r\n", head, "\r\nbody\r\n")},
	{"quoted From_ line inside the header", text("X-First: 1\r\n>From a@example.org Thu Aug 22 12:36:23 2002\r\n", head, "\r\nbody\r\n")},
	{"line that is no field inside the header", text("X-First: 1\r\nthis is not a field\r\n", head, "\r\nbody\r\n")},
	{"raw 8-bit in header and body", text("From: \xfcmit <a@example.org>\r\nSubject: caf\xe9 \xff\xfe\r\n\r\n", everyOctet(), "\r\n")},
	{"raw UTF-8 in header and body", text("From: Ümit <ümit@exämple.org>\r\nSubject: 雪 ☃ 🦀\r\n\r\nüñî\r\n")},
	{"NUL in name, value and body", text("X-N\x00UL: a\r\n", head, "X-Nul: a\x00b\r\n\r\nbefore\x00after\r\n\x00\r\n")},
	{"NUL in a value", text(head, "X-Nul: \x00a\x00b\x00\r\n\r\nbefore\x00after\r\n\x00\x00\r\n")},
	{"bare CR in header and body", text("Subject: a\rb\r\n", head, "\r\none\rtwo\r\rthree\r\r\r\n")},
	{"bare LF in header and body", text("Subject: a\nX-Bare: b\n c\n\nbody\nwith\nbare\nline ends\r\n")},
	{"bare LF around a dot", text(head, "\r\nbefore\n.\nafter\n.\r\nmore\r\n")},
	{"CR CR LF line ends", text("Subject: a\r\r\nX-B: b\r\r\n\r\r\nbody\r\r\n")},
	{"dot lines", text(head, "\r\n.\r\n..\r\n...\r\n.text\r\n. \r\n.\r\n")},
	{"blank lines of every kind", text(head, "\r\n \r\n\t\r\n\r\n\r\n\v\r\n\f\r\n\x1a\r\n")},
	{"field names at the edge", text("Subject : blank in front of the colon\r\n!#$%&'*+-/=?^_`{|}~: odd name\r\nX:\r\nY:\r\n\tfolded empty\r\n\r\nbody\r\n")},
	{"folded to nothing", text("Subject:\r\n \r\n\t\r\n text\r\nTo:\r\n a@example.org\r\n\r\nbody\r\n")},
	{"line of 5,000 octets", text(head, "\r\n", strings.Repeat("x", 5000), "\r\n", strings.Repeat("é", 2500), "\r\n")},
	{"field of 5,000 octets in one line", text("Subject: ", strings.Repeat("y", 5000), "\r\n\r\nbody\r\n")},
	{"two messages with one id, the first", text(head, "\r\none\r\n")},
	{"two messages with one id, the second", text(head, "\r\ntwo\r\n")},
	{"IMAP and SMTP commands as body", text(head, "\r\nQUIT\r\n* OK [ALERT] {3}\r\n)\r\nA1 LOGOUT\r\n{5+}\r\nDATA\r\nRSET\r\n")},
	{"encoded words of every kind", text("Subject: =?utf-8?q?caf=C3?= =?utf-8?q?=A9?= =?x-nonsense?q?=E9?= =?utf-8?b?4piD?==?utf-8?q?un ended?= =?utf-8?q?", "\r\nFrom: =?utf-8?b?w5xtaXQs?= <a@example.org>\r\n\r\nbody\r\n")},
	{"broken addresses", text("To: \"unclosed <a@b>, (also (not) closed, <c@d\r\nFrom: @\r\nCc: ,,;:,<>,<<a@b>>,a@b@c,group:x@y,z\r\nReply-To: =?utf-8?q?Doe,_J?= <j@example.org>\r\n\r\nbody\r\n")},
	{"broken dates", text("Date: Foo, 99 Bar 123456 99:99:99 +9999\r\nDate: \r\nDate: (((\r\nDate: Thu, 22 Aug 102 12:36 EST\r\n\r\nbody\r\n")},
	{"broken base64", text(head, "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8*gd29y\r\n=bGQ!=\r\n==A\r\n")},
	{"broken quoted-printable", text(head, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ =4 =\t\r\n=C3=A9=\r\n=\r\nraw \xe9 =3d=\r\n")},
	{"unknown charset and encoding", text(head, "Content-Type: text/plain; charset=\"x-klingon\"\r\nContent-Transfer-Encoding: rot13\r\n\r\ncaf\xe9 \x80\r\n")},
	{"multipart without a boundary parameter", text(head, "Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n--x--\r\n")},
	{"multipart whose boundary never comes", text(head, "Content-Type: multipart/mixed; boundary=x\r\n\r\nno part here\r\n")},
	{"multipart without its end boundary", text(head, "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npreamble\r\n--a b\r\n\r\none\r\n--a b \t\r\nContent-Type: text/html\r\n\r\n<p>two\r\n")},
	{"multipart with empty parts", text(head, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n\r\n--x\r\nContent-Type: text/plain\r\n--x--\r\nepilogue\r\n--x\r\n\r\nnot a part\r\n")},
	{"same boundary inside and outside", text(head, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\r\n--x--\r\n")},
	{"inner boundary that outlives the outer one", text(head, "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: multipart/mixed; boundary=out-in\r\n\r\n--out-in\r\n\r\na\r\n--out\r\n\r\nb\r\n--out-in--\r\n--out--\r\n")},
	{"digest with a message in it", text(head, "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: inside\r\n\r\ntext\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x--\r\n")},
	{"message in base64", text(head, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n", wrap64("Subject: hidden\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\r\n"))},
	{"bare LF in a multipart", text("Subject: x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo\n--x--\r\n")},
	{"parameters in many pieces", text(head, "Content-Type: application/octet-stream; name*1*=%C3%A9; name*0*=utf-8''caf; name=plain; charset*=x'; =; ;;\r\nContent-Disposition: ATTACHMENT; filename=\"..\\\\..\\\\a/b\x01.txt\"; filename*3=x; broken\r\n\r\nx\r\n")},
	{"several fields of one kind", text(head, "Content-Type: text/html\r\nContent-Type: text/plain\r\nSubject: second\r\nFrom: c@example.org\r\nContent-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n")},
	{"multiparts 200 deep", func() []byte { return deep(200) }},
	{"messages 200 deep", func() []byte {
		return []byte(head + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 200) + "Subject: deep\r\n\r\nbody\r\n")
	}},
	{"5,000 parts", func() []byte {
		return []byte(head + "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\n\r\na\r\n", 5000) + "--x--\r\n")
	}},
	{"12,000 fields", func() []byte {
		var b bytes.Buffer
		for i := range 12000 {
			fmt.Fprintf(&b, "X-%d: %d\r\n", i, i)
		}
		return append(b.Bytes(), head+"\r\nbody\r\n"...)
	}},
	{"header of a megabyte", func() []byte {
		return []byte(head + "X-Long: " + strings.Repeat("long\r\n ", 150_000) + "end\r\n\r\nbody\r\n")
	}},
	{"20,000 addresses", func() []byte {
		return []byte("To: " + strings.Repeat("Name <user@example.org>,\r\n ", 20000) + "last@example.org\r\n" + head + "\r\nbody\r\n")
	}},
	{"line of a megabyte", func() []byte {
		return []byte(head + "\r\n" + strings.Repeat("z", 1<<20) + "\r\n")
	}},
}

// everyOctet returns all octets but CR and LF.
func everyOctet() string {
	b := make([]byte, 0, 256)
	for c := range 256 {
		if c != '\r' && c != '\n' {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

func wrap64(s string) string {
	enc := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(enc) > 76 {
		b.WriteString(enc[:76] + "\r\n")
		enc = enc[76:]
	}
	return b.String() + enc + "\r\n"
}

// deep returns multiparts within multiparts, without end boundaries.
func deep(levels int) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("\r\nbottom\r\n")
	return b.Bytes()
}
