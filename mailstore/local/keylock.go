package local

import "sync"

// keyLock is one lock for each key. The zero value is ready.
type keyLock struct {
	mu   sync.Mutex
	keys map[string]*keyed
}

type keyed struct {
	mu    sync.Mutex
	users int
}

// lock waits for the key and returns what gives it back.
func (l *keyLock) lock(key string) (unlock func()) {
	l.mu.Lock()
	if l.keys == nil {
		l.keys = make(map[string]*keyed)
	}
	k := l.keys[key]
	if k == nil {
		k = &keyed{}
		l.keys[key] = k
	}
	k.users++
	l.mu.Unlock()
	k.mu.Lock()
	return func() {
		k.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(l.keys, key)
		}
	}
}

// tryLock takes the key if nobody has or wants it.
func (l *keyLock) tryLock(key string) (unlock func(), ok bool) {
	l.mu.Lock()
	busy := l.keys[key] != nil
	l.mu.Unlock()
	if busy {
		return nil, false
	}
	return l.lock(key), true // at worst it waits for one that came in between
}
