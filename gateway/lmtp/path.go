package lmtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// maxPath bounds an address. Spec: RFC 5321, section 4.5.3.1.3, with room for UTF-8.
const maxPath = 512

// parsePath reads the argument of MAIL or RCPT: the keyword, a path in angle brackets, and
// parameters, whose names become upper case. Only the reverse-path may be null.
//
// Spec: RFC 5321, section 4.1.2; RFC 6531, section 3.3.
func parsePath(arg, keyword string, null bool) (runtime.Path, error) {
	var p runtime.Path
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return p, fmt.Errorf("expected %s", keyword)
	}
	rest := strings.TrimLeft(arg[len(keyword):], " \t")
	if !strings.HasPrefix(rest, "<") {
		return p, errors.New("expected an address in angle brackets")
	}
	end := closing(rest)
	if end < 0 {
		return p, errors.New("the angle bracket is not closed")
	}
	addr := rest[1:end]
	if strings.HasPrefix(addr, "@") { // a source route; RFC 5321, appendix C: ignored
		i := strings.IndexByte(addr, ':')
		if i < 0 {
			return p, errors.New("a source route has no address behind it")
		}
		addr = addr[i+1:]
	}
	switch {
	case addr == "" && !null:
		return p, errors.New("the address is empty")
	case len(addr) > maxPath:
		return p, fmt.Errorf("the address has more than %d octets", maxPath)
	case strings.ContainsFunc(addr, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return p, errors.New("the address holds a control character")
	case strings.HasPrefix(addr, "@") || strings.HasSuffix(addr, "@"):
		return p, errors.New("the address lacks a part")
	}
	p.Address = addr
	var err error
	p.Params, err = parseParams(rest[end+1:])
	return p, err
}

// closing returns where the bracket that s begins with is closed, outside quoted strings;
// -1: nowhere.
func closing(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i
		case c == '<' && !quoted:
			return -1
		}
	}
	return -1
}

func parseParams(s string) (map[string]string, error) {
	if s != "" && s[0] != ' ' && s[0] != '\t' {
		return nil, errors.New("expected a space behind the address")
	}
	words := strings.Fields(s)
	if len(words) > maxParams {
		return nil, errors.New("too many parameters")
	}
	var params map[string]string
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		name = strings.ToUpper(name)
		if name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return nil, errors.New("a parameter has no name")
		}
		if _, twice := params[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		if params == nil {
			params = map[string]string{}
		}
		params[name] = value
	}
	return params, nil
}

// mailParams checks the parameters of MAIL and returns the size that was announced; 0: none.
func mailParams(params map[string]string) (size int64, err error) {
	for name, value := range params {
		switch name {
		case "SIZE": // RFC 1870
			n, err := strconv.ParseUint(value, 10, 63)
			if err != nil {
				return 0, errors.New("SIZE is no number of octets")
			}
			size = int64(n)
		case "BODY":
			if v := strings.ToUpper(value); v != "7BIT" && v != "8BITMIME" {
				return 0, errors.New("BODY is 7BIT or 8BITMIME")
			}
		case "SMTPUTF8", "AUTH", "RET", "ENVID":
		default:
			return 0, fmt.Errorf("unknown parameter %.20s", name)
		}
	}
	return size, nil
}

// rcptParams checks the parameters of RCPT and returns the original recipient.
//
// Spec: RFC 3461, section 4.2.
func rcptParams(params map[string]string) (original string, err error) {
	for name, value := range params {
		switch name {
		case "ORCPT":
			_, text, _ := strings.Cut(value, ";")
			if original, err = decodeXtext(text); err != nil {
				return "", err
			}
		case "NOTIFY":
		default:
			return "", fmt.Errorf("unknown parameter %.20s", name)
		}
	}
	return original, nil
}

// decodeXtext undoes xtext: + and two hex digits for an octet. Control characters are
// refused. Spec: RFC 3461, section 4.
func decodeXtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return "", errors.New("bad xtext")
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", errors.New("bad xtext")
			}
			c = byte(n)
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return "", errors.New("a control character in xtext")
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}
