package runtime

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// exampleMessage is what the examples of the table read.
const exampleMessage = `From: Alice Example <alice@example.net>
To: "Bob" <bob@example.org>, carol@example.com
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the example
Date: Thu, 1 Jan 2026 00:00:00 +0000
Message-ID: <example-1@example.net>
List-Id: The list <list.example.net>
X-Tag: one
X-Tag: two
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello Bob,
1/2 price?
`

// ExampleTransaction returns the transaction that the examples of the table are run for, at
// stage deliver. Every call gives a new one.
func ExampleTransaction() *Transaction {
	return &Transaction{
		ID: "example", Stage: StageDeliver, Listener: "lmtp",
		Client: Client{IP: netip.MustParseAddr("192.0.2.25"), PTR: "mx.example.net", Helo: "mx.example.net", TLS: true},
		From:   Path{Address: "alice@example.net", Params: map[string]string{"BODY": "8BITMIME"}},
		Rcpts:  []Path{{Address: "bob+news@example.org"}, {Address: "carol@example.com"}},
		Rcpt: Recipient{Path: Path{Address: "bob+news@example.org"}, Account: "a1", Name: "bob",
			Detail: "news"},
		QueueID: "4Zexample", Time: time.Unix(1767225600, 0).UTC(), Hostname: "mail.example.org",
		Message: mail.New([]byte(strings.ReplaceAll(exampleMessage, "\n", "\r\n"))),
	}
}

// Transaction returns the transaction that the example is run for.
func (x Example) Transaction() *Transaction {
	tx := ExampleTransaction()
	if x.Message == "parts" {
		tx.Message = mail.New([]byte(strings.ReplaceAll(exampleParts, "\n", "\r\n")))
	}
	// What is not known yet at a stage is taken away.
	switch tx.Stage = cmp.Or(x.Stage, StageDeliver); tx.Stage {
	case StageConnect:
		tx.Client.Helo = ""
		fallthrough
	case StageEhlo:
		tx.From, tx.QueueID = Path{}, ""
		fallthrough
	case StageMail:
		tx.Rcpts, tx.Rcpt = nil, Recipient{}
		fallthrough
	case StageRcpt:
		tx.Message = nil
	case StageData:
		tx.Rcpt = Recipient{}
	}
	return tx
}

// at says what the reference puts in front of an example that is not run for the plain message at
// deliver.
func (x Example) at() string {
	switch {
	case x.Stage != "":
		return "(at stage " + string(x.Stage) + ")"
	case x.Message != "":
		return "(with the message that has " + x.Message + ")"
	}
	return ""
}

// exampleParts is a message with a text in two forms, two attachments and a message in it.
const exampleParts = `Received: from relay.example.net (mx.example.net [192.0.2.25])
	(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
	by mail.example.org (Postfix) with ESMTPS id 4Zexample
	for <bob@example.org>; Thu, 1 Jan 2026 00:00:05 +0000
Received: from laptop.example.net ([198.51.100.7] helo=laptop)
	by relay.example.net with esmtpsa id 1vexample; Thu, 1 Jan 2026 01:00:03 +0100
From: =?utf-8?Q?J=C3=B6rg?= <joerg+work@example.net>
To: Friends: "Bob" <bob+news@example.org>, carol@example.com;
Subject: Three
 parts
Date: Thu, 1 Jan 2026 01:00:00 +0100
Message-ID: <parts-1@example.net>
In-Reply-To: <first@example.org>
References: <first@example.org> <second@example.org>
X-Raw: =?utf-8?Q?gr=C3=BCn?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=utf-8

Hello Bob
--inner
Content-Type: text/html; charset=utf-8

<p>Hello <b>Bob</b></p>
--inner--
--outer
Content-Type: text/csv; charset=iso-8859-1; name="list.csv"
Content-Disposition: attachment; filename="list.csv"
Content-Transfer-Encoding: quoted-printable

name;town=0D=0AJ=F6rg;K=F6ln=0D=0A
--outer
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''gr%C3%BCn.bin
Content-Transfer-Encoding: base64

AAECAwQ=
--outer
Content-Type: message/rfc822

Subject: inside

Hello again
--outer--
`
