package runtime

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
)

// NetResolver is a Resolver in the form of package net's, as libraries want it. Names may have
// the dot at their end. No such name and no such record are a *net.DNSError with IsNotFound;
// other such errors are temporary.
type NetResolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// netResolver makes a NetResolver of a Resolver. It keeps the first refusal of fixtures, which
// whoever asks by it takes for a failure.
type netResolver struct {
	r       Resolver
	mu      sync.Mutex
	refused error
}

func (n *netResolver) lookup(ctx context.Context, name, typ string) (DNSAnswer, error) {
	name = strings.TrimSuffix(name, ".")
	a, err := n.r.Lookup(ctx, name, typ)
	if errors.Is(err, ErrRefused) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.refused == nil {
			n.refused = err
		}
	}
	switch {
	case err != nil:
		return a, &net.DNSError{Err: "no answer", Name: name, IsTemporary: true}
	case a.Status != DNSOK || len(a.Values) == 0:
		return a, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return a, nil
}

func (n *netResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := n.lookup(ctx, name, "txt")
	return a.Values, err
}

func (n *netResolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	a, err := n.lookup(ctx, addr, "ptr")
	return a.Values, err
}

func (n *netResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := n.lookup(ctx, name, "mx")
	var mxs []*net.MX
	for i, host := range a.Values {
		mx := &net.MX{Host: host}
		if i < len(a.Preferences) {
			mx.Pref = a.Preferences[i]
		}
		mxs = append(mxs, mx)
	}
	return mxs, err
}

func (n *netResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	var addrs []net.IPAddr
	var failed error
	for _, typ := range []string{"a", "aaaa"} {
		a, err := n.lookup(ctx, host, typ)
		if d, ok := errors.AsType[*net.DNSError](err); ok && !d.IsNotFound {
			failed = err
		}
		for _, v := range a.Values {
			if ip := net.ParseIP(v); ip != nil {
				addrs = append(addrs, net.IPAddr{IP: ip})
			}
		}
		if a.Status == DNSNXDomain {
			break
		}
	}
	switch {
	case failed != nil:
		return nil, failed
	case len(addrs) == 0:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}
