package kv

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// table is every prefix in order of its number. PREFIXES.md is made from it.
var table = []Info{
	{ACME, "KV_ACME", "proofs and certificates of ACME challenges that are under way", hour, Durable, true, KindValue, "TLS listener, HTTP", "ACME client", FailClosed, 0},
	{OAuth, "KV_OAUTH", "authorization, device and user codes until they are redeemed", 10 * minute, Durable, true, KindValue, "OAuth endpoints", "OAuth endpoints", FailClosed, 0},
	{RateLimitRcpt, "KV_RATE_LIMIT_RCPT", "unknown recipients tried, by client address or recipient", day, Volatile, false, KindRate, "SMTP", "SMTP", FailOpen, 0},
	{RateLimitScan, "KV_RATE_LIMIT_SCAN", "requests for paths that do not exist, by client address", day, Volatile, false, KindRate, "HTTP", "HTTP", FailOpen, 0},
	{RateLimitLoiter, "KV_RATE_LIMIT_LOITER", "connections that stay and say nothing, by client address", day, Volatile, false, KindRate, "all listeners", "all listeners", FailOpen, 0},
	{RateLimitAuth, "KV_RATE_LIMIT_AUTH", "failed logins, by client address and by login name", day, Volatile, false, KindRate, "IMAP, ManageSieve, HTTP", "IMAP, ManageSieve, HTTP", FailClosed, 0},
	{RateLimitSMTP, "KV_RATE_LIMIT_SMTP", "messages and connections of the MTA's throttles", hour, Volatile, false, KindRate, "SMTP", "SMTP", FailOpen, 0},
	{RateLimitContact, "KV_RATE_LIMIT_CONTACT", "contact forms sent, by client address", hour, Volatile, false, KindRate, "HTTP", "HTTP", FailClosed, 0},
	{RateLimitHTTPAuthenticated, "KV_RATE_LIMIT_HTTP_AUTHENTICATED", "requests of logged-in users, by account", minute, Volatile, false, KindRate, "HTTP, JMAP", "HTTP, JMAP", FailOpen, 0},
	{RateLimitHTTPAnonymous, "KV_RATE_LIMIT_HTTP_ANONYMOUS", "requests without login, by client address", minute, Volatile, false, KindRate, "HTTP", "HTTP", FailOpen, 0},
	{RateLimitIMAP, "KV_RATE_LIMIT_IMAP", "IMAP commands, by account", minute, Volatile, false, KindRate, "IMAP", "IMAP", FailOpen, 0},
	// A count that began anew could meet a login that was remembered under the same number.
	{TokenRevision, "KV_TOKEN_REVISION", "counts changes of an account's credentials, so that remembered logins end", 0, Durable, false, KindCounter, "login caches", "account changes", FailClosed, 0},
	{ReputationIP, "KV_REPUTATION_IP", "how mail from a client address was judged so far", 30 * day, Relaxed, true, KindValue, "spam filter", "spam filter", FailOpen, 10 * time.Second},
	{ReputationFrom, "KV_REPUTATION_FROM", "how mail from a sender was judged so far", 30 * day, Relaxed, true, KindValue, "spam filter", "spam filter", FailOpen, 10 * time.Second},
	{ReputationDomain, "KV_REPUTATION_DOMAIN", "how mail from a domain was judged so far", 30 * day, Relaxed, true, KindValue, "spam filter", "spam filter", FailOpen, 10 * time.Second},
	{ReputationASN, "KV_REPUTATION_ASN", "how mail from an autonomous system was judged so far", 30 * day, Relaxed, true, KindValue, "spam filter", "spam filter", FailOpen, 10 * time.Second},
	{Greylist, "KV_GREYLIST", "sender and recipient pairs that were asked to come again", 30 * day, Relaxed, true, KindValue, "RCPT stage", "RCPT stage", FailOpen, 0},
	{BayesModelGlobal, "KV_BAYES_MODEL_GLOBAL", "ham and spam counts of tokens, for everybody", 0, Relaxed, false, KindCounter, "spam filter", "training", FailOpen, 0},
	{BayesModelUser, "KV_BAYES_MODEL_USER", "ham and spam counts of tokens, by account", 0, Relaxed, false, KindCounter, "spam filter", "training", FailOpen, 0},
	{TrustedReply, "KV_TRUSTED_REPLY", "Message-IDs that users sent, so that answers are known", 30 * day, Relaxed, true, KindValue, "spam filter", "submission", FailOpen, 10 * time.Second},
	{LockPurgeAccount, "KV_LOCK_PURGE_ACCOUNT", "one purge of an account at a time", hour, Volatile, false, KindLock, "housekeeping", "housekeeping", FailClosed, 0},
	{LockQueueMessage, "KV_LOCK_QUEUE_MESSAGE", "one attempt to send a queued message at a time", 5 * minute, Durable, false, KindLock, "outbound queue", "outbound queue", FailClosed, 0},
	{LockQueueReport, "KV_LOCK_QUEUE_REPORT", "one attempt to send a report at a time", 5 * minute, Durable, false, KindLock, "report queue", "report queue", FailClosed, 0},
	{LockEmailTask, "KV_LOCK_EMAIL_TASK", "one indexing or training task of a message at a time", 5 * minute, Volatile, false, KindLock, "background tasks", "background tasks", FailClosed, 0},
	{LockHousekeeper, "KV_LOCK_HOUSEKEEPER", "one run of a housekeeping job at a time", hour, Volatile, false, KindLock, "housekeeping", "housekeeping", FailClosed, 0},

	{Script, "KV_SCRIPT", "values of filter scripts", 0, Durable, true, KindValue, "scripts", "scripts", FailClosed, 0},
	{ScriptCounter, "KV_SCRIPT_COUNTER", "counters of filter scripts", 0, Relaxed, false, KindCounter, "scripts", "scripts", FailClosed, 0},
	{ScriptRate, "KV_SCRIPT_RATE", "rate limits of filter scripts", 0, Volatile, false, KindRate, "scripts", "scripts", FailClosed, 0},
	{ScriptLock, "KV_SCRIPT_LOCK", "locks of filter scripts", minute, Volatile, false, KindLock, "scripts", "scripts", FailClosed, 0},

	// Every message that a duplicate test looks at writes a row: one that a crash takes lets a
	// duplicate through, which loses nothing.
	{SieveDuplicate, "KV_SIEVE_DUPLICATE", "messages that were seen or sent on before, by account", 7 * day, Relaxed, false, KindValue, "scripts, redirects", "scripts, redirects", FailOpen, 0},
	// A row is written for an answer that was sent: rarely, and a second answer would be noticed.
	{SieveVacation, "KV_SIEVE_VACATION", "senders that a vacation message was sent to, by account", 7 * day, Durable, false, KindValue, "scripts", "scripts", FailClosed, 0},
}

