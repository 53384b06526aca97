package runtime

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func init() {
	text := Param{Name: "text", Kind: Any, Doc: "text, or a list of text"}
	register(Function{
		Name:   "normalize",
		Family: "text",
		Doc: "Returns text in a normal form of Unicode: `NFC` (letters and their accents as one character), `NFD` (apart), " +
			"`NFKC` and `NFKD` (the same with styled, wide, circled and joined letters made plain ones). A list gives a list.",
		Params: []Param{text, {Name: "form", Kind: String, Optional: true, Default: "NFC", Doc: "`NFC`, `NFD`, `NFKC` or `NFKD`, without case"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `normalize("gru\u0308n")`, Want: `"grün"`}, {Code: `count_chars(normalize("grün", "NFD"))`, Want: `5`},
			{Code: `normalize("ｆｒｅｅ ① ﬁ", "NFKC")`, Want: `"free 1 fi"`}, {Code: `normalize("𝓯𝓻𝓮𝓮", "nfkc")`, Want: `"free"`},
			{Code: `normalize(["a", "ﬀ"], "NFKD")`, Want: `["a", "ff"]`},
			{Code: `normalize("a", "NFX")`, Error: `normalize: unknown form "NFX"; known are NFC, NFD, NFKC, NFKD`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			var form norm.Form
			switch asciiLower(a.String(1)) {
			case "nfc":
				form = norm.NFC
			case "nfd":
				form = norm.NFD
			case "nfkc":
				form = norm.NFKC
			case "nfkd":
				form = norm.NFKD
			default:
				return nil, fmt.Errorf("normalize: unknown form %q; known are NFC, NFD, NFKC, NFKD", cut(a.String(1), 40))
			}
			return e.change("normalize", a[0], func(s string) (string, error) { return e.normal(form, s) })
		},
	})
	register(Function{
		Name:   "unicode_skeleton",
		Family: "text",
		Doc: "Returns what text looks like, to compare it with the skeleton of other text: if they are equal, people take one for the other. It is not for showing: `1`, `I` and `|` become `l`, `0` becomes `O`, `m` becomes `rn`. " +
			"It is the skeleton of UTS 39 for characters that look like ASCII (Cyrillic, Greek, Armenian, Hebrew, Cherokee and others), with accents kept, and styled letters made plain. A list gives a list.",
		Params: []Param{text},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `unicode_skeleton("pаypаl")`, Want: `"paypal"`}, {Code: `unicode_skeleton("paypa1")`, Want: `"paypal"`},
			{Code: `unicode_skeleton("АΡΡLΕ")`, Want: `"APPLE"`}, {Code: `unicode_skeleton("G00GLE")`, Want: `"GOOGLE"`},
			{Code: `unicode_skeleton("𝗉ａⓨ")`, Want: `"pay"`}, {Code: `unicode_skeleton("modern")`, Want: `"rnodern"`},
			{Code: `unicode_skeleton("ра\u200bу")`, Want: `"pay"`}, {Code: `unicode_skeleton("日本")`, Want: `"日本"`},
			{Code: `unicode_skeleton(["а", "b"])`, Want: `["a", "b"]`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			return e.change("unicode_skeleton", a[0], func(s string) (string, error) {
				// A character may become 18 others; what is longer than this does not have to be counted first.
				if _, err := e.normal(norm.NFKD, s); err != nil {
					return "", err
				}
				out := skeleton(s)
				return out, e.made(int64(len(out)))
			})
		},
	})
	register(Function{
		Name:   "cure_text",
		Family: "text",
		Doc: "Returns text as plain as it was meant, in lower case, to look for words in it: invisible characters and heaps of accents are taken out, styled, wide, circled and small-capital letters become plain ones, " +
			"blanks of all kinds become spaces, and in words that mix Latin with letters that look like it (Cyrillic, Greek and others) these become Latin. Words of one script stay as they are. A list gives a list.",
		Params: []Param{text},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `cure_text("𝓕𝓻𝓮𝓮 ｍｏｎｅｙ")`, Want: `"free money"`}, {Code: `cure_text("V\u200bi\u00adagra")`, Want: `"viagra"`},
			{Code: `cure_text("Вitсоin")`, Want: `"bitcoin"`}, {Code: `cure_text("Ⓕⓡⓔⓔ 🅑🅘🅣🅢")`, Want: `"free bits"`},
			{Code: `cure_text("ꜰʀᴇᴇ")`, Want: `"free"`}, {Code: `cure_text("Москва")`, Want: `"москва"`},
			{Code: `cure_text("s\u0338a\u0336l\u0336e")`, Want: `"sale"`}, {Code: `cure_text("Grüße")`, Want: `"grüße"`},
			{Code: `cure_text("a\u00a0b\u3000c")`, Want: `"a b c"`},
		},
		Call: func(e *Env, a Args) (Value, error) { return e.change("cure_text", a[0], e.cure) },
	})
	for _, f := range []struct {
		name, doc string
		test      func(string) bool
		examples  []Example
	}{
		{"has_zwsp", "Says whether text holds a zero-width space, non-joiner, joiner, word joiner or byte order mark. The joiners do not count where they belong: " +
			"within emoji, and between letters of scripts that are written with them, such as Arabic and Devanagari.", hasZeroWidth, []Example{
			{Code: `has_zwsp("via\u200bgra")`, Want: `true`}, {Code: `has_zwsp("viagra")`, Want: `false`}, {Code: `has_zwsp("a\ufeffb")`, Want: `true`},
			{Code: `has_zwsp("👩\u200d💻")`, Want: `false`}, {Code: `has_zwsp("می\u200cخواهم")`, Want: `false`}, {Code: `has_zwsp("b\u200cd")`, Want: `true`},
		}},
		{"has_obscured", "Says whether text holds characters that show nothing or change the direction of others: those of `has_zwsp`, soft hyphens, overrides and isolates of direction, fillers, tags. " +
			"Marks of direction do not count in text that has letters written from right to left, and selectors and tags not within emoji.", hasObscured, []Example{
			{Code: `has_obscured("invoice\u202efdp.exe")`, Want: `true`}, {Code: `has_obscured("via\u00adgra")`, Want: `true`}, {Code: `has_obscured("a\u3164b")`, Want: `true`},
			{Code: `has_obscured("a\u200eb")`, Want: `true`}, {Code: `has_obscured("שלום\u200e!")`, Want: `false`}, {Code: `has_obscured("❤\ufe0f")`, Want: `false`},
			{Code: `has_obscured("plain")`, Want: `false`},
		}},
		{"is_mixed_charset", "Says whether a word of text mixes scripts that nobody mixes in one: Latin and one that looks like it (Cyrillic, Greek, Armenian, Cherokee and others), or several beside Latin. " +
			"Chinese, Japanese and Korean count as one; a word ends at all that is no letter, digit or mark.", anyWord(mixedScripts), []Example{
			{Code: `is_mixed_charset("pаypal")`, Want: `true`}, {Code: `is_mixed_charset("paypal привет")`, Want: `false`}, {Code: `is_mixed_charset("Москвa")`, Want: `true`},
			{Code: `is_mixed_charset("Tシャツ")`, Want: `false`}, {Code: `is_mixed_charset("SMS-ка")`, Want: `false`}, {Code: `is_mixed_charset("10kΩ")`, Want: `false`},
			{Code: `is_mixed_charset("αбв")`, Want: `true`}, {Code: `is_mixed_charset("")`, Want: `false`},
		}},
	} {
		register(Function{
			Name: f.name, Family: "text", Doc: f.doc, Params: []Param{textParam}, Result: Bool, Trust: User, Examples: f.examples,
			Call: func(_ *Env, a Args) (Value, error) { return f.test(a.String(0)), nil },
		})
	}
	register(Function{
		Name:   "is_header_utf8_valid",
		Family: "message",
		Doc:    "Says whether the octets of all header fields of that name, as they were sent, are valid UTF-8; true if there is none.",
		Params: []Param{{Name: "name", Kind: String, Doc: "name of the header field, without case"}},
		Result: Bool, Stages: reading, Trust: User,
		Examples: []Example{{Code: `is_header_utf8_valid("Subject")`, Want: `true`}, {Code: `is_header_utf8_valid("X-Absent")`, Want: `true`}},
		Call: func(e *Env, a Args) (Value, error) {
			m := e.View.Mail()
			if m == nil {
				return true, nil
			}
			for _, f := range m.Header().Fields() {
				if asciiEqualFold(f.Name, a.String(0)) && !utf8.ValidString(f.Value()) {
					return false, nil
				}
			}
			return true, nil
		},
	})
}

