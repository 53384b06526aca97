package imapbridge

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/sluice-mail/sluice/imapbridge/idmap"
	"github.com/sluice-mail/sluice/mailstore/local"
)

var update = flag.Bool("update", false, "rewrite golden files and transcripts")

// A transcript is a txtar file. Its file "setup" makes mailboxes and messages:
//
//	mailbox PATH
//	append PATH (FLAGS) FILE
//
// and "session" is what is said. "C: " is a line to the server, {FILE} and {FILE+} in it
// the announcement of FILE as a literal, and "C< FILE" sends its octets; "C! " is text
// without a line end. "S: " is a line
// of the server, literals in it written as {3}"abc"; <*> in it stands for anything. "S+ "
// is the same where the server speaks unasked. C2, S2 and so on are further connections.
// Lines of files go over the wire with CRLF.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for backend, open := range map[string]func(t *testing.T) Backend{
			"memory": func(*testing.T) Backend { return newMemory() },
			"local":  openLocal,
		} {
			t.Run(name+"/"+backend, func(t *testing.T) {
				runTranscript(t, file, open(t), *update && backend == "memory")
			})
		}
	}
}

// openLocal returns an account of the embedded store.
func openLocal(t *testing.T) Backend {
	store, err := local.Open(t.Context(), t.TempDir(), local.Options{Describe: Describe})
	if err != nil {
		t.Fatal(err)
	}
	b, release, err := store.Backend(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		release()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// authAlice takes alice with the password "secret".
func authAlice(b Backend) Authenticator {
	return func(_ context.Context, name, password string, _ netip.Addr) (Backend, func(), error) {
		if name != "alice" || password != "secret" {
			return nil, nil, ErrAuthenticationFailed
		}
		return b, func() {}, nil
	}
}

// start serves on a loopback port until the test ends.
func start(t testing.TB, o Options) (*Server, string) {
	t.Helper()
	srv := New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background(), l, false) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; err != ErrServerClosed {
			t.Errorf("Serve: got %v", err)
		}
	})
	return srv, l.Addr().String()
}

// client is a connection of a test.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tag  string // of the command that has no answer yet
}

// dial connects to addr.
func dial(t testing.TB, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return newClient(t, conn)
}

// newClient returns the client's end of a connection.
func newClient(t testing.TB, conn net.Conn) *client {
	return &client{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// send writes octets.
func (c *client) send(s string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(s)); err != nil {
		c.t.Fatal(err)
	}
}

var announcedRE = regexp.MustCompile(`\{(\d+)\}$`)

// line reads a response, literals included, or "" at the end of the connection.
func (c *client) line() string {
	out := ""
	for {
		part, err := c.r.ReadString('\n')
		if err != nil {
			return out
		}
		out += strings.TrimSuffix(part, "\r\n")
		m := announcedRE.FindStringSubmatch(out)
		if m == nil {
			return out
		}
		n, _ := strconv.Atoi(m[1])
		data := make([]byte, n)
		if _, err := io.ReadFull(c.r, data); err != nil {
			return out
		}
		out += strconv.Quote(string(data))
	}
}

var (
	uidValidityRE = regexp.MustCompile(`(UIDVALIDITY|APPENDUID|COPYUID) \d+`)
	fileRE        = regexp.MustCompile(`\{([a-z]\w*(?:\.\w+)?)(\+?)\}`)
	commandRE     = regexp.MustCompile(`^(\w+)(?: (\w+)|$)`)
)

// stable takes out of a response what differs from run to run.
func stable(line string) string {
	return strings.TrimRight(uidValidityRE.ReplaceAllString(line, "$1 V"), " ")
}

// matches reports whether a line fits a pattern with <*>.
func matches(pattern, line string) bool {
	re := strings.ReplaceAll(regexp.QuoteMeta(pattern), regexp.QuoteMeta("<*>"), ".*")
	return regexp.MustCompile("^" + re + "$").MatchString(line)
}

// transcript is a run of one file.
type transcript struct {
	t       *testing.T
	addr    string
	files   map[string]string
	clients map[string]*client
}

// runTranscript plays a file; with rewrite it takes what the server says as right.
func runTranscript(t *testing.T, file string, b Backend, rewrite bool) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tr := &transcript{t: t, files: map[string]string{}, clients: map[string]*client{}}
	session := -1
	for i, f := range ar.Files {
		if f.Name == "session" {
			session = i
			continue
		}
		tr.files[f.Name] = strings.ReplaceAll(string(f.Data), "\n", "\r\n")
	}
	if session < 0 {
		t.Fatal("no session")
	}
	tr.setup(b)
	_, tr.addr = start(t, Options{Authenticate: authAlice(b), Hostname: "test", MaxLiteral: 1 << 20})
	lines := strings.Split(strings.TrimSuffix(string(ar.Files[session].Data), "\n"), "\n")
	if rewrite {
		ar.Files[session].Data = []byte(strings.Join(tr.record(lines), "\n") + "\n")
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	tr.play(lines)
}

// setup makes what the file wants to be there.
func (tr *transcript) setup(b Backend) {
	ctx := tr.t.Context()
	boxes := map[string]int64{}
	refresh := func() {
		all, err := b.Mailboxes(ctx)
		if err != nil {
			tr.t.Fatal(err)
		}
		for _, m := range all {
			boxes[m.Path] = m.Number
		}
	}
	refresh()
	for line := range strings.SplitSeq(tr.files["setup"], "\r\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "mailbox":
			if _, err := b.CreateMailbox(ctx, words[1], ""); err != nil {
				tr.t.Fatal(line, err)
			}
			refresh()
		case "append":
			flags := strings.Fields(strings.Trim(strings.Join(words[2:len(words)-1], " "), "()"))
			bits, keywords := splitFlags(flags)
			raw, ok := tr.files[words[len(words)-1]]
			if !ok {
				tr.t.Fatal("no file ", words[len(words)-1])
			}
			_, _, err := b.Append(ctx, boxes[words[1]], []idmap.Append{{
				Raw: []byte(raw), Flags: bits, Keywords: keywords,
				Received: time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)),
			}})
			if err != nil {
				tr.t.Fatal(line, err)
			}
		default:
			tr.t.Fatal("setup: ", line)
		}
	}
}

