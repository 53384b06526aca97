package testsuite

import (
	"context"
	"os/user"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/runtime"
)

// hostname is the name of the host that the tests see.
const hostname = "localhost"

// host is the way from runs to the mail store of the file and to a store of its own. What
// scripts remember is forgotten at once: no message is a duplicate here.
func (s *suite) host() runtime.Host {
	if s.memory == nil {
		s.memory = memory.New(memory.Options{})
	}
	l := &runtime.Live{
		Stores:    func(string) (kv.Store, error) { return s.memory, nil },
		Mailboxes: func(_ context.Context, _, path string) (bool, error) { return s.store.has(path), nil },
		MailStore: (*mailStore)(s),
		Lists:     s.list,
		Memory:    func() (kv.Store, error) { return nil, nil },
	}
	if f := s.options.Fixtures; f != nil {
		l.DNS, l.HTTP, l.Auth, l.Fixed, l.NoNetwork = f, f, s.options.Auth, true, true
	}
	return l
}

// user returns the name under which the program runs.
func (o *Options) user() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "testsuite"
}
