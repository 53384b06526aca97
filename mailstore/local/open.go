package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sluice-mail/sluice/mailstore"
)

// ErrInvalidAccount says that an account id cannot be one.
var ErrInvalidAccount = errors.New("invalid account id")

// maxAccountID bounds an account id: it stands in file names behind a hash.
const maxAccountID = 128

// ValidAccountID says whether id can name an account: 1 to 128 letters, digits and any
// of ._@+=- with no dot in front.
func ValidAccountID(id string) bool {
	if id == "" || len(id) > maxAccountID || id[0] == '.' {
		return false
	}
	for _, c := range []byte(id) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("._@+=-", c) < 0 {
			return false
		}
	}
	return true
}

// holder is an account's place among the open ones.
type holder struct {
	id    string
	ready chan struct{} // closed when acct or err is set
	acct  *Account
	err   error

	// Guarded by Store.mu.
	users   int
	used    uint64
	closing chan struct{} // not nil: being closed; closed when it is
}

// Account returns the account with this id and opens its file, or makes it with an
// inbox and the usual mailboxes. It is a *Account. An account that was removed is
// ErrNotFound, also after its data is gone. release must be called once the
// caller is done with it; the file stays open as long as somebody uses it.
func (s *Store) Account(ctx context.Context, id string) (mailstore.Account, func(), error) {
	a, release, err := s.OpenAccount(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return a, release, nil
}

// Backend returns the account with this id as the IMAP bridge wants it; see Account.
func (s *Store) Backend(ctx context.Context, id string) (*Backend, func(), error) {
	a, release, err := s.OpenAccount(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return a.Backend(), release, nil
}

// OpenAccount is Account with the type that it returns.
func (s *Store) OpenAccount(ctx context.Context, id string) (*Account, func(), error) {
	if !ValidAccountID(id) {
		return nil, nil, fmt.Errorf("mailstore/local: account %.64q: %w", id, ErrInvalidAccount)
	}
	h, err := s.hold(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-h.ready:
	case <-ctx.Done():
		s.release(h)
		return nil, nil, fmt.Errorf("mailstore/local: open account %s: %w", id, ctx.Err())
	}
	if h.err != nil {
		s.release(h)
		return nil, nil, h.err
	}
	if h.acct.hidden.Load() {
		s.release(h)
		return nil, nil, fmt.Errorf("mailstore/local: open account %s: it was removed: %w", id, mailstore.ErrNotFound)
	}
	var once sync.Once
	return h.acct, func() { once.Do(func() { s.release(h) }) }, nil
}

// hold finds the account's holder, or makes one and begins to open the file.
func (s *Store) hold(ctx context.Context, id string) (*holder, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, fmt.Errorf("mailstore/local: open account %s: %w", id, os.ErrClosed)
		}
		h := s.accounts[id]
		if h != nil && h.closing != nil {
			s.mu.Unlock()
			select {
			case <-h.closing:
				continue
			case <-ctx.Done():
				return nil, fmt.Errorf("mailstore/local: open account %s: %w", id, ctx.Err())
			}
		}
		if h == nil {
			h = &holder{id: id, ready: make(chan struct{})}
			s.accounts[id] = h
			// The opener's ctx must not decide for those who wait with it.
			go s.load(context.WithoutCancel(ctx), h)
		}
		h.users++
		s.clock++
		h.used = s.clock
		s.mu.Unlock()
		return h, nil
	}
}

func (s *Store) load(ctx context.Context, h *holder) {
	acct, err := s.openAccount(ctx, h.id)
	if err != nil {
		err = fmt.Errorf("mailstore/local: open account %s: %w", h.id, err)
		s.mu.Lock()
		delete(s.accounts, h.id) // the next one tries again
		s.mu.Unlock()
	}
	h.acct, h.err = acct, err
	close(h.ready)
}

// release lets go of a holder and closes what has been idle the longest, if too many
// files are open.
func (s *Store) release(h *holder) {
	s.mu.Lock()
	h.users--
	var idle *holder
	if len(s.accounts) > s.o.MaxOpen && !s.closed {
		for _, o := range s.accounts {
			if o.users == 0 && o.closing == nil && (idle == nil || o.used < idle.used) {
				idle = o
			}
		}
	}
	if idle != nil {
		idle.closing = make(chan struct{})
	}
	s.mu.Unlock()
	if idle != nil {
		s.shut(idle)
	}
}

// shut closes the file of a holder that is marked as closing.
func (s *Store) shut(h *holder) {
	<-h.ready
	if h.acct != nil {
		if err := h.acct.close(); err != nil {
			s.log.Error("mailstore/local: close account", "account", h.id, "err", err)
		}
	}
	s.mu.Lock()
	if s.accounts[h.id] == h {
		delete(s.accounts, h.id)
	}
	s.mu.Unlock()
	close(h.closing)
}

// AccountIDs returns the ids of all accounts that are not removed, ascending.
func (s *Store) AccountIDs(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(s.accountDir())
	if err != nil {
		return nil, fmt.Errorf("mailstore/local: list accounts: %w", err)
	}
	var ids []string
	removed := make(map[string]bool)
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".removed"); ok {
			removed[id] = true
		}
		if id, ok := strings.CutSuffix(e.Name(), ".db"); ok && ValidAccountID(id) {
			ids = append(ids, id)
		}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return removed[id] })
	return ids, ctx.Err()
}

func (s *Store) dbPath(id string) string { return filepath.Join(s.accountDir(), id+".db") }
