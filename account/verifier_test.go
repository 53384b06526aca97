package account

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/sqlite"
)

func TestARealPasswordIsKeptAsTwoVerifiers(t *testing.T) {
	f := open(t, Options{})
	f.argon = hashArgon2id
	if _, err := f.Add(t.Context(), "bob", "pencil"); err != nil {
		t.Fatal(err)
	}
	var texts []string
	err := f.db.Read(t.Context(), func(c *sqlite.Conn) error {
		rows := c.Query(`SELECT verifier FROM credential ORDER BY n`)
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Error(err)
			}
			texts = append(texts, s)
		}
		return rows.Close()
	})
	if err != nil || len(texts) != 2 {
		t.Fatalf("%q %v", texts, err)
	}
	if !strings.HasPrefix(texts[0], "$argon2id$v=19$m=19456,t=2,p=1$") || !strings.HasPrefix(texts[1], "SCRAM-SHA-256$20000:") {
		t.Errorf("%q", texts)
	}
	for _, text := range texts {
		v, err := parseVerifier(text)
		if err != nil {
			t.Fatal(err)
		}
		if v.String() != text {
			t.Errorf("%s is written as %s", text, v)
		}
		if !v.check(f.Directory, []byte("pencil")) || v.check(f.Directory, []byte("Pencil")) || v.check(f.Directory, nil) {
			t.Errorf("%.14s does not check passwords", text)
		}
	}
	f.login(t, "bob", "pencil", ip1, nil)
	f.login(t, "bob", "Pencil", ip1, ErrCredentials)
}

// The exchange of RFC 7677, section 3, gives the keys that a verifier has to hold: the
// client's proof there is checked with nothing else.
func TestSCRAMKeysFitTheExampleOfTheStandard(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	s := scram{iterations: 4096, salt: salt}
	stored, server, err := s.keys([]byte("pencil"))
	if err != nil {
		t.Fatal(err)
	}
	const auth = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	proof, _ := base64.StdEncoding.DecodeString("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	if got := clientProofKey(stored, auth, proof); !bytes.Equal(got, stored) {
		t.Error("the stored key does not fit the client's proof")
	}
	if got := base64.StdEncoding.EncodeToString(sign(server, auth)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("the server's signature is %s", got)
	}
}

func TestDamagedVerifiersAreRefused(t *testing.T) {
	a, err := newArgon2id(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.hash = make([]byte, argonKeySize)
	s, err := newSCRAM(rand.Reader, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	good, goodSCRAM := a.String(), s.String()
	for _, text := range []string{
		"", "x", "$argon2id$", "$argon2i$" + good[10:], good[:len(good)-4], good + "$x",
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=4000000", 1), // would take 4 GB
		strings.Replace(good, "t=2", "t=1000", 1),
		strings.Replace(good, "t=2", "t=0", 1),
		strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=-1", 1),
		"SCRAM-SHA-256$", goodSCRAM[:len(goodSCRAM)-4],
		strings.Replace(goodSCRAM, "20000", "0", 1),
		strings.Replace(goodSCRAM, "20000", "99999999999", 1),
		strings.Replace(goodSCRAM, ":", "", 1),
	} {
		if v, err := parseVerifier(text); err == nil {
			t.Errorf("%q is %v", text, v)
		}
	}
}

func FuzzVerifier(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("SCRAM-SHA-256$4096:AAAA$AAAA:AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseVerifier(text)
		if err != nil {
			return
		}
		again, err := parseVerifier(v.String())
		if err != nil || again.String() != v.String() {
			t.Errorf("%q is written as %q: %v", text, v, err)
		}
	})
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"bob", "a@b", `"a b"@c`, "a+b@c", "ü@ö", "a@b@c", "\"", "a\\"} {
		f.Add(s)
	}
	d := &Directory{o: Options{Hostname: "h"}}
	f.Fuzz(func(t *testing.T, name string) {
		local, domain, ok := splitAddress(name)
		keys := d.keys(local, domain)
		if checkName(name) != nil {
			return
		}
		if !ok || keys[0] != fold(name) {
			t.Errorf("%q is valid, but found under %q (%v)", name, keys, ok)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	a, err := newArgon2id(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		hashArgon2id([]byte("pencil"), a)
	}
}
