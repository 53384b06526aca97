package kv

import "time"

// Prefix is the first part of every key. The first 25 numbers are fixed.
type Prefix uint8

// The prefixes. Their purposes, classes and expiries are in Prefixes.
const (
	ACME Prefix = iota
	OAuth
	RateLimitRcpt
	RateLimitScan
	RateLimitLoiter
	RateLimitAuth
	RateLimitSMTP
	RateLimitContact
	RateLimitHTTPAuthenticated
	RateLimitHTTPAnonymous
	RateLimitIMAP
	TokenRevision
	ReputationIP
	ReputationFrom
	ReputationDomain
	ReputationASN
	Greylist
	BayesModelGlobal
	BayesModelUser
	TrustedReply
	LockPurgeAccount
	LockQueueMessage
	LockQueueReport
	LockEmailTask
	LockHousekeeper

	Script        Prefix = 64
	ScriptCounter Prefix = 65
	ScriptRate    Prefix = 66
	ScriptLock    Prefix = 67

	SieveDuplicate Prefix = 68
	SieveVacation  Prefix = 69
)

// Class says when a write is acknowledged and what a crash may take.
type Class uint8

// The durability classes, weakest first.
const (
	Volatile Class = iota + 1 // memory only
	Relaxed                   // written behind; a crash loses at most the last second
	Durable                   // acknowledged after the commit is on disk
)

// Info is a line of the prefix table.
type Info struct {
	Prefix    Prefix
	Name      string // as in KV_GREYLIST
	Purpose   string
	TTL       time.Duration // default expiry; 0: never
	Class     Class
	Cacheable bool
	Kind      Kind
	ReadBy    string
	WrittenBy string
	// Unreachable is what the server's own use does when the store does not answer. In a script it
	// is always an error.
	Unreachable Policy
	// StaleOK is how old a cached row may be where other machines write to the store, too; 0 is
	// not cached there.
	StaleOK time.Duration
}

// Policy says how the server goes on without its store.
type Policy uint8

// The policies.
const (
	FailClosed Policy = iota // what the row guards is refused, for now
	FailOpen                 // as if the row were absent
)

// Kind says what rows of a prefix are; kinds never share a key.
type Kind uint8

// The kinds of rows.
const (
	KindValue Kind = iota + 1
	KindCounter
	KindRate
	KindLock
)
