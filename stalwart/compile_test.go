package stalwart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

func TestCompileErrors(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{`sendr == 'x'`, `t.expr:1:1: unknown variable "sendr"; is "sender" meant?`},
		{"1 +\n  local_port", `t.expr:2:3: local_port is not known here: the connection is the mail server's in front; listener says where the mail came in`},
		{`'a' + lenn('x')`, `t.expr:1:7: unknown function "lenn"; is "len" meant?`},
		{`trim('a', 'b')`, `t.expr:1:1: trim: called with 2 arguments, takes 1`},
		{`key_set('', 'k')`, `t.expr:1:1: key_set: called with 2 arguments, takes 3 to 4`},
		{`key_get('nowhere', 'k')`, `t.expr:1:1: key_get: unknown store "nowhere"`},
		{`recipient`, `t.expr:1:1: recipient is a function; call it: recipient(...)`},
		{`config_get('x')`, `t.expr:1:1: config_get: configuration values cannot be read here; write the value`},
		{`matches('(', sender)`, "t.expr:1:9: matches: error parsing regexp: missing closing ): `(`"},
		{`matches('a')`, `t.expr:1:1: matches: called with 1 arguments, takes 2: a pattern and a value`},
		{`$99`, `t.expr:1:1: $99: only $0 to $63 are kept`}, {`$SPAM`, `t.expr:1:1: $SPAM: there are no tags of a spam filter here`}, {`$`, `t.expr:1:1: expected a number or name after $`},
		{`'abc`, `t.expr:1:1: text without its closing quote`}, {`'abc\'`, `t.expr:1:1: text without its closing quote`},
		{`1 % 2`, `t.expr:1:3: unexpected character '%'`}, {`'ü' % 2`, `t.expr:1:5: unexpected character '%'`}, {`a ? b : c`, `t.expr:1:3: unexpected character '?'`},
		{`1 +`, `t.expr:1:4: expected a value, got the end`}, {`(1`, `t.expr:1:3: expected ")", got the end`}, {`[1, ]`, `t.expr:1:5: expected a value, got "]"`}, {`len(1 2)`, `t.expr:1:7: expected "," or ")", got "2"`},
		{`1 2`, `t.expr:1:3: expected an operator, got "2"`}, {`1)`, `t.expr:1:2: expected an operator, got ")"`}, {`1 == == 2`, `t.expr:1:6: expected a value, got "=="`},
		{`5x`, `t.expr:1:1: "5x" is no number; the units of durations are ms, s, m, h and d`}, {`1.5h`, `t.expr:1:1: "1.5h": a duration is a whole number with ms, s, m, h or d`}, {`1.`, `t.expr:1:1: "1." is no number`}, {`1.2.3`, `t.expr:1:1: "1.2.3" is no number`},
		{`9223372036854775808`, `t.expr:1:1: "9223372036854775808" is no number of 64 bits`},
		{`header.to[0]`, `t.expr:1:10: "0" is no place; expected a number from 1, a negative one from the end, or *`}, {`header.to.adr`, `t.expr:1:10: a header field has no part "adr"`}, {`header..x`, `t.expr:1:8: expected the name of a header field behind "header."`},
		{`header.content-type.attr`, `t.expr:1:20: attr needs the name of a parameter, such as attr.charset`},
		{`query("", "", [])`, `t.expr:1:1: query is a function of Sieve scripts`},
		{"\xff", `t.expr:1:1: text is not UTF-8`},
		{"a1 + b2", "t.expr:1:1: unknown variable \"a1\"\nt.expr:1:6: unknown variable \"b2\""},
		{strings.Repeat("(", 300), `t.expr:1:201: nested deeper than 200`}, {strings.Repeat("!", 300) + "1", `t.expr:1:201: nested deeper than 200`}, {strings.Repeat("len(", 300), `t.expr:1:801: nested deeper than 200`},
		{strings.Repeat("1+", 6000) + "1", `t.expr:1:10002: script has over 10000 operations`}, {strings.Repeat(" ", 70_000), `t.expr:1:1: script of 70000 octets is over the limit of 65536`},
		// rules
		{"[\n { if = \"1 +\", then = \"2\" } ]", `t.expr:2:13: expected a value, got the end`},
		{`[ { if = "'\t' + x1", then = 'y1' } ]`, "t.expr:1:18: unknown variable \"x1\"\nt.expr:1:31: unknown variable \"y1\""},
		{"rules = [ { if = '''\n  1 +\n  x1''', then = true } ]", `t.expr:3:3: unknown variable "x1"`},
		{`[ { if = "1" } ]`, `t.expr:1:3: a rule has if and then, or else alone`}, {`[ { else = "1" }, { else = "2" } ]`, `t.expr:1:3: else is the last rule; none can follow it`},
		{`[ { iff = "1" } ]`, `t.expr:1:5: expected if, then or else`}, {`[ { if = } ]`, `t.expr:1:10: expected text in quotes, a number, true or false`}, {`[ { if = "\d", then = "1" } ]`, `t.expr:1:11: there is no escape \d here; a backslash of a pattern is written \\, or the text in single quotes`},
		{`[ { else = "1" } ] x`, `t.expr:1:20: expected the end of the file behind the rules`}, {`[ { else = "1" } { else = 1 } ]`, `t.expr:1:18: expected "," or "]"`}, {`[ { else = "1" `, `t.expr:1:16: expected "," or "}"`}, {`[ { if = "1", if = "2" } ]`, `t.expr:1:15: if is given twice`},
		{"[[r]]\nif = \"1\"\nthen = 1 2", `t.expr:3:10: expected the end of the line`}, {"[[r]]\nelse = 1\n[x]", `t.expr:3:1: expected a table such as [[rule]] on a line of its own`}, {`[ { else = - } ]`, `t.expr:1:12: expected text in quotes, a number, true or false`},
	} {
		name := tt.source
		if len(name) > 40 {
			name = name[:40]
		}
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{}).Compile("t.expr", []byte(tt.source),
				runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin, Stores: []string{"shared"}})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStages checks that a variable is known from its stage on only.
