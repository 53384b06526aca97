package lmtp

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// forwarded is what the MTA tells of the client that it got the next message from.
//
// Spec: Postfix's XFORWARD_README.
type forwarded struct {
	name, helo, ident string
	addr              netip.Addr
	any               bool
}

// xforward takes attributes of the original client. It is offered and taken on this
// machine only, since whoever may say it may claim to be anybody.
func (c *session) xforward(_ context.Context, arg string) error {
	if !c.near {
		return c.bad(550, "5.7.0", "XFORWARD is not for you")
	}
	if c.tx.Stage != "" {
		return c.bad(503, "5.5.1", "XFORWARD comes before MAIL")
	}
	f := c.forward
	if err := f.parse(arg); err != nil {
		return c.bad(501, "5.5.4", err.Error())
	}
	c.forward = f
	c.reply(250, "2.0.0", "OK")
	return nil
}

func (f *forwarded) parse(arg string) error {
	words := strings.Fields(arg)
	if len(words) == 0 || len(words) > maxParams {
		return errors.New("expected attributes")
	}
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return errors.New("expected name=value")
		}
		text, err := decodeXtext(value)
		if err != nil || len(text) > 255 {
			return errors.New("bad value of an attribute")
		}
		if strings.EqualFold(text, "[UNAVAILABLE]") || strings.EqualFold(text, "[TEMPUNAVAIL]") {
			text = ""
		}
		switch strings.ToUpper(name) {
		case "NAME":
			f.name = text
		case "HELO":
			f.helo = text
		case "IDENT":
			f.ident = text
		case "ADDR":
			f.addr = netip.Addr{}
			if text != "" {
				if len(text) > 5 && strings.EqualFold(text[:5], "IPV6:") {
					text = text[5:]
				}
				if f.addr, err = netip.ParseAddr(text); err != nil {
					return errors.New("ADDR is no address")
				}
				f.addr = f.addr.Unmap()
			}
		case "PROTO", "SOURCE", "PORT", "DOMAIN":
		default:
			return errors.New("unknown attribute")
		}
	}
	f.any = true
	return nil
}

// apply puts the original client in place of the MTA.
func (f *forwarded) apply(tx *runtime.Transaction) {
	if !f.any {
		return
	}
	tx.Client.IP, tx.Client.PTR, tx.Client.Helo, tx.Client.TLS = f.addr, f.name, f.helo, false
	tx.QueueID = f.ident
}
