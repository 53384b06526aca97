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
}

// Kind says what rows of a prefix are; kinds never share a key.
type Kind uint8

// The kinds of rows.
const (
	KindValue Kind = iota + 1
	KindCounter
	KindRate
	KindLock
)
