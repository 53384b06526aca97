package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/sluice-mail/sluice/sqlite"
)

// waitLog waits until the server's log has a line that matches.
func (s *server) waitLog(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); !re.MatchString(s.log.String()); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the log has no %s", pattern)
		}
	}
}

// writeCert writes a certificate of its own for name.
func writeCert(t *testing.T, certFile, keyFile, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: k}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLSInAllItsForms(t *testing.T) {
	imaps := freeAddress(t)
	s := newServer(t, "[tls]\ncert = \"$DIR/cert.pem\"\nkey = \"$DIR/key.pem\"\n", nil)
	s.env = []string{"SLUICE_IMAP_LISTEN_TLS=" + imaps}
	cert, key := filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
	writeCert(t, cert, key, "first.test")
	s.start()
	s.addAccount("kim", "secret")
	subject := func(dial func(*tls.Config) error) string {
		t.Helper()
		name := ""
		conf := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(cs tls.ConnectionState) error {
			name = cs.PeerCertificates[0].Subject.CommonName
			return nil
		}}
		if err := dial(conf); err != nil {
			t.Fatal(err)
		}
		return name
	}
	starttls := func(conf *tls.Config) error {
		c, err := imapclient.DialStartTLS(s.imap, &imapclient.Options{TLSConfig: conf})
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Login("kim", "secret").Wait()
	}
	implicit := func(conf *tls.Config) error {
		c, err := imapclient.DialTLS(imaps, &imapclient.Options{TLSConfig: conf})
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Login("kim", "secret").Wait()
	}
	lmtp := func(conf *tls.Config) error {
		c := dialLMTP(t, s.lmtp)
		if a, err := c.command("STARTTLS"); err != nil || !strings.HasPrefix(a, "220") {
			return fmt.Errorf("STARTTLS: %s %w", a, err)
		}
		tc := tls.Client(c.conn, conf)
		defer tc.Close()
		return tc.Handshake()
	}
	for name, dial := range map[string]func(*tls.Config) error{"STARTTLS": starttls, "implicit": implicit, "LMTP": lmtp} {
		if got := subject(dial); got != "first.test" {
			t.Errorf("%s shows the certificate of %s", name, got)
		}
	}
	// A new certificate is taken over by SIGHUP, a broken one is not.
	writeCert(t, cert, key, "second.test")
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.waitLog("reloaded")
	if got := subject(implicit); got != "second.test" {
		t.Errorf("after SIGHUP the certificate is that of %s", got)
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.waitLog("reload refused")
	if got := subject(starttls); got != "second.test" {
		t.Errorf("after a refused reload the certificate is that of %s", got)
	}
}

