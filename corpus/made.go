package corpus

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Made returns n messages as a usual inbox has them, made from a seed: two octets of the same place are
// equal for the same n and seed. Two thirds are text, alone or with a second form in HTML, a third has an
// attachment, one in twenty a large one; a tenth comes from mailing lists. Lines end with CRLF.
func Made(n int, seed int64) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		m := maker{rand.New(rand.NewSource(seed))}
		for i := range n {
			if !yield(i, m.message(i)) {
				return
			}
		}
	}
}

// MadeMaildir writes the messages of Made into a new Maildir, with line ends as Unix has them, and
// returns the octets of all of them.
func MadeMaildir(dir string, n int, seed int64) (octets int64, err error) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return 0, err
		}
	}
	for i, raw := range Made(n, seed) {
		raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
		name := fmt.Sprintf("%d.M%06dP7.made,S=%d:2,", madeBegin.Unix()+int64(i)*300, i, len(raw))
		if err := os.WriteFile(filepath.Join(dir, "cur", name), raw, 0o600); err != nil {
			return octets, err
		}
		octets += int64(len(raw))
	}
	return octets, nil
}

// MadeMbox returns the messages of Made as one mbox (mboxrd).
func MadeMbox(n int, seed int64) []byte {
	var b bytes.Buffer
	for i, raw := range Made(n, seed) {
		at := madeBegin.Add(time.Duration(i) * 5 * time.Minute)
		fmt.Fprintf(&b, "From return-%d@relay.example %s\n", i, at.Format(time.ANSIC))
		for line := range bytes.Lines(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))) {
			if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
				b.WriteByte('>')
			}
			b.Write(line)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

var madeBegin = time.Date(2026, 2, 2, 7, 0, 0, 0, time.UTC)

type maker struct{ random *rand.Rand }

var madeWords = strings.Fields(`after the review on friday we will move the archive to its new place so please
look through your folders and tell us what can go the list of old projects is attached and the numbers for
this month are in the second table thank you for the quick answer about the broken printer it works again`)

// The senders and subjects of messages, by kind. A %d is the number of the message.
var madeKinds = []struct{ from, subject string }{
	{"Clara Winter <clara.winter@firm.example>", "Re: numbers of this month"},
	{`"Novak, Petr" <petr.novak@supplier.example>`, "[TASK-%d] the printer is broken again"},
	{"=?UTF-8?Q?Ren=C3=A9?= Dubois <rene@travel.example>", "Your booking %d"},
	{"Shop <orders@store.example>", "=?UTF-8?B?SWhyZSBCZXN0ZWxsdW5nIGbDvHIgTcOkcno=?="},
	{"go-list <noreply@ci.example>", "[go-users] a question about generics, part %d"},
	{"watch+disk@monitor.example (Watch)", "Job %d failed"},
	{"=?ISO-8859-1?Q?S=F8ren?= <soren@vm2.example>", "Fwd: plan %d, second draft"},
	{"Team: ann@firm.example, bo@firm.example;", "I am away until monday"},
	{"Letters <news@letters.example>", "*** offers of week %d ***"},
	{"<root@host3.example>", "Lunch at 12:%02d"},
}

// text returns words of about n octets in lines of a usual length.
func (m maker) text(n int) string {
	var b strings.Builder
	for col := 0; b.Len() < n; {
		w := madeWords[m.random.Intn(len(madeWords))]
		if col += len(w) + 1; col > 73 {
			b.WriteString("\r\n")
			col = len(w) + 1
		}
		b.WriteString(w + " ")
	}
	return b.String() + "\r\n"
}

// attachment returns n random octets in base64.
func (m maker) attachment(n int) string {
	raw := make([]byte, n)
	m.random.Read(raw)
	text := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	for ; len(text) > 76; text = text[76:] {
		b.WriteString(text[:76] + "\r\n")
	}
	return b.String() + text + "\r\n"
}

