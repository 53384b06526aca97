package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/sqlite"
)

var (
	noIP netip.Addr
	ip1  = netip.MustParseAddr("192.0.2.1")
)

// hashesOf returns how many passwords were hashed while fn ran.
func (f fixture) hashesOf(fn func()) int64 {
	before := f.Stats().Hashes
	fn()
	return f.Stats().Hashes - before
}

func (f fixture) login(t *testing.T, name, password string, ip netip.Addr, want error) Account {
	t.Helper()
	a, err := f.Verify(t.Context(), name, password, ip)
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		t.Errorf("login as %q: %v, want %v", name, err, want)
	}
	return a
}

func TestLoginsByNameAndAlias(t *testing.T) {
	f := open(t, Options{})
	bob := f.add(t, "bob")
	f.alias(t, "bob", "info@example.com")
	for _, name := range []string{"bob", "BOB", "bob@localhost", "bob@mail.example.org", "info@example.com"} {
		if a := f.login(t, name, "secret of bob", ip1, nil); a.ID != bob.ID {
			t.Errorf("%s is %+v", name, a)
		}
	}
	for _, name := range []string{"bob+x", "bob@example.com", "", "nobody", strings.Repeat("n", 100_000), "bob\x00"} {
		f.login(t, name, "secret of bob", noIP, ErrCredentials)
	}
	for _, password := range []string{"", "secret of Bob", "secret of bob ", strings.Repeat("p", 100_000), "\xff", "a\x00"} {
		f.login(t, "bob", password, noIP, ErrCredentials)
	}
}

func TestPasswordsAreTheSameHoweverTheyAreTyped(t *testing.T) {
	f := open(t, Options{})
	if _, err := f.Add(t.Context(), "bob", "caf\u00e9 \u00fc"); err != nil {
		t.Fatal(err)
	}
	f.login(t, "bob", "cafe\u0301 u\u0308", ip1, nil)
}

func TestAFailedLoginCostsOneHashWhoeverIsNamed(t *testing.T) {
	f := open(t, Options{})
	f.add(t, "bob")
	var asked []argon2id
	f.argon = func(p []byte, a argon2id) []byte {
		asked = append(asked, a)
		return cheap(p, a)
	}
	for _, tt := range []struct{ name, login, password string }{
		{"a known name", "bob", "wrong"},
		{"an unknown name", "nobody", "wrong"},
		{"no name", "", "wrong"},
		{"a name that cannot be", "\"", "wrong"},
		{"a password that cannot be", "bob", "\x00"},
		{"a password that cannot be of an unknown name", "nobody", "\x00"},
	} {
		if n := f.hashesOf(func() { f.login(t, tt.login, tt.password, noIP, ErrCredentials) }); n != 1 {
			t.Errorf("%s: %d hashes, want 1", tt.name, n)
		}
	}
	for _, a := range asked {
		if a.memory != 19*1024 || a.time != 2 || a.lanes != 1 || len(a.salt) != saltSize {
			t.Errorf("hashed with %+v", a)
		}
	}
}

func TestAVerifiedLoginIsRememberedForAMinute(t *testing.T) {
	f := open(t, Options{})
	f.add(t, "bob")
	login := func() int64 {
		return f.hashesOf(func() { f.login(t, "bob", "secret of bob", ip1, nil) })
	}
	if login() != 1 || login() != 0 {
		t.Error("the first login costs a hash, the second none")
	}
	if n := f.hashesOf(func() { f.login(t, "bob", "wrong", ip1, ErrCredentials) }); n != 1 {
		t.Errorf("a wrong password costs %d hashes", n)
	}
	f.clock.add(59 * time.Second)
	if login() != 0 {
		t.Error("forgotten before the minute is over")
	}
	f.clock.add(time.Second)
	if login() != 1 {
		t.Error("remembered after the minute is over")
	}
	if f.Stats().Remembered != 2 {
		t.Errorf("%+v", f.Stats())
	}
	for k := range f.seen.logins {
		if bytes.Contains(k[:], []byte("secret")) {
			t.Error("the password is kept")
		}
	}
}

