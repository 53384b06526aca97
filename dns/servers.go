package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// rereadEvery is how often a resolv.conf is looked at.
const rereadEvery = 5 * time.Second

// servers are those that are asked, in the order in which they are.
type servers struct {
	fixed []netip.AddrPort
	path  string
	now   func() time.Time
	first atomic.Int64 // that answered last

	mu      sync.Mutex
	read    []netip.AddrPort // from path
	looked  time.Time
	changed time.Time // the file's
}

// list returns the servers.
func (s *servers) list() ([]netip.AddrPort, error) {
	if len(s.fixed) > 0 {
		return s.fixed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.read != nil && now.Sub(s.looked) < rereadEvery && !now.Before(s.looked) {
		return s.read, nil
	}
	s.looked = now
	st, err := os.Stat(s.path)
	if err == nil && s.read != nil && st.ModTime().Equal(s.changed) {
		return s.read, nil
	}
	var list []netip.AddrPort
	if err == nil {
		s.changed = st.ModTime()
		if c, err := dns.ClientConfigFromFile(s.path); err == nil {
			for _, server := range c.Servers {
				if ip, err := netip.ParseAddr(server); err == nil {
					list = append(list, netip.AddrPortFrom(ip, 53))
				}
			}
		}
	}
	if len(list) > 0 {
		s.read = list
	}
	if s.read == nil {
		return nil, errors.New("no servers are known")
	}
	return s.read, nil
}

// firstOf returns which of n servers is asked first.
func (s *servers) firstOf(n int) int { return int(s.first.Load()) % n }

// prefer has a server asked first from now on, since it answered.
func (s *servers) prefer(at int) {
	if s.first.Load() != int64(at) {
		s.first.Store(int64(at))
	}
}

// ParseServer reads the address of a server, such as 192.0.2.53, 192.0.2.53:5353, 2001:db8::53 or
// [2001:db8::53]:5353.
func ParseServer(s string) (netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(ip, 53), nil
	}
	if at, err := netip.ParseAddrPort(s); err == nil && at.Port() != 0 {
		return at, nil
	}
	return netip.AddrPort{}, fmt.Errorf("%.100q is no address of a server such as 127.0.0.1, 192.0.2.53:5353 or [2001:db8::53]:5353", s)
}
