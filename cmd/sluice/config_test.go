package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration is read to the end or refused with the line of each mistake; it never
// panics, and what it prints is read back as the same.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("[imap]\nlisten = [\"127.0.0.1:1143\"]\n[store.\"main\"]\ntype = \"memory\"\n"))
	f.Add([]byte("[[script]]\npath = \"x.sieve\"\nstage = \"rcpt\"\n[[script]]\npath = \"y.js\"\n"))
	f.Add([]byte("[imap\n"))
	f.Add([]byte("[store]\nmain = 3\n[server]\nhostname = [1, 2]\n[imap]\nmax-connections = -1\n"))
	f.Add([]byte("[server]\nhostname = \"\\u007f\\u0001\\\"\\\\\"\n[store.\"a.b\"]\ntype = \"memory\"\n"))
	f.Add([]byte("script = [{path = \"a.js\"}]\nserver.hostname = \"x\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, from := Default("data"), origins{}
		if err := c.read("fuzz.toml", text, from); err != nil {
			ce, ok := errors.AsType[*configError](err)
			if !ok || len(ce.lines) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			for _, line := range ce.lines {
				if !strings.HasPrefix(line, "fuzz.toml:") {
					t.Errorf("a mistake without its place: %s", line)
				}
			}
			return
		}
		if c.check(from) != nil {
			return
		}
		var shown bytes.Buffer
		if err := c.print(&shown, from, false); err != nil {
			t.Fatal(err)
		}
		again := Default("data")
		if err := again.read("shown.toml", shown.Bytes(), origins{}); err != nil {
			t.Fatalf("%v\n%s", err, shown.String())
		}
		var twice bytes.Buffer
		if err := again.print(&twice, origins{}, false); err != nil {
			t.Fatal(err)
		}
		if shown.String() != twice.String() {
			t.Errorf("printed:\n%s\nread back:\n%s", shown.String(), twice.String())
		}
	})
}

func TestSecretsAreInFilesAndNeverShown(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "relay.password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, from, err := loadConfig("", dir, []string{"SLUICE_RELAY_ADDRESS=127.0.0.1:25", "SLUICE_RELAY_USERNAME=u", "SLUICE_RELAY_PASSWORD_FILE=" + file})
	if err != nil {
		t.Fatal(err)
	}
	relay, err := relayOf(c)
	if err != nil || relay.Password != "hunter2" {
		t.Errorf("the relay's password is %q, %v", relay.Password, err)
	}
	var b bytes.Buffer
	if err := c.print(&b, from, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Error("config show prints the password")
	}
	c.Relay.PasswordFile = filepath.Join(dir, "none")
	if _, err := relayOf(c); err == nil || !strings.Contains(err.Error(), "relay.password-file") {
		t.Errorf("a missing secret is %v", err)
	}
}

func TestValuesThatNothingCouldUseAreRefusedWithTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"[imap]\nlisten = [\"1143\"]\n":                                              `x.toml:2: imap.listen: "1143" is no host:port`,
		"[imap]\nlisten-tls = [\"127.0.0.1:993\"]\n":                                 "needs [tls] cert and key",
		"[tls]\ncert = \"a.pem\"\n":                                                  "set together",
		"[storage]\nlookup = \"other\"\n":                                            `there is no [store."other"]`,
		"[store.\"main\".purge]\nfrequency = \"0 25 *\"\n":                           "x.toml:2: store.main.purge.frequency",
		"[store.\"b\"]\ntype = \"sqlite\"\npath = \"data/kv.db\"\n":                  "is the file of",
		"[store.\"b\"]\ntype = \"mongo\"\n":                                          `x.toml:2: store.b.type: "mongo" is not one of`,
		"[store.\"b\"]\ntype = \"redis\"\n":                                          `x.toml:1: store.b.urls: must name the server`,
		"[[script]]\nstage = \"deliver\"\n":                                          "x.toml:1: script.0.path: must not be empty",
		"[[script]]\npath = \"a.js\"\non-error = \"explode\"\n":                      `x.toml:3: script.0.on-error: "explode" is not one of`,
		"[housekeeper]\nschedule-purge-blobs = \"every day\"\n":                      "x.toml:2: housekeeper.schedule-purge-blobs",
		"[server]\nlog-level = \"loud\"\n":                                           `"loud" is not one of`,
		"[relay]\naddress = \"mx\"\ntls = \"maybe\"\n":                               "relay.tls",
		"[database]\nblob-nested-levels = 9\n":                                       "x.toml:2: database.blob-nested-levels: 9 is not from 1 to 4",
		"[relay]\nlifetime = 9223372036854775807\n":                                  "x.toml:2: relay.lifetime: 9223372036854775807 is not from 1 to",
		"[imap]\nmax-connections = 0\n":                                              "x.toml:2: imap.max-connections: 0 is not from 1",
		"[store.\"b.c\"]\ntype = \"memory\"\n":                                       `"b.c" is no id of a store`,
		"[limits]\ntime = -3\n":                                                      "not negative",
		"[store.\"a.b\"]\ntype = \"sqlite\"\npath = \"y.db\"\npurge.frequency = 1\n": "expected text",
	} {
		path := filepath.Join(t.TempDir(), "x.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := loadConfig(path, "data", nil)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), path, "x.toml"), want) {
			t.Errorf("%q is %v, want %s", text, err, want)
		}
	}
}

// The unit, its configuration and what sluice deliver looks for by itself belong together.
func TestThePackagedServerIsFound(t *testing.T) {
	c, _, err := loadConfig("../../packaging/sluice.toml", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.LMTP.Socket != systemSocket {
		t.Errorf("the packaged server delivers at %s, sluice deliver looks at %s", c.LMTP.Socket, systemSocket)
	}
	unit, err := os.ReadFile("../../packaging/sluice.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []struct{ path, below, line string }{
		{c.LMTP.Socket, "/run/sluice/", "\nRuntimeDirectory=sluice\n"},
		{c.Server.Control, "/var/lib/sluice/", "\nStateDirectory=sluice\n"},
	} {
		if !strings.HasPrefix(of.path, of.below) || !strings.Contains(string(unit), of.line) {
			t.Errorf("%s is in no folder of the unit", of.path)
		}
	}
}
