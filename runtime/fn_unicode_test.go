package runtime

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLookAlikesAreOneEach(t *testing.T) {
	seen := map[rune]bool{}
	for line := range strings.Lines(lookAlikes) {
		to, from, ok := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if !ok {
			continue
		}
		if got := skeleton(to); got != to {
			t.Errorf("skeleton of %q is %q", to, got)
		}
		for _, r := range from {
			if seen[r] {
				t.Errorf("%q stands twice", r)
			}
			seen[r] = true
			if invisible(r) {
				t.Errorf("%U shows nothing", r)
			}
			if got := skeleton(string(r)); got != to {
				t.Errorf("skeleton of %q is %q, want %q", r, got, to)
			}
		}
	}
}

func TestScriptsOfCharacters(t *testing.T) {
	same := [][2]rune{{'a', 'ß'}, {'日', 'ア'}, {'日', '한'}, {'а', 'ѣ'}, {'.', '・'}, {'1', 'Ω'}, {'.', 'µ'}}
	for _, p := range same {
		if scriptOf(p[0]) != scriptOf(p[1]) {
			t.Errorf("%q and %q are of different scripts", p[0], p[1])
		}
	}
	for _, p := range [][2]rune{{'a', 'а'}, {'a', 'α'}, {'а', 'α'}, {'ա', 'а'}, {'א', 'ا'}, {'ก', 'ກ'}} {
		if scriptOf(p[0]) == scriptOf(p[1]) {
			t.Errorf("%q and %q are of one script", p[0], p[1])
		}
	}
}

func TestTextOfAllScriptsTakesTimeByItsLength(t *testing.T) {
	e := &Env{View: &View{Limits: Limits{Output: 1 << 30, Memory: 1 << 30}}}
	for _, piece := range []string{"a", "а", "aа", "é", "e\u0301\u0302\u0303", "\u0301", "\u200b", "\u200d", "\u200e", "א\u200e", "ﷺ", "𝓯", "日", "가", "한", "\xff", "👩\u200d", "İ"} {
		s := strings.Repeat(piece, 1<<18/len(piece))
		started := time.Now()
		skeleton(s)
		if _, err := e.cure(s); err != nil {
			t.Error(err)
		}
		hasZeroWidth(s)
		hasObscured(s)
		anyWord(mixedScripts)(s)
		if took := time.Since(started); took > 4*time.Second {
			t.Errorf("%+q took %s", piece, took)
		}
	}
}

func TestNormalFormsAreBounded(t *testing.T) {
	long := strings.Repeat("ﷺ", 1000) // each becomes 18 characters
	for _, call := range []string{`normalize("%s", "NFKC")`, `cure_text("%s")`, `unicode_skeleton("%s")`, `normalize(["%s"], "NFKD")`} {
		r := testEngine.Run(t.Context(), compileTiny(t, strings.ReplaceAll(call, "%s", long)), ExampleTransaction(), RunOptions{Limits: Limits{Output: 20_000}})
		if r.Err == nil || !strings.Contains(r.Err.Error(), "output limit of 20000") {
			t.Errorf("%s: %v", call, r.Err)
		}
	}
}

// FuzzUnicode checks what holds for any text: a skeleton is its own skeleton, and cured text
// shows all that it holds.
func FuzzUnicode(f *testing.F) {
	for _, s := range []string{"pаypal", "V\u200bi\u00adagra", "s\u0338a\u0336l\u0336e", "👩\u200d💻", "می\u200cخواهم", "𝓕ⓡｅ🅔", "\xff\xfe", "ﷺ", "가\u11a8", "ẛ̣", "1̈", "\u0344"} {
		f.Add(s)
	}
	e := &Env{View: &View{Limits: DefaultLimits}}
	f.Fuzz(func(t *testing.T, s string) {
		once := skeleton(s)
		if twice := skeleton(once); twice != once {
			t.Fatalf("%+q has the skeleton %+q, which has %+q", s, once, twice)
		}
		cured, err := e.cure(s)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(cured) || strings.ContainsFunc(cured, invisible) {
			t.Fatalf("%+q is cured to %+q", s, cured)
		}
		if hasZeroWidth(s) && !hasObscured(s) {
			t.Fatalf("%+q", s)
		}
		anyWord(mixedScripts)(s)
	})
}

func BenchmarkUnicode(b *testing.B) {
	e := &Env{View: &View{Limits: DefaultLimits}}
	for name, s := range map[string]string{"ascii": "What a line of text looks like. ", "cyrillic": "Как выглядит строка текста. "} {
		s = strings.Repeat(s, 100)
		for kind, do := range map[string]func(){
			"skeleton": func() { skeleton(s) }, "cure": func() { _, _ = e.cure(s) }, "mixed": func() { anyWord(mixedScripts)(s) }, "obscured": func() { hasObscured(s) },
		} {
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(s)))
				for b.Loop() {
					do()
				}
			})
		}
	}
}
