package mysql

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes one for db.example that signs itself, and returns its files and who trusts it.
func certificate(t *testing.T) (certFile, keyFile string, trust *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "db.example"}, DNSNames: []string{"db.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	for file, octets := range map[string][]byte{certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(file, octets, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust = x509.NewCertPool()
	trust.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, trust
}

func TestTLSIsUsedAndChecked(t *testing.T) {
	certFile, keyFile, trust := certificate(t)
	m := ownServer(t, "--ssl-cert="+certFile, "--ssl-key="+keyFile)
	_, _, others := certificate(t)
	ctx := t.Context()
	for _, c := range []struct {
		name string
		o    Options
		want string // in the error; "" is that it works, encrypted
	}{
		{"a certificate that is trusted", Options{URLs: []string{m.URL()}, TLS: &tls.Config{RootCAs: trust, ServerName: "db.example"}}, ""},
		{"a certificate of another name", Options{URLs: []string{m.URL()}, TLS: &tls.Config{RootCAs: trust, ServerName: "other.example"}}, "other.example"},
		{"a certificate that nobody trusts", Options{URLs: []string{m.URL()}, TLS: &tls.Config{RootCAs: others, ServerName: "db.example"}}, "certificate"},
		{"a URL that does not check", Options{URLs: []string{m.URL() + "&tls=skip-verify"}}, ""},
		{"a server without TLS", Options{URLs: []string{server(t).URL() + "&tls=skip-verify"}}, "does not support TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := try(t, c.o)
			err := s.Ping(ctx)
			if c.want != "" {
				if unavailable(err) != nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want something about %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var name, cipher string
			if err := s.db.QueryRowContext(ctx, "SHOW SESSION STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher); err != nil || cipher == "" {
				t.Errorf("the connection is not encrypted: %q, %v", cipher, err)
			}
		})
	}
}
