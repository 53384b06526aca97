package sieve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand"
	"net/textproto"
	"strings"
	"testing"

	gosieve "github.com/foxcpp/go-sieve"
	"github.com/foxcpp/go-sieve/interp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

const bodyScript = `require ["body", "fileinto"];
if body :text :contains "secret treaty" { fileinto "Law"; }
elsif body :content "text" :contains ["cheap watches", "you have won"] { fileinto "Spam"; }
elsif body :raw :contains "X-Not-In-Any-Mail" { discard; }
`

// attachedMessage is a message of text and HTML with two attachments, of n octets in all.
func attachedMessage(n int) []byte {
	random := rand.New(rand.NewSource(1))
	text := strings.Repeat("Words that people write to each other, in lines of a usual length.\r\n", 26)
	var b strings.Builder
	b.WriteString("From: a@example.org\r\nTo: b@example.net\r\nSubject: report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"mix\"\r\n\r\n")
	b.WriteString("--mix\r\nContent-Type: multipart/alternative; boundary=\"alt\"\r\n\r\n")
	fmt.Fprintf(&b, "--alt\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n%s\r\n", text)
	fmt.Fprintf(&b, "--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>%s</p></body></html>\r\n--alt--\r\n", text)
	for i := range 2 {
		data := make([]byte, (n-b.Len()-300)*3/4/(2-i)*76/78)
		random.Read(data)
		fmt.Fprintf(&b, "--mix\r\nContent-Type: application/pdf; name=%d.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n", i)
		for line := base64.StdEncoding.EncodeToString(data); line != ""; {
			k := min(76, len(line))
			b.WriteString(line[:k] + "\r\n")
			line = line[k:]
		}
	}
	b.WriteString("--mix--\r\n")
	return []byte(b.String())
}

// longTextMessage is one text of n octets, in HTML and encoded.
func longTextMessage(n int) []byte {
	line := "<p>Gr=C3=BC=C3=9Fe &amp; <b>more</b> words than anybody reads in a message</p>=\r\n\r\n"
	return []byte("Subject: long\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		strings.Repeat(line, n/len(line)))
}

// BenchmarkBody runs body tests that match nothing on messages that have just come.
func BenchmarkBody(b *testing.B) {
	ctx := context.Background()
	p, err := New(Options{}).Compile("t", []byte(bodyScript), runtime.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	peer, err := gosieve.Load(strings.NewReader(bodyScript), gosieve.DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range []struct {
		name string
		raw  []byte
	}{{"20KB", attachedMessage(20 << 10)}, {"5MB", attachedMessage(5 << 20)}, {"text5MB", longTextMessage(5 << 20)}} {
		b.Run(m.name+"/sluice", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(m.raw)))
			for b.Loop() {
				v := &runtime.View{Transaction: runtime.Transaction{Stage: runtime.StageDeliver, Message: mail.New(m.raw)}}
				if _, err := p.Run(runtime.NewTask(ctx, v, &sink{})); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(m.name+"/go-sieve", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(m.raw)))
			for b.Loop() {
				in := bufio.NewReader(bytes.NewReader(m.raw))
				h, err := textproto.NewReader(in).ReadMIMEHeader()
				if err != nil {
					b.Fatal(err)
				}
				d := gosieve.NewRuntimeData(peer, interp.DummyPolicy{}, interp.EnvelopeStatic{From: "a@example.org", To: "b@example.net"},
					interp.MessageStatic{Size: len(m.raw), Header: h, RawMessage: m.raw})
				if err := peer.Execute(ctx, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
