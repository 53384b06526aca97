package pipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/gateway"
	"github.com/sluice-mail/sluice/gateway/lmtp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mailstore"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// house delivers to NAME@example.org; later@ is told to come again as long as busy is set.
type house struct {
	mu   sync.Mutex
	mail []string // "account: octets"
	busy bool
	seen runtime.View
}

func (h *house) Resolve(_ context.Context, address string) (gateway.Account, error) {
	local, ok := strings.CutSuffix(address, "@example.org")
	if !ok {
		return gateway.Account{}, gateway.ErrUnknownRecipient
	}
	return gateway.Account{ID: local, Name: local}, nil
}

func (h *house) Account(_ context.Context, id string) (mailstore.Account, func(), error) {
	return &inbox{h: h, id: id}, func() {}, nil
}

type inbox struct {
	mailstore.Account
	h  *house
	id string
}

func (b *inbox) Import(_ context.Context, im mailstore.Import) ([]mailstore.Email, mailstore.State, error) {
	b.h.mu.Lock()
	defer b.h.mu.Unlock()
	b.h.mail = append(b.h.mail, b.id+": "+string(im.Raw))
	return nil, "", nil
}

type language struct{ h *house }

func (language) Name() string   { return "go" }
func (language) Suffix() string { return ".go" }
func (l language) Compile(string, []byte, runtime.CompileOptions) (runtime.Program, error) {
	return program(l), nil
}

type program struct{ h *house }

func (program) Language() string      { return "go" }
func (program) Name() string          { return "filter.go" }
func (program) Sites() []runtime.Site { return nil }
func (p program) Run(t *runtime.Task) (runtime.Value, error) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	p.h.seen.Transaction = t.View().Transaction
	var err error
	switch name := t.View().Rcpt.Name; {
	case name == "later" && p.h.busy:
		_, err = t.Invoke("tempfail", "4.2.1 not\nnow")
	case name == "never":
		_, err = t.Invoke("reject", "5.2.2 full")
	case name == "spam":
		_, err = t.Invoke("reject", "no spam")
	}
	return nil, err
}

// serve starts a server for the house on a socket.
func serve(t *testing.T, h *house) string {
	t.Helper()
	_, socket := serveAs(t, h)
	return socket
}