// byNumber is the table, filled up with what an unlisted number means.
var byNumber = func() (all [256]Info) {
	for p := range all {
		all[p] = Info{Prefix: Prefix(p), Name: "KV_" + strconv.Itoa(p), Class: Durable, Kind: KindValue}
	}
	for _, info := range table {
		all[info.Prefix] = info
	}
	return all
}()

// Prefixes returns the table in order of the numbers.
func Prefixes() []Info { return slices.Clone(table) }

// Info returns p's line of the table. A number that is not in it has no purpose and is
// treated with most care: durable and never cached.
func (p Prefix) Info() Info { return byNumber[p] }

// String returns the name, such as KV_GREYLIST, or KV_200 for a number without one.
func (p Prefix) String() string { return byNumber[p].Name }

// ParsePrefix reads a prefix as its number ("16") or its name in any case, with or
// without KV_ and with - for _ ("KV_GREYLIST", "rate-limit-auth").
func ParsePrefix(s string) (Prefix, error) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		return Prefix(n), nil
	}
	name := strings.ReplaceAll(strings.ToUpper(s), "-", "_")
	for _, info := range table {
		if name == info.Name || "KV_"+name == info.Name {
			return info.Prefix, nil
		}
	}
	return 0, fmt.Errorf("%w: unknown prefix %q; want a number from 0 to 255 or a name such as KV_GREYLIST", ErrInvalid, clip(s))
}

// clip shortens text of others for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// String returns volatile, relaxed or durable.
func (c Class) String() string {
	switch c {
	case Volatile:
		return "volatile"
	case Relaxed:
		return "relaxed"
	case Durable:
		return "durable"
	}
	return "class " + strconv.Itoa(int(c))
}

// String returns open or closed.
func (p Policy) String() string {
	if p == FailOpen {
		return "open"
	}
	return "closed"
}

// String returns value, counter, rate or lock.
func (k Kind) String() string {
	switch k {
	case KindValue:
		return "value"
	case KindCounter:
		return "counter"
	case KindRate:
		return "rate"
	case KindLock:
		return "lock"
	}
	return "kind " + strconv.Itoa(int(k))
}
