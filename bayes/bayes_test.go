package bayes

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluice-mail/sluice/mail"
)

func TestWordsThatAreTheSame(t *testing.T) {
	for _, tt := range []struct{ name, a, b string }{
		{"case makes no difference", "Cheap PILLS ÄRGER", "cheap pills ärger"},
		{"blanks and stops are alike", "cheap, pills. now", "cheap   pills\r\n\tnow"},
		{"what cannot be read is left out", "ca\uFFFDfe ro\xffom", "cafe room"},
		{"signs that nobody sees are left out", "vi\u200bag\u00adra", "viagra"},
		{"quotes and dashes around words do not belong to them", "'cheap' --pills-- it's", "cheap pills it's"},
		{"a letter alone is no word", "a cheap b c pills", "cheap pills"},
		{"long words are known by their beginning and length", strings.Repeat("ab", 20) + " end", strings.Repeat("ac", 20) + " end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a, b := Text(tt.a), Text(tt.b); len(a) == 0 || !slices.Equal(a, b) {
				t.Errorf("%q has %x, %q has %x", tt.a, a, tt.b, b)
			}
		})
	}
}

func TestWordsThatDiffer(t *testing.T) {
	for _, tt := range []struct{ name, a, b string }{
		{"order matters", "one two", "two one"},
		{"prices are words", "$100", "100"},
		{"calls are words", "free!!", "free"},
		{"links are read", "see https://a.example/x", "see https://b.example/x"},
		{"a script without blanks has words, too", "天気予報", "予報天気"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a, b := Text(tt.a), Text(tt.b); slices.Equal(a, b) {
				t.Errorf("%q and %q both have %x", tt.a, tt.b, a)
			}
		})
	}
}

func TestHowManyTokens(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"nothing has none", "", 0},
		{"blanks have none", " \r\n. , - '", 0},
		{"a word", "word", 1},
		{"two words and their pair", "one two", 3},
		{"the same again adds its pair only", "one one one", 2},
		{"letters of a script without blanks", "天気", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(Text(tt.text)); got != tt.want {
				t.Errorf("%d tokens, want %d", got, tt.want)
			}
		})
	}
}

// has says whether all tokens of text, which has one word or link, are among list.
func has(list []Token, k Token) bool { return slices.Contains(list, k) }

func TestWhatOfAMessageIsRead(t *testing.T) {
	m := mail.New([]byte(strings.ReplaceAll(`From: "Big Winner" <sales@deals.shop.example>
Received: from relay.example
X-Spam-Flag: YES
Date: Thu, 1 Jan 2026 00:00:00 +0000
Subject: =?utf-8?Q?pr=C3=A4mie?=
User-Agent: Mailer 7
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<style>hidden</style><p>gr<b>=FC</b>n&amp;gelb <a href=3D"http://go.click.example/win/now">x</a>
--b
Content-Type: text/plain
Content-Disposition: attachment; filename=a.txt

attached
--b
Content-Type: text/plain
Content-Transfer-Encoding: base64

c2VjcmV0
--b--
`, "\n", "\r\n")))
	got := Message(m)
	for name, k := range map[string]Token{
		"a word of HTML": Text("grün")[0], "a decoded word": Text("secret")[0], "the host of a link": word("host@", "click.example"),
		"the path of a link": word("path", "win"), "the sender": word("From", "sales@deals.shop.example"),
		"the sender's domain": word("From@", "shop.example"), "a field that is there": word("has", "User-Agent"),
		"a field that is not": word("lacks", "In-Reply-To"), "a type": word("part", "text/html"), "a charset": word("charset", "iso-8859-1"),
	} {
		if !has(got, k) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, s := range []string{"hidden", "attached", "yes", "relay", "jan", "2026"} {
		if has(got, Text(s)[0]) {
			t.Errorf("%q is read", s)
		}
	}
	sub := newTokens()
	sub.words("subject", "prämie")
	if !has(got, sub.list[0]) || has(got, Text("prämie")[0]) {
		t.Error("the subject does not have words of its own")
	}
}

func TestMessagesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), 2+i%7) + " " + string(rune(0x100+i%0x800)) + "x ")
	}
	if n := len(Text(b.String())); n != MaxTokens {
		t.Errorf("%d tokens, want %d", n, MaxTokens)
	}
	long := "Subject: " + strings.Repeat("ab cd ", 50_000) + "\r\n\r\n" + strings.Repeat("word ", MaxText/5+1) + "behind"
	if got := Message(mail.New([]byte(long))); has(got, Text("behind")[0]) || !has(got, Text("word")[0]) {
		t.Error("text behind the limit is read")
	}
}