func serveAs(t *testing.T, h *house) (*lmtp.Server, string) {
	t.Helper()
	j, err := runtime.OpenJournal(t.TempDir(), runtime.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := runtime.NewEngine(language{h})
	l := scripts.New(scripts.Options{Engine: e})
	if err := l.Load([]scripts.Source{{Path: "filter.go", Code: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	in, err := gateway.New(gateway.Options{
		Hostname: "mail.example.org", Library: l, Engine: e, Accounts: h, Store: h, Journal: j,
		Hosts:  func(runtime.Trust) runtime.Host { return &runtime.Live{} },
		Stores: func(string) (kv.Store, error) { return nil, errors.New("no store") },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := lmtp.New(lmtp.Options{Intake: in})
	socket := filepath.Join(t.TempDir(), "lmtp.sock")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(context.Background(), ln)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), j.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, socket
}

const plain = "Subject: hi\n\nhello\n"

// run runs the command.
func run(t *testing.T, o Options, stdin string, args ...string) (code int, stdout string) {
	t.Helper()
	var out bytes.Buffer
	o.Args, o.Stdout = args, &out
	if o.Stdin == nil {
		o.Stdin = strings.NewReader(stdin)
	}
	code = Main(t.Context(), o)
	return code, out.String()
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name  string
		args  []string
		code  int
		first string // of stdout
	}{
		{"delivered", []string{"-f", "a@remote.example", "-r", "anna@example.org"}, 0, ""},
		{"as sendmail is called", []string{"-i", "-f", "a@remote.example", "--", "anna@example.org", "ben@example.org"}, 0, ""},
		{"with glued values and options that mean nothing", []string{"-oi", "-fa@remote.example", "-oem", "-ranna@example.org"}, 0, ""},
		{"from the null sender", []string{"-f", "", "-r", "anna@example.org"}, 0, ""},
		{"from the null sender as pipe(8) spells it", []string{"-f", "MAILER-DAEMON", "-r", "anna@example.org"}, 0, ""},
		{"no such user", []string{"-f", "a@x", "-r", "who@elsewhere.example"}, 67, "5.1.1 no such user here"},
		{"refused", []string{"-f", "a@x", "-r", "never@example.org"}, 65, "5.2.2 full"},
		{"refused by a rule", []string{"-f", "a@x", "-r", "spam@example.org"}, 77, "5.7.1 no spam"},
		{"come again", []string{"-f", "a@x", "-r", "later@example.org"}, 75, "4.2.1 not now"},
		{"one of three for good", []string{"-f", "a@x", "anna@example.org", "never@example.org", "ben@example.org"}, 65, "5.2.2"},
		{"one of three for now", []string{"-f", "a@x", "never@example.org", "later@example.org", "ben@example.org"}, 75, "4.2.1"},
		{"a wrong argument", []string{"--frob", "x"}, 75, "4.3.0 unknown option"},
		{"no recipient", []string{"-f", "a@x"}, 75, "4.3.0 the recipient is missing"},
		{"no sender", []string{"-r", "a@x"}, 75, "4.3.0 the sender is missing"},
		{"a value that is missing", []string{"-r", "a@x", "-f"}, 75, "4.3.0 -f needs a value"},
		{"a second command in an argument", []string{"-f", "a@x", "-r", "b@x>\r\nQUIT"}, 75, "4.3.0 an argument holds a control character"},
	}
	socket := serve(t, &house{busy: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out := run(t, Options{Socket: socket}, plain, tt.args...)
			if code != tt.code || !strings.HasPrefix(out, tt.first) || strings.Count(out, "\n") > 1 {
				t.Errorf("exit %d with %q, want %d with %q", code, out, tt.code, tt.first)
			}
		})
	}
}

func TestMessageAndEnvelopeArrive(t *testing.T) {
	h := &house{}
	socket := serve(t, h)
	raw := "From a@x Mon Jan  1 00:00:00 2026\nSubject: x\r\n\n.dot\n..\nbare\rcr\x00\x80\nno end"
	code, out := run(t, Options{}, raw, "--socket", socket, "-f", "a@remote.example", "-r", "anna@example.org",
		"-o", "old+x@example.org", "-q", "4ABC", "-a", "192.0.2.9")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	want := []string{"anna: Return-Path: <a@remote.example>\r\nSubject: x\r\n\r\n.dot\r\n..\r\nbare\rcr\x00\x80\r\nno end\r\n"}
	if diff := cmp.Diff(want, h.mail); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	tx := h.seen.Transaction
	if tx.Rcpt.Original != "old+x@example.org" || tx.QueueID != "4ABC" || tx.Client.IP.String() != "192.0.2.9" {
		t.Errorf("transaction %+v", tx)
	}
}

func TestWhoWasServedIsNotServedAgain(t *testing.T) {
	h := &house{busy: true}
	server, socket := serveAs(t, h)
	args := []string{"-f", "a@x", "anna@example.org", "later@example.org"}
	if code, _ := run(t, Options{Socket: socket}, plain, args...); code != 75 {
		t.Fatalf("exit %d", code)
	}
	h.mu.Lock()
	h.busy = false
	h.mu.Unlock()
	// As long as the first session lives, the mail would be taken for another one.
	deadline := time.After(20 * time.Second)
	for server.Stats().Open > 0 {
		select {
		case <-deadline:
			t.Fatal("the session does not end")
		case <-time.After(time.Millisecond):
		}
	}
	if code, out := run(t, Options{Socket: socket}, plain, args...); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	count := map[string]int{}
	for _, m := range h.mail {
		who, _, _ := strings.Cut(m, ":")
		count[who]++
	}
	if diff := cmp.Diff(map[string]int{"anna": 1, "later": 1}, count); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestWithoutServer(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "lmtp.sock")
	ok := []string{"-f", "a@x", "-r", "anna@example.org"}
	if code, out := run(t, Options{Socket: gone}, plain, ok...); code != 75 || !strings.HasPrefix(out, "4.3.0 no server is running") {
		t.Errorf("exit %d with %q", code, out)
	}
	if code, _ := run(t, Options{}, plain, ok...); code != 75 {
		t.Errorf("exit %d without a socket", code)
	}
	var got Mail
	local := func(_ context.Context, m Mail) ([]gateway.Outcome, error) {
		got = m
		return []gateway.Outcome{gateway.OK}, nil
	}
	if code, out := run(t, Options{Socket: gone, Local: local}, plain, ok...); code != 0 {
		t.Errorf("exit %d with %q", code, out)
	}
	want := Mail{From: "a@x", Rcpts: []string{"anna@example.org"}, Raw: []byte("Subject: hi\r\n\r\nhello\r\n")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	for name, local := range map[string]func(context.Context, Mail) ([]gateway.Outcome, error){
		"a locked store": func(context.Context, Mail) ([]gateway.Outcome, error) {
			return nil, errors.New("data directory is locked")
		},
		"a panic":         func(context.Context, Mail) ([]gateway.Outcome, error) { panic("out of cheese") },
		"too few answers": func(context.Context, Mail) ([]gateway.Outcome, error) { return nil, nil },
		"no answer":       func(context.Context, Mail) ([]gateway.Outcome, error) { return make([]gateway.Outcome, 1), nil },
	} {
		if code, out := run(t, Options{Socket: gone, Local: local}, plain, ok...); code != 75 || !strings.HasPrefix(out, "4.3.0 ") {
			t.Errorf("%s: exit %d with %q", name, code, out)
		}
	}
}

// TestBrokenServers has every way in which a server can fail end with 75.
func TestBrokenServers(t *testing.T) {
	tests := map[string]string{
		"hangs up at once":           "",
		"is busy":                    "421 4.3.2 too many connections\r\n",
		"speaks nonsense":            "hello there\r\n",
		"hangs up after LHLO":        "220 x\r\n",
		"hangs up after DATA":        "220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n",
		"hangs up between answers":   "220 x\r\n250 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n",
		"answers with something odd": "220 x\r\n250 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n199 x\r\n",
	}
	for name, says := range tests {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, says)
				c.(*net.UnixConn).CloseWrite()
				io.Copy(io.Discard, c)
				c.Close()
			}()
			if code, out := run(t, Options{Socket: socket}, plain, "-f", "a@x", "-r", "b@x", "-r", "c@x"); code != 75 || !strings.HasPrefix(out, "4.") {
				t.Errorf("exit %d with %q", code, out)
			}
		})
	}
	t.Run("never answers", func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if code, _ := run(t, Options{Socket: socket, Timeout: 50 * time.Millisecond}, plain, "-f", "a@x", "-r", "b@x"); code != 75 {
			t.Errorf("exit %d", code)
		}
	})
}

