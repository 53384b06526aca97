package runtime

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lookAlikes are characters that are taken for others: a line is what they are taken for and
// the characters, as UTS 39 pairs them. It is a subset: what looks like ASCII, from scripts
// that are seen in mail (Cyrillic, Greek, Armenian, Hebrew, Arabic, Cherokee, Canadian
// syllabics, Coptic, Lisu, Tifinagh, letters of the IPA, digits and punctuation). Fullwidth,
// circled, superscript and mathematical letters need no line: they have compatibility
// decompositions.
const lookAlikes = `
a аɑα⍺
b ЬᏏᑲƄᖯ
c сϲᴄꮯⲥ
d ԁᏧᑯꓒ
e еҽꬲ℮
f ꬵꞙẝքſ
g ɡցƍᶃ
h һհᏂ
i іιɩɪıᎥꙇ⍳ӏꭵ
j јϳ
l 1I|ІΙӀƖǀוןا١۱ߊⵏᛁꓲⲒ∣⏽
n ոռ
o оοσᴏᴑօסⲟꬽ०੦૦௦౦೦൦๐໐၀٥۵ჿഠංه
p рρ⍴ⲣ
q ԛգզ
r гᴦⲅꭇꭈꮁ
s ѕƽꜱꮪ
u υʋᴜսꞟꭎꭒ
v ѵνᴠטꮩ∨⋁
w ѡԝաɯᴡꮃ
x х×ᕁᕽ⨯᙮
y уүγɣʏყᶌỿꭚ
z ᴢꮓ
A АΑᎪᗅꓮ
B ВΒᏴᗷꓐꞴ
C СϹᏟⲤꓚ
D Ꭰᗞᗪꓓ
E ЕΕᎬ⋿ⴹꓰ
F ϜᖴꓝꞘ
G ᏀᏳԌꓖ
H НΗᎻᕼⲎꓧ
J ЈͿᎫᒍꓙꞲ
K КΚᏦᛕⲔꓗ
L ᏞᒪⳐꓡ
M МΜϺᎷᗰᛖⲘꓟ
N ΝⲚꓠ
O 0ОΟՕⲞⵔꓳ߀০୦ଠ〇
P РΡᏢᑭⲢꓑ
Q ⵕ
R ᎡᏒᖇꓣƦ
S ЅՏᏕᏚꓢ
T ТΤᎢ⊤⟙Ⲧꓔ
U Ս∪⋃ሀᑌꓴ
V ѴᏙᐯⴸꓦ٧۷
W ԜᎳᏔꓪ
X ХΧⲬⵝᚷ╳ꓫ
Y УҮΥᎩᎽⲨꓬ
Z ΖᏃꓜ
2 ƧϨꙄᒿ
3 ЗƷȜӠⳌ
4 Ꮞ
5 Ƽ
6 бᏮⳒ
8 Ȣȣ৪
9 ৭Ⳋ
- ‐‒–﹘۔⁃˗−➖Ⲻ
' ` + "`" + `´ʹʻʼʽˈ‘’‛′‵՚׳ߴߵ
. ٠۰܁܂ꓸ
, ؍٫‚¸ꓹ
: ː˸։׃܃܄ःઃ᛬᠃᠉⁚꞉∶ꓽ
! ǃⵑ
/ ⁄∕╱⟋⧸᜵⁁〳
\ ∖⟍⧵⧹
* ⁎٭∗
_ ߺ
= ᐀⹀゠꓿
~ ˜⁓∼
+ ᛭
< ˂‹❮ᐸᚲ
> ˃›❯ᐳ
? ʔɁᎮ
( ❨❲〔
) ❩❳〕
& ꝸ
rn m
'' "“”‟″‶ˮ״
`

// prototypes maps each look-alike to what it is taken for.
var prototypes = sync.OnceValue(func() map[rune]string {
	m := map[rune]string{}
	for line := range strings.Lines(lookAlikes) {
		if to, from, ok := strings.Cut(strings.TrimRight(line, "\n"), " "); ok {
			for _, r := range from {
				m[r] = to
			}
		}
	}
	return m
})

// skeleton returns what a text looks like: two texts with one skeleton are taken for each
// other. It is to be compared, not shown.
//
// Spec: UTS 39, section 4, with the subset of lookAlikes.
func skeleton(s string) string {
	table := prototypes()
	var b strings.Builder
	b.Grow(len(s))
	s = norm.NFD.String(s)
	for i, r := range s {
		to, ok := table[r]
		switch {
		case ok:
			b.WriteString(to)
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case invisible(r):
		default:
			plain := norm.NFKD.PropertiesString(s[i:]).Decomposition()
			if plain == nil {
				b.WriteRune(r)
			}
			for _, r := range string(plain) {
				if to, ok := table[r]; ok {
					b.WriteString(to)
				} else {
					b.WriteRune(r)
				}
			}
		}
	}
	return b.String()
}

// styled are letters of a style that has no decomposition: small capitals.
const styled = "aᴀ bʙ cᴄ dᴅ eᴇ fꜰ gɢ hʜ iɪ jᴊ kᴋ lʟ mᴍ nɴ oᴏ pᴘ rʀ sꜱ tᴛ uᴜ vᴠ wᴡ yʏ zᴢ"

// among are letters that stand for Latin ones where they stand among them, and only there:
// their small forms look like capitals, or they are put in for a shape that is near.
const among = "bв eєε hн kкκ lł mм nпηи rя tтτ wшщω"

// plainLetters maps styled letters, and with look-alikes those in words of mixed scripts,
// to Latin ones in lower case.
func plainLetters(pairs string) map[rune]string {
	m := map[rune]string{}
	for group := range strings.FieldsSeq(pairs) {
		for _, r := range group[1:] {
			m[r] = group[:1]
		}
	}
	return m
}

var (
	styledLetters = sync.OnceValue(func() map[rune]string {
		m := plainLetters(styled)
		for i := range rune(26) { // white on black: circled, squared
			m[0x1f150+i], m[0x1f170+i] = string('a'+i), string('a'+i)
		}
		return m
	})
	mixedLetters = sync.OnceValue(func() map[rune]string {
		m := plainLetters(among)
		for r, to := range prototypes() {
			if r >= utf8.RuneSelf && unicode.IsLetter(r) {
				m[r] = strings.ToLower(to)
			}
		}
		return m
	})
)

// invisibles are characters that show nothing: zero-width spaces and joiners, marks and
// overrides of direction, fillers, tags, soft hyphens and variation selectors.
var invisibles = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1}, {0x034f, 0x034f, 1}, {0x061c, 0x061c, 1}, {0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1},
		{0x180b, 0x180f, 1}, {0x200b, 0x200f, 1}, {0x202a, 0x202e, 1}, {0x2060, 0x206f, 1}, {0x2800, 0x2800, 1},
		{0x3164, 0x3164, 1}, {0xfe00, 0xfe0f, 1}, {0xfeff, 0xfeff, 1}, {0xffa0, 0xffa0, 1},
	},
	R32:         []unicode.Range32{{0x1bca0, 0x1bca3, 1}, {0x1d173, 0x1d17a, 1}, {0xe0000, 0xe0fff, 1}},
	LatinOffset: 1,
}

func invisible(r rune) bool { return r >= 0xad && unicode.Is(invisibles, r) }
