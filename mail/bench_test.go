package mail

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// newsletter is a message of about 20 KB as many are: trace fields, a text and an HTML
// part in quoted-printable, a picture.
func newsletter() []byte {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\r\n\tby mail.example.net (Postfix) with ESMTPS id %08X\r\n\tfor <user@example.net>; Thu, 22 Aug 2024 12:36:%02d +0200 (CEST)\r\n", i, i, i, i*77777, i)
	}
	b.WriteString("Message-ID: <20240822.123@example.org>\r\nDate: Thu, 22 Aug 2024 12:36:23 +0200\r\n" +
		"From: =?utf-8?q?News=C2=A0Desk?= <news@example.org>\r\nTo: \"User, A\" <user@example.net>, other@example.net\r\nSubject: =?utf-8?b?w5xiZXIgYWxsZXM=?=\r\n" +
		"List-Id: <news.example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=-outer\"\r\n\r\n--=-outer\r\n" +
		"Content-Type: multipart/alternative; boundary=\"=-inner\"\r\n\r\n")
	line := "Some words of text with an umlaut =C3=BC and a soft line break at its end=\r\n"
	for _, typ := range []string{"plain", "html"} {
		b.WriteString("--=-inner\r\nContent-Type: text/" + typ + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat(line, 70) + "\r\n")
	}
	b.WriteString("--=-inner--\r\n--=-outer\r\nContent-Type: image/png; name=\"a.png\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.png\"\r\n\r\n")
	picture := base64.StdEncoding.EncodeToString(make([]byte, 4500))
	for ; len(picture) > 76; picture = picture[76:] {
		b.WriteString(picture[:76] + "\r\n")
	}
	b.WriteString(picture + "\r\n--=-outer--\r\n")
	return []byte(b.String())
}

func BenchmarkStructure(b *testing.B) {
	raw := newsletter()
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		m := New(raw)
		m.Header().Fields()
		m.Root()
	}
}

func BenchmarkHeaderValues(b *testing.B) {
	raw := newsletter()
	b.ReportAllocs()
	for b.Loop() {
		h := New(raw).Header()
		h.Texts("Subject")
		ParseAddresses(h.Values("To")[0])
	}
}

func BenchmarkText(b *testing.B) {
	raw := newsletter()
	p := New(raw).Section([]int{1, 1})
	b.ReportAllocs()
	b.SetBytes(int64(len(p.Body())))
	for b.Loop() {
		p.Text()
	}
}

func BenchmarkParseAddresses(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseAddresses(`"User, A" <user@example.net>, other@example.net (Other), friends: a@example.org, b@example.org;`)
	}
}

func BenchmarkParseDate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseDate("Thu, 22 Aug 2024 12:36:23 +0200 (CEST)"); err != nil {
			b.Fatal(err)
		}
	}
}