func TestStages(t *testing.T) {
	for _, tt := range []struct {
		source string
		first  runtime.Stage
	}{
		{"remote_ip", runtime.StageConnect}, {"helo_domain", runtime.StageEhlo}, {"sender", runtime.StageMail}, {"authenticated_as", runtime.StageMail},
		{"rcpt", runtime.StageRcpt}, {"priority", runtime.StageRcpt}, {"subject", runtime.StageData}, {"header.subject", runtime.StageData}, {"body.text", runtime.StageData},
	} {
		lawful := false
		for _, stage := range runtime.Stages[:6] {
			lawful = lawful || stage == tt.first
			_, err := New(Options{}).Compile("t.expr", []byte(tt.source), runtime.CompileOptions{Stage: stage})
			want := "t.expr:1:1: " + tt.source + " is not known at stage " + string(stage)
			switch {
			case lawful && err != nil:
				t.Errorf("%s at %s: %v", tt.source, stage, err)
			case !lawful && (err == nil || err.Error() != want):
				t.Errorf("%s at %s: got %v, want %s", tt.source, stage, err, want)
			}
		}
	}
	if _, err := New(Options{}).Compile("t.expr", []byte("dns_query('a', 'mx')"), runtime.CompileOptions{Trust: runtime.User}); err == nil {
		t.Error("a user's script may ask the DNS")
	}
}

func TestRules(t *testing.T) {
	check(t, []row{
		{``, nil}, {"# nothing\n", nil},
		{`[ { if = "0", then = "1" } ]`, nil}, {`[ { if = "1", then = "'a'" }, { else = "'b'" } ]`, "a"}, {`[ { if = "0", then = "'a'" }, { else = "'b'" } ]`, "b"},
		{"session.relay = [ # comment\n  { if = 'is_tls', then = true }, # more\n  { else = false },\n]\n", int64(1)},
		{"[[relay]]\nif = \"sender == 'x'\"\nthen = 1\n\n[[ relay ]] # comment\nif = '''rcpt == \"bob+news@example.org\"'''\nthen = \"5m\"\n[[relay]]\nelse = -7", int64(300_000)},
		{"[[relay]]\nelse = -7", int64(-7)}, {`[ { else = 1.5 } ]`, 1.5}, {"[ { else = \"\"\"\n1 + \\\n   1\"\"\" } ]", int64(2)}, {`[ { else = "\"a\\\\d\"" } ]`, `a\\d`},
		{"[[1, 2]][0]", array{int64(1), int64(2)}}, {"[[sender]]", array{array{"alice@example.net"}}},
	})
}

