package stalwart

import (
	"net/netip"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// receivedParts are the parts of a Received field, in the words of paths behind rcvd.
var receivedParts = map[string]bool{
	"from": true, "from.name": true, "from.ip": true, "ip": true, "iprev": true, "by": true, "by.name": true, "by.ip": true, "for": true,
	"with": true, "tls": true, "cipher": true, "id": true, "ident": true, "date": true, "date.raw": true,
}

func isReceivedPart(part string) bool {
	name, ok := strings.CutPrefix(part, "rcvd.")
	return ok && receivedParts[name]
}

// receivedValues returns a part of a Received field.
func receivedValues(f mail.Field, part string) []runtime.Value {
	name := strings.TrimPrefix(part, "rcvd.")
	r := readReceived(f.Value())
	switch name {
	case "date":
		t, err := mail.ParseDate(r["date.raw"])
		if err != nil {
			return nil
		}
		return []runtime.Value{t.Unix()}
	case "from.name", "by.name":
		host := r[strings.TrimSuffix(name, ".name")]
		if addressLiteral(host) != "" {
			return nil
		}
		return nonEmpty(host)
	case "from.ip", "by.ip":
		return nonEmpty(addressLiteral(r[strings.TrimSuffix(name, ".ip")]))
	case "from", "by":
		if ip := addressLiteral(r[name]); ip != "" {
			return []runtime.Value{ip}
		}
	}
	return nonEmpty(r[name])
}

// readReceived takes the value of a Received field apart. It takes any input.
//
// Spec: RFC 5321, section 4.4
func readReceived(v string) map[string]string {
	out := map[string]string{}
	words, date := receivedWords(v)
	if date != "" {
		out["date.raw"] = date
	}
	clause := ""
	for i, w := range words {
		switch {
		case strings.HasPrefix(w, "("):
			receivedComment(out, clause, strings.Trim(w, "()"))
		case isClause(w) && i+1 < len(words) && !strings.HasPrefix(words[i+1], "(") && out[strings.ToLower(w)] == "":
			clause = strings.ToLower(w)
			out[clause] = strings.Trim(words[i+1], "<>")
		}
	}
	return out
}

func isClause(w string) bool {
	switch strings.ToLower(w) {
	case "from", "by", "with", "id", "for", "via":
		return true
	}
	return false
}

// receivedWords returns the words and comments in front of the date, and the date.
func receivedWords(v string) (words []string, date string) {
	word := ""
	flush := func() {
		if word != "" {
			words = append(words, word)
		}
		word = ""
	}
	for i := 0; i < len(v); i++ {
		switch c := v[i]; c {
		case ' ', '\t', '\r', '\n':
			flush()
		case ';':
			flush()
			return words, strings.TrimSpace(v[i+1:])
		case '(':
			flush()
			depth, start := 0, i
			for ; i < len(v); i++ {
				if v[i] == '(' {
					depth++
				} else if v[i] == ')' {
					if depth--; depth == 0 {
						break
					}
				}
			}
			words = append(words, v[start:min(i+1, len(v))])
		default:
			start := i
			for i+1 < len(v) && strings.IndexByte(" \t\r\n;(", v[i+1]) < 0 {
				i++
			}
			word += v[start : i+1]
		}
	}
	flush()
	return words, ""
}

// receivedComment reads what servers write behind a clause: of the client its name, address
// and user, of the session its version of TLS and cipher.
func receivedComment(out map[string]string, clause, text string) {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n(),", r) })
	for i, w := range words {
		lower := strings.ToLower(w)
		switch {
		case strings.HasPrefix(lower, "tls") && out["tls"] == "":
			version, cipher, _ := strings.Cut(w, ":") // TLS1.3:cipher
			version = strings.TrimPrefix(version, "version=")
			out["tls"] = version
			if cipher != "" && out["cipher"] == "" {
				out["cipher"] = cipher
			}
		case strings.HasPrefix(lower, "version=tls") && out["tls"] == "":
			out["tls"] = w[len("version="):]
		case strings.HasPrefix(lower, "cipher=") && out["cipher"] == "":
			out["cipher"] = w[len("cipher="):]
		case lower == "cipher" && i+1 < len(words) && out["cipher"] == "":
			out["cipher"] = words[i+1]
		case clause == "from":
			receivedClient(out, w)
		}
	}
}

// receivedClient reads a word of the comment behind from.
func receivedClient(out map[string]string, w string) {
	user, host, found := strings.Cut(w, "@")
	if found && out["ident"] == "" {
		out["ident"] = user
		w = host
	}
	if ip := addressLiteral(w); ip != "" {
		if out["ip"] == "" {
			out["ip"] = ip
		}
		return
	}
	if out["iprev"] == "" && strings.Contains(w, ".") && !strings.ContainsAny(w, "=[]") {
		out["iprev"] = w
	}
}

// addressLiteral returns the IP address of a literal such as [192.0.2.1] or [IPv6:2001:db8::1],
// with or without brackets; "" if it is none.
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
