package sieve

import (
	"strconv"
	"strings"
	"time"
)

// envelope-dsn tests what the sender asked for of delivery status notifications: "notify"
// has a value for each of SUCCESS, FAILURE, DELAY or NEVER, "orcpt" is the type and the
// address as in rfc822;a@example.org, "ret" is FULL or HDRS, "envid" the envelope's id.
//
// Spec:   RFC 6009, section 3; RFC 3461
// Status: complete
func init() {
	register(Extension{Name: "envelope-dsn", Spec: "RFC 6009, section 3", Status: "complete; parts of `envelope`: notify orcpt ret envid"})
	for _, part := range []string{"notify", "orcpt", "ret", "envid"} {
		envelopeParts[part] = envelopePart{"envelope-dsn", func(r *Run) []string { return r.dsn(part) }}
	}
}

// envelope-deliverby tests until when the message is to be delivered: "bytimerelative" in
// seconds from when it came in, "bytimeabsolute" as a time in UTC, "bymode" is notify or
// return, "bytrace" true or false.
//
// Spec:   RFC 6009, section 4; RFC 2852
// Status: complete
func init() {
	register(Extension{Name: "envelope-deliverby", Spec: "RFC 6009, section 4",
		Status: "complete; parts of `envelope`: bytimerelative bytimeabsolute bymode bytrace"})
	for _, part := range []string{"bytimerelative", "bytimeabsolute", "bymode", "bytrace"} {
		envelopeParts[part] = envelopePart{"envelope-deliverby", func(r *Run) []string { return r.deliverBy(part) }}
	}
}

// envelopePart is a part of the envelope that holds no address.
type envelopePart struct {
	capability string
	values     func(r *Run) []string
}

// envelopeParts are those that other files add to the envelope test.
var envelopeParts = map[string]envelopePart{}

// dsn returns what the sender asked for; nothing if it did not.
func (r *Run) dsn(part string) []string {
	from, to := r.view.From.Params, r.view.Rcpt.Params
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	switch part {
	case "notify":
		if v := notifyValue(to["NOTIFY"]); v != "" {
			return strings.Split(v, ",")
		}
		return nil
	case "ret":
		return one(retValue(from["RET"]))
	case "envid":
		return one(xtext(from["ENVID"]))
	}
	kind, address, ok := strings.Cut(to["ORCPT"], ";")
	if !ok {
		if o := r.view.Rcpt.Original; o != "" && !strings.Contains(o, ";") {
			return []string{"rfc822;" + o}
		}
		return one(xtext(r.view.Rcpt.Original))
	}
	if address = xtext(address); address == "" {
		return nil
	}
	return []string{kind + ";" + address}
}

// deliverBy returns what BY says; nothing if it is not there.
func (r *Run) deliverBy(part string) []string {
	seconds, mode, ok := strings.Cut(upperASCII(r.view.From.Params["BY"]), ";")
	n, err := strconv.ParseInt(seconds, 10, 32)
	kind := strings.TrimSuffix(mode, "T")
	if !ok || err != nil || kind != "N" && kind != "R" {
		return nil
	}
	switch part {
	case "bytimerelative":
		return []string{strconv.FormatInt(n, 10)}
	case "bytimeabsolute":
		return []string{r.view.Time.Add(time.Duration(n) * time.Second).UTC().Format(time.RFC3339)}
	case "bymode":
		return []string{map[string]string{"N": "notify", "R": "return"}[kind]}
	}
	return []string{strconv.FormatBool(kind != mode)}
}

// xtext undoes xtext; "" for what is none.
//
// Spec: RFC 3461, section 4
func xtext(s string) string {
	if !strings.Contains(s, "+") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return ""
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return ""
			}
			c = byte(n)
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return ""
		}
		b.WriteByte(c)
	}
	return b.String()
}
