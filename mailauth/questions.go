package mailauth

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
)

// questions is the resolver of one check: it bounds and cleans what is asked. The libraries
// tell errors apart by their type, so every one that comes from here is a *net.DNSError.
type questions struct {
	r    Resolver
	mu   sync.Mutex // signatures are verified side by side
	left int
	over bool // more was asked than left allowed
	cut  bool // names that are too long lose labels at their left
	txt  map[string]txtAnswer
}

type txtAnswer struct {
	texts []string
	err   error
}

// begin returns the questions of a check, and a context that ends in time.
func (c *Checker) begin(ctx context.Context) (context.Context, context.CancelFunc, *questions) {
	wait := c.o.Timeout
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end)*3/4)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	return ctx, cancel, &questions{r: c.o.Resolver, left: c.o.Questions, txt: map[string]txtAnswer{}}
}

// errQuestions says that a check asked too much.
var errQuestions = errors.New("too many questions of the DNS")

// take counts a question for a name and returns the name as it is asked.
func (q *questions) take(ctx context.Context, name string) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ascii, err := idna.Punycode.ToASCII(name); err == nil && len(name) <= 1000 {
		name = ascii
	}
	for q.cut && len(name) > 253 {
		if _, after, ok := strings.Cut(name, "."); ok {
			name = after
			continue
		}
		break
	}
	if !askable(name) {
		return "", &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	if err := ctx.Err(); err != nil {
		return "", temporary(name, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left--; q.left < 0 {
		q.over = true
		return "", temporary(name, errQuestions)
	}
	return name + ".", nil
}

// exceeded says whether more was asked than a check may ask.
func (q *questions) exceeded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.over
}

func temporary(name string, err error) *net.DNSError {
	return &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
}

// told makes a resolver's error one of the two kinds there are, without the name of the server,
// which is nobody's business.
func told(name string, err error) error {
	if err == nil {
		return nil
	}
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		return &net.DNSError{Err: d.Err, Name: name, IsNotFound: d.IsNotFound, IsTemporary: !d.IsNotFound}
	}
	return temporary(name, err)
}

func (q *questions) LookupTXT(ctx context.Context, name string) ([]string, error) {
	asked, err := q.take(ctx, name)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	known, ok := q.txt[asked]
	q.mu.Unlock()
	if ok {
		return known.texts, known.err
	}
	texts, err := q.r.LookupTXT(ctx, asked)
	if err = told(name, err); err != nil {
		texts = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.txt[asked] = txtAnswer{texts, err}
	return texts, err
}

func (q *questions) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	asked, err := q.take(ctx, name)
	if err != nil {
		return nil, err
	}
	mxs, err := q.r.LookupMX(ctx, asked)
	return mxs, told(name, err)
}

func (q *questions) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	asked, err := q.take(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs, err := q.r.LookupIPAddr(ctx, asked)
	return addrs, told(host, err)
}

func (q *questions) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	if _, err := q.take(ctx, "reverse"); err != nil { // the resolver makes the name
		return nil, err
	}
	names, err := q.r.LookupAddr(ctx, addr)
	return names, told(addr, err)
}

// txtOf returns the texts that were found at a name, nil if it was not asked for.
func (q *questions) txtOf(name string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.txt[strings.ToLower(strings.TrimSuffix(name, "."))+"."].texts
}
