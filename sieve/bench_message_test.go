package sieve

import (
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"time"
)

var benchWords = strings.Fields(`please send the final offer before noon and tell our partner that the new server
room is ready for the auditors who come on tuesday with questions about storage growth and the mail queue
which was long again last night because one disk of the backup array is slow and nobody had looked`)

// messageMaker writes messages as they come from the net: many trace fields, a text in two
// forms, attachments. The same seed gives the same octets.
type messageMaker struct{ random *rand.Rand }

// lines returns words of about n octets in lines of a usual length.
func (m *messageMaker) lines(n int) string {
	var b strings.Builder
	col := 0
	for b.Len() < n {
		w := benchWords[m.random.Intn(len(benchWords))]
		if col+len(w) > 72 {
			b.WriteString("\r\n")
			col = 0
		}
		b.WriteString(w + " ")
		col += len(w) + 1
	}
	return b.String() + "\r\n"
}

// base64 returns n random octets, encoded in lines.
func (m *messageMaker) base64(n int) string {
	data := make([]byte, n)
	m.random.Read(data)
	return base64Lines(string(data))
}

func (m *messageMaker) header() string {
	var b strings.Builder
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	field := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	field("Return-Path: <bounce-1@relay1.example>")
	for i := range 5 {
		field("Received: from mx%d.example.net (mx%d.example.net [192.0.2.%d])\r\n\tby mail.example.org (Postfix) with ESMTPS id %08X\r\n\tfor <user@example.org>; %s",
			i, i, 10+i, m.random.Uint32(), at.Add(-time.Duration(i)*time.Second).Format(time.RFC1123Z))
	}
	field("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n\th=from:to:subject:date:message-id; bh=%s;\r\n\tb=%s",
		strings.TrimSpace(m.base64(32)), strings.ReplaceAll(strings.TrimSpace(m.base64(192)), "\r\n", "\r\n\t "))
	field("Authentication-Results: mail.example.org; dkim=pass header.d=example.com;\r\n\tspf=pass smtp.mailfrom=bounce@example.com; dmarc=pass")
	field("X-Spam-Flag: NO")
	field("X-Spam-Score: 1.3")
	field("X-Spam-Level: *")
	for i := range 8 {
		field("X-Meta-%d: %s", i, strings.TrimSpace(m.lines(40)))
	}
	field("Date: %s", at.Format(time.RFC1123Z))
	field("From: Robot <noreply@ci.example>")
	field("To: user+list1@example.org, \"Second, Person\" <second@example.org>")
	field("Cc: Team: alice@example.com, bob@example.com;")
	field("Subject: [go-users] compiler question #1")
	field("Message-ID: <1.%08x@example.com>", m.random.Uint32())
	field("List-Id: Mailing list 1 <list1.lists.example>")
	field("Precedence: list")
	field("List-Unsubscribe: <mailto:unsubscribe-1@lists.example>,\r\n <https://lists.example/u/1>")
	field("MIME-Version: 1.0")
	return b.String()
}

// message returns a message with attachments of these sizes, in octets before they are encoded.
func (m *messageMaker) message(attachments ...int) []byte {
	var b strings.Builder
	b.WriteString(m.header())
	text := m.lines(1800)
	b.WriteString("Content-Type: multipart/mixed; boundary=\"=_mix_1\"\r\n\r\nThis is a multi-part message.\r\n")
	b.WriteString("--=_mix_1\r\nContent-Type: multipart/alternative; boundary=\"=_alt_1\"\r\n\r\n")
	b.WriteString("--=_alt_1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + text + "\r\n")
	b.WriteString("--=_alt_1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>" + text + "</p></body></html>\r\n--=_alt_1--\r\n")
	for i, n := range attachments {
		fmt.Fprintf(&b, "--=_mix_1\r\nContent-Type: application/octet-stream; name=\"data%d\"\r\nContent-Disposition: attachment; filename=\"data%d\"\r\n"+
			"Content-Transfer-Encoding: base64\r\n\r\n%s", i, i, m.base64(n))
	}
	b.WriteString("--=_mix_1--\r\n")
	return []byte(b.String())
}

// benchMessages are a message of about 20 KB and one of about 5 MB.
var benchMessages = sync.OnceValue(func() map[string][]byte {
	m := &messageMaker{rand.New(rand.NewSource(1))}
	return map[string][]byte{"20KB": m.message(7000, 3000), "5MB": m.message(2_000_000, 1_830_000)}
})
