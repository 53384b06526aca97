package lmtp

import (
	"net"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
)

// An MTA may send QUIT together with the data, and be stopped before we answer. The QUIT
// then proves nothing: what it sends again at its next start is a repeat.
func TestPeerThatLeftBeforeItsAnswer(t *testing.T) {
	type closer interface{ CloseWrite() error }
	tests := []struct {
		name  string
		leave func(net.Conn) error
		want  int
	}{
		{"closed: the next attempt is a repeat", net.Conn.Close, 1},
		{"only done with sending: it hears us", func(c net.Conn) error { return c.(closer).CloseWrite() }, 2},
	}
	for _, tt := range tests {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(network+", "+tt.name, func(t *testing.T) {
				h := &house{}
				entered, left := make(chan struct{}), make(chan struct{})
				first := true
				h.filter = func(t *runtime.Task) error {
					if first && t.View().Stage == runtime.StageDeliver {
						first = false
						close(entered)
						<-left
					}
					return nil
				}
				s, addr := serve(t, network, h, nil)
				p := hello(t, network, addr)
				p.envelope("a@remote.example", "anna@example.org")
				p.raw(stuff(plain) + "QUIT\r\n")
				<-entered
				if err := tt.leave(p.Conn); err != nil {
					t.Fatal(err)
				}
				close(left)
				waitFor(t, func() bool { return s.Stats().Open == 0 })
				again := hello(t, network, addr)
				again.envelope("a@remote.example", "anna@example.org")
				again.raw(stuff(plain) + "QUIT\r\n")
				again.want("250 2.0.0")
				again.want("221")
				if n := len(h.got("anna")); n != tt.want {
					t.Errorf("%d messages, want %d", n, tt.want)
				}
			})
		}
	}
}
