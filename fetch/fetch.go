// Package fetch gets what lies behind a URL, within bounds that whoever names the URL cannot
// move: hosts, addresses, time, size, redirects.
//
//	Get ── URL: scheme, host, port ── connection: address as it is dialled ── answer: size, time
//	         └─ again for each redirect
//
// An address is judged where the connection is made, so that a name whose address changes between
// a check and its use opens nothing.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrTemporary is wrapped by errors after which another try may end well.
var ErrTemporary = errors.New("temporary failure")

// maxRedirects bounds the redirects that are followed, maxHeader the octets of an answer's header.
const (
	maxRedirects = 5
	maxHeader    = 64 << 10
)

// Options are the bounds. The zero value fetches nothing, since no host is allowed.
type Options struct {
	Hosts []Host
	// Private are networks beside the public addresses that may be asked.
	Private []netip.Prefix
	// Timeout is for one Get, MaxSize the octets of a body, also of what a compressed one holds. 1.5 s, 1 MiB.
	Timeout time.Duration
	MaxSize int64
	// Concurrency is how many are done at once; others wait. 32.
	Concurrency int
	UserAgent   string         // sluice
	Resolver    *net.Resolver  // nil: the system's
	Roots       *x509.CertPool // nil: the system's
}

// Request is a GET.
type Request struct {
	URL     string
	Header  map[string]string
	Timeout time.Duration // 0 or more than that of Options: that
	MaxSize int64         // likewise
	Stay    bool          // a redirect is the answer, and is not followed
}

// Response is what a web server answers.
type Response struct {
	Status int
	URL    string              // that answered, behind redirects
	Header map[string][]string // names in lower case
	Body   []byte
}

// Client gets. Many goroutines may use it.
type Client struct {
	o         Options
	transport *http.Transport
	slots     chan struct{}

	done, failed atomic.Int64
}

// New returns a client.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = 1500 * time.Millisecond
	}
	if o.MaxSize == 0 {
		o.MaxSize = 1 << 20
	}
	if o.Concurrency == 0 {
		o.Concurrency = 32
	}
	if o.UserAgent == "" {
		o.UserAgent = "sluice"
	}
	c := &Client{o: o, slots: make(chan struct{}, o.Concurrency)}
	dialer := &net.Dialer{Resolver: o.Resolver, ControlContext: c.control}
	c.transport = &http.Transport{ // no Proxy: the environment's is not asked
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		ForceAttemptHTTP2: true, MaxIdleConns: 16, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
	return c
}

// Close closes the connections that are kept for later.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Stats are counts since the start.
type Stats struct{ Done, Failed int64 }

// Stats returns the counts so far.
func (c *Client) Stats() Stats { return Stats{c.done.Load(), c.failed.Load()} }

// control refuses connections to addresses that are not allowed. It is asked for each address that
// is tried.
func (c *Client) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !c.allowed(at.Addr()) {
		return errAddress
	}
	return nil
}

// Get does one GET. Any status is an answer. Errors name the host at most, since URLs and headers hold
// secrets; they wrap ErrTemporary where another try may end well.
func (c *Client) Get(ctx context.Context, r Request) (Response, error) {
	res, err := c.get(ctx, r)
	c.done.Add(1)
	if err != nil {
		c.failed.Add(1)
	}
	return res, err
}

func (c *Client) get(ctx context.Context, r Request) (res Response, err error) {
	u, err := c.check(r.URL)
	if err != nil {
		return res, err
	}
	ctx, cancel := context.WithTimeout(ctx, within(r.Timeout, c.o.Timeout))
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return res, fmt.Errorf("%w: too many requests at once", ErrTemporary)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return res, errURL
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	client := http.Client{Transport: c.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if r.Stay {
			return http.ErrUseLastResponse
		}
		return c.redirect(next, via)
	}}
	answer, err := client.Do(req)
	if err != nil {
		return res, told(ctx, u.Hostname(), err)
	}
	defer answer.Body.Close()
	most := within(r.MaxSize, c.o.MaxSize)
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return res, told(ctx, u.Hostname(), err)
	}
	if int64(len(body)) > most {
		return res, fmt.Errorf("the body is over %d octets", most)
	}
	res = Response{Status: answer.StatusCode, URL: answer.Request.URL.String(), Header: make(map[string][]string, len(answer.Header)), Body: body}
	for name, values := range answer.Header {
		res.Header[strings.ToLower(name)] = values
	}
	return res, nil
}

// within returns what is asked for, at most what is allowed; 0 asks for that.
func within[T time.Duration | int64](asked, most T) T {
	if asked <= 0 || asked > most {
		return most
	}
	return asked
}

// policyError is an error that another try does not change.
type policyError string

func (e policyError) Error() string { return string(e) }

const (
	errURL     policyError = "this is no URL with http or https, a host, and neither user nor password"
	errAddress policyError = "the address is not public, and not allowed"
)

// redirect judges a redirect: to the same host, never from https to http.
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return policyError(fmt.Sprintf("more than %d redirects", maxRedirects))
	}
	first := via[len(via)-1].URL
	u, err := c.check(next.URL.String())
	switch {
	case u != nil && u.Hostname() != first.Hostname(), errors.Is(err, errHost):
		return policyError("a redirect to another host")
	case err != nil:
		return err
	case first.Scheme == "https" && u.Scheme != "https":
		return policyError("a redirect from https to http")
	case u.Scheme == first.Scheme && u.Port() != first.Port():
		return policyError("a redirect to another port")
	}
	next.URL, next.Host = u, ""
	return nil
}

// told returns an error in words that hold no URL and no address.
func told(ctx context.Context, host string, err error) error {
	if policy, ok := errors.AsType[policyError](err); ok {
		return fmt.Errorf("%.100s: %w", host, policy)
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%.100s: the certificate is not valid: %.200s", host, bad.Err)
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return fmt.Errorf("%.100s: no such host", host)
	}
	of, isURL := errors.AsType[*url.Error](err)
	if isURL && strings.Contains(of.Err.Error(), "Location header") { // which the error repeats
		return fmt.Errorf("%.100s: a redirect to what is no URL", host)
	}
	why := "the connection broke"
	timeout, isNet := errors.AsType[net.Error](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	switch {
	case ctx.Err() != nil, isNet && timeout.Timeout():
		why = "no answer in time"
	case isErrno:
		why = errno.Error()
	default:
		if isURL && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			why = fmt.Sprintf("%.100q", of.Err.Error())
		}
	}
	return fmt.Errorf("%w: %.100s: %s", ErrTemporary, host, why)
}