func TestARememberedLoginEndsWithItsPassword(t *testing.T) {
	f := open(t, Options{})
	bob := f.add(t, "bob")
	f.login(t, "bob", "secret of bob", ip1, nil)
	if err := f.Passwd(t.Context(), "bob", "new"); err != nil {
		t.Fatal(err)
	}
	f.login(t, "bob", "secret of bob", ip1, ErrCredentials)
	if n := f.hashesOf(func() { f.login(t, "bob", "new", ip1, nil) }); n != 1 {
		t.Errorf("the new password costs %d hashes", n)
	}

	// Another process that shares the store changes it.
	key := kv.Key{Prefix: kv.TokenRevision, Name: bob.ID}
	if n, err := f.kv.Counter(t.Context(), key); err != nil || n != 1 {
		t.Errorf("revision %d %v, want 1", n, err)
	}
	if n := f.hashesOf(func() { f.login(t, "bob", "new", ip1, nil) }); n != 0 {
		t.Errorf("not remembered: %d hashes", n)
	}
	if _, err := f.kv.Incr(t.Context(), key, 1, 0); err != nil {
		t.Fatal(err)
	}
	if n := f.hashesOf(func() { f.login(t, "bob", "new", ip1, nil) }); n != 1 {
		t.Errorf("still remembered after the revision moved: %d hashes", n)
	}
}

func TestALoginThatOverlapsAChangeOfPasswordIsNotRemembered(t *testing.T) {
	f := open(t, Options{Hashes: 2})
	f.add(t, "bob")
	changed := false
	f.argon = func(p []byte, a argon2id) []byte {
		if !changed { // the old password is being verified
			changed = true
			f.argon = cheap
			if err := f.Passwd(t.Context(), "bob", "new"); err != nil {
				t.Error(err)
			}
		}
		return cheap(p, a)
	}
	f.login(t, "bob", "secret of bob", ip1, nil)
	f.login(t, "bob", "secret of bob", ip1, ErrCredentials)
}

func TestOnlySoManyHashesAtATime(t *testing.T) {
	const limit, logins = 2, 12
	f := open(t, Options{Hashes: limit})
	for i := range logins {
		f.add(t, fmt.Sprintf("user%d", i))
	}
	var now, most atomic.Int64
	full, release := make(chan struct{}, logins), make(chan struct{})
	f.argon = func(p []byte, a argon2id) []byte {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		full <- struct{}{}
		<-release
		return cheap(p, a)
	}
	var wg sync.WaitGroup
	for i := range logins {
		wg.Go(func() {
			name := fmt.Sprintf("user%d", i)
			if _, err := f.Verify(t.Context(), name, "secret of "+name, ip1); err != nil {
				t.Error(err)
			}
		})
	}
	for range limit {
		<-full
	}

	// Somebody who gives up while waiting gets away, and it is no failure.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Verify(ctx, "user0", "x", ip1); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	close(release)
	wg.Wait()
	if most.Load() != limit || f.Stats().Failures != 0 {
		t.Errorf("%d hashes at a time, want %d; %+v", most.Load(), limit, f.Stats())
	}
}

func TestFailuresCountByClient(t *testing.T) {
	f := open(t, Options{FailuresByIP: kv.Rule{Limit: 3, Per: time.Hour}})
	f.add(t, "bob")
	for i := range 3 {
		f.login(t, fmt.Sprint("guess", i), "x", ip1, ErrCredentials)
	}
	if n := f.hashesOf(func() { f.login(t, "bob", "secret of bob", ip1, ErrTooManyFailures) }); n != 0 {
		t.Errorf("a refused login costs %d hashes", n)
	}
	f.login(t, "bob", "secret of bob", netip.MustParseAddr("::ffff:192.0.2.1"), ErrTooManyFailures) // the same client
	f.login(t, "bob", "secret of bob", netip.MustParseAddr("192.0.2.2"), nil)
	f.login(t, "bob", "secret of bob", noIP, nil)
	f.clock.add(2 * time.Hour)
	f.login(t, "bob", "secret of bob", ip1, nil)
	if s := f.Stats(); s.Failures != 3 || s.Refused != 2 {
		t.Errorf("%+v", s)
	}

	for i := range 3 { // one network of IPv6 is one client
		f.login(t, "guess", "x", netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1)), ErrCredentials)
	}
	f.login(t, "bob", "secret of bob", netip.MustParseAddr("2001:db8::ffff"), ErrTooManyFailures)
	f.login(t, "bob", "secret of bob", netip.MustParseAddr("2001:db8:0:1::1"), nil)
}

