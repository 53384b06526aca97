package runtime

import (
	"sort"
	"sync"
	"unicode"
	"unicode/utf8"
)

// scriptID is a script of Unicode; 0 is Common, Inherited or none.
type scriptID uint8

const latin scriptID = 1

type scriptRange struct {
	lo, hi rune
	script scriptID
}

// scriptTable is all scripts of Unicode in the order of their characters. Scripts that are
// written together (those of Chinese, Japanese and Korean) are one.
var scriptTable = sync.OnceValue(func() (t struct {
	ranges []scriptRange
	alike  map[scriptID]bool // scripts with letters that look like Latin ones
}) {
	names := []string{"Latin"}
	for name := range unicode.Scripts {
		if name != "Latin" && name != "Common" && name != "Inherited" {
			names = append(names, name)
		}
	}
	sort.Strings(names[1:])
	ids := map[string]scriptID{}
	t.alike = map[scriptID]bool{}
	for i, name := range names {
		id := scriptID(i + 1)
		switch name {
		case "Hiragana", "Katakana", "Hangul", "Bopomofo", "Han":
			if id = ids["east"]; id == 0 {
				id = scriptID(i + 1)
				ids["east"] = id
			}
		case "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic", "Lisu", "Tifinagh", "Canadian_Aboriginal", "Runic", "Ogham",
			"Deseret", "Old_Italic", "Gothic", "Lycian", "Lydian", "Carian", "Glagolitic", "Georgian", "Nko", "Vai", "Bamum":
			t.alike[id] = true
		}
		add := func(lo, hi, stride rune) {
			if stride == 1 {
				t.ranges = append(t.ranges, scriptRange{lo, hi, id})
				return
			}
			for r := lo; r <= hi; r += stride {
				t.ranges = append(t.ranges, scriptRange{r, r, id})
			}
		}
		table := unicode.Scripts[name]
		for _, r := range table.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range table.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	sort.Slice(t.ranges, func(i, j int) bool { return t.ranges[i].lo < t.ranges[j].lo })
	return t
})

// scriptOf returns the script of a character. Ω and μ count as signs: units have them.
func scriptOf(r rune) scriptID {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r|0x20 && r|0x20 <= 'z' {
			return latin
		}
		return 0
	case r == 'Ω' || r == 'μ' || r == '\u2126':
		return 0
	}
	t := scriptTable().ranges
	i := sort.Search(len(t), func(i int) bool { return t[i].hi >= r })
	if i < len(t) && t[i].lo <= r {
		return t[i].script
	}
	return 0
}

// mixedScripts says whether a word is of scripts that nobody mixes in a word: several beside
// Latin, or one whose letters look like Latin ones together with it.
//
// Spec: UTS 39, section 5.2 (moderately restrictive).
func mixedScripts(word string) bool {
	var other scriptID
	isLatin := false
	for _, r := range word {
		switch s := scriptOf(r); s {
		case 0, other:
		case latin:
			isLatin = true
		default:
			if other != 0 {
				return true
			}
			other = s
		}
	}
	return isLatin && other != 0 && scriptTable().alike[other]
}
