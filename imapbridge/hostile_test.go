package imapbridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
)

func TestHostileInput(t *testing.T) {
	tests := []struct {
		name, input string
		want        string // the last line that is looked at
	}{
		{"a line over the limit before login", "a NOOP " + strings.Repeat("x", lineMaxEarly) + "\r\nz NOOP\r\n", "z OK"},
		{"the tag of a line over the limit is kept", "a NOOP " + strings.Repeat("x", lineMaxEarly) + "\r\n", "a BAD [LIMIT]"},
		{"a line of two megabytes", "l LOGIN alice secret\r\na NOOP " + strings.Repeat("x", 2<<20) + "\r\nz NOOP\r\n", "z OK"},
		{"a set of a hundred thousand numbers", "l LOGIN alice secret\r\ns SELECT INBOX\r\na UID FETCH " +
			strings.Repeat("1,", 100_000) + "2 FLAGS\r\n", "a OK"},
		{"a literal over the limit before login", "a LOGIN {5000+}\r\n" + strings.Repeat("x", 5000) + " y\r\nz NOOP\r\n", "z OK"},
		{"a literal that is not asked for", "a LOGIN {5000}\r\nz NOOP\r\n", "z OK"},
		{"NUL in a line", "a NO\x00OP\r\n", "a BAD"},
		{"NUL in place of a tag", "\x00 NOOP\r\nz NOOP\r\n", "z OK"},
		{"8-bit noise", "\xff\xfe\xfd\xfc\r\nz NOOP\r\n", "z OK"},
		{"CR alone", "a NOOP\rb NOOP\r\nz NOOP\r\n", "z OK"},
		{"a literal of commands behind a syntax error", "l LOGIN alice secret\r\na STORE x {17+}\r\nb DELETE Archive\n\r\nz STATUS Archive (MESSAGES)\r\n", "z OK"},
		{"several literals behind a syntax error", "a ( {1+}\r\n( {1+}\r\n) {1+}\r\nx\r\nz NOOP\r\n", "z OK"},
		{"commands that come together", "l LOGIN alice secret\r\na SELECT INBOX\r\nb NOOP\r\nc FETCH 1:* FLAGS\r\nz LOGOUT\r\n", "z OK"},
		{"bad commands without end", strings.Repeat("a FOO\r\n", maxBad), "* BYE"},
		{"HTTP", "GET / HTTP/1.1\r\n" + strings.Repeat("Host: x\r\n", maxBad), "* BYE"},
		{"an octet too many to swallow", "a NOOP {99999999999999999999+}\r\n", "* BYE [TOOBIG]"},
		{"an AUTHENTICATE line over the limit", "a AUTHENTICATE PLAIN\r\n" + strings.Repeat("x", saslLineMax+1) + "\r\nz NOOP\r\n", "z OK"},
		{"a DONE over the limit", "l LOGIN alice secret\r\na IDLE\r\n" + strings.Repeat("x", 1000) + "\r\nz NOOP\r\n", "z OK"},
		{"a pattern over the limit", "l LOGIN alice secret\r\na LIST \"\" " + strings.Repeat("%*", 1001) + "\r\n", "a BAD"},
		{"too many data items", "l LOGIN alice secret\r\ns SELECT INBOX\r\na FETCH 1 (" + strings.Repeat("UID ", 101) + ")\r\n", "a BAD"},
		{"a return option without end", "l LOGIN alice secret\r\ns SELECT INBOX\r\na SEARCH RETURN (" + strings.Repeat("ALL ", 10_000) + ") ALL\r\n", "a BAD"},
		{"too many ID fields", "a ID (" + strings.Repeat(`"a" "b" `, 31) + ")\r\n", "a BAD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory()
			if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: []byte("Subject: x\r\n\r\n")}}); err != nil {
				t.Fatal(err)
			}
			_, addr := start(t, Options{Authenticate: authAlice(m)})
			c := dial(t, addr)
			go func() { _, _ = c.conn.Write([]byte(tt.input)) }()
			c.expect(tt.want)
		})
	}
}

