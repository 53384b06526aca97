package imapbridge

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/imapbridge/wire"
)

// stuck is an account whose messages take until the reader's context ends.
type stuck struct {
	*memory
	reading chan struct{} // gets a value when a message is being read
}

func (b stuck) Blob(ctx context.Context, _ string) ([]byte, error) {
	b.reading <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestShutdownBreaksOffACommandThatTakesTooLong(t *testing.T) {
	m := newMemory()
	if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: []byte("Subject: x\r\n\r\n")}}); err != nil {
		t.Fatal(err)
	}
	b := stuck{m, make(chan struct{}, 1)}
	srv, addr := start(t, Options{Authenticate: authAlice(b)})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT INBOX")
	c.send("c SEARCH BODY x\r\n")
	<-b.reading
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no more patience
	if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// quitting is an account whose reader goes away while a message is being read.
type quitting struct {
	*memory
	quit context.CancelFunc
}

func (b quitting) Blob(ctx context.Context, id string) ([]byte, error) {
	b.quit()
	return b.memory.Blob(ctx, id)
}

func TestASearchThatIsBrokenOffFindsNothing(t *testing.T) {
	m := newMemory()
	if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: []byte("Subject: x\r\n\r\n")}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &Session{srv: New(Options{}), backend: quitting{m, cancel}}
	view, err := m.View(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s.sel = &selected{view: view, entries: view.Entries}
	found, err := s.search(ctx, wire.SearchKey{Name: "SUBJECT", Arg: newNeedle("x")})
	if len(found) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestAClientThatGoesAwayIsNoErrorOfOurs(t *testing.T) {
	m := newMemory()
	if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: make([]byte, 1<<20)}}); err != nil {
		t.Fatal(err)
	}
	srv, l := startPipes(t, Options{Authenticate: authAlice(m), AllowPlainLogin: true})
	c := l.dial(t)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT INBOX")
	c.send("c FETCH 1 BODY.PEEK[]\r\n")
	c.line() // the server is at it
	_ = c.conn.Close()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := srv.Stats(); st.ServerErrors != 0 {
		t.Errorf("got %+v", st)
	}
}

func TestLiteralsOfAllSessionsAreBounded(t *testing.T) {
	const size = 1 << 20
	srv, addr := start(t, Options{Authenticate: authAlice(newMemory()), MaxLiteral: size, MaxBuffered: size + size/2})
	holder, c := dial(t, addr), dial(t, addr)
	for _, c := range []*client{holder, c} {
		c.line()
		c.do("a", "LOGIN alice secret")
	}
	message := strings.Repeat("x", size)
	appending := fmt.Sprintf("b APPEND INBOX {%d}\r\n", size)
	holder.send(appending)
	holder.expect("+ ")
	holder.send(message + " {1}\r\n") // all of it, and one octet too many
	holder.expect("b NO [TOOBIG]")    // it is thrown away, and the next one is not
	holder.send(appending)
	holder.expect("+ ")
	holder.send(message) // the command has no end yet
	for srv.buffered.Load() != size {
		goruntime.Gosched()
	}
	c.send(appending)
	c.expect("+ ")
	c.send(message + "\r\n")
	c.expect("b NO [UNAVAILABLE]")
	holder.send("\r\n")
	holder.expect("b OK")
	c.send(appending)
	c.expect("+ ")
	c.send(message + "\r\n")
	c.expect("b OK")
	c.do("c", "NOOP")
	if n := srv.buffered.Load(); n != 0 {
		t.Errorf("%d octets are held at the end", n)
	}
}

func TestAClientThatTalksAndNeverLogsInIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, l := startPipes(t, Options{Authenticate: authAlice(newMemory()), AllowPlainLogin: true})
		began := time.Now()
		c := l.dial(t)
		c.line()
		talk := time.NewTicker(time.Minute)
		defer talk.Stop()
		for n := 0; n < 20; n++ {
			<-talk.C
			if time.Since(began) == loginPatience*2*time.Minute {
				break
			}
			c.do("a", "NOOP")
		}
		if line := c.line(); !strings.HasPrefix(line, "* BYE") {
			t.Errorf("got %q", line)
		}
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("after %v", took)
		}
		_ = srv.Close()
	})
}

func TestCLOSEOfAMailboxThatIsGone(t *testing.T) {
	m := newMemory()
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT Junk")
	if err := m.DeleteMailbox(t.Context(), "Junk"); err != nil {
		t.Fatal(err)
	}
	if got := c.do("c", "CLOSE"); !strings.HasPrefix(got, "c OK") {
		t.Error(got)
	}
}

// slow is an account that takes a minute to read a message.
type slow struct {
	*memory
	read *atomic.Int64
}

func (b slow) Blob(ctx context.Context, id string) ([]byte, error) {
	b.read.Add(1)
	<-time.After(time.Minute)
	return b.memory.Blob(ctx, id)
}

func TestASearchTellsThatItGoesOnAndEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for range 20 {
			if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: []byte("Subject: x\r\n\r\n")}}); err != nil {
				t.Fatal(err)
			}
		}
		b := slow{m, &atomic.Int64{}}
		srv, l := startPipes(t, Options{Authenticate: authAlice(b), AllowPlainLogin: true})
		c := l.dial(t)
		c.line()
		c.do("a", "LOGIN alice secret")
		c.do("b", "SELECT INBOX")
		c.send("c SEARCH SUBJECT x\r\n")
		if got := c.line(); got != "* OK still searching" {
			t.Errorf("got %q", got)
		}
		_ = c.conn.Close()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if n := b.read.Load(); n > 2 {
			t.Errorf("%d messages are read for a client that is gone", n)
		}
	})
}