func TestScores(t *testing.T) {
	all := Counts{Ham: 1000, Spam: 1000}
	of := func(n int, c Counts) []Counts { return slices.Repeat([]Counts{c}, n) }
	for _, tt := range []struct {
		name        string
		all         Counts
		tokens      []Counts
		least, most float64
		used        int
	}{
		{"nothing learnt", Counts{}, of(50, Counts{1, 9}), 0.5, 0.5, 0},
		{"one class learnt", Counts{Spam: 9}, of(50, Counts{0, 9}), 0.5, 0.5, 0},
		{"no tokens", all, nil, 0.5, 0.5, 0},
		{"too few tokens", all, of(MinTokens-1, Counts{0, 9}), 0.5, 0.5, 0},
		{"tokens that say nothing", all, of(50, Counts{10, 10}), 0.5, 0.5, 0},
		{"tokens of spam", all, of(MinTokens, Counts{1, 90}), SpamScore, 1, MinTokens},
		{"tokens of ham", all, of(MinTokens, Counts{90, 1}), 0, HamScore, MinTokens},
		{"half and half", all, append(of(20, Counts{90, 1}), of(20, Counts{1, 90})...), 0.49, 0.51, 40},
		{"the strongest count", all, append(of(500, Counts{10, 20}), of(300, Counts{90, 0})...), 0, HamScore, best},
		{"a class of which little was learnt counts as much", Counts{Ham: 10_000, Spam: 100}, of(30, Counts{100, 10}), SpamScore, 1, 30},
		{"counts that were lost", all, of(30, Counts{0, 0}), 0.5, 0.5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, used := Classify(tt.all, tt.tokens)
			if got < tt.least || got > tt.most || used != tt.used {
				t.Errorf("score %v of %d tokens, want %v to %v of %d", got, used, tt.least, tt.most, tt.used)
			}
		})
	}
}

func TestScoresAreSymmetrical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Int64Range(0, 500)
		var a, b []Counts
		for range rapid.IntRange(0, 120).Draw(t, "tokens") {
			c := Counts{count.Draw(t, "ham"), count.Draw(t, "spam")}
			a, b = append(a, c), append(b, Counts{c.Spam, c.Ham})
		}
		x, n := Classify(Counts{500, 500}, a)
		y, m := Classify(Counts{500, 500}, b)
		if x < 0 || x > 1 || n != m || x+y < 1-1e-9 || x+y > 1+1e-9 {
			t.Errorf("scores %v of %d and %v of %d tokens", x, n, y, m)
		}
	})
}

func TestCountsArePackedInOneNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum int64
		var want Counts
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			c := Counts{rapid.Int64Range(-100, 1e6).Draw(t, "ham"), rapid.Int64Range(-100, 1e6).Draw(t, "spam")}
			sum += c.Packed()
			want = Counts{want.Ham + c.Ham, want.Spam + c.Spam}
		}
		want = Counts{max(want.Ham, 0), max(want.Spam, 0)}
		if got := Unpack(sum); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("Subject: a b\r\nFrom: x <a@b.c>\r\n\r\nhttp://a.example/b c\r\n")
	f.Add("Content-Type: text/html\r\n\r\n<a href='http://x/'>a<b>b</b> &nbsp;")
	f.Add("://://://\xff\xfe\u200b天")
	f.Fuzz(func(t *testing.T, s string) {
		for _, list := range [][]Token{Text(s), Message(mail.New([]byte(s)))} {
			if len(list) > MaxTokens {
				t.Errorf("%d tokens", len(list))
			}
			seen := map[Token]bool{}
			for _, k := range list {
				if k == 0 || seen[k] {
					t.Errorf("token %x stands twice, or is 0", k)
				}
				seen[k] = true
			}
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	raw := []byte("Subject: a usual subject\r\nFrom: Ann <ann@firm.example>\r\n\r\n" +
		strings.Repeat("please look through your folders and tell us what can go https://firm.example/list the list is attached\r\n", 60))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Message(mail.New(raw))
	}
}

func BenchmarkClassify(b *testing.B) {
	tokens := make([]Counts, MaxTokens)
	for i := range tokens {
		tokens[i] = Counts{int64(i % 17), int64(i % 13)}
	}
	b.ReportAllocs()
	for b.Loop() {
		Classify(Counts{1000, 1000}, tokens)
	}
}
