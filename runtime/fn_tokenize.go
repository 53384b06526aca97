package runtime

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mail"
)

func init() {
	register(Function{
		Name:   "tokenize",
		Family: "text",
		Doc: "Returns what stands in text, in order, repeats too. `words`: runs of letters and digits, with apostrophes in them; each Chinese character and each hiragana is a word. " +
			"`uri` (or `url`): web addresses, `https://` put in front of those without a scheme, and mail addresses; a name without a scheme counts if it ends in a known top level domain. " +
			"`uri_strict` (or `url_strict`): those with a scheme alone. `email`: mail addresses. A list counts as its texts one behind the other. Addresses in HTML are found by `html_links`.",
		Params: []Param{{Name: "text", Kind: Any, Doc: "text, or a list of text"}, {Name: "kind", Kind: String, Doc: "`words`, `uri`, `url`, `uri_strict`, `url_strict` or `email`"}},
		Result: List, Trust: User,
		Examples: []Example{
			{Code: `tokenize("Don't buy 2, sell!", "words")`, Want: `["Don't", "buy", "2", "sell"]`},
			{Code: `tokenize("e-mail: grün_1", "words")`, Want: `["e", "mail", "grün", "1"]`}, {Code: `tokenize("日本 OK", "words")`, Want: `["日", "本", "OK"]`},
			{Code: `tokenize("See https://example.org/a?b=c, or (www.example.com).", "uri")`, Want: `["https://example.org/a?b=c", "https://www.example.com"]`},
			{Code: `tokenize("See https://example.org/a?b=c, or www.example.com.", "uri_strict")`, Want: `["https://example.org/a?b=c"]`},
			{Code: `tokenize("ask eve@example.org or <bob@example.com>.", "email")`, Want: `["eve@example.org", "bob@example.com"]`},
			{Code: `tokenize("eve@example.org has example.org/eve", "url")`, Want: `["eve@example.org", "https://example.org/eve"]`},
			{Code: `tokenize("http://en.example.org/wiki/A_(b) [ftp://files.example.org]", "url_strict")`, Want: `["http://en.example.org/wiki/A_(b)", "ftp://files.example.org"]`},
			{Code: `tokenize("version 1.2.3, etc. and readme.unknown", "url")`, Want: `[]`},
			{Code: `tokenize(["a b", "c"], "words")`, Want: `["a", "b", "c"]`}, {Code: `tokenize("", "words")`, Want: `[]`},
			{Code: `tokenize("a", "lines")`, Error: `tokenize: unknown kind "lines"; known are words, uri, url, uri_strict, url_strict, email`},
		},
		Call: tokenize,
	})
}

func tokenize(e *Env, a Args) (Value, error) {
	texts, err := textsOf("tokenize", a[0])
	if err != nil {
		return nil, err
	}
	out, size := []Value{}, int64(0)
	t := tokenizer{yield: func(s string) bool {
		if err = e.holds(len(out) + 1); err != nil {
			return false
		}
		if size += int64(len(s)); size > e.View.Limits.Output {
			err = e.made(size)
			return false
		}
		out = append(out, s)
		return true
	}}
	scan := t.uris
	switch a.String(1) {
	case "words":
		scan = t.words
	case "uri", "url":
		t.schemes, t.names, t.emails = true, true, true
	case "uri_strict", "url_strict":
		t.schemes = true
	case "email":
		t.emails = true
	default:
		return nil, fmt.Errorf("tokenize: unknown kind %q; known are words, uri, url, uri_strict, url_strict, email", cut(a.String(1), 40))
	}
	for _, s := range texts {
		if !scan(s) {
			return nil, err
		}
	}
	return out, nil
}

// tokenizer finds what is asked for and hands it to yield, until that says false.
type tokenizer struct {
	schemes, names, emails bool
	yield                  func(string) bool
}

// words finds words. An apostrophe between letters is a part of one.
func (t *tokenizer) words(s string) bool {
	for s != "" {
		n := 0
		for n < len(s) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if isIdeograph(r) {
				if n == 0 { // it is a word of its own
					n = size
				}
				break
			}
			if n > 0 && (r == '\'' || r == '’') {
				if next, _ := utf8.DecodeRuneInString(s[n+size:]); isIdeograph(next) || !isWordRune(next) {
					break
				}
			} else if !isWordRune(r) {
				break
			}
			n += size
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s)
		} else if !t.yield(s[:n]) {
			return false
		}
		s = s[n:]
	}
	return true
}

func isIdeograph(r rune) bool { return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana) }

// uris finds URIs and addresses. They end at blanks, brackets of markup and quotes.
func (t *tokenizer) uris(s string) bool {
	for s != "" {
		n := strings.IndexFunc(s, endsURI)
		piece := s
		if n >= 0 {
			piece = s[:n]
			_, size := utf8.DecodeRuneInString(s[n:])
			s = s[n+size:]
		} else {
			s = ""
		}
		if strings.ContainsAny(piece, ".:@") && !t.piece(piece) {
			return false
		}
	}
	return true
}

func endsURI(r rune) bool {
	switch {
	case r <= ' ' || r == 0x7f:
		return true
	case r < utf8.RuneSelf:
		return r == '<' || r == '>' || r == '"' || r == '`' || r == '{' || r == '}' || r == '|' || r == '^'
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Cc, r) || unicode.In(r, unicode.Pi, unicode.Pf, unicode.Ps, unicode.Pe) || r == '，' || r == '、'
}

