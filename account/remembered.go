package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// maxRemembered bounds the logins that are remembered; more make room by forgetting
// all of them.
const maxRemembered = 10000

// remembered holds logins that were verified a moment ago, since mail clients open
// many connections at once. It never holds a password: its key is a MAC with a key
// that lives as long as the process.
type remembered struct {
	secret [32]byte

	mu     sync.Mutex
	epoch  uint64 // counts the changes of passwords in this process
	logins map[[32]byte]login
}

// login says whose a remembered login is, and what has to hold for it to count.
type login struct {
	account  string
	revision int64
	until    time.Time
}

func (r *remembered) init(random io.Reader) error {
	r.logins = make(map[[32]byte]login)
	_, err := io.ReadFull(random, r.secret[:])
	return err
}

// key returns the key of a name and a password. The length in between keeps pairs
// apart that are equal when written one behind the other.
func (r *remembered) key(name, password string) (k [32]byte) {
	h := hmac.New(sha256.New, r.secret[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name))))
	h.Write([]byte(name))
	h.Write([]byte(password))
	h.Sum(k[:0])
	return k
}

// get returns the login under k if its time is not over, and the present epoch.
func (r *remembered) get(k [32]byte, now time.Time) (l login, epoch uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok = r.logins[k]
	if ok && !now.Before(l.until) {
		delete(r.logins, k)
		ok = false
	}
	return l, r.epoch, ok
}

// put remembers a login, unless a password was changed since epoch: the one that was
// verified may be the old one.
func (r *remembered) put(k [32]byte, l login, epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoch != epoch {
		return
	}
	if len(r.logins) >= maxRemembered {
		clear(r.logins)
	}
	r.logins[k] = l
}

// forget drops the logins of an account.
func (r *remembered) forget(account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch++
	for k, l := range r.logins {
		if l.account == account {
			delete(r.logins, k)
		}
	}
}