// client returns a connection by its number, connecting at first.
func (tr *transcript) client(number string) *client {
	if tr.clients[number] == nil {
		tr.clients[number] = dial(tr.t, tr.addr)
	}
	return tr.clients[number]
}

// say sends a line of the transcript.
func (tr *transcript) say(c *client, kind byte, text string) {
	if kind == '!' {
		c.send(text)
		return
	}
	if kind == '<' {
		data, ok := tr.files[text]
		if !ok {
			tr.t.Fatal("no file ", text)
		}
		c.send(data)
		return
	}
	text = fileRE.ReplaceAllStringFunc(text, func(m string) string {
		sub := fileRE.FindStringSubmatch(m)
		data, ok := tr.files[sub[1]]
		if !ok {
			return m
		}
		return fmt.Sprintf("{%d%s}", len(data), sub[2])
	})
	c.send(text + "\r\n")
}

var stepRE = regexp.MustCompile(`^([CS])(\d*)([:<+!]) ?(.*)$`)

// play says and compares.
func (tr *transcript) play(lines []string) {
	for n, line := range lines {
		m := stepRE.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c := tr.client(m[2])
		if m[1] == "C" {
			tr.say(c, m[3][0], m[4])
			continue
		}
		if got := stable(c.line()); !matches(m[4], got) {
			tr.t.Errorf("line %d:\n got %s\nwant %s", n+1, got, m[4])
			tr.t.Fatalf("what follows: %s", bytes.TrimSpace([]byte(c.line())))
		}
	}
}

// record says, and writes down what the server says. Lines that fit a pattern in the
// same place keep the pattern.
func (tr *transcript) record(lines []string) []string {
	var out []string
	var old []string // patterns that stood behind the last line of the client
	hear := func(c *client, prefix string) string {
		got := stable(c.line())
		shown := got
		if len(old) > 0 {
			if matches(old[0], got) {
				shown = old[0]
			}
			old = old[1:]
		}
		out = append(out, strings.TrimRight(prefix+shown, " "))
		return got
	}
	for i, line := range lines {
		m := stepRE.FindStringSubmatch(line)
		switch {
		case m == nil:
			out = append(out, line)
		case m[1] == "S" && m[3] == "+":
			old = []string{m[4]}
			hear(tr.client(m[2]), "S"+m[2]+"+ ")
		case m[1] == "C":
			fresh := tr.clients[m[2]] == nil
			c := tr.client(m[2])
			old = nil
			for _, later := range lines[i+1:] {
				lm := stepRE.FindStringSubmatch(later)
				if lm == nil || lm[1] != "S" || lm[3] != ":" {
					break
				}
				old = append(old, lm[4])
			}
			if fresh {
				hear(c, "S"+m[2]+": ")
			}
			out = append(out, line)
			tr.say(c, m[3][0], m[4])
			if cm := commandRE.FindStringSubmatch(m[4]); m[3] == ":" && cm != nil && c.tag == "" {
				c.tag = cm[1]
			}
			if m[3] == "<" || m[3] == "!" || slices.ContainsFunc([]string{"+}"}, func(s string) bool { return strings.HasSuffix(m[4], s) }) {
				continue // more of the command follows
			}
			for {
				got := hear(c, "S"+m[2]+": ")
				if got == "" || strings.HasPrefix(got, "+") {
					break
				}
				if strings.HasPrefix(got, c.tag+" ") || strings.HasPrefix(got, "* BAD") {
					c.tag = ""
					break
				}
			}
		}
	}
	return out
}
