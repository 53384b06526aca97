package mail

import (
	"net/netip"
	"strings"
	"time"
)

// Received is what a Received field says. What it does not say is zero. Names and addresses are
// as the server wrote them, which may have been told lies; only fields that one's own servers
// wrote can be believed.
type Received struct {
	From    string     // behind "from": the name that the client gave, without its comment
	FromIP  netip.Addr // of the client
	PTR     string     // the name that the client's address had in DNS
	Helo    string     // the name that the client greeted with, where the server tells it apart
	Ident   string     // of the client, RFC 1413
	By      string     // behind "by": the server
	ByIP    netip.Addr
	Via     string // the link
	With    string // the protocol, such as ESMTPS; RFC 3848
	TLS     string // version, such as TLSv1.3; "TLS" where only the protocol tells that there was TLS
	Cipher  string
	ID      string    // without angle brackets
	For     string    // the first recipient, without angle brackets
	Date    time.Time // zero if it cannot be read
	DateRaw string    // what stands behind the last semicolon
	Comment []string  // of the whole field
	froms   []string  // comments that follow the client's name
	byNotes []string  // comments that follow the server's
}

// How far a Received field is read.
const (
	maxReceived      = 8 << 10 // octets
	maxReceivedWords = 256     // words and comments
)

// ParseReceived reads the value of a Received field, and says whether there was anything in it
// that it knows. It knows what the common servers write, which is more than the standard has:
// comments with addresses, greetings, ciphers, blanks anywhere, clauses in any order.
//
// Spec: RFC 5321, section 4.4; RFC 8314, section 4.3 (tls).
func ParseReceived(value string) (r Received, ok bool) {
	value = value[:min(len(value), maxReceived)]
	s := lexer{in: value}
	clause := ""
	var words []string // of the clause
	flush := func() {
		if len(words) > 0 {
			r.clause(clause, words)
			ok = true
		}
		words = words[:0]
	}
	for range maxReceivedWords {
		for !s.end() && isSpace(s.peek()) {
			s.pos++
		}
		if s.end() {
			break
		}
		switch c := s.peek(); {
		case c == '(':
			text := s.comment()
			r.Comment = append(r.Comment, text)
			switch clause {
			case "from":
				r.froms = append(r.froms, text)
			case "by":
				r.byNotes = append(r.byNotes, text)
			}
		case c == ';':
			// The date is behind the last one: some ids have semicolons.
			s.pos++
			if i := strings.LastIndexByte(s.in[s.pos:], ';'); i >= 0 && !strings.ContainsAny(s.in[s.pos+i:], "()") {
				s.pos += i + 1
			}
			r.DateRaw = strings.TrimSpace(s.in[s.pos:])
			r.Date, _ = ParseDate(r.DateRaw)
			s.pos = len(s.in)
		default:
			w := s.receivedWord()
			if next := strings.ToLower(w); isReceivedClause(next) && next != clause {
				flush()
				clause = next
				continue
			}
			if clause != "" {
				words = append(words, w)
			}
		}
	}
	flush()
	r.client()
	r.server()
	r.security()
	return r, ok || r.DateRaw != ""
}

func isReceivedClause(w string) bool {
	switch w {
	case "from", "by", "via", "with", "id", "for", "tls":
		return true
	}
	return false
}

// receivedWord reads up to the next blank, comment or semicolon; what stands in angle brackets or
// quotes is one word.
func (s *lexer) receivedWord() string {
	start := s.pos
	for !s.end() {
		switch c := s.peek(); {
		case c == '"':
			s.quotedString()
		case c == '<':
			n := strings.IndexByte(s.in[s.pos:], '>')
			if n < 0 {
				s.pos++
				continue
			}
			s.pos += n + 1
		case isSpace(c), c == '(', c == ';':
			if s.pos > start {
				return s.in[start:s.pos]
			}
			s.pos++
		default:
			s.pos++
		}
	}
	return s.in[start:s.pos]
}

// clause takes over the words of a clause. The first of a kind counts.
func (r *Received) clause(name string, words []string) {
	set := func(field *string, v string) {
		if *field == "" {
			*field = v
		}
	}
	first := words[0]
	switch name {
	case "from":
		set(&r.From, first)
	case "by":
		set(&r.By, first)
	case "via":
		set(&r.Via, first)
	case "with":
		set(&r.With, strings.Join(words, " "))
	case "id":
		set(&r.ID, strings.Trim(first, "<>"))
	case "for":
		set(&r.For, strings.Trim(first, "<>,"))
	case "tls":
		set(&r.Cipher, first)
	}
}

