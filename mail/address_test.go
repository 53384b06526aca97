package mail

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func addr(s string) Address {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return Address{Local: s}
	}
	return Address{Local: s[:i], Domain: s[i+1:]}
}

func named(name, s string) Address {
	a := addr(s)
	a.Name = name
	return a
}

func TestAddressLists(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []Address
	}{
		{"one", "a@b.example", []Address{addr("a@b.example")}},
		{"in angle brackets", "<a@b>", []Address{addr("a@b")}},
		{"with a name", "Ann Example <a@b>", []Address{named("Ann Example", "a@b")}},
		{"with a quoted name", `"Example, \"Ann\"" <a@b>`, []Address{named(`Example, "Ann"`, "a@b")}},
		{"with dots in the name", "John Q. Public <a@b>", []Address{named("John Q. Public", "a@b")}},
		{"with an address as name", "c@d <a@b>", []Address{named("c@d", "a@b")}},
		{"with brackets in the name", "[list] Ann <a@b>", []Address{named("[list] Ann", "a@b")}},
		{"with an encoded name, kept as it stands", "=?utf-8?q?J=C3=B6?= <a@b>", []Address{named("=?utf-8?q?J=C3=B6?=", "a@b")}},
		{"with a comma in an encoded name", "=?utf-8?q?Doe,_J.?= <a@b>, c@d", []Address{named("=?utf-8?q?Doe,_J.?=", "a@b"), addr("c@d")}},
		{"with a raw 8-bit name", "J\xf6 <a@b>", []Address{named("J\xf6", "a@b")}},
		{"with the name as comment", "a@b (Ann (the) Example)", []Address{named("Ann (the) Example", "a@b")}},
		{"with comments and blanks anywhere", "(x) a (y) . c (z) @ (w) b . example (v)", []Address{named("v", "a.c@b.example")}},
		{"with a quoted local part", `"a b@c"@d`, []Address{{Local: "a b@c", Domain: "d"}}},
		{"with a half quoted local part", `"a".b@d`, []Address{addr("a.b@d")}},
		{"with a source route", "<@x,@y.z:a@b>", []Address{{Local: "a", Domain: "b", Route: "@x,@y.z"}}},
		{"with a domain literal", "a@[127.0.0.1]", []Address{addr("a@[127.0.0.1]")}},
		{"with dots that some networks allow", "a..b.@c", []Address{addr("a..b.@c")}},
		{"several", "a@b, c@d,e@f", []Address{addr("a@b"), addr("c@d"), addr("e@f")}},
		{"empty entries", ",, a@b,, ,c@d,", []Address{addr("a@b"), addr("c@d")}},
		{"semicolons for commas", "a@b; c@d", []Address{addr("a@b"), addr("c@d")}},
		{"a group", "friends: a@b, Ann <c@d>;, e@f", []Address{
			{Local: "a", Domain: "b", Group: "friends"}, {Name: "Ann", Local: "c", Domain: "d", Group: "friends"}, addr("e@f")}},
		{"an empty group", "undisclosed recipients:;", nil},
		{"a group that is not closed", "g: a@b", []Address{{Local: "a", Domain: "b", Group: "g"}}},
		{"entries without a domain are not counted", "root, a@b", []Address{addr("a@b")}},
		{"broken entries behind a good one are not counted", "a@b, x y, <c@, @d, c@d@e, <e@f, g@h", []Address{addr("a@b"), addr("g@h")}},
		{"the null address is not counted", "<>, a@b", []Address{addr("a@b")}},
		{"what stands behind the angle bracket says nothing", "<a@b> junk <x@y>, c@d", []Address{addr("a@b"), addr("c@d")}},
		{"non-ASCII on both sides", "ü@exämple.org", []Address{addr("ü@exämple.org")}},
		{"nothing", " \t", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ParseAddresses(tt.in)
			if d := cmp.Diff(tt.want, got.Addresses); d != "" || got.Broken {
				t.Errorf("broken %v\n%s", got.Broken, d)
			}
		})
	}
}

