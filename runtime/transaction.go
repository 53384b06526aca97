package runtime

import (
	"net/netip"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// Stage is the moment of a mail transaction at which a script runs.
type Stage string

// The stages.
const (
	StageConnect Stage = "connect"
	StageEhlo    Stage = "ehlo"
	StageMail    Stage = "mail"
	StageRcpt    Stage = "rcpt"
	StageData    Stage = "data"
	StageDeliver Stage = "deliver"
	StageIMAP    Stage = "imap"
	StageCron    Stage = "cron"
)

// Stages lists all stages in the order of a transaction.
var Stages = []Stage{StageConnect, StageEhlo, StageMail, StageRcpt, StageData, StageDeliver, StageIMAP, StageCron}

// Transaction is what one way in knows of a piece of mail when a script is to run. It
// crosses process borders as CBOR (View). It is not changed while a script runs.
type Transaction struct {
	ID       string    `cbor:"id"` // for logs and records, unique per transaction
	Stage    Stage     `cbor:"stage"`
	Listener string    `cbor:"listener"` // lmtp, pipe, run, ...
	Client   Client    `cbor:"client"`
	From     Path      `cbor:"from"`
	Rcpts    []Path    `cbor:"rcpts"` // all recipients so far
	Rcpt     Recipient `cbor:"rcpt"`  // the one this run is for; zero where a stage has none
	QueueID  string    `cbor:"queue_id"`
	Time     time.Time `cbor:"time"` // when the transaction came in; scripts see it as now
	Hostname string    `cbor:"hostname"`

	// IMAP is what happened in the mail store that the script runs for, nil at other stages.
	IMAP *IMAPEvent `cbor:"imap,omitempty"`

	// Auth is what is known already of where the mail comes from, nil: nothing.
	Auth *AuthResults `cbor:"auth,omitempty"`

	// Message is the message, nil before data. View carries its octets.
	Message *mail.Message `cbor:"-"`
}

// IMAPEvent is what a script of the stage imap runs for.
//
// Spec: RFC 6785, section 4
type IMAPEvent struct {
	User         string   `cbor:"user"`
	Email        string   `cbor:"email"`
	Cause        string   `cbor:"cause"` // APPEND, COPY or FLAG
	Mailbox      string   `cbor:"mailbox"`
	ChangedFlags []string `cbor:"changed_flags,omitempty"`
}

// Client is the peer of a transaction.
type Client struct {
	IP            netip.Addr `cbor:"ip"`
	PTR           string     `cbor:"ptr"`
	Helo          string     `cbor:"helo"`
	TLS           bool       `cbor:"tls"`
	Authenticated string     `cbor:"authenticated"` // user name, "" if none
}

// Path is an envelope address with its ESMTP parameters. Address is without brackets;
// the null reverse-path is "".
type Path struct {
	Address string            `cbor:"address"`
	Params  map[string]string `cbor:"params,omitempty"`
}

// Recipient is the recipient a script runs for.
type Recipient struct {
	Path
	Original string `cbor:"original,omitempty"` // ORCPT, if the peer gave one
	Account  string `cbor:"account"`            // account id, "" if not resolved
	Name     string `cbor:"name"`               // account name
	Detail   string `cbor:"detail,omitempty"`   // what follows the + of the local part
}
