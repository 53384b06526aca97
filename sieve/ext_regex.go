package sieve

import (
	"errors"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// regex matches values against extended regular expressions, in time that is linear in the
// length of the value. ${0} is the part that matched, ${1} and so on are its groups. Of several
// places the leftmost is taken, and of several lengths there the longest.
//
// Spec:   draft-ietf-sieve-regex; POSIX.1-2017, section 9.4
// Status: complete
func init() {
	register(Extension{
		Name: "regex", Spec: "draft-ietf-sieve-regex; POSIX.1-2017, section 9.4", Status: "complete; no back-references",
		Limits: "4 KiB of a pattern, 10,000 instructions with its repetitions written out; captures as in variables",
		MatchTypes: []MatchType{{
			Name: "regex",
			Check: func(c *Comparator) error {
				if !c.Substring {
					return matchError(":regex is not defined for the comparator \"" + c.Name + "\"")
				}
				return nil
			},
			Key: func(m *Matcher, key string) (Key, error) { return newRegexKey(key, m.Comparator) },
		}},
		Modifiers: []Modifier{{Name: "quoteregex", Precedence: 20, Apply: quoteRegex}},
	})
}

// maxRegexAtOnce is what a match may cost, in instructions times octets, that cannot be
// stopped in between: some tens of milliseconds.
const maxRegexAtOnce = 1 << 22

// regexKey is a key of :regex.
type regexKey struct {
	re   *regexp.Regexp
	cost int64 // about its instructions
}

func newRegexKey(pattern string, c *Comparator) (*regexKey, error) {
	letters := exactCase
	switch {
	case c.fold:
		letters = asciiCase
	case c.Form != nil:
		letters = unicodeCase
	}
	text, err := translateERE(pattern, letters)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			if e.Code == syntax.ErrInvalidRepeatSize {
				return nil, &patternError{0, "in the pattern: the repetitions in each other are too many, at most 1,000 are allowed"}
			}
			return nil, &patternError{0, "in the pattern: " + string(e.Code)}
		}
		return nil, &patternError{0, "in the pattern: " + err.Error()}
	}
	k := &regexKey{cost: runtime.Instructions(tree)}
	if k.cost > runtime.MaxInstructions {
		return nil, &patternError{0, "the pattern is too large once its repetitions are written out"}
	}
	if k.re, err = regexp.Compile(text); err != nil {
		return nil, &patternError{0, "in the pattern: " + err.Error()}
	}
	k.re.Longest()
	return k, nil
}

// Match says whether a part of the value matches.
func (k *regexKey) Match(r *Run, v *Value) bool {
	if r.work(int(min(k.cost*int64(len(v.Text))>>4, 1<<30))) {
		return false
	}
	small := k.cost*int64(len(v.Text)) <= maxRegexAtOnce
	if small && !r.prog.captures {
		return k.re.MatchString(v.Text)
	}
	var at []int
	if small {
		at = k.re.FindStringSubmatchIndex(v.Text)
	} else {
		t := &boundedText{text: strings.NewReader(v.Text), run: r}
		at = k.re.FindReaderSubmatchIndex(t)
		if t.over {
			return false
		}
	}
	if at == nil {
		return false
	}
	if r.prog.captures {
		captured := make([]string, min(len(at)/2, r.options.Captures+1))
		for i := range captured {
			if from := at[2*i]; from >= 0 {
				captured[i] = v.Text[from:at[2*i+1]]
			}
		}
		r.captures = captured
	}
	return true
}

// boundedText is a text that ends when the run does.
type boundedText struct {
	text *strings.Reader
	run  *Run
	read int
	over bool
}

// ReadRune returns the next character.
func (t *boundedText) ReadRune() (rune, int, error) {
	if t.read++; t.read&63 == 0 && t.run.task.Context().Err() != nil {
		t.over = true
		if err := t.run.task.Step(64); err != nil {
			t.run.Fail(err)
		}
	}
	if t.over {
		return 0, 0, io.EOF
	}
	return t.text.ReadRune()
}

// quoteRegex puts a backslash before what has a meaning in a regular expression. It does not
// cut between a backslash and what it quotes.
func quoteRegex(s string, limit int) string {
	const special = `\.[]{}()*+?|^$`
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		quoted := strings.IndexByte(special, s[i]) >= 0
		if b.Len()+1 > limit || quoted && b.Len()+2 > limit {
			break
		}
		if quoted {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