func TestHalfACommandEndsQuietly(t *testing.T) {
	srv, addr := start(t, Options{Authenticate: authAlice(newMemory())})
	for _, input := range []string{"", "a NOO", "a LOGIN {5}\r\nab", "a LOGIN {5+}\r\n", "a LOGIN alice secret\r\nb IDLE\r\nDO", "a AUTHENTICATE PLAIN\r\n"} {
		c := dial(t, addr)
		c.line()
		c.send(input)
		_ = c.conn.(*net.TCPConn).CloseWrite()
		for c.line() != "" {
		}
	}
	_ = srv.Close()
	if st := srv.Stats(); st.Panics != 0 || st.Sessions != 0 {
		t.Errorf("got %+v", st)
	}
}

func TestWildcardsTakeNoTimeToFail(t *testing.T) {
	path := strings.Repeat("a", 1000)
	start := time.Now()
	if matchWildcards(strings.Repeat("*a%", 600)+"b", path) {
		t.Error("matched")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMatchMailbox(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "a", true}, {"a/%", "a/b", true}, {"a/%", "a/b/c", false},
		{"a*c", "a/b/c", true}, {"%/%", "a/b", true}, {"a", "a", true}, {"a", "ab", false}, {"*b*", "abc", true},
		{"**", "", true}, {"%%", "a", true}, {"inBOX", "INBOX", true}, {"inbox/a", "INBOX/a", true}, {"in*", "INBOX", true},
		{"in*", "Invoices", false}, {"a%", "a%", true}, {"", "a", false},
	}
	for _, tt := range tests {
		if got := matchMailbox(tt.pattern, tt.path); got != tt.want {
			t.Errorf("%q on %q: got %v", tt.pattern, tt.path, got)
		}
	}
}

// octets is a connection that brings what it has and forgets what it gets.
type octets struct{ *bytes.Reader }

func (octets) Write(b []byte) (int, error)      { return len(b), nil }
func (octets) Close() error                     { return nil }
func (octets) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (octets) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (octets) SetDeadline(time.Time) error      { return nil }
func (octets) SetReadDeadline(time.Time) error  { return nil }
func (octets) SetWriteDeadline(time.Time) error { return nil }

// FuzzSession sends octets to a session in each of its states.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"a FETCH 1:* (FLAGS BODY[1.2] BODYSTRUCTURE ENVELOPE RFC822.TEXT)\r\n",
		"a STORE 1 +FLAGS (\\Deleted x)\r\nb EXPUNGE\r\nc UID SEARCH RETURN (MIN) OR TEXT x NOT 1\r\n",
		"a APPEND INBOX (\\Seen) {3+}\r\nabc\r\nb COPY 1 Archive\r\nc MOVE 1 Junk\r\n",
		"a LIST \"\" %\r\nb STATUS INBOX (MESSAGES)\r\nc RENAME Junk x/y\r\nd SUBSCRIBE q\r\ne LSUB \"\" *\r\n",
		"a IDLE\r\nDONE\r\nb CLOSE\r\nc SELECT INBOX\r\nd UNSELECT\r\ne ENABLE X\r\nf ID NIL\r\ng LOGOUT\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		for _, before := range []string{"", "x LOGIN alice secret\r\n", "x LOGIN alice secret\r\ny SELECT INBOX\r\n", "x LOGIN alice secret\r\ny EXAMINE INBOX\r\n"} {
			m := newMemory()
			raw := []byte("From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n")
			if _, _, err := m.Append(t.Context(), 1, []idmap.Append{{Raw: raw}, {Raw: []byte("x")}}); err != nil {
				t.Fatal(err)
			}
			srv := New(Options{Authenticate: authAlice(m), MaxLiteral: 1 << 20})
			s := newSession(srv, octets{bytes.NewReader([]byte(before + input))}, netip.MustParseAddr("127.0.0.1"))
			s.serve(t.Context(), false)
			if st := srv.Stats(); st.Panics != 0 || st.ServerErrors != 0 {
				t.Fatalf("%q behind %q: %+v", input, before, st)
			}
		}
	})
}

