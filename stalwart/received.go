package stalwart

import (
	"net/netip"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// receivedParts are the parts of a Received field, in the words of paths behind rcvd.
var receivedParts = map[string]func(r *mail.Received) runtime.Value{
	"from":      func(r *mail.Received) runtime.Value { return hostText(r.From) },
	"from.name": func(r *mail.Received) runtime.Value { return hostName(r.From) },
	"from.ip":   func(r *mail.Received) runtime.Value { return addressLiteral(r.From) },
	"ip":        func(r *mail.Received) runtime.Value { return addressText(r.FromIP) },
	"iprev":     func(r *mail.Received) runtime.Value { return r.PTR },
	"ident":     func(r *mail.Received) runtime.Value { return r.Ident },
	"by":        func(r *mail.Received) runtime.Value { return hostText(r.By) },
	"by.name":   func(r *mail.Received) runtime.Value { return hostName(r.By) },
	"by.ip":     func(r *mail.Received) runtime.Value { return addressText(r.ByIP) },
	"for":       func(r *mail.Received) runtime.Value { return r.For },
	"with":      func(r *mail.Received) runtime.Value { return r.With },
	"tls":       func(r *mail.Received) runtime.Value { return r.TLS },
	"cipher":    func(r *mail.Received) runtime.Value { return r.Cipher },
	"id":        func(r *mail.Received) runtime.Value { return r.ID },
	"date.raw":  func(r *mail.Received) runtime.Value { return r.DateRaw },
	"date": func(r *mail.Received) runtime.Value {
		if r.Date.IsZero() {
			return ""
		}
		return r.Date.Unix()
	},
}

func isReceivedPart(part string) bool {
	name, ok := strings.CutPrefix(part, "rcvd.")
	return ok && receivedParts[name] != nil
}

// receivedValues returns a part of a Received field.
func receivedValues(f mail.Field, part string) []runtime.Value {
	r, _ := mail.ParseReceived(f.Value())
	v := receivedParts[strings.TrimPrefix(part, "rcvd.")](&r)
	if v == "" {
		return nil
	}
	return []runtime.Value{v}
}

// hostText returns a host as it was written, an address literal without its brackets.
func hostText(host string) string {
	if ip := addressLiteral(host); ip != "" {
		return ip
	}
	return host
}

// hostName returns a host that is no address.
func hostName(host string) string {
	if addressLiteral(host) != "" {
		return ""
	}
	return host
}

func addressText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// addressLiteral returns the IP address of a literal such as [192.0.2.1] or [IPv6:2001:db8::1],
// with or without brackets; "" if it is none.
//
// Spec: RFC 5321, section 4.1.3
func addressLiteral(w string) string {
	w = strings.Trim(w, "[]")
	if len(w) > 5 && strings.EqualFold(w[:5], "IPv6:") {
		w = w[5:]
	}
	ip, err := netip.ParseAddr(w)
	if err != nil {
		return ""
	}
	return ip.String()
}
