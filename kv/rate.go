package kv

import "time"

// Rule is a parsed rate: Limit units in Per, as a sliding window, or as GCRA when
// Burst is set.
type Rule struct {
	Limit int64
	Per   time.Duration
	Burst int64 // 0: sliding window
}

// Decision is a rate limit's answer.
type Decision struct {
	Allowed    bool
	Limit      int64
	Remaining  int64
	RetryAfter time.Duration // 0 when allowed
}
