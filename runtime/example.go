package runtime

import (
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
