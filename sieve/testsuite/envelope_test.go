package testsuite

import (
	"strings"
	"testing"
)

func TestReadPath(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"ann@example.org", "ann@example.org", ""},
		{"<ann@example.org>", "ann@example.org", ""},
		{"<>", "", ""},
		{"", "", ""},
		{"<ann@example.org", "", "bracket"},
		{"<@a.example,@b.example:ann@example.org>", "ann@example.org", ""},
		{"<@a.example,b.example:ann@example.org>", "", "route is broken"},
		{"<@a.example.ann@example.org>", "", "no end"},
		{"<@a..b:ann@example.org>", "", "route is broken"},
		{"<POSTMASTER>", "POSTMASTER", ""},
		{"a..b.@-example-.org", "a..b.@-example-.org", ""},
		{`"a b"@example.org`, `"a b"@example.org`, ""},
		{`"a b@example.org`, "", "address"},
		{"a@[192.0.2.1]", "a@[192.0.2.1]", ""},
		{"a@[192.0.2.1", "", "domain"},
		{"a@@example.org", "", "local part"},
		{"a@", "", "domain"},
		{"@example.org", "", "no end"},
		{"a b@example.org", "", "local part"},
	} {
		got, err := readPath(tt.in)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("readPath(%q) = %q, %v; want %q, %q", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func TestMailboxName(t *testing.T) {
	for name, want := range map[string]string{
		"inbox": "INBOX", "Inbox.Sub": "INBOX.Sub", "Lists.go": "Lists.go", "Zürich": "Zürich",
		"": "", ".a": "", "a.": "", "a..b": "", "a/b": "", "a\x00": "", "\xff": "", strings.Repeat("a", 2000): "",
	} {
		got, err := mailboxName(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("mailboxName(%.20q) = %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestSettingsHaveOldAndNewNames(t *testing.T) {
	for old, now := range map[string]string{
		"sieve_variables_max_variable_size": "sieve_variables_max_value_size",
		"sieve_variables_max_scope_size":    "sieve_variables_max_scope_count",
		"sieve_spamtest_max_value":          "sieve_spamtest_score_max_value",
		"sieve_virustest_max_header":        "sieve_virustest_score_max_header",
		"sieve_virustest_text_value3":       "sieve_virustest_text_value/3",
		"sieve_editheader_forbid_add":       "sieve_editheader_header/x-a/forbid_add",
	} {
		for _, name := range []string{old, now} {
			if set, _ := find(name); set == nil {
				t.Errorf("setting %s is not known", name)
			}
		}
	}
}
