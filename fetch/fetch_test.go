package fetch

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foxcpp/go-mockdns"
)

// loopback lets tests reach their own servers.
var loopback = prefixes("127.0.0.0/8")

func hosts(t testing.TB, list ...string) (out []Host) {
	t.Helper()
	for _, s := range list {
		h, err := ParseHost(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h)
	}
	return out
}

// site is a web server on loopback and its port.
func site(t testing.TB, handler http.HandlerFunc) (base, port string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, u.Port()
}

func client(t testing.TB, o Options) *Client {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	c := New(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// names returns a resolver that knows these names.
func names(t testing.TB, zones map[string]mockdns.Zone) *net.Resolver {
	t.Helper()
	s, err := mockdns.NewServerWithLogger(zones, quiet{}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := new(net.Resolver)
	s.PatchNet(r)
	return r
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

func TestWhatIsAskedAndAnswered(t *testing.T) {
	base, port := site(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Two", "a")
		w.Header().Add("X-Two", "b")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s %q", r.Method, r.URL, r.UserAgent(), r.Header.Get("X-Key"), r.Header.Get("Referer"))
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port), Private: loopback, UserAgent: "tester"})
	got, err := c.Get(t.Context(), Request{URL: base + "/a?b=c#d", Header: map[string]string{"X-Key": "k"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `GET /a?b=c tester k ""`; string(got.Body) != want || got.Status != http.StatusTeapot || len(got.Header["x-two"]) != 2 || got.URL != base+"/a?b=c" {
		t.Errorf("got %+v, body %s", got, got.Body)
	}
	if s := c.Stats(); s.Done != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRedirects(t *testing.T) {
	var base string
	base, port := site(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/same": "/end", "/other": "http://other.example/", "/deeper": "http://sub.127.0.0.1.example/", "/file": "file:///etc/passwd",
			"/user": strings.Replace(base, "//", "//u:p@", 1), "/port": "http://127.0.0.1:1/", "/inner": "http://169.254.169.254/latest/", "/odd": "http://2130706433/",
			"/loop": "/loop",
		}[r.URL.Path]
		if to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		fmt.Fprint(w, "end")
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port, "127.0.0.1:1", "other.example", "*.example"), Private: loopback})
	for _, tt := range []struct{ name, path, want string }{
		{"to the same host", "/same", ""},
		{"to another host, although it is allowed", "/other", "127.0.0.1: a redirect to another host"},
		{"to a host that only looks alike", "/deeper", "127.0.0.1: a redirect to another host"},
		{"to another port", "/port", "127.0.0.1: a redirect to another port"},
		{"to an address inside", "/inner", "127.0.0.1: a redirect to another host"},
		{"to a file", "/file", "127.0.0.1: " + string(errURL)},
		{"to a URL with a password", "/user", "127.0.0.1: " + string(errURL)},
		{"to an odd number", "/odd", "127.0.0.1: " + string(errURL)},
		{"without end", "/loop", "127.0.0.1: more than 5 redirects"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Get(t.Context(), Request{URL: base + tt.path})
			switch {
			case tt.want == "" && (err != nil || string(got.Body) != "end" || got.URL != base+"/end"):
				t.Error(got, err)
			case tt.want != "" && (err == nil || err.Error() != tt.want || errors.Is(err, ErrTemporary)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if got, err := c.Get(t.Context(), Request{URL: base + tt.path, Stay: true}); err != nil || got.Status != http.StatusFound || len(got.Header["location"]) != 1 {
				t.Errorf("who stays got %d, %v", got.Status, err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	o := Options{Hosts: hosts(t, "127.0.0.1:"+u.Port(), "example.com:"+u.Port(), "example.com"), Private: loopback, Resolver: names(t, map[string]mockdns.Zone{"example.com.": {A: []string{"127.0.0.1"}}})}
	_, err := client(t, o).Get(t.Context(), Request{URL: s.URL})
	if err == nil || errors.Is(err, ErrTemporary) || !strings.HasPrefix(err.Error(), "127.0.0.1: the certificate is not valid: ") {
		t.Error(err)
	}
	o.Roots = x509.NewCertPool()
	o.Roots.AddCert(s.Certificate())
	if got, err := client(t, o).Get(t.Context(), Request{URL: s.URL}); err != nil || got.Status != 200 {
		t.Error(got, err)
	}
	if _, err := client(t, o).Get(t.Context(), Request{URL: "https://example.com:" + u.Port() + "/down"}); err == nil || err.Error() != "example.com: a redirect from https to http" {
		t.Error(err)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	const size = 1000
	base, port := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fits":
			_, _ = w.Write(make([]byte, size))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		case "/bomb": // a thousandth of what it holds
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 100 {
				_, _ = z.Write(make([]byte, 1<<20))
			}
			_ = z.Close()
		case "/small":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "small")
			_ = z.Close()
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeader))
		}
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port), Private: loopback, MaxSize: size})
	for _, tt := range []struct {
		path string
		most int64
		want string
	}{
		{"/fits", 0, ""}, {"/fits", size, ""}, {"/fits", 2 * size, ""}, {"/small", 0, ""},
		{"/fits", size - 1, "the body is over 999 octets"},
		{"/endless", 0, "the body is over 1000 octets"},
		{"/endless", 5000, "the body is over 1000 octets"},
		{"/bomb", 0, "the body is over 1000 octets"},
		{"/header", 0, "temporary failure: 127.0.0.1: "},
	} {
		t.Run(tt.path, func(t *testing.T) {
			got, err := c.Get(t.Context(), Request{URL: base + tt.path, MaxSize: tt.most})
			switch {
			case tt.want == "" && (err != nil || len(got.Body) == 0):
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestTimeIsBounded(t *testing.T) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	base, port := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
		select {
		case <-end:
		case <-r.Context().Done():
		}
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port), Private: loopback, Timeout: 200 * time.Millisecond})
	for name, r := range map[string]Request{
		"no answer":             {URL: base},
		"a body without end":    {URL: base + "/body"},
		"as long as it is told": {URL: base, Timeout: 50 * time.Millisecond},
		"no longer than it may": {URL: base, Timeout: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := c.Get(t.Context(), r)
			if !errors.Is(err, ErrTemporary) || err.Error() != "temporary failure: 127.0.0.1: no answer in time" {
				t.Error(err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, Request{URL: base}); err == nil {
		t.Error("a cancelled one ended well")
	}
}

func TestRequestsAtOnceAreBounded(t *testing.T) {
	var now, most atomic.Int64
	base, port := site(t, func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		now.Add(-1)
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port), Private: loopback, Concurrency: 2})
	var wait sync.WaitGroup
	for range 30 {
		wait.Go(func() {
			if _, err := c.Get(t.Context(), Request{URL: base}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most.Load() > 2 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestTheEnvironmentNamesNoProxy(t *testing.T) {
	asked := false
	proxy, _ := site(t, func(http.ResponseWriter, *http.Request) { asked = true })
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("http_proxy", proxy)
	c := client(t, Options{Hosts: hosts(t, "*"), Resolver: names(t, nil)})
	if _, err := c.Get(t.Context(), Request{URL: "http://absent.example/"}); asked || err == nil || err.Error() != "absent.example: no such host" {
		t.Error(asked, err)
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	base, port := site(t, func(w http.ResponseWriter, _ *http.Request) {
		h, _, _ := w.(http.Hijacker).Hijack()
		_, _ = io.WriteString(h, "nonsense\r\n\r\n")
		_ = h.Close()
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port, "127.0.0.1:1"), Private: loopback})
	for _, u := range []string{base, "http://127.0.0.1:1", "http://other.example", "gopher://127.0.0.1:" + port, "http://u:secret@127.0.0.1:" + port, base + "/\x7f"} {
		_, err := c.Get(t.Context(), Request{URL: u + "/secret?key=secret", Header: map[string]string{"Authorization": "secret"}})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestWhereARedirectLeadsIsNotToldEither(t *testing.T) {
	to := ""
	base, port := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	})
	c := client(t, Options{Hosts: hosts(t, "127.0.0.1:"+port), Private: loopback})
	for _, to = range []string{"http://[secret", "http://u:secret@127.0.0.1/%", "/secret%zz", "//secret.example/", ":secret"} {
		if _, err := c.Get(t.Context(), Request{URL: base}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestNamesThatLeadInside(t *testing.T) {
	base, port := site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") })
	_ = base
	zones := map[string]mockdns.Zone{}
	for name, address := range map[string]string{"loop": "127.0.0.1", "private": "10.0.0.1", "meta": "169.254.169.254", "zero": "0.0.0.0", "cgnat": "100.64.0.1"} {
		zones[name+".example."] = mockdns.Zone{A: []string{address}}
	}
	for name, address := range map[string]string{"six": "::1", "mapped": "::ffff:127.0.0.1", "nat": "64:ff9b::7f00:1", "local": "fe80::1", "ula": "fd00:ec2::254"} {
		zones[name+".example."] = mockdns.Zone{AAAA: []string{address}}
	}
	r := names(t, zones)
	closed := client(t, Options{Hosts: hosts(t, "*.example:"+port), Resolver: r})
	for name := range zones {
		u := "http://" + strings.TrimSuffix(name, ".") + ":" + port + "/"
		_, err := closed.Get(t.Context(), Request{URL: u})
		if err == nil || errors.Is(err, ErrTemporary) || !strings.HasSuffix(err.Error(), string(errAddress)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	open := client(t, Options{Hosts: hosts(t, "*.example:"+port), Resolver: r, Private: loopback})
	if got, err := open.Get(t.Context(), Request{URL: "http://loop.example:" + port}); err != nil || string(got.Body) != "inside" {
		t.Error(err)
	}
}

// A name that is public when it is first asked for, and loopback from then on, opens nothing: what is
// dialled is judged.
func TestNamesThatChange(t *testing.T) {
	_, port := site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") })
	s, err := mockdns.NewServerWithLogger(map[string]mockdns.Zone{"rebind.example.": {A: []string{"192.0.2.1", "127.0.0.1"}}}, quiet{}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := new(net.Resolver)
	s.PatchNet(r)
	c := client(t, Options{Hosts: hosts(t, "*:"+port), Resolver: r})
	if got, err := c.Get(t.Context(), Request{URL: "http://rebind.example:" + port}); err == nil {
		t.Errorf("got %s", got.Body)
	}
	if err := c.control(t.Context(), "tcp4", "127.0.0.1:80", nil); !errors.Is(err, errAddress) {
		t.Error(err)
	}
	if err := c.control(t.Context(), "tcp4", netip.AddrPortFrom(netip.MustParseAddr("198.41.0.4"), 80).String(), nil); err != nil {
		t.Error(err)
	}
}