func TestReloadTakesAllOrNothing(t *testing.T) {
	s := startServer(t, "[[script]]\npath = \"$DIR/a.sieve\"\n[[script]]\npath = \"$DIR/b.js\"\n", map[string]string{
		"a.sieve": `require ["fileinto", "mailbox"]; fileinto :create "One";`, "b.js": `0`,
	})
	s.addAccount("lea", "secret")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lands := func(want string) {
		t.Helper()
		c := s.login("lea", "secret")
		count := func() int {
			if _, err := c.Select(want, nil).Wait(); err != nil {
				return 0
			}
			return len(s.mailbox(c, want))
		}
		before := count()
		s.deliver("a@remote.test", "lea@example.test", "Subject: x\n\nx\n")
		if after := count(); after != before+1 {
			t.Errorf("the message did not land in %s", want)
		}
	}
	lands("One")
	// The first script is good, the second is broken: neither is taken.
	write("a.sieve", `require ["fileinto", "mailbox"]; fileinto :create "Two";`)
	write("b.js", `let let = ;`)
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.waitLog(`reload refused.*b\.js:1`)
	lands("One")
	write("b.js", `0`)
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.waitLog("reloaded")
	lands("Two")
	// A setting that needs a restart refuses the whole reload, by name.
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	write("a.sieve", `require ["fileinto", "mailbox"]; fileinto :create "Three";`)
	if err := os.WriteFile(s.config, bytes.Replace(text, []byte(`hostname = "example.test"`), []byte(`hostname = "other.test"`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.waitLog(`reload refused.*server\.hostname needs a restart`)
	lands("Two")
	if err := os.WriteFile(s.config, []byte("[imap\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.waitLog(`reload refused.*sluice\.toml:1`)
	lands("Two")
}

func TestSIGTERMEndsSessionsInOrder(t *testing.T) {
	s := startServer(t, "", nil)
	s.addAccount("max", "secret")
	conn, err := net.Dial("tcp", s.imap)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "a LOGIN max secret\r\n")
	l := dialLMTP(t, s.lmtp)
	s.stop() // fails if the exit code is not 0
	all, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(all), "* BYE") {
		t.Errorf("the IMAP session saw %q, %v", all, err)
	}
	if rest, _ := io.ReadAll(l.r); !strings.HasPrefix(string(rest), "421") {
		t.Errorf("the LMTP session saw %q", rest)
	}
	for _, left := range []string{"data/control.sock", "data.run/lmtp.sock"} {
		if _, err := os.Stat(filepath.Join(s.dir, left)); err == nil {
			t.Errorf("%s is left behind", left)
		}
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("errors in the log:\n%s", s.log)
	}
}

func TestBelowTheMarkOfFreeDiskMailIsAskedToComeAgain(t *testing.T) {
	s := startServer(t, "[database]\nmin-free = 9000000000000000\n", nil)
	s.addAccount("nils", "secret")
	c := dialLMTP(t, s.lmtp)
	a, err := c.command("MAIL FROM:<a@remote.test>")
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(a, "250") {
		c.command("RSET")
		a = c.send("a@remote.test", []string{"nils@example.test"}, []byte("Subject: x\r\n\r\nx\r\n"))[0]
	}
	if !strings.HasPrefix(a, "452 4.3.1") {
		t.Errorf("the answer is %s", a)
	}
	out, err := s.login("nils", "secret").Append("INBOX", 5, nil), error(nil)
	if _, err = out.Write([]byte("a\r\nb")); err == nil {
		out.Close()
		_, err = out.Wait()
	}
	if err == nil {
		t.Error("APPEND was taken")
	}
}

func TestWhoWatchesTheServer(t *testing.T) {
	s := startServer(t, "", nil)
	s.addAccount("ole", "secret")
	s.deliver("a@remote.test", "ole@example.test", "Subject: x\n\nx\n")
	for path, want := range map[string]string{"/livez": "ok\n", "/readyz": "ok\n"} {
		res, err := http.Get("http://" + s.http + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || string(text) != want {
			t.Errorf("%s is %s %q", path, res.Status, text)
		}
	}
	for metric, least := range map[string]float64{"sluice_messages_total": 1, "sluice_delivered_total": 1, "sluice_info": 1, "sluice_mailstore_imports_total": 1, "sluice_kv_hits_total": 0} {
		if got := s.metric(metric); got < least {
			t.Errorf("%s is %v, want at least %v", metric, got, least)
		}
	}
	if res, err := http.Get("http://" + s.http + "/"); err != nil || res.StatusCode != 404 {
		t.Errorf("/ is %v %v", res, err)
	}
}

func TestLogsAreJSONWhenAskedAndNeverHoldSecrets(t *testing.T) {
	s := newServer(t, "[[script]]\npath = \"$DIR/a.js\"\n", map[string]string{"a.js": `key_set("", "a-secret-key", "a-secret-value"); keep();`})
	s.env = []string{"SLUICE_SERVER_LOG_FORMAT=json"}
	s.start()
	s.addAccount("pia", "correct-horse")
	s.deliver("a@remote.test", "pia@example.test", "Subject: a-secret-subject\n\na-secret-body\n")
	s.login("pia", "correct-horse")
	c, err := imapclient.DialInsecure(s.imap, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Login("pia", "wrong-horse").Wait() == nil {
		t.Error("a wrong password was taken")
	}
	c.Close()
	s.stop()
	for line := range strings.Lines(s.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
	if m := regexp.MustCompile(`horse|a-secret-\w+`).FindString(s.log.String()); m != "" {
		t.Errorf("the log holds %q", m)
	}
}

func TestTheDataDirectoryHasOneOwner(t *testing.T) {
	s := startServer(t, "", nil)
	second := s.command("serve")
	second.Env = append(second.Env, "SLUICE_IMAP_LISTEN="+freeAddress(t), "SLUICE_LMTP_LISTEN="+freeAddress(t), "SLUICE_HTTP_LISTEN="+freeAddress(t))
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("a second server: %v\n%s", err, out)
	}
	for path, want := range map[string]os.FileMode{"data": 0o700, "data/control.sock": 0o600, "data.run/lmtp.sock": 0o666} {
		info, err := os.Stat(filepath.Join(s.dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode().Perm(), want, err)
		}
	}
	// A command finds the server; it does not open the files under its feet.
	s.addAccount("quint", "secret")
	if out := s.sluice("", "account", "list"); !strings.Contains(out, "quint") {
		t.Errorf("account list says %s", out)
	}
	if out, err := s.command("kv", "get", "--script", "admin", "none").CombinedOutput(); err == nil || !strings.Contains(string(out), "absent") {
		t.Errorf("kv get says %s", out)
	}
}

// The control socket asks who is at the other end, whatever the mode of its file.
func TestTheControlSocketIsForItsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can become another user")
	}
	curl := missing(t, "curl")
	dir, err := os.MkdirTemp("", "sluice-control-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	socket := filepath.Join(dir, "control.sock")
	s := newServer(t, "", nil)
	s.env = []string{"SLUICE_SERVER_CONTROL=" + socket}
	s.start()
	os.Chmod(dir, 0o777)
	os.Chmod(socket, 0o777)
	cmd := exec.Command(curl, "-sS", "-i", "--unix-socket", socket, "-d", "{}", "http://control/v2/account/list")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "403 Forbidden") {
		t.Errorf("another user got %v\n%s", err, out)
	}
	if out := s.sluice("", "account", "list"); !strings.Contains(out, "NAME") {
		t.Errorf("the own user got %s", out)
	}
	// Another version of the protocol is refused in words.
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v99/account/list HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
	if all, _ := io.ReadAll(conn); !strings.Contains(string(all), "control protocol 2, this command 99") {
		t.Errorf("another version got %s", all)
	}
}

func TestAChangedPasswordEndsRememberedLogins(t *testing.T) {
	s := startServer(t, "", nil)
	s.addAccount("rosa", "old password")
	s.login("rosa", "old password")
	s.login("rosa", "old password") // remembered
	if n := s.metric("sluice_account_remembered_total"); n < 1 {
		t.Errorf("%v logins were remembered", n)
	}
	s.sluice("new password\n", "account", "passwd", "rosa", "--password-stdin")
	c, err := imapclient.DialInsecure(s.imap, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Login("rosa", "old password").Wait() == nil {
		t.Error("the old password still works")
	}
	s.login("rosa", "new password")
}

// A file of a newer version, or one that is damaged, is refused by name before anything is served.
func TestFilesThatCannotBeUsedAreRefusedByName(t *testing.T) {
	for _, file := range []string{"kv.db", "directory.db", "outbox.db"} {
		for what, spoil := range map[string]func(t *testing.T, path string){
			"newer": func(t *testing.T, path string) {
				out, err := exec.Command("python3", "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 9999'); c.close()", path).CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			},
			"damaged": func(t *testing.T, path string) {
				if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
					t.Fatal(err)
				}
				os.Remove(path + "-wal")
				os.Remove(path + "-shm")
			},
		} {
			t.Run(file+" "+what, func(t *testing.T) {
				missing(t, "python3")
				s := newServer(t, "", nil)
				s.sluice("secret\n", "account", "add", "sam", "--password-stdin")
				spoil(t, filepath.Join(s.dir, "data", file))
				out, err := s.command("serve").CombinedOutput()
				text := string(out)
				want := map[string]error{"newer": sqlite.ErrNewerSchema, "damaged": sqlite.ErrCorrupt}[what].Error()
				if err == nil || !strings.Contains(text, file) || !strings.Contains(text, strings.TrimPrefix(want, "sqlite: ")) || strings.Contains(text, "panic") {
					t.Errorf("%v, %s\nwant %s and %s", err, text, file, want)
				}
				if n := strings.Count(strings.TrimSpace(text), "\n"); n > 1 {
					t.Errorf("one clear error is wanted, not\n%s", text)
				}
			})
		}
	}
}

// A damaged file of one account is that account's trouble alone: its mail waits with the MTA, it is
// told a server error, and everybody else goes on.
func TestADamagedAccountHurtsNobodyElse(t *testing.T) {
	s := newServer(t, "", nil)
	s.start()
	s.addAccount("tim", "secret")
	s.addAccount("uma", "secret")
	s.stop()
	var list []accountOut
	if err := json.Unmarshal([]byte(s.sluice("", "account", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Name == "tim" {
			path := filepath.Join(s.dir, "data", "accounts", a.ID+".db")
			for _, extra := range []string{"-wal", "-shm"} {
				os.Remove(path + extra)
			}
			if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.start()
	c := dialLMTP(t, s.lmtp)
	answers := c.send("a@remote.test", []string{"tim@example.test", "uma@example.test"}, []byte("Subject: x\r\n\r\nx\r\n"))
	if !strings.HasPrefix(answers[0], "451") || !strings.HasPrefix(answers[1], "250") {
		t.Errorf("the answers are %q", answers)
	}
	if n := len(s.mailbox(s.login("uma", "secret"), "INBOX")); n != 1 {
		t.Errorf("uma has %d messages, want 1", n)
	}
	tim, err := imapclient.DialInsecure(s.imap, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tim.Close()
	if err := tim.Login("tim", "secret").Wait(); err == nil || !strings.Contains(err.Error(), "server error") && !strings.Contains(err.Error(), "SERVERBUG") {
		t.Errorf("tim's login is %v", err)
	}
	s.waitLog(`level=ERROR.*accounts/.*\.db`)
	if res, err := http.Get("http://" + s.http + "/readyz"); err != nil || res.StatusCode != 200 {
		t.Errorf("the server is not ready: %v %v", res, err)
	}
	s.stop()
}

// The blobs vanish under the server. What it answers with 250 then is in the journal, and is filed, once,
// by the next start.
func TestMailThatCannotBeFiledNowIsFiledByTheNextStart(t *testing.T) {
	s := startServer(t, "", nil)
	s.addAccount("vera", "secret")
	if err := os.RemoveAll(filepath.Join(s.dir, "data", "blobs")); err != nil {
		t.Fatal(err)
	}
	c := dialLMTP(t, s.lmtp)
	answer := c.send("a@remote.test", []string{"vera@example.test"}, []byte("Subject: x\r\n\r\nx\r\n"))[0]
	c.close()
	s.stop()
	s.start()
	want := 0
	if strings.HasPrefix(answer, "250") {
		want = 1
	} else if !strings.HasPrefix(answer, "4") {
		t.Errorf("the answer is %s", answer)
	}
	if n := len(s.mailbox(s.login("vera", "secret"), "INBOX")); n != want {
		t.Errorf("vera has %d messages after %q, want %d", n, answer, want)
	}
}

func TestSystemdIsTold(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newServer(t, "", nil)
	s.env = []string{"NOTIFY_SOCKET=" + path}
	s.start()
	s.stop()
	b := make([]byte, 100)
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		l.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := l.Read(b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("told %q, %v; want %s", b[:n], err, want)
		}
	}
}

// 60 MB is what an idle server may hold.
func TestIdleServerIsSmall(t *testing.T) {
	s := newServer(t, "", nil)
	s.binary = builtBinary(t)
	s.start()
	resident := func() int {
		t.Helper()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
		kb, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return kb
	}
	t.Logf("a fresh server holds %d KB", resident())
	// Password hashes take 19 MiB each; they are given back once nobody logs in any more.
	for i := range 4 {
		s.addAccount(fmt.Sprintf("a%d", i), "secret")
		s.login(fmt.Sprintf("a%d", i), "secret").Close()
	}
	kb := resident()
	for deadline := time.Now().Add(30 * time.Second); kb > 60_000 && time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		kb = resident()
	}
	t.Logf("an idle server holds %d KB", kb)
	if kb > 60_000 {
		t.Errorf("an idle server holds %d KB, over 60 MB", kb)
	}
}