// change changes a text, or each text of a list, and may fail.
func (e *Env) change(name string, v Value, change func(string) (string, error)) (Value, error) {
	var failed error
	size := int64(0)
	out, err := each(name, v, func(s string) string {
		if failed != nil {
			return ""
		}
		var made string
		if made, failed = change(s); failed == nil {
			size += int64(len(made))
			failed = e.made(size)
		}
		return made
	})
	if err == nil {
		err = failed
	}
	return out, err
}

// normal returns a text in a normal form, and stops where it gets longer than a run may make.
func (e *Env) normal(form norm.Form, s string) (string, error) {
	if form.IsNormalString(s) {
		return s, nil
	}
	var b strings.Builder
	var it norm.Iter
	it.InitString(form, s)
	for !it.Done() {
		b.Write(it.Next())
		if err := e.made(int64(b.Len())); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// maxMarks is how many marks may stand on a letter.
const maxMarks = 2

// cure does cure_text.
func (e *Env) cure(s string) (string, error) {
	s, err := e.normal(norm.NFKC, s)
	if err != nil {
		return "", err
	}
	letters := styledLetters()
	var b strings.Builder
	b.Grow(len(s))
	marks := 0
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			marks = 0
			if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
				continue
			}
			b.WriteByte(byte(r))
			continue
		case invisible(r) || unicode.Is(unicode.Me, r) || unicode.Is(unicode.Cc, r):
			continue
		case unicode.Is(unicode.Mn, r):
			// An overlay strikes a letter through.
			if marks++; marks > maxMarks || norm.NFC.PropertiesString(string(r)).CCC() == 1 {
				continue
			}
		default:
			marks = 0
			if to, ok := letters[r]; ok {
				b.WriteString(to)
				continue
			}
			if unicode.IsSpace(r) {
				r = ' '
			}
		}
		b.WriteRune(r)
	}
	s = b.String()
	if isASCII(s) {
		return strings.ToLower(s), nil
	}
	return strings.ToLower(mapWords(s, plainWord)), nil
}

