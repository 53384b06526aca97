package mail

import (
	"sort"
	"strconv"
	"strings"
)

// maxParams bounds the parameters that are read from one field.
const maxParams = 1000

// parseParams reads "first; name=value; ...": what stands in front of the first
// semicolon, and the parameters in order. Comments are skipped, quotes taken off,
// quotes that are missing forgiven; a parameter without "=" is left out.
//
// Spec: RFC 2045, section 5.1; RFC 2183, section 2.
func parseParams(value string) (first string, params []Param) {
	s := lexer{in: value}
	first = strings.TrimSpace(s.until(";"))
	for s.accept(';') && len(params) < maxParams {
		s.blanks()
		name := strings.TrimSpace(s.until("=;"))
		if !s.accept('=') {
			continue
		}
		s.blanks()
		var v string
		if s.peek() == '"' {
			v = s.quoted()
			s.until(";") // nothing belongs there
		} else {
			v = strings.TrimRight(s.until(";"), " \t")
		}
		if name != "" {
			params = append(params, Param{name, v})
		}
	}
	return first, params
}

// decodeParams makes a map of params: lower-case names, the first of a name counts,
// continuations joined, charsets and encoded words (which do not belong here, but
// are common) decoded.
//
// Spec: RFC 2231.
func decodeParams(params []Param) map[string]string {
	if len(params) == 0 {
		return nil
	}
	out := make(map[string]string, len(params))
	var pieces map[string][]piece
	for _, p := range params {
		name := strings.ToLower(p.Name)
		base, rest, starred := strings.Cut(name, "*")
		switch n, encoded, ok := pieceNumber(rest); {
		case starred && ok:
			if pieces == nil {
				pieces = make(map[string][]piece)
			}
			pieces[base] = append(pieces[base], piece{n, encoded, p.Value})
		default:
			if _, ok := out[name]; !ok {
				out[name] = DecodeWords(p.Value)
			}
		}
	}
	for base, ps := range pieces {
		out[base] = joinPieces(ps) // prevails over a plain one, which is for old readers
	}
	return out
}

// piece is one of the parameters that make up a long or encoded one.
type piece struct {
	n       int
	encoded bool
	value   string
}

// pieceNumber reads what follows the first asterisk of a name: "" and "0*" are
// encoded, "0" is not.
func pieceNumber(s string) (n int, encoded, ok bool) {
	if s == "" {
		return 0, true, true
	}
	s, encoded = strings.CutSuffix(s, "*")
	n, err := strconv.Atoi(s)
	return n, encoded, err == nil && n >= 0
}

func joinPieces(ps []piece) string {
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].n < ps[j].n })
	charset := ""
	var octets []byte
	last := -1
	for i, p := range ps {
		if p.n == last {
			continue // the first of a number counts
		}
		last = p.n
		v := p.value
		if p.encoded && i == 0 {
			if c, rest, ok := strings.Cut(v, "'"); ok {
				if _, text, ok := strings.Cut(rest, "'"); ok {
					charset, v = c, text
				}
			}
		}
		if p.encoded {
			octets = appendPercent(octets, v)
		} else {
			octets = append(octets, v...)
		}
	}
	return DecodeCharset(charset, octets)
}

// appendPercent appends s with %41 decoded; a percent sign that begins nothing is kept.
func appendPercent(out []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// firstToken returns the first word of value, comments skipped.
func firstToken(value string) string {
	s := lexer{in: value}
	if f := strings.Fields(s.until(";")); len(f) > 0 {
		return f[0]
	}
	return ""
}

// isToken says whether s is a MIME token.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