// TestRulesAreTOML compares what is read with what a reader of TOML says.
func TestRulesAreTOML(t *testing.T) {
	for _, source := range []string{
		`r = [ { if = "1", then = "'a'" }, { else = 'x\y' } ]`,
		"r = [\n  { if = '''\n a\n b''', then = \"\"\"\nx \\\n  y\\\\d\\\"\"\"\" }, # c\n  { else = \"\\tA\" },\n]",
		"[[r]]\nif = \"a\"\nthen = 'b'\n\n[[r]]\nelse = '''c'''\n",
	} {
		var want struct{ R []map[string]string }
		if err := toml.Unmarshal([]byte(source), &want); err != nil {
			t.Fatal(err)
		}
		c := &compilation{source: source, options: Options{}.withDefaults()}
		c.begin()
		r := &rulesReader{c: c, in: source}
		var entries []entry
		if r.blanks(); strings.HasPrefix(source, "[[") {
			entries = r.tables()
		} else {
			entries = r.list()
		}
		var got []map[string]string
		for _, e := range entries {
			m := map[string]string{}
			for k, v := range e.values {
				m[k] = v.text
			}
			got = append(got, m)
		}
		if diff := cmp.Diff(want.R, got); diff != "" || len(c.errs) > 0 {
			t.Errorf("%s: %v\n%s", source, c.errs, diff)
		}
	}
}

func TestRunErrors(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"1 +\n is_ip_in_cidr('192.0.2.1', 'x')", `t.expr:2:2: is_ip_in_cidr: "x" is no network`},
		{`[ { if = "key_get('', '')", then = "1" } ]`, `t.expr:1:11: key_get: key is empty`},
		{`matches(sender + '(', 'x')`, "t.expr:1:1: matches: error parsing regexp: missing closing ): `alice@example.net(`"},
		{`dns_query('tempfail.example', 'mx')`, `t.expr:1:1: dns_query: temporary failure: tempfail.example`},
		{`key_set('', 'k', 'v', [1])`, `t.expr:1:1: key_set: a lifetime is seconds, or text such as "1h"`},
	} {
		t.Run(tt.source, func(t *testing.T) {
			_, err := evaluate(t, tt.source)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestSites(t *testing.T) {
	room.Sites(t, "[ { if = \"is_tls && len('a')\", then = \"keep()\" },\n{ else = \"discard()\" } ]",
		[]runtime.Site{{Line: 1, Col: 11, What: "if"}, {Line: 1, Col: 21, What: "call len"}, {Line: 1, Col: 18, What: "&&"}, {Line: 1, Col: 40, What: "call keep"}, {Line: 2, Col: 11, What: "call discard"}},
		[]runtime.HitRecord{{Site: 1, Outcome: runtime.True}, {Site: 2, Outcome: runtime.True}, {Site: 0, Outcome: runtime.True}, {Site: 3, Outcome: runtime.True}})
}

func TestContract(t *testing.T) { room.Run(t) }

func TestLimits(t *testing.T) {
	deep := strings.Repeat("subject + ", 4000) + "subject"
	for _, tt := range []struct {
		name, source string
		limits       runtime.Limits
		want         string
	}{
		{"steps", strings.Repeat("1+", 100) + "1", runtime.Limits{Steps: 50}, "steps limit of 50 reached"},
		{"steps of a pattern", "matches('(a{1,100}){1,10}b', hash('" + strings.Repeat("a", 5000) + "', 'md5'))", runtime.Limits{Steps: 50}, "steps limit of 50 reached"},
		{"memory of arrays", "[" + strings.Repeat("[],", 200) + "1]", runtime.Limits{Memory: 1000}, "memory limit of 1000 reached"},
		{"output", "'" + strings.Repeat("a", 600) + "' + '" + strings.Repeat("a", 600) + "'", runtime.Limits{Output: 1000}, "output limit of 1000 reached"},
		{"memory of texts", deep, runtime.Limits{Memory: 100_000, Output: 1 << 40}, "memory limit of 100000 reached"},
		{"operations", "[" + strings.Repeat("key_get('', 'k'),", 10) + "1]", runtime.Limits{Ops: 5}, "ops limit of 5 reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := room.Compile(t, tt.source, runtime.CompileOptions{})
			host, _ := langtest.Live(t)
			r := langtest.Execute(t, p, runtime.RunOptions{Host: host, Limits: tt.limits})
			if r.Err == nil || !strings.HasSuffix(r.Err.Error(), tt.want) {
				t.Errorf("got %v, want %s", r.Err, tt.want)
			}
		})
	}
}