func (m maker) message(i int) []byte {
	kind := m.random.Intn(len(madeKinds))
	size := min(int(math.Exp(m.random.NormFloat64()*0.8+7.3)), 60_000) // most are short, a few long
	attached := 0
	switch p := m.random.Float64(); {
	case p < 0.05:
		attached = 150_000 + m.random.Intn(250_000)
	case p < 0.35:
		attached = 3_000 + m.random.Intn(30_000)
	}
	var b bytes.Buffer
	m.header(&b, i, kind)
	field := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	text := m.text(size)
	if attached == 0 && kind%3 == 0 {
		field("Content-Type: text/plain; charset=utf-8\r\n")
		b.WriteString(text)
		return b.Bytes()
	}
	field("Content-Type: multipart/mixed; boundary=\"outer%d\"\r\n", i)
	field("--outer%d\r\nContent-Type: multipart/alternative; boundary=\"inner%d\"\r\n", i, i)
	field("--inner%d\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n%s", i, text)
	field("--inner%d\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>%s</p>\r\n--inner%d--", i, text, i)
	if attached > 0 {
		field("--outer%d\r\nContent-Type: application/pdf; name=\"table.pdf\"\r\nContent-Disposition: attachment; filename=\"table.pdf\"\r\nContent-Transfer-Encoding: base64\r\n", i)
		b.WriteString(m.attachment(attached))
	}
	field("--outer%d--", i)
	return b.Bytes()
}

// header writes about 45 lines, as messages have them that came through several hands.
func (m maker) header(b *bytes.Buffer, i, kind int) {
	at := madeBegin.Add(time.Duration(i) * 5 * time.Minute)
	field := func(format string, args ...any) { fmt.Fprintf(b, format+"\r\n", args...) }
	field("Return-Path: <return-%d@relay%d.example>", i, i%5)
	for k := range 3 + i%3 {
		field("Received: from out%d.example.net (out%d.example.net [198.51.100.%d])\r\n\tby mx.example.org (Postfix) with ESMTPS id %08X\r\n\tfor <user@example.org>; %s",
			k, k, 20+k, m.random.Uint32(), at.Add(time.Duration(-k)*time.Second).Format(time.RFC1123Z))
	}
	field("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=k%d;\r\n\th=from:to:subject:date; bh=%s;\r\n\tb=%s", i%4,
		strings.TrimSpace(m.attachment(32)), strings.ReplaceAll(strings.TrimSpace(m.attachment(192)), "\r\n", "\r\n\t "))
	field("Authentication-Results: mx.example.org; dkim=pass header.d=example.net;\r\n\tspf=pass smtp.mailfrom=return@example.net")
	field("X-Spam-Flag: %s\r\nX-Spam-Score: %.1f\r\nX-Spam-Level: %s", []string{"NO", "YES"}[kind/8%2], m.random.Float64()*9-2, strings.Repeat("*", i%6))
	for k := range 8 {
		field("X-Note-%d: %s", k, strings.ReplaceAll(strings.TrimSpace(m.text(40)), "\r\n", "\r\n "))
	}
	subject := madeKinds[kind].subject
	if strings.Contains(subject, "%") {
		subject = fmt.Sprintf(subject, i%60)
	}
	field("Date: %s\r\nFrom: %s\r\nTo: user+box%d@example.org, \"Other, Person\" <other@example.org>\r\nCc: %s\r\nSubject: %s\r\nMessage-ID: <%d.%08x@example.net>",
		at.Format(time.RFC1123Z), madeKinds[kind].from, i%9, madeKinds[(kind+3)%len(madeKinds)].from, subject, i, m.random.Uint32())
	if kind == 4 || kind == 8 {
		field("List-Id: A list <list%d.lists.example>\r\nPrecedence: list\r\nList-Unsubscribe: <mailto:leave-%d@lists.example>,\r\n <https://lists.example/%d>", i%40, i, i)
	}
	if kind == 7 {
		field("Auto-Submitted: auto-replied")
	}
	field("MIME-Version: 1.0")
}