func TestFailuresCountByName(t *testing.T) {
	f := open(t, Options{FailuresByName: kv.Rule{Limit: 3, Per: time.Hour}})
	f.add(t, "bob")
	f.alias(t, "bob", "info")
	for i, name := range []string{"bob", "BOB@localhost", "info"} { // one account, three names
		f.login(t, name, "x", netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), ErrCredentials)
	}
	f.login(t, "bob", "secret of bob", ip1, ErrTooManyFailures)
	for range 3 {
		f.login(t, "nobody", "x", ip1, ErrCredentials)
	}
	f.login(t, "NOBODY", "x", ip1, ErrTooManyFailures) // as a known name would be
}

func TestASuccessIsNotCounted(t *testing.T) {
	f := open(t, Options{FailuresByIP: kv.Rule{Limit: 2, Per: time.Hour}, FailuresByName: kv.Rule{Limit: 2, Per: time.Hour}, Remember: -1})
	f.add(t, "bob")
	n := f.hashesOf(func() {
		for range 10 {
			f.login(t, "bob", "secret of bob", ip1, nil)
		}
	})
	if n != 10 {
		t.Errorf("%d hashes where nothing is remembered, want 10", n)
	}
}

func TestManyGuessesAtOnceAreCountedWhileTheyWait(t *testing.T) {
	f := open(t, Options{Hashes: 1, FailuresByIP: kv.Rule{Limit: 3, Per: time.Hour}})
	f.add(t, "bob")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := f.Verify(t.Context(), "bob", fmt.Sprint("guess", i), ip1)
			if !errors.Is(err, ErrCredentials) && !errors.Is(err, ErrTooManyFailures) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s := f.Stats(); s.Failures != 3 || s.Refused != 17 {
		t.Errorf("%+v, want 3 failures and 17 refused", s)
	}
}

func TestNoPasswordIsTriedWhileFailuresCannotBeCounted(t *testing.T) {
	f := open(t, Options{})
	f.add(t, "bob")
	f.login(t, "bob", "secret of bob", ip1, nil)
	if err := f.kv.Close(); err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"secret of bob", "wrong"} {
		if n := f.hashesOf(func() { f.login(t, "bob", password, ip1, kv.ErrClosed) }); n != 0 {
			t.Errorf("%d hashes for %q", n, password)
		}
	}
}

func TestNoPasswordIsWrittenAnywhere(t *testing.T) {
	var logged bytes.Buffer
	f := open(t, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	const password = "correct-horse-battery"
	if _, err := f.Add(t.Context(), "bob", password); err != nil {
		t.Fatal(err)
	}
	f.login(t, "bob", password, ip1, nil)
	f.login(t, "bob", password+"x", ip1, ErrCredentials)
	f.login(t, password, "bob", ip1, ErrCredentials) // typed into the wrong field
	if !strings.Contains(logged.String(), "login failed") || strings.Contains(logged.String(), password) {
		t.Errorf("log: %s", logged.String())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(f.path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(password)) {
			t.Errorf("the password is in %s", f.path+suffix)
		}
	}
}

func TestADamagedVerifierIsAnErrorAndNoFailure(t *testing.T) {
	f := open(t, Options{})
	f.add(t, "bob")
	err := f.db.Write(t.Context(), func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE credential SET verifier = 'x'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(t.Context(), "bob", "secret of bob", ip1); err == nil || errors.Is(err, ErrCredentials) {
		t.Errorf("got %v", err)
	}
	if f.Stats().Failures != 0 {
		t.Errorf("%+v", f.Stats())
	}
}
