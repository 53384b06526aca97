package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/redis"
	"github.com/sluice-mail/sluice/peers"
)

// What somebody else wrote under our keys is an error: no panic, and no outage either.
func TestForeignDataIsAnError(t *testing.T) {
	ctx, r := t.Context(), start(t)
	s := open(t, redis.Options{URLs: []string{r.URL}})
	if err := s.Set(ctx, value("a"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(ctx, value("a"), time.Minute, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rate(ctx, value("a"), kv.Rule{Limit: 1, Per: time.Minute}, 1, false); err != nil {
		t.Fatal(err)
	}
	row := firstKey(ctx, t, s, "}va")
	base := row[:len(row)-2]
	for _, damage := range [][]string{
		{"HSET", row, "e", "soon"},
		{"HSET", row, "e", "-"},
		{"HSET", row, "e", "0", "f", "-1"},
		{"HDEL", row, "e"},
		{"HSET", base + "l", "a", "nobody"},
		{"HSET", base + "t", "n", "many"},
		{"SET", row, "text"},
		{"SET", base + "ra", "text"},
		{"SET", base + "i", "text"},
		{"SET", base + "x", "text"},
	} {
		if _, err := r.Do(ctx, damage...); err != nil {
			t.Fatal(err)
		}
		for name, err := range allCalls(ctx, s) {
			if errors.Is(err, kv.ErrUnavailable) {
				t.Errorf("after %q, %s: %v", damage, name, err)
			}
		}
		if _, err := s.Get(ctx, value("a")); damage[0] == "SET" && damage[1] == row && err == nil {
			t.Error("a row that is no row was read")
		}
	}
}

// certificate writes a key and its own certificate for 127.0.0.1, and returns their files and who trusts it.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(own)
	return cert, key, pool
}

func TestTLSProtectsTheConnectionAndChecksTheServer(t *testing.T) {
	cert, key, pool := certificate(t)
	port, err := peers.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	start(t, "--tls-port", strconv.Itoa(port), "--bind", "127.0.0.1", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	url := "rediss://127.0.0.1:" + strconv.Itoa(port)
	trusting := open(t, redis.Options{URLs: []string{url}, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
	if err := trusting.Set(t.Context(), value("a"), []byte("1"), 0); err != nil {
		t.Error(err)
	}
	wary := open(t, redis.Options{URLs: []string{url}})
	if err := wary.Ping(t.Context()); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
}
