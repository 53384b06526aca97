package bayes

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/mail"
)

// Limits of one message.
const (
	MaxTokens = 999       // different tokens; the first ones count
	MaxText   = 128 << 10 // octets of text in all parts together
	maxParts  = 50        // of type text
	maxField  = 2 << 10   // octets of a header field
	maxWord   = 24        // octets; a longer word is known by its first letter and about its length
	window    = 2         // words of which pairs are made
)

// Token is a word or a pair of words, as a hash. It is the same in every process, and
// its upper bits alone are as good a hash.
type Token uint64

// Bucket returns the upper bits of a token. A model that counts buckets has a bounded
// number of rows, whatever it is fed with.
func (k Token) Bucket(bits int) uint64 { return uint64(k) >> (64 - bits) }

// Text returns the tokens of a text that is no message. What is no UTF-8 is left out.
func Text(s string) []Token {
	t := newTokens()
	t.plain(s)
	return t.list
}

// Message returns the tokens of a message: of its decoded text, of what HTML shows, of
// the links in both, and of the header fields that tell how it was written. What a
// server on the way or at its end has added is not looked at.
func Message(m *mail.Message) []Token {
	t := newTokens()
	t.header(m.Header())
	parts := 0
	for p := range m.Root().All() {
		if !p.Multipart() {
			t.add(word("part", p.Type+"/"+p.Subtype))
			t.add(word("charset", cut(p.Params["charset"], maxField)))
			t.add(word("encoding", cut(p.Encoding, maxField)))
		}
		if p.Type != "text" || p.Disposition == "attachment" {
			continue
		}
		if parts++; parts > maxParts || t.left <= 0 || len(t.list) >= MaxTokens {
			break
		}
		octets := p.Decoded()
		text := mail.DecodeCharset(p.Params["charset"], octets[:min(len(octets), t.left)])
		if p.Subtype == "html" {
			t.html(text)
		} else {
			t.plain(text)
		}
	}
	return t.list
}

// tokens collects them.
type tokens struct {
	seen map[Token]struct{}
	list []Token
	last Token // the word before, 0: there is none
	left int   // octets of text that are still read
}

func newTokens() *tokens {
	return &tokens{seen: make(map[Token]struct{}, 256), left: MaxText}
}

func (t *tokens) add(k Token) {
	if len(t.list) >= MaxTokens {
		return
	}
	if _, ok := t.seen[k]; !ok {
		t.seen[k] = struct{}{}
		t.list = append(t.list, k)
	}
}

// next adds the next word of a text and its pair with the one before.
func (t *tokens) next(k Token) {
	t.add(k)
	if t.last != 0 {
		t.add(mixed(uint64(t.last)*3 + uint64(k)))
	}
	t.last = k
}

// plain adds the links and words of a text.
func (t *tokens) plain(s string) {
	s = cut(s, t.left)
	t.left -= len(s)
	t.links(s)
	t.words("", s)
}

// words adds the words of a text under the name of the place where it stands. Words are
// letters and digits of any script, with $ and ! anywhere, - and ' inside. Scripts that
// put no blanks between words give one for each letter.
func (t *tokens) words(place, s string) {
	t.last = 0
	var w lettered
	seed := hashOf(place + ":")
	w.reset(seed)
	for i := 0; i <= len(s); {
		r, n := rune(' '), 1
		if i < len(s) {
			r, n = rune(s[i]), 1
			if r >= utf8.RuneSelf {
				r, n = utf8.DecodeRuneInString(s[i:])
			}
		}
		i += n
		switch classOf(r) {
		case letter:
			w.put(r)
			continue
		case joint:
			w.joint(r)
			continue
		case nothing:
			continue
		case alone:
			t.end(&w, seed)
			w.put(r)
			w.octets += 2 // is never too short
		}
		t.end(&w, seed)
		if len(t.list) >= MaxTokens {
			return
		}
	}
}

// end adds the word that w holds, if it is one, and begins the next.
func (t *tokens) end(w *lettered, seed uint64) {
	switch {
	case w.octets > maxWord:
		t.next(mixed(seed ^ uint64(w.first)<<32 ^ uint64(min(w.octets/10, 20))))
	case w.octets >= 2:
		t.next(mixed(w.hash))
	}
	w.reset(seed)
}

// lettered is a word while it is read.
type lettered struct {
	hash   uint64
	octets int
	first  rune
	wait   []rune // joints that belong to the word if a letter follows
	room   [4]rune
}

func (w *lettered) reset(seed uint64) {
	w.hash, w.octets, w.first = seed, 0, 0
	w.wait = w.room[:0]
}

func (w *lettered) put(r rune) {
	for _, j := range w.wait {
		w.letter(j)
	}
	w.wait = w.room[:0]
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
	} else {
		r = unicode.ToLower(r)
	}
	if w.octets == 0 {
		w.first = r
	}
	w.letter(r)
}

func (w *lettered) letter(r rune) {
	for {
		w.hash = (w.hash ^ uint64(r&0xff)) * prime
		w.octets++
		if r >>= 8; r == 0 {
			return
		}
	}
}

func (w *lettered) joint(r rune) {
	if w.octets > 0 && len(w.wait) < len(w.room) {
		w.wait = append(w.wait, r)
	}
}

// What a rune is to a word.
const (
	blank   = iota // ends it
	letter         // belongs to it
	joint          // belongs to it between two letters
	nothing        // is not there
	alone          // is one
)

func classOf(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '$', r == '!':
			return letter
		case r == '-', r == '\'':
			return joint
		}
		return blank
	case r == utf8.RuneError, r == 0xad, 0x200b <= r && r <= 0x200f, r == 0x2060, r == 0xfeff:
		return nothing // broken octets, and what is put into words to hide them
	case r == 0x2019:
		return joint
	case r > 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return alone
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
		return letter
	case unicode.IsPunct(r), unicode.IsSpace(r), unicode.IsControl(r):
		return blank
	}
	return letter // signs and pictures
}

const (
	offset = 14695981039346656037 // of FNV-1a
	prime  = 1099511628211
)

func hashOf(s string) uint64 {
	h := uint64(offset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}

// mixed spreads what differs over all bits; it is never 0.
func mixed(h uint64) Token {
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return Token(h ^ h>>31 | 1)
}

// word returns the token of a whole value at a place, without case.
func word(place, value string) Token {
	return mixed(hashOf(place + ":" + strings.ToLower(value)))
}

// cut returns at most the first n octets of s.
func cut(s string, n int) string { return s[:min(len(s), max(n, 0))] }