// Two sessions do what comes to their minds; each keeps the books of its sequence
// numbers from what it is told, and they must stay right.
func TestSequenceNumbersStayRight(t *testing.T) {
	m := newMemory()
	raw := []byte("Subject: x\r\n\r\nbody\r\n")
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	var clients []*book
	for range 3 {
		b := &book{client: dial(t, addr)}
		b.line()
		b.do("a", "LOGIN alice secret")
		b.run("SELECT INBOX")
		clients = append(clients, b)
	}
	for step := range 600 {
		b := clients[rnd.IntN(len(clients))]
		n := max(1, len(b.uids))
		pick := 1 + rnd.IntN(n)
		switch rnd.IntN(9) {
		case 0, 1, 2:
			if _, _, err := m.Append(context.Background(), 1, []idmap.Append{{Raw: raw}}); err != nil {
				t.Fatal(err)
			}
		case 3:
			b.run("NOOP")
		case 4:
			if len(b.uids) > 0 {
				b.run(fmt.Sprintf("STORE %d +FLAGS (\\Deleted)", pick))
			}
		case 5:
			b.run("EXPUNGE")
		case 6:
			if len(b.uids) > 0 {
				b.run(fmt.Sprintf("FETCH %d:* (UID FLAGS)", pick))
			}
		case 7:
			b.run("UID SEARCH ALL")
		case 8:
			if len(b.uids) > 0 && b.uids[pick-1] != 0 {
				b.run(fmt.Sprintf("UID MOVE %d INBOX", b.uids[pick-1]))
			}
		}
		if err := b.err; err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, step, err)
		}
	}
	var last []uint32
	for i, b := range clients {
		b.run("NOOP")
		b.run("UID FETCH 1:* UID")
		if b.err != nil {
			t.Fatalf("seed %d: %v", seed, b.err)
		}
		if i > 0 && fmt.Sprint(b.uids) != fmt.Sprint(last) {
			t.Fatalf("seed %d: two sessions disagree:\n%v\n%v", seed, b.uids, last)
		}
		last = b.uids
	}
}

// book is a client that keeps the UIDs by sequence number; 0 is one not known yet.
type book struct {
	*client
	uids []uint32
	err  error
}

// run sends a command and enters what it is told.
func (b *book) run(command string) {
	b.send("t " + command + "\r\n")
	numbers := !strings.HasPrefix(command, "UID") &&
		(strings.HasPrefix(command, "FETCH") || strings.HasPrefix(command, "STORE") || strings.HasPrefix(command, "SEARCH"))
	fail := func(format string, args ...any) {
		if b.err == nil {
			b.err = fmt.Errorf(format, args...)
		}
	}
	for {
		line := b.line()
		if line == "" {
			fail("connection lost at %s", command)
			return
		}
		if strings.HasPrefix(line, "t ") {
			if strings.HasPrefix(line, "t BAD") {
				fail("%s: %s", command, line)
			}
			return
		}
		var n int
		var what string
		if c, _ := fmt.Sscanf(line, "* %d %s", &n, &what); c < 2 {
			continue
		}
		switch what {
		case "EXISTS":
			if n < len(b.uids) {
				fail("%s: EXISTS went from %d to %d", command, len(b.uids), n)
				return
			}
			if strings.HasPrefix(command, "SELECT") {
				b.uids = nil
			}
			b.uids = append(b.uids, make([]uint32, n-len(b.uids))...)
		case "EXPUNGE":
			if numbers {
				fail("EXPUNGE within %s", command)
			}
			if n < 1 || n > len(b.uids) {
				fail("%s: EXPUNGE %d of %d", command, n, len(b.uids))
				return
			}
			b.uids = append(b.uids[:n-1], b.uids[n:]...)
		case "FETCH":
			if n < 1 || n > len(b.uids) {
				fail("%s: FETCH %d of %d", command, n, len(b.uids))
				return
			}
			if i := strings.Index(line, "UID "); i > 0 {
				var uid uint32
				_, _ = fmt.Sscanf(line[i:], "UID %d", &uid)
				if have := b.uids[n-1]; have != 0 && have != uid {
					fail("%s: number %d was UID %d and is %d", command, n, have, uid)
				}
				b.uids[n-1] = uid
			}
		}
	}
}

func TestSyncFailureIsNotTheCommandsFailure(t *testing.T) {
	m := newMemory()
	_, addr := start(t, Options{Authenticate: authAlice(m)})
	c := dial(t, addr)
	c.line()
	c.do("a", "LOGIN alice secret")
	c.do("b", "SELECT INBOX")
	m.mu.Lock()
	m.fail = func(call string) error {
		if call == "view" {
			return errors.New("no")
		}
		return nil
	}
	m.mu.Unlock()
	if got := c.do("c", "NOOP"); !strings.HasPrefix(got, "c OK") {
		t.Error(got)
	}
}