// plainWord returns a word of mixed scripts with Latin letters for those that look like them.
func plainWord(word string) string {
	if isASCII(word) || !mixedScripts(word) {
		return word
	}
	letters := mixedLetters()
	var b strings.Builder
	for _, r := range strings.ToLower(word) {
		to, ok := letters[r]
		if !ok {
			to, ok = letters[unicode.ToUpper(r)]
		}
		if ok && scriptOf(r) != latin {
			b.WriteString(to)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// wordEnd returns where the word that s begins with ends, 0 if s begins with none.
func wordEnd(s string) int {
	for i, r := range s {
		if !isWordRune(r) {
			return i
		}
	}
	return len(s)
}

// isWordRune says whether a character is a letter, a digit or a mark on one.
func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// mapWords changes each word of a text.
func mapWords(s string, change func(string) string) string {
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		n := wordEnd(s)
		if n > 0 {
			b.WriteString(change(s[:n]))
		} else {
			_, n = utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// anyWord tests the words of a text. Characters that show nothing do not end a word.
func anyWord(test func(string) bool) func(string) bool {
	return func(s string) bool {
		if isASCII(s) {
			return false
		}
		s = strings.Map(func(r rune) rune {
			if invisible(r) {
				return -1
			}
			return r
		}, s)
		for s != "" {
			n := wordEnd(s)
			if n > 0 && test(s[:n]) {
				return true
			}
			if n == 0 {
				_, n = utf8.DecodeRuneInString(s)
			}
			s = s[n:]
		}
		return false
	}
}

func hasZeroWidth(s string) bool { return anyHidden(s, isZeroWidth) }

func isZeroWidth(r rune) bool { return r >= 0x200b && r <= 0x200d || r == 0x2060 || r == 0xfeff }

func hasObscured(s string) bool {
	return anyHidden(s, invisible)
}

// anyHidden says whether a text holds a character of a kind where it does not belong.
func anyHidden(s string, hidden func(rune) bool) bool {
	if isASCII(s) {
		return false
	}
	var before rune   // the last character that shows
	rightToLeft := -1 // not known yet
	for i, r := range s {
		if !hidden(r) {
			if !invisible(r) {
				before = r
			}
			continue
		}
		switch {
		case r == 0x200c || r == 0x200d:
			after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if r == 0x200d && isPictograph(before) || joins(before) && (joins(after) || !unicode.IsLetter(after)) {
				continue
			}
		case r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef: // variation selectors
			if before >= utf8.RuneSelf || strings.ContainsRune("#*0123456789", before) {
				continue
			}
		case r >= 0xe0020 && r <= 0xe007f: // the flags of regions
			if before == 0x1f3f4 {
				continue
			}
		case r >= 0x180b && r <= 0x180f:
			if unicode.Is(unicode.Mongolian, before) {
				continue
			}
		case r == 0x200e || r == 0x200f || r == 0x061c:
			if rightToLeft < 0 {
				rightToLeft = 0
				if strings.ContainsFunc(s, isRightToLeft) {
					rightToLeft = 1
				}
			}
			if rightToLeft == 1 {
				continue
			}
		}
		return true
	}
	return false
}

func isPictograph(r rune) bool {
	return r >= 0x2190 && unicode.Is(unicode.So, r) || r >= 0x1f3fb && r <= 0x1f3ff
}

// joins says whether a character is of a script that is written with joiners.
func joins(r rune) bool {
	return r >= 0x600 && (unicode.IsLetter(r) || unicode.IsMark(r)) &&
		unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati,
			unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Myanmar, unicode.Khmer)
}

func isRightToLeft(r rune) bool {
	return r >= 0x5be && unicode.IsLetter(r) && unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}
