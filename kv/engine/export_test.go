package engine

// WaitCache returns when ristretto has done what it was asked so far.
func (e *Engine) WaitCache() { e.cache.ristretto.Wait() }