func TestAFieldThatBeginsBrokenIsBroken(t *testing.T) {
	for _, in := range []string{
		"x y", "x y, a@b", "@b", "a@", "a@b@c", "<a@b", "<a b@c>", "a@.b", "a@b..c", `"a@b`, "stephan(a)b@", ")", "a@b c@d", ".", "<.@b>, c@d",
	} {
		got := ParseAddresses(in)
		if !got.Broken || got.Addresses != nil {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func TestEntriesAreAllThatCanBeShown(t *testing.T) {
	got := ParseAddresses("root, friends: Ann <a@b>; none:;, x y, c@d").Entries
	want := []Entry{
		{Address: Address{Local: "root"}},
		{Kind: EntryGroup, Address: Address{Name: "friends"}},
		{Address: Address{Name: "Ann", Local: "a", Domain: "b", Group: "friends"}},
		{Kind: EntryGroupEnd},
		{Kind: EntryGroup, Address: Address{Name: "none"}},
		{Kind: EntryGroupEnd},
		{Address: Address{Local: "c", Domain: "d"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAddressesAreBounded(t *testing.T) {
	long := strings.Repeat("x.", maxWords)
	if list := ParseAddresses(long + "@b, c@d, " + long + " <e@f>"); !list.Broken || len(list.Entries) != 2 {
		t.Errorf("an entry of many words: broken %v, %d entries", list.Broken, len(list.Entries))
	}
	list := ParseAddresses(strings.Repeat("a@b,", MaxAddresses+10))
	if len(list.Addresses) != MaxAddresses || len(list.Entries) != MaxAddresses {
		t.Errorf("%d addresses, %d entries", len(list.Addresses), len(list.Entries))
	}
}

func TestAddressesAreWrittenWithTheQuotesTheyNeed(t *testing.T) {
	for in, want := range map[string]string{
		"a@b": "a@b", `"a"@b`: "a@b", `"a b"@c`: `"a b"@c`, `"a\"\\"@c`: `"a\"\\"@c`, "a..b@c": `"a..b"@c`, `""@c`: `""@c`, "ü@c": "ü@c",
	} {
		if got := ParseAddresses(in).Addresses; len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: got %v, want %s", in, got, want)
		}
	}
	if got := (Address{Name: "=?utf-8?q?J=C3=B6?="}).DisplayName(); got != "Jö" {
		t.Errorf("display name %q", got)
	}
}

func TestOneAddressAndNothingElse(t *testing.T) {
	for in, want := range map[string]Address{
		"a@b.example":       addr("a@b.example"),
		"a+b.c@d":           addr("a+b.c@d"),
		`"a b"@c`:           addr("a b@c"),
		"ü@exämple.org":     addr("ü@exämple.org"),
		"a@[127.0.0.1]":     addr("a@[127.0.0.1]"),
		"a@[IPv6:2001::1]":  addr("a@[IPv6:2001::1]"),
		"a@sub_domain.org":  addr("a@sub_domain.org"),
		"o'hara/x=y@b-c.de": addr("o'hara/x=y@b-c.de"),
	} {
		got, err := ParseAddress(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("%s: %+v %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"":                               "no @",
		"a":                              "no @",
		"@b":                             "no local part",
		"a@":                             "empty label",
		"a@b..c":                         "empty label",
		"a@b.":                           "empty label",
		"a@-b":                           "hyphen",
		"a@b c":                          `character ' '`,
		"a@b@c":                          "needs quotes",
		"a b@c":                          "needs quotes",
		".a@b":                           "needs quotes",
		"a..b@c":                         "needs quotes",
		"Ann <a@b>":                      "needs quotes",
		"<a@b>":                          "needs quotes",
		`"a@b`:                           "not closed",
		`"a"b@c`:                         "no @ behind",
		"a@b\r\nRCPT TO:<c@d>":           "control character",
		"a\x00@b":                        "control character",
		"a@\xff":                         "not UTF-8",
		"a@[127.0.0.1":                   "not closed",
		"a@[foo]":                        "no IP address",
		strings.Repeat("a", 65) + "@b":   "longer than 64",
		"a@" + strings.Repeat("b.", 200): "longer than 255",
		"a@" + strings.Repeat("b", 64):   "more than 63",
	} {
		if _, err := ParseAddress(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", in, err, want)
		}
	}
}
