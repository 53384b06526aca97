package mail

import (
	"strings"
	"testing"
	"time"
)

func TestBaseSubject(t *testing.T) {
	for _, tt := range []struct{ name, subject, want string }{
		{"nothing to take off", "words", "words"},
		{"a reply", "Re: words", "words"},
		{"replies and forwards of all cases", "RE: fwd: FW: re : words", "words"},
		{"a tag in front", "[list] words", "words"},
		{"tags in front of a mark", "[a][b] Re: words", "words"},
		{"tags with no mark behind them", "[a] [b] words [c]", "words [c]"},
		{"a tag alone stays", "[list]", "[list]"},
		{"the last of tags stays", "[a] [b]", "[b]"},
		{"a mark alone", "Re:", ""},
		{"a tag in a mark", "Re[2]: Re [list]: words", "words"},
		{"trailers", "words (fwd) (FWD)", "words"},
		{"a forward in brackets", "[Fwd: Re: words]", "words"},
		{"forwards in forwards", "Re: [fwd: [Fwd: words] (fwd)]", "words"},
		{"a forward that does not end", "[fwd: words", "[fwd: words"},
		{"blanks are joined", "  Re:\t a \r\n  b ", "a b"},
		{"a mark without a colon", "Re words", "Re words"},
		{"a mark of another language is none here", "AW: words", "AW: words"},
		{"words that begin like a mark", "Reply: words", "Reply: words"},
		{"no UTF-8", "Re: \xff", "\xff"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := BaseSubject(tt.subject); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestThreadName(t *testing.T) {
	for _, tt := range []struct{ name, subject, want string }{
		{"marks of other languages", "AW: Antw: SV: WG: Re: words", "words"},
		{"marks with counts", "Re[2]: Re^3: Re(4): Re5: words", "words"},
		{"wide colons", "回复：转发: words", "words"},
		{"a count that is none", "Re(x): words", "Re(x): words"},
		{"a list", "AW: [list] words", "words"},
		{"words of other scripts stay", "Привет: мир", "Привет: мир"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ThreadName(tt.subject); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSubjectsTakeTimeByTheirLength(t *testing.T) {
	for _, s := range []string{"[a]", "Re:", "[a]Re:", "[fwd:", "(fwd)", "[", "Re[a]"} {
		long := strings.Repeat(s, 300_000)
		started := time.Now()
		ThreadName(long)
		BaseSubject(long + strings.Repeat("]", 300_000))
		if took := time.Since(started); took > 3*time.Second {
			t.Errorf("%s took %s", s, took)
		}
	}
}

// FuzzSubject checks that a base subject has a base subject that is itself.
func FuzzSubject(f *testing.F) {
	for _, s := range []string{"Re: [a] words", "[fwd: Re: x] (fwd)", "回复：x", "Re^2: [", "\xff: x", "[a] [b]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, base := range []func(string) string{BaseSubject, ThreadName} {
			once := base(s)
			if len(once) > len(s) {
				t.Fatalf("%q grew to %q", s, once)
			}
			if again := base(once); again != once {
				t.Fatalf("%q is %q, which is %q", s, once, again)
			}
		}
	})
}
