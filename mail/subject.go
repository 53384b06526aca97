package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// BaseSubject returns the base subject of a decoded Subject: without the marks of replies and
// forwards at its start and end, and without the tags of lists in brackets at its start
// ("Re: [list] Fwd: [fwd: words] (fwd)" is "words"). Blanks are joined. What the subjects of
// a thread share is compared without case.
//
// Spec: RFC 5256, section 2.1.
func BaseSubject(subject string) string { return baseSubject(subject, "", "re", "fw", "fwd") }

// ThreadName returns the base subject as people would find it: beside the marks of RFC 5256
// those that mail programs write in other languages count too ("AW:", "SV:", "Antw:", "回复："),
// numbered ones ("Re[2]:", "Re^2:", "Re (3):") and ones with a blank or a wide colon.
func ThreadName(subject string) string { return baseSubject(subject, "：", localMarks...) }

// localMarks are in lower case.
var localMarks = strings.Fields(`re fw fwd
	aw antw antwort wg wtr vs vl sv ynt ilt rif r i res enc tr rv reenv odp pd ha пер отв na
	atb bls trs betreff ref réf továbbítás továbbít vá továbbküldve yönt ant vb doorst
	回复 答复 转发 回覆 轉寄 轉發 返信 転送 회신 전달`)

func baseSubject(s, colons string, marks ...string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }), " ")
	for {
		s = cutTrailers(s)
		s = cutLeaders(s, colons, marks)
		inner, ok := cutPrefixFold(s, "[fwd:")
		if !ok || !strings.HasSuffix(inner, "]") {
			return s
		}
		s = strings.Trim(inner[:len(inner)-1], " ")
	}
}

// cutTrailers takes off every "(fwd)" at the end.
func cutTrailers(s string) string {
	for {
		s = strings.TrimRight(s, " ")
		n := len(s) - len("(fwd)")
		if n < 0 || !strings.EqualFold(s[n:], "(fwd)") {
			return s
		}
		s = s[:n]
	}
}

// cutLeaders takes off marks, tags in front of marks, and tags as long as anything is left.
func cutLeaders(s, colons string, marks []string) string {
	for {
		s = strings.TrimLeft(s, " ")
		behind := s
		for {
			next, ok := cutTag(behind)
			if !ok {
				break
			}
			behind = next
		}
		if rest, ok := cutMark(behind, colons, marks); ok {
			s = rest
			continue
		}
		// No mark follows the tags, so that none can follow fewer of them.
		for {
			next, ok := cutTag(s)
			if !ok || next == "" {
				return s
			}
			s = next
		}
	}
}

// cutTag takes off a tag in brackets and the blanks behind it.
func cutTag(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	n := strings.IndexAny(s[1:], "[]") + 1
	if n == 0 || s[n] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[n+1:], " "), true
}

// cutMark takes off a mark with its colon. Between them may stand blanks and a tag.
func cutMark(s, colons string, marks []string) (string, bool) {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !unicode.IsLetter(r) {
			break
		}
		if n += size; n > maxMark {
			return s, false
		}
	}
	if n == 0 || !contains(marks, strings.ToLower(s[:n])) {
		return s, false
	}
	rest := strings.TrimLeft(s[n:], " ")
	if colons != "" {
		rest = strings.TrimLeft(cutCount(rest), " ")
	}
	if next, ok := cutTag(rest); ok {
		rest = next
	}
	if next, ok := strings.CutPrefix(rest, ":"); ok {
		return next, true
	}
	if colons != "" {
		return strings.CutPrefix(rest, colons)
	}
	return s, false
}

// maxMark is how many octets a mark has at most.
const maxMark = 24

// cutCount takes off how many replies a mark stands for: "^2", "(2)" or "2".
func cutCount(s string) string {
	rest := strings.TrimLeft(s, "^(")
	digits := strings.TrimLeft(rest, "0123456789")
	if len(rest)-len(digits) == 0 || len(rest)-len(digits) > 4 || len(s)-len(rest) > 1 {
		return s
	}
	if s[0] == '(' {
		if !strings.HasPrefix(digits, ")") {
			return s
		}
		digits = digits[1:]
	}
	return digits
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
