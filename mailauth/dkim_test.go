package mailauth

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const plain = "From: Alice <alice@example.net>\r\nTo: bob@example.org\r\nSubject: Hello\r\n\tthere\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nHello Bob,\r\n\r\ngoodbye.\r\n"

// keys are made once; one of 2048 bits takes a while.
var keys = sync.OnceValue(func() (k struct {
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func record64(t testing.TB, public crypto.PublicKey) string {
	t.Helper()
	if ed, ok := public.(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(ed)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

// sign signs a message with the RSA key; change may ask for more.
func sign(t testing.TB, message string, change func(*dkim.SignOptions)) string {
	t.Helper()
	o := &dkim.SignOptions{Domain: "example.net", Selector: "s1", Signer: keys().rsa, HeaderKeys: []string{"From", "Subject", "To"}}
	if change != nil {
		change(o)
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, strings.NewReader(message), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDKIM(t *testing.T) {
	key, ed := record64(t, &keys().rsa.PublicKey), record64(t, keys().ed.Public())
	short, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 511, 1), E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	const name = "s1._domainkey.example.net "
	zone := []string{name + "TXT " + key, "e1._domainkey.example.net TXT " + ed, "e1._domainkey.example.com TXT " + ed}
	signed := sign(t, plain, nil)
	edited := func(from, to string) string { return strings.Replace(signed, from, to, 1) }
	pass := DKIMResult{Result: Pass, Domain: "example.net", Selector: "s1", Identity: "@example.net", Algorithm: "rsa-sha256"}
	with := func(change func(*DKIMResult)) []DKIMResult {
		r := pass
		change(&r)
		return []DKIMResult{r}
	}
	failing := func(result, text string) []DKIMResult {
		return with(func(r *DKIMResult) { r.Result, r.Error = result, text })
	}
	for _, tt := range []struct {
		name    string
		zone    []string
		message string
		want    []DKIMResult
	}{
		{"a message without signatures has no results", zone, plain, nil},
		{"a signed message passes", zone, signed, []DKIMResult{pass}},
		{"relaxed canonicalization bears other blanks", zone, strings.Replace(sign(t, plain, func(o *dkim.SignOptions) {
			o.HeaderCanonicalization, o.BodyCanonicalization = dkim.CanonicalizationRelaxed, dkim.CanonicalizationRelaxed
		}), "Subject: Hello\r\n\tthere", "subject:  Hello there ", 1), []DKIMResult{pass}},
		{"simple canonicalization does not", zone, edited("Subject: Hello", "Subject:  Hello"), failing(Fail, "signature did not verify: crypto/rsa: verification error")},
		{"a changed field that is signed fails", zone, edited("To: bob@example.org", "To: eve@example.org"), failing(Fail, "signature did not verify: crypto/rsa: verification error")},
		{"a changed body fails", zone, edited("goodbye", "good buy"), failing(Fail, "body hash did not verify")},
		{"a body that goes on fails", zone, signed + "PS: send money\r\n", failing(Fail, "body hash did not verify")},
		{"a field that is not signed may change", zone, edited("Date: Thu, 1 Jan", "Date: Thu, 8 Jan"), []DKIMResult{pass}},
		{"a message of a header alone can be signed", zone, strings.TrimSuffix(sign(t, "From: alice@example.net\r\n\r\n", nil), "\r\n"), []DKIMResult{pass}},
		{"no key", nil, signed, failing(PermError, "no key for signature: lookup s1._domainkey.example.net: no such host")},
		{"a server that does not answer", []string{name + "ERR"}, signed, failing(TempError, "key unavailable: lookup s1._domainkey.example.net: server misbehaving")},
		{"a key that was taken back", []string{name + "TXT v=DKIM1; p="}, signed, failing(PermError, "key revoked")},
		{"two keys", []string{name + "TXT " + key, name + "TXT " + key}, signed, failing(PermError, "multiple TXT records found for key")},
		{"a weak key", []string{name + "TXT v=DKIM1; p=" + base64.StdEncoding.EncodeToString(short)}, signed, failing(Fail, "key is too short: want 1024 bits, has 512 bits")},
		{"a giant key", []string{name + "TXT v=DKIM1; p=" + strings.Repeat("A", maxKeyRecord)}, signed, failing(PermError, "no key for signature: its record is too long")},
		{"SHA-1", zone, edited("a=rsa-sha256", "a=rsa-sha1"), with(func(r *DKIMResult) {
			r.Result, r.Algorithm, r.Error = Fail, "rsa-sha1", "hash algorithm too weak: sha1"
		})},
		{"a part of the body", zone, edited("a=rsa-sha256", "l=5; a=rsa-sha256"), with(func(r *DKIMResult) {
			r.Result, r.Partial, r.Error = Policy, true, "it covers a part of the body only"
		})},
		{"a domain that tests", []string{name + "TXT " + key + "; t=y"}, signed, with(func(r *DKIMResult) { r.Testing = true })},
		{"an identity in a subdomain", zone, sign(t, plain, func(o *dkim.SignOptions) { o.Identifier = "alice@news.example.net" }), with(func(r *DKIMResult) {
			r.Identity = "alice@news.example.net"
		})},
		{"an identity in a subdomain that the key is not for", []string{name + "TXT " + key + "; t=s:y"}, sign(t, plain, func(o *dkim.SignOptions) { o.Identifier = "alice@news.example.net" }),
			with(func(r *DKIMResult) {
				r.Identity, r.Testing, r.Result, r.Error = "alice@news.example.net", true, PermError, "the key is not for subdomains"
			})},
		{"a signature that has expired", zone, sign(t, plain, func(o *dkim.SignOptions) { o.Expiration = time.Unix(1, 0) }), failing(PermError, "signature has expired")},
		{"no tags at all", zone, "DKIM-Signature: \r\n" + plain, []DKIMResult{{Result: PermError, Identity: "@", Error: "incompatible signature version"}}},
		{"From that is not signed", zone, edited("h=From:Subject:To", "h=Subject:To"), failing(PermError, "From field not signed")},
		{"Ed25519 beside RSA", zone, sign(t, signed, func(o *dkim.SignOptions) { o.Signer, o.Selector, o.Domain = keys().ed, "e1", "example.com" }), []DKIMResult{
			{Result: Pass, Domain: "example.com", Selector: "e1", Identity: "@example.com", Algorithm: "ed25519-sha256"}, pass}},
		{"names that cannot be asked for", zone, edited("d=example.net", "d=example..net\x01"), with(func(r *DKIMResult) {
			r.Domain, r.Identity, r.Result, r.Error = "example..net?", "@example..net?", PermError, "no key for signature: lookup s1._domainkey.example..net\x01: no such host"
			r.Error = strings.ReplaceAll(r.Error, "\x01", "?")
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := New(Options{Resolver: zones(tt.zone...)}).DKIM(t.Context(), []byte(tt.message))
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(DKIMResult{}, "Signature")); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			for _, r := range got {
				if r.Result == Pass && len(r.Signature) != 8 {
					t.Errorf("the signature is told as %q", r.Signature)
				}
			}
		})
	}
}

func TestNoMoreSignaturesAreLookedAtThanAsked(t *testing.T) {
	message := plain
	for range 5 {
		message = sign(t, message, nil)
	}
	r := zones("s1._domainkey.example.net TXT " + record64(t, &keys().rsa.PublicKey))
	for _, most := range []int{1, 3, 5, 8} {
		got := New(Options{Resolver: r, Signatures: most}).DKIM(t.Context(), []byte(message))
		if len(got) != min(most, 5) || got[0].Result != Pass {
			t.Errorf("of %d: %+v", most, got)
		}
	}
}

// A header of many fields under a signature of many names would be searched field by name.
func TestAHeaderThatWouldBeSearchedForEverIsNotVerified(t *testing.T) {
	message := "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=s1; bh=; b=; h=From" + strings.Repeat(":x", 50_000) + "\r\n" +
		strings.Repeat("X: y\r\n", 50_000) + plain
	start := time.Now()
	got := New(Options{Resolver: zones()}).DKIM(t.Context(), []byte(message))
	if len(got) != 1 || got[0].Result != PermError || got[0].Error != "the header is too large for its signatures" {
		t.Errorf("got %+v", got)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func FuzzDKIM(f *testing.F) {
	f.Add([]byte(sign(f, sign(f, plain, nil), nil)), "s1._domainkey.example.net TXT "+record64(f, &keys().rsa.PublicKey))
	f.Add([]byte("DKIM-Signature: v=1; d=a.b; s=c; h=from; bh=; b=; a=rsa-sha256\n"), "c._domainkey.a.b TXT p=AAAA")
	f.Add([]byte(" \r\nDkim-signature : v=1\n\tx\n\nbody"), "")
	f.Fuzz(func(t *testing.T, message []byte, record string) {
		name, rest, _ := strings.Cut(record, " ")
		typ, text, _ := strings.Cut(rest, " ")
		if typ != "TXT" {
			name, text = "x", record
		}
		c := New(Options{Resolver: zones(name + " TXT " + text)})
		fields, _ := headerFields(message)
		n := 0
		for _, field := range fields {
			if name, _, _ := strings.Cut(string(field), ":"); strings.EqualFold(strings.TrimSpace(name), "dkim-signature") {
				n++
			}
		}
		if got := c.DKIM(t.Context(), message); len(got) != min(n, 8) {
			t.Errorf("%d results of %d signatures", len(got), n)
		} else {
			for _, r := range got {
				if r.Result == "" || r.Error == "the header cannot be read" && len(message) < 4000 {
					t.Errorf("got %+v", r)
				}
			}
		}
	})
}

func BenchmarkDKIM(b *testing.B) {
	message := []byte(sign(b, plain+strings.Repeat("A line of the body, neither long nor short.\r\n", 500), nil))
	c := New(Options{Resolver: zones("s1._domainkey.example.net TXT " + record64(b, &keys().rsa.PublicKey))})
	b.ReportAllocs()
	for b.Loop() {
		if got := c.DKIM(b.Context(), message); got[0].Result != Pass {
			b.Fatal(got)
		}
	}
}
