package runtime

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

const (
	maxPattern  = 1 << 10 // octets
	maxPatterns = 512     // that are kept compiled
	// maxKept are the instructions of the largest pattern that is kept: the few that are larger
	// are compiled each time.
	maxKept = 1000
	// maxBlindMatch is what a match may cost, in instructions times octets, that cannot be
	// stopped in between: some tens of milliseconds.
	maxBlindMatch = 1 << 22
)

// pattern is a compiled regular expression, and about how many instructions it has.
type pattern struct {
	re   *regexp.Regexp
	cost int64
	// behind finds matches behind a character, made when it is first asked for.
	behind    *regexp.Regexp
	behindErr error
	once      sync.Once
}

// matches says whether text matches. The end of the run ends it.
func (p *pattern) matches(e *Env, text string) (bool, error) {
	if p.cost*int64(len(text)) <= maxBlindMatch {
		return p.re.MatchString(text), nil
	}
	t := timedText{text: strings.NewReader(text), run: e}
	return p.re.MatchReader(&t), t.err()
}

// captures returns what the first match and its groups hold, nil if there is none. The end of
// the run ends it.
func (p *pattern) captures(e *Env, text string) ([]Value, error) {
	var at []int
	if p.cost*int64(len(text)) <= maxBlindMatch {
		at = p.re.FindStringSubmatchIndex(text)
	} else {
		t := timedText{text: strings.NewReader(text), run: e}
		at = p.re.FindReaderSubmatchIndex(&t)
		if err := t.err(); err != nil {
			return nil, err
		}
	}
	if at == nil {
		return nil, nil
	}
	groups := make([]Value, len(at)/2)
	for i := range groups {
		groups[i] = ""
		if from := at[2*i]; from >= 0 {
			groups[i] = text[from:at[2*i+1]]
		}
	}
	return groups, nil
}

// timedText is a text that ends when the run does: a match that reads it character by character
// cannot outlast the run.
type timedText struct {
	text *strings.Reader
	run  *Env
	read int
	over bool
}

// ReadRune returns the next character.
func (t *timedText) ReadRune() (rune, int, error) {
	if t.read++; t.read&63 == 0 && t.run.Context.Err() != nil {
		t.over = true
	}
	if t.over {
		return 0, 0, io.EOF
	}
	return t.text.ReadRune()
}

func (t *timedText) err() error {
	if !t.over {
		return nil
	}
	return endError(t.run.Context, t.run.View.Limits)
}

// patterns are the regular expressions that scripts use, compiled once. They hardly ever
// come from mail; where they do, the oldest half goes when the cache is full.
var patterns = regexCache{byText: map[string]*pattern{}}

type regexCache struct {
	mu     sync.RWMutex
	byText map[string]*pattern
	order  []string
}

// compile returns a pattern, whose size it knows before memory is taken for it.
func (c *regexCache) compile(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("pattern of %d octets is over %d", len(text), maxPattern)
	}
	c.mu.RLock()
	p := c.byText[text]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	n := Instructions(tree)
	if n > MaxInstructions {
		return nil, errors.New("pattern is too large once its repetitions are written out")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	p = &pattern{re: re, cost: n}
	if n > maxKept {
		return p, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) >= maxPatterns {
		for _, old := range c.order[:maxPatterns/2] {
			delete(c.byText, old)
		}
		c.order = append([]string(nil), c.order[maxPatterns/2:]...)
	}
	if c.byText[text] == nil {
		c.byText[text] = p
		c.order = append(c.order, text)
	}
	return p, nil
}
