package engine

import "github.com/sluice-mail/sluice/kv"

// WaitCache returns when ristretto has done what it was asked so far.
func (e *Engine) WaitCache() { e.cache.ristretto.Wait() }

// Stripe returns which generation k has.
func (e *Engine) Stripe(k kv.Key) uint64 { return e.cache.hash(k) % stripes }
