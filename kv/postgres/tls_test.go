package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/postgres"
	"github.com/sluice-mail/sluice/peers"
)

// certificate makes one for name that vouches for itself, and its key, both PEM.
func certificate(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	octets, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: octets})
}

func TestConnectionsAreAsSafeAsTheSettingsSay(t *testing.T) {
	own, key := certificate(t, "db.example.org")
	p := start(t, peers.PostgresOptions{Certificate: own, Key: key})
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(own)
	foreign, _ := certificate(t, "db.example.org")
	others.AppendCertsFromPEM(foreign)
	for _, c := range []struct {
		name string
		o    postgres.Options
		ok   bool
	}{
		{"a certificate that is trusted", postgres.Options{TLS: &tls.Config{RootCAs: roots, ServerName: "db.example.org"}}, true},
		{"TLS where the url wants none", postgres.Options{URLs: []string{p.URL() + "?sslmode=disable"}, TLS: &tls.Config{RootCAs: roots, ServerName: "db.example.org"}}, true},
		{"a certificate of somebody else's", postgres.Options{TLS: &tls.Config{RootCAs: others, ServerName: "db.example.org"}}, false},
		{"a certificate for another name", postgres.Options{TLS: &tls.Config{RootCAs: roots}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openAt(t, p, c.o)
			err := s.Ping(t.Context())
			if c.ok != (err == nil) || !c.ok && !errors.Is(err, kv.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
			if !c.ok {
				return
			}
			var safe bool
			err = connect(t, p.URL()).QueryRow(t.Context(), `SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
				WHERE application_name = 'sluice'`).Scan(&safe)
			if err != nil || !safe {
				t.Errorf("the connection is not encrypted, %v", err)
			}
		})
	}
}