// client reads the name and the comments of the client.
//
//	Postfix   from helo (ptr [ip])          Exim   from ptr ([ip] helo=helo ident=user)
//	Sendmail  from helo (user@ptr [ip])     qmail  from ptr (HELO helo) (user@ip)
func (r *Received) client() {
	named := false // the name in front of the comments is the one of DNS
	for _, text := range r.froms {
		for i, w := range strings.Fields(text) {
			name, value, pair := strings.Cut(w, "=")
			switch key := strings.ToLower(name); {
			case pair && key == "helo":
				r.Helo, named = strings.Trim(value, "[]"), true
			case pair && key == "ident":
				r.Ident = value
			case strings.EqualFold(w, "HELO") || strings.EqualFold(w, "EHLO"):
				if f := strings.Fields(text); i+1 < len(f) {
					r.Helo, named = f[i+1], true
				}
			default:
				r.clientWord(w, i == 0)
			}
		}
	}
	if !r.FromIP.IsValid() { // what the client says of itself is not asked where the server saw it
		r.FromIP = literalIP(r.From)
	}
	switch {
	case named && r.PTR == "" && literalIP(r.From) == (netip.Addr{}) && strings.Contains(r.From, "."):
		r.PTR = r.From
	case !named && r.Helo == "":
		r.Helo = r.From
	}
	if strings.EqualFold(r.PTR, "unknown") {
		r.PTR = ""
	}
}

// clientWord reads one word of a comment about the client.
func (r *Received) clientWord(w string, first bool) {
	w = strings.TrimRight(w, ",;")
	if user, host, ok := strings.Cut(w, "@"); ok {
		if r.Ident == "" {
			_, ident, tagged := strings.Cut(user, "IDENT:")
			if !tagged {
				ident = user
			}
			r.Ident = ident
		}
		w = host
	}
	if ip := literalIP(w); ip.IsValid() {
		if !r.FromIP.IsValid() {
			r.FromIP = ip
		}
		return
	}
	if name := strings.TrimSuffix(w, "."); first && r.PTR == "" && strings.Contains(name, ".") && checkDomain(name) == nil {
		r.PTR = name
	}
}

// server reads the comments of the server.
func (r *Received) server() {
	r.ByIP = literalIP(r.By)
	for _, text := range r.byNotes {
		for w := range strings.FieldsSeq(text) {
			if ip := literalIP(w); ip.IsValid() && !r.ByIP.IsValid() {
				r.ByIP = ip
			}
		}
	}
}

// security finds the version and the cipher of TLS.
func (r *Received) security() {
	for _, text := range r.Comment {
		after := "" // the word before says that a cipher follows
		for w := range strings.FieldsSeq(text) {
			w = strings.Trim(w, ",;()")
			name, value, pair := strings.Cut(w, "=")
			switch key := strings.ToLower(name); {
			case pair && key == "cipher", !pair && after == "cipher":
				if !pair {
					value = w
				}
				if r.Cipher == "" {
					r.Cipher = value
				}
			case pair && key == "version":
				w = value
			}
			if v := tlsVersion(w); v != "" && r.TLS == "" {
				r.TLS = v
			}
			after = strings.ToLower(w)
		}
	}
	if with, _, _ := strings.Cut(r.With, " "); r.TLS == "" && protocolHasTLS(with) || r.TLS == "" && r.Cipher != "" {
		r.TLS = "TLS"
	}
}

// protocolHasTLS says whether a protocol is one over TLS.
//
// Spec: RFC 3848; RFC 6531, section 4.3.
func protocolHasTLS(with string) bool {
	switch strings.ToUpper(with) {
	case "ESMTPS", "ESMTPSA", "LMTPS", "LMTPSA", "SMTPS", "UTF8SMTPS", "UTF8SMTPSA", "UTF8LMTPS", "UTF8LMTPSA", "HTTPS":
		return true
	}
	return false
}

// tlsVersion returns a version of TLS in one spelling, "" for another word: TLSv1.3, TLS1_3,
// TLS1.3 and Exim's TLS1.3:cipher:256 are the same.
func tlsVersion(w string) string {
	w, _, _ = strings.Cut(w, ":")
	lower := strings.ToLower(w)
	rest, tls := strings.CutPrefix(lower, "tls")
	ssl := false
	if !tls {
		if rest, ssl = strings.CutPrefix(lower, "ssl"); !ssl {
			return ""
		}
	}
	rest = strings.ReplaceAll(strings.TrimPrefix(rest, "v"), "_", ".")
	if rest == "" || len(rest) > 3 || rest[0] < '1' || rest[0] > '3' || strings.Trim(rest, "0123456789.") != "" {
		return ""
	}
	if ssl {
		return "SSLv" + rest
	}
	return "TLSv" + rest
}

// literalIP returns the IP address that a word is, in brackets, with a tag, or bare.
func literalIP(w string) netip.Addr {
	w = strings.TrimRight(w, ",;.")
	if inner, ok := strings.CutPrefix(w, "["); ok {
		if i := strings.IndexByte(inner, ']'); i >= 0 { // a port may follow
			inner = inner[:i]
		}
		w = inner
	}
	if len(w) > 5 && strings.EqualFold(w[:5], "IPv6:") {
		w = w[5:]
	}
	ip, err := netip.ParseAddr(w)
	if err != nil {
		return netip.Addr{}
	}
	return ip.WithZone("").Unmap()
}