// piece finds what stands in text without blanks: one URI with a scheme, and names and
// addresses in front of it.
func (t *tokenizer) piece(s string) bool {
	front := 0
	for at := 0; ; {
		n := strings.Index(s[at:], "://")
		if n < 0 {
			return t.plain(s[front:])
		}
		at += n
		begin := at - schemeBefore(s[front:at])
		if host := s[at+3:]; begin < at && host != "" && isHostStart(host) {
			if !t.plain(s[front:begin]) {
				return false
			}
			return !t.schemes || t.yield(trimURI(s[begin:]))
		}
		at += 3
	}
}

// schemeBefore returns how many octets of a scheme s ends with. A known one may stand behind
// letters.
func schemeBefore(s string) int {
	n := 0
	for n < len(s) && n < maxScheme {
		c := s[len(s)-1-n]
		if ('a' > c|0x20 || c|0x20 > 'z') && (c < '0' || c > '9') && c != '+' {
			break
		}
		n++
	}
	run := s[len(s)-n:]
	for _, known := range []string{"https", "http", "ftp"} {
		if len(run) >= len(known) && strings.EqualFold(run[len(run)-len(known):], known) {
			return len(known)
		}
	}
	return len(strings.TrimLeft(run, "0123456789+"))
}

// maxScheme is how many characters a scheme has at most.
const maxScheme = 32

func isHostStart(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '[' || r == '/' || r == '\\' || r == '%' || isHostRune(r)
}

func isHostRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}

// trimURI takes off what belongs to the sentence: punctuation, and brackets that were opened
// in front.
func trimURI(s string) string {
	open := strings.Count(s, "(") - strings.Count(s, ")")
	square := strings.Count(s, "[") - strings.Count(s, "]")
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		switch {
		case r == ')' && open < 0:
			open++
		case r == ']' && square < 0:
			square++
		case strings.ContainsRune(".,;:!?'*…", r) || r == '。':
		default:
			return s
		}
		s = s[:len(s)-size]
	}
	return s
}

// plain finds addresses and names without a scheme.
func (t *tokenizer) plain(s string) bool {
	if !t.emails && !t.names {
		return true
	}
	from := 0
	for at := 0; ; {
		n := strings.IndexByte(s[at:], '@')
		if n < 0 {
			return t.hosts(s, from)
		}
		at += n
		begin, end := t.email(s, from, at)
		if begin < 0 {
			at++
			continue
		}
		if !t.hosts(s[:begin], from) || t.emails && !t.yield(s[begin:end]) {
			return false
		}
		from, at = end, end
	}
}

// email returns where the address around the @ at at begins and ends, or -1.
func (t *tokenizer) email(s string, from, at int) (begin, end int) {
	begin, end = at, at+1
	for begin > from && at-begin < maxLocal {
		r, size := utf8.DecodeLastRuneInString(s[from:begin])
		if r == utf8.RuneError || !isHostRune(r) && !strings.ContainsRune("!#$%&'*+/=?~", r) {
			break
		}
		begin -= size
	}
	for end < len(s) && end-at < maxDomain {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !isHostRune(r) || r == '_' {
			break
		}
		end += size
	}
	begin = at - len(strings.TrimLeft(s[begin:at], ".'*!/?="))
	end = at + 1 + len(strings.TrimRight(s[at+1:end], ".-"))
	if begin == at || !strings.Contains(s[at:end], ".") {
		return -1, -1
	}
	addr, err := mail.ParseAddress(s[begin:end])
	if err != nil {
		return -1, -1
	}
	if _, ok := asciiDomain(strings.ToLower(addr.Domain)); !ok {
		return -1, -1
	}
	return begin, end
}

// maxLocal is how many octets are looked at in front of an @.
const maxLocal = 128

// hosts finds names with a known top level domain behind from, with what follows them.
func (t *tokenizer) hosts(s string, from int) bool {
	if !t.names {
		return true
	}
	for i := from; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isHostRune(r) {
			i += size
			continue
		}
		end := i
		for end < len(s) {
			r, size := utf8.DecodeRuneInString(s[end:])
			if !isHostRune(r) {
				break
			}
			end += size
		}
		begin := i
		i = end
		if begin > 0 && strings.IndexByte("@/\\", s[begin-1]) >= 0 || end < len(s) && s[end] == '@' {
			continue
		}
		name := strings.Trim(s[begin:end], ".-")
		if !strings.Contains(name, ".") || len(name) > maxDomain || !knownName(name) {
			continue
		}
		begin += strings.Index(s[begin:end], name)
		rest := s[begin+len(name):]
		if begin+len(name) < end || rest == "" || strings.IndexByte("/:?#", rest[0]) < 0 {
			rest = ""
		} else {
			i = len(s)
		}
		if !t.yield("https://" + trimURI(s[begin:begin+len(name)+len(rest)])) {
			return false
		}
	}
	return true
}

// knownName says whether a name is registered, and none that two sentences without a blank
// between them make: "end.It".
func knownName(name string) bool {
	tld := name[strings.LastIndexByte(name, '.')+1:]
	if isASCII(tld) && tld != strings.ToLower(tld) && tld != strings.ToUpper(tld) {
		return false
	}
	return registered(strings.ToLower(name))
}
