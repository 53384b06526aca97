package mysql

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
)

func TestURLSaysWhereTheServerIs(t *testing.T) {
	type where struct{ User, Passwd, Net, Addr, DB, TLS string }
	for _, c := range []struct {
		name, url string
		want      where
	}{
		{"a host with its port", "mysql://u@db.example:3307/mail", where{"u", "", "tcp", "db.example:3307", "mail", ""}},
		{"a host alone", "mysql://u@db.example/mail", where{"u", "", "tcp", "db.example:3306", "mail", ""}},
		{"an address of the newer kind", "mysql://u@[::1]:3307/mail", where{"u", "", "tcp", "[::1]:3307", "mail", ""}},
		{"a socket", "mysql://u@localhost/mail?socket=/run/my.sock", where{"u", "", "unix", "/run/my.sock", "mail", ""}},
		{"a socket without host", "mysql://u@/mail?socket=/run/my.sock", where{"u", "", "unix", "/run/my.sock", "mail", ""}},
		{"a password with odd characters", "mysql://u:p%40%3A%2F@h/mail", where{"u", "p@:/", "tcp", "h:3306", "mail", ""}},
		{"TLS", "mysql://u@h/mail?tls=true", where{"u", "", "tcp", "h:3306", "mail", "true"}},
		{"no user, who may come from elsewhere", "mysql://h/mail", where{"", "", "tcp", "h:3306", "mail", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseURL(c.url)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, where{got.User, got.Passwd, got.Net, got.Addr, got.DBName, got.TLSConfig}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// badURLs all hold the password hush, which no error may say.
var badURLs = []struct{ name, url, want string }{
	{"another scheme", "postgres://u:hush@h/mail", "form"},
	{"a scheme alone", "mysql:u:hush", "form"},
	{"a bad escape", "mysql://u:hush%zz@h/mail", "form"},
	{"no database", "mysql://u:hush@h", "database"},
	{"an empty database", "mysql://u:hush@h/", "database"},
	{"two databases", "mysql://u:hush@h/a/b", "database"},
	{"a database with NUL", "mysql://u:hush@h/a%00", "database"},
	{"a long database", "mysql://u:hush@h/" + strings.Repeat("a", 65), "database"},
	{"no host", "mysql://u:hush@/mail", "no host"},
	{"a port that is none", "mysql://u:hush@h:99999/mail", "port"},
	{"port 0", "mysql://u:hush@h:0/mail", "port"},
	{"an empty port", "mysql://u:hush@h:/mail", "port"},
	{"a host with a blank", "mysql://u:hush@h%20h/mail", "form"},
	{"an unknown parameter", "mysql://u:hush@h/mail?sockets=/a", "unknown parameter"},
	{"a driver's parameter", "mysql://u:hush@h/mail?allowAllFiles=true", "unknown parameter"},
	{"a parameter twice", "mysql://u:hush@h/mail?tls=true&tls=false", "more than once"},
	{"parameters that cannot be read", "mysql://u:hush@h/mail?a;b", "cannot be read"},
	{"a socket that is relative", "mysql://u:hush@/mail?socket=run", "absolute"},
	{"an empty socket", "mysql://u:hush@/mail?socket=", "absolute"},
	{"a long socket", "mysql://u:hush@/mail?socket=/" + strings.Repeat("a", 107), "absolute"},
	{"a socket and a host", "mysql://u:hush@h/mail?socket=/run/s", "socket and a host"},
	{"an unknown tls", "mysql://u:hush@h/mail?tls=maybe", "unknown tls"},
	{"a fragment", "mysql://u:hush@h/mail#x", "fragment"},
}

func TestURLWithNonsenseIsRefusedWithoutItsPassword(t *testing.T) {
	for _, c := range badURLs {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseURL(c.url)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v, want something about %q", err, c.want)
			}
		})
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("mysql://u:p@h:3306/mail?tls=true")
	f.Add("mysql://u@localhost/mail?socket=/run/my.sock")
	f.Add("mysql://u@[::1%25eth0]:1/mail")
	for _, c := range badURLs {
		f.Add(c.url)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseURL(text)
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("a long error: %v", err)
			}
			return
		}
		if c.DBName == "" || c.Addr == "" || c.Net != "tcp" && c.Net != "unix" || c.Net == "unix" && c.Addr[0] != '/' {
			t.Errorf("%q gave %+v", text, c)
		}
		if c.AllowAllFiles || c.AllowCleartextPasswords || c.AllowOldPasswords || c.MultiStatements || c.InterpolateParams || len(c.Params) > 0 {
			t.Errorf("%q weakens the connection", text)
		}
		if _, err := Open(t.Context(), Options{URLs: []string{text}, Username: "u"}); err != nil && !errors.Is(err, kv.ErrInvalid) {
			t.Error(err)
		}
	})
}

func TestOpenRefusesSettingsThatCannotWork(t *testing.T) {
	good := []string{"mysql://u@h/mail"}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"no url", Options{}, "0 urls"},
		{"two urls", Options{URLs: []string{good[0], good[0]}}, "2 urls"},
		{"a bad url", Options{URLs: []string{"mysql://"}}, "database"},
		{"no user", Options{URLs: []string{"mysql://h/mail"}}, "user"},
		{"a namespace with a dash", Options{URLs: good, Namespace: "a-b"}, "letters"},
		{"a namespace with a quote", Options{URLs: good, Namespace: "a`b"}, "letters"},
		{"a namespace of other letters", Options{URLs: good, Namespace: "ä"}, "letters"},
		{"a long namespace", Options{URLs: good, Namespace: strings.Repeat("a", maxNamespace+1)}, "49 characters"},
		{"a negative pool", Options{URLs: good, Pool: -1}, "pool"},
		{"a huge pool", Options{URLs: good, Pool: maxPool + 1}, "pool"},
		{"a negative timeout", Options{URLs: good, Timeout: -time.Second}, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), c.o)
			if s != nil || !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want something about %q", err, c.want)
			}
		})
	}
	s, err := Open(t.Context(), Options{URLs: good, Namespace: strings.Repeat("a", maxNamespace), Pool: maxPool})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