func TestStdin(t *testing.T) {
	socket := serve(t, &house{})
	ok := []string{"-f", "a@x", "-r", "anna@example.org"}
	r, w := io.Pipe()
	defer w.Close()
	if code, _ := run(t, Options{Socket: socket, Stdin: r, Timeout: 50 * time.Millisecond}, "", ok...); code != 75 {
		t.Errorf("a stdin that never ends: exit %d", code)
	}
	if code, out := run(t, Options{Socket: socket, MaxMessageBytes: 100}, strings.Repeat("x", 101), ok...); code != 65 || !strings.HasPrefix(out, "5.3.4") {
		t.Errorf("too large: exit %d with %q", code, out)
	}
	if code, out := run(t, Options{Socket: socket}, "", ok...); code != 0 {
		t.Errorf("nothing: exit %d with %q", code, out)
	}
}

func FuzzArgs(f *testing.F) {
	for _, s := range []string{"-f\na@x\n-r\nb@x", "-i\n-f\na\n--\nb\nc", "--socket=/x\n-f\n\nb", "-o\nx\n-oi", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, _, err := ParseArgs(strings.Split(in, "\n"))
		if err == nil && (len(m.Rcpts) == 0 || strings.ContainsAny(m.From+strings.Join(m.Rcpts, ""), "\r\n\x00")) {
			t.Errorf("%q gave %+v", in, m)
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, s := range []string{"", "a\nb", "a\r\nb\n", "From x\ny\n", "\r\r\n\n", "\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := message(raw)
		if len(got) > 0 && !bytes.HasSuffix(got, []byte("\r\n")) {
			t.Fatalf("%q has no end", got)
		}
		if n := bytes.Count(got, []byte("\n")) - bytes.Count(got, []byte("\r\n")); n != 0 {
			t.Fatalf("%q has %d bare LF", got, n)
		}
	})
}

func TestAnAddressStaysInItsBrackets(t *testing.T) {
	for address, want := range map[string]string{
		"bob@x":               "bob@x",
		"bob+a@x":             "bob+a@x",
		`"b b"@x`:             `"b b"@x`,
		`"b\">"@x`:            `"b\">"@x`,
		"b b@x":               `"b b"@x`,
		"bob> NOTIFY=NEVER":   `"bob> NOTIFY=NEVER"`,
		"bob@x> NOTIFY=NEVER": `"bob@x> NOTIFY=NEVER"`,
		"a> SIZE=1@x":         `"a> SIZE=1"@x`,
		`b"b@x`:               `"b\"b"@x`,
		`b\"> c@x`:            `"b\\\"> c"@x`,
		"":                    "",
	} {
		if got := quoted(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}
