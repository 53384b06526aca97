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
	return func() { l.unlock(key, k) }
}

// tryLock takes the key if nobody has or wants it. It never waits, so that one who
// holds several keys cannot be part of a circle.
func (l *keyLock) tryLock(key string) (unlock func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys[key] != nil {
		return nil, false
	}
	if l.keys == nil {
		l.keys = make(map[string]*keyed)
	}
	k := &keyed{users: 1}
	k.mu.Lock() // nobody else knows it yet
	l.keys[key] = k
	return func() { l.unlock(key, k) }, true
}

func (l *keyLock) unlock(key string, k *keyed) {
	k.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.keys, key)
	}
}
