package stalwart

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/runtime/langtest"
)

const filter = `[ { if = "matches('^(.+)@', sender) && header.list-id.exists && !key_exists('', $1)", then = "key_set('', $1, 1) && fileinto('Lists')" },
  { if = "count(header.received[*]) > 50", then = "reject('loop')" },
  { else = "keep()" } ]`

var room = langtest.Room{Language: New(Options{}), Script: "t.expr", Filter: filter}

type array = []runtime.Value

// evaluate returns what a file gives at the stage deliver.
func evaluate(t *testing.T, source string) (runtime.Value, error) {
	t.Helper()
	p, err := New(Options{}).Compile("t.expr", []byte(source), runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin})
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	host, _ := langtest.Live(t)
	r := langtest.Execute(t, p, runtime.RunOptions{Host: host})
	return r.Value, r.Err
}

type row struct {
	source string
	want   runtime.Value
}

func check(t *testing.T, rows []row) {
	t.Helper()
	for _, tt := range rows {
		t.Run(tt.source, func(t *testing.T) {
			got, err := evaluate(t, tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLiterals(t *testing.T) {
	check(t, []row{
		{`'text'`, "text"}, {`"text"`, "text"}, {`'a "b" c'`, `a "b" c`},
		{`'it\'s'`, `it\'s`}, {`'\\'`, `\\`}, {`'\d+'`, `\d+`}, {`'ü'`, "ü"},
		{`12`, int64(12)}, {`-12`, int64(-12)}, {`1.5`, 1.5}, {`-1.5`, -1.5},
		{`9223372036854775807`, int64(math.MaxInt64)}, {`-9223372036854775808`, int64(math.MinInt64)},
		{`5ms`, int64(5)}, {`5s`, int64(5000)}, {`5m`, int64(300_000)}, {`2h`, int64(7_200_000)}, {`1d`, int64(86_400_000)},
		{`-1s`, int64(-1000)}, {`9223372036854775807d`, int64(math.MaxInt64)},
		{`true`, int64(1)}, {`false`, int64(0)}, {`[]`, array{}}, {`['a', 1, 2.5, [3]]`, array{"a", int64(1), 2.5, array{int64(3)}}},
		{`relaxed`, "relaxed"}, {`ipv4_then_ipv6`, "ipv4_then_ipv6"}, {`nsep`, "nsep"},
		{"1\t+\r\n 1", int64(2)}, {"# a comment\n  # another\n1", int64(1)},
		{`'# no comment'`, "# no comment"},
	})
}

func TestOperators(t *testing.T) {
	check(t, []row{
		// how tightly they hold
		{`1 + 2 * 3`, int64(7)}, {`(1 + 2) * 3`, int64(9)}, {`10 - 4 - 3`, int64(3)}, {`16 / 4 / 2`, 2.0},
		{`1 + 1 > 1`, int64(1)}, {`1 > 0 == 2 > 1`, int64(1)}, {`1 == 1 ^ 1 == 1`, int64(0)}, {`0 ^ 1 && 0`, int64(0)},
		{`1 ^ 1 && 0 || 7`, int64(1)}, {`!0 + 1`, int64(2)}, {`-2 * 3`, int64(-6)}, {`- - 2`, int64(2)}, {`!!'a'`, int64(1)},
		{`!'a' == 0`, int64(1)}, {`1 || 0 && 0`, int64(1)}, {`-'5'`, int64(-5)}, {`-'x'`, int64(0)}, {`-[1]`, int64(0)},
		// other ways to write them
		{`2 => 2`, int64(1)}, {`2 =< 1`, int64(0)}, {`1 = 1`, int64(1)}, {`1=1`, int64(1)}, {`1 & 0`, int64(0)}, {`0 | 3`, int64(1)},
		{`1 != 2`, int64(1)}, {`2 >= 3`, int64(0)},
		// where the left operand decides it is the result
		{`'a' || 1 / 0`, "a"}, {`2 || 0`, int64(2)}, {`'' && 'x'`, ""}, {`0 && 'x'`, int64(0)}, {`[] && 1`, array{}}, {`[1] || 0`, array{int64(1)}},
		{`0.0 && 1`, 0.0}, {`'' || 'x'`, int64(1)}, {`1 && 'x'`, int64(1)}, {`1 && ''`, int64(0)}, {`'' || ''`, int64(0)},
		{`0 && key_get('', '')`, int64(0)},
		// exclusive or
		{`'a' ^ 'b'`, int64(0)}, {`'a' ^ ''`, int64(1)}, {`[] ^ 0`, int64(0)},
		// text, numbers and arrays together
		{`'a' + 'b'`, "ab"}, {`'' + 5`, int64(5)}, {`5 + ''`, int64(5)}, {`'' + ''`, ""}, {`1 + 'a'`, "1a"}, {`'a' + 1`, "a1"}, {`'1' + 1`, "11"},
		{`1 + 1.5`, 2.5}, {`'x' + 1.5`, "x1.5"}, {`'x' + 2.0`, "x2"}, {`'' + [1]`, array{"", int64(1)}},
		{`[1] + 2`, array{int64(1), int64(2)}}, {`1 + [2]`, array{int64(1), int64(2)}}, {`[1] + [2]`, array{int64(1), int64(2)}}, {`[] + 'a'`, array{"a"}},
		{`'10' - 3`, int64(7)}, {`'10' - '3'`, int64(7)}, {`'a' - 1`, int64(-1)}, {`'1.5' - 1`, 0.5}, {`'2' * '3'`, int64(6)}, {`'x' * 3`, int64(0)},
		{`[1, 2, 1] - 1`, array{int64(2)}}, {`['a', 'b'] - 'a'`, array{"b"}}, {`['a'] - 'c'`, array{"a"}}, {`['1', 'x'] - 1`, array{"x"}},
		{`'a' - ['a', 'b']`, array{"b"}}, {`[1, [2]] - [2]`, array{int64(1)}},
		// numbers
		{`7 / 2`, 3.5}, {`4 / 2`, 2.0}, {`1 / 0`, 0.0}, {`1.5 / 0.0`, 0.0}, {`1 / 'x'`, 0.0}, {`'9' / '3'`, 3.0},
		{`9223372036854775807 + 1`, int64(math.MaxInt64)}, {`-9223372036854775808 - 1`, int64(math.MinInt64)},
		{`9223372036854775807 * -2`, int64(math.MinInt64)}, {`-9223372036854775808 * -1`, int64(math.MaxInt64)}, {`- (-9223372036854775808)`, int64(math.MaxInt64)},
		{`4611686018427387904 * -2`, int64(math.MinInt64)}, {`3037000500 * 3037000500`, int64(math.MaxInt64)},
		// comparisons
		{`'abc' == 0`, int64(1)}, {`'' == 0`, int64(1)}, {`'5' == 5`, int64(1)}, {`'5.0' == 5`, int64(1)}, {`'05' == 5`, int64(1)}, {`'5' == '05'`, int64(0)},
		{`1 == 1.0`, int64(1)}, {`'10' > '9'`, int64(0)}, {`'10' > 9`, int64(1)}, {`'a' < 'b'`, int64(1)}, {`'x' >= 0`, int64(1)}, {`'x' > 0`, int64(0)},
		{`['a'] == 'a'`, int64(0)}, {`['a'] == ['a']`, int64(1)}, {`[1, 2] == [1]`, int64(0)}, {`[1] == ['1']`, int64(1)}, {`[1, 2] > [1]`, int64(1)}, {`[] > 'z'`, int64(1)}, {`'z' > []`, int64(0)},
		{`[2] > [1, 9]`, int64(1)}, {`'1e3' == 1000`, int64(1)}, {`'inf' == 0`, int64(1)}, {`'nan' == 0`, int64(1)}, {`'0x10' == 0`, int64(1)}, {`'1_000' == 0`, int64(1)},
		// places in arrays
		{`['a', 'b'][0]`, "a"}, {`['a', 'b'][1]`, "b"}, {`['a'][1]`, ""}, {`['a'][-1]`, ""}, {`'abc'[0]`, "abc"}, {`''[0]`, ""}, {`[[1, 2]][0][1]`, int64(2)},
		{`['a', 'b']['1']`, "b"}, {`split('a,b', ',')[1]`, "b"}, {`['a', 'b'][1.9]`, "b"}, {`rate_limit('', 'k', '5/1h')['limit']`, int64(5)}, {`rate_limit('', 'k', '5/1h')['x']`, ""},
	})
}

func TestFunctions(t *testing.T) {
	check(t, []row{
		{`count([1, 2])`, int64(2)}, {`count('')`, int64(0)}, {`count('a')`, int64(1)}, {`count(0)`, int64(1)}, {`count([])`, int64(0)},
		{`sort(['b', 'a'], true)`, array{"a", "b"}}, {`sort([1, 3, 2], 0)`, array{int64(3), int64(2), int64(1)}}, {`sort('x', 1)`, array{"x"}},
		{`dedup([1, 2, 1])`, array{int64(1), int64(2)}}, {`winnow(['a', '', 'b'])`, array{"a", "b"}}, {`winnow('')`, ""}, {`winnow('a')`, "a"},
		{`is_intersect(['a', 'b'], ['b'])`, int64(1)}, {`is_intersect('b', ['b'])`, int64(1)}, {`is_intersect(['b'], 'b')`, int64(1)}, {`is_intersect('b', 'b')`, int64(0)},
		{`is_email('a@b.example')`, int64(1)}, {`is_email('a@b')`, int64(0)}, {`is_email(5)`, int64(0)},
		{`email_part('a@b.example', 'local')`, "a"}, {`email_part(' a@b.example ', 'domain')`, "b.example"}, {`email_part('ab', 'local')`, ""}, {`email_part('a@b', 'x')`, ""},
		{`is_empty('')`, int64(1)}, {`is_empty(0)`, int64(0)}, {`is_empty([])`, int64(1)}, {`is_empty([''])`, int64(0)},
		{`is_number(5)`, int64(1)}, {`is_number('5')`, int64(0)}, {`is_number(1.0)`, int64(1)}, {`is_number([1])`, int64(0)},
		{`is_ip_addr('192.0.2.1')`, int64(1)}, {`is_ipv4_addr('::1')`, int64(0)}, {`is_ipv6_addr('::1')`, int64(1)}, {`is_ip_addr('x')`, int64(0)},
		{`is_ip_in_cidr('192.0.2.7', '192.0.2.0/24')`, int64(1)}, {`is_ip_in_cidr('192.0.2.7', ['10.0.0.0/8'])`, int64(0)},
		{`ip_reverse_name('192.0.2.1')`, "1.2.0.192"}, {`ip_reverse_name('x')`, ""},
		{`if_then(1, 'a', 'b')`, "a"}, {`if_then('', 'a', 'b')`, "b"}, {`if_then([0], 1, 2)`, int64(1)},
		{`trim('  a ')`, "a"}, {`trim([' a', 'b '])`, array{"a", "b"}}, {`trim_start(' a ')`, "a "}, {`trim_end(' a ')`, " a"}, {`trim([' 1', 2])`, array{"1", "2"}},
		{`len('grün')`, int64(5)}, {`len([1, 2])`, int64(2)}, {`len(1234)`, int64(4)}, {`len('')`, int64(0)},
		{`to_lowercase('GRÜN')`, "grün"}, {`to_uppercase(['a', 'ü'])`, array{"A", "Ü"}},
		{`is_uppercase('AB 1')`, int64(1)}, {`is_uppercase(['A', 'b'])`, array{int64(1), int64(0)}}, {`is_lowercase('12')`, int64(1)}, {`is_uppercase('')`, int64(1)},
		{`has_digits('a1')`, int64(1)}, {`has_digits('a')`, int64(0)}, {`has_digits(5)`, int64(1)},
		{`count_spaces('a b c')`, int64(2)}, {`count_uppercase('aBC')`, int64(2)}, {`count_lowercase('aBC')`, int64(1)}, {`count_chars('grün')`, int64(4)},
		{`contains('unsubscribe', 'sub')`, int64(1)}, {`contains(['a', 'b'], 'b')`, int64(1)}, {`contains(['ab'], 'a')`, int64(0)}, {`contains([1], '1')`, int64(0)}, {`contains(123, 2)`, int64(1)}, {`contains([1, 2], 2)`, int64(1)},
		{`contains_ignore_case('ABC', 'b')`, int64(1)}, {`contains_ignore_case(['Ham'], 'hAM')`, int64(1)}, {`contains_ignore_case([12], 12)`, int64(1)},
		{`eq_ignore_case('aB', 'Ab')`, int64(1)}, {`eq_ignore_case('ü', 'Ü')`, int64(0)}, {`starts_with('abc', 'ab')`, int64(1)}, {`ends_with('abc', 'ab')`, int64(0)},
		{`lines("a` + "\r\n" + `b")`, array{"a", "b"}},
		{`substring('delivery', 2, 4)`, "live"}, {`substring('grün', 2, 9)`, "ün"}, {`substring('a', 5, 1)`, ""},
		{`strip_prefix('user+x', 'user+')`, "x"}, {`strip_prefix('user', 'x')`, ""}, {`strip_suffix(['a.x', 'b'], '.x')`, array{"a", ""}},
		{`split('a,b,,c', ',')`, array{"a", "b", "", "c"}}, {`split('abc', '')`, array{"abc"}}, {`rsplit('a.b', '.')`, array{"b", "a"}},
		{`split_once('a=b=c', '=')`, array{"a", "b=c"}}, {`split_once('a', '=')`, ""}, {`rsplit_once('a=b=c', '=')`, array{"a=b", "c"}}, {`rsplit_once('a', '=')`, ""},
		{`split_n('a,b,c', ',', 1)`, array{"a", "b,c"}}, {`split_words('buy 2 now! ok')`, array{"buy", "2", "ok"}},
		{`hash('a', 'md5')`, "0cc175b9c0f1b6a831c399e269772661"}, {`hash('a', 'crc')`, ""},
		{`to_lowercase(['A', 1] + ['B'])`, array{"a", "1", "b"}}, {`'' + to_lowercase(5)`, "5"}, {`starts_with(['ab', 'c'], 'ab')`, int64(1)},
		{`system('hostname')`, "mail.example.org"}, {`system('domain')`, "example.org"}, {`system('node_role')`, ""},
		// stores
		{`key_get('', 'absent')`, ""}, {`key_exists('*', 'absent')`, int64(0)}, {`key_set('', 'k', 5)`, int64(1)},
		{`key_set('', 'k', 5) && key_get('', 'k') + 1 == 51`, int64(1)}, {`key_set('', 'k', 'v', 60) && key_exists('', ['', 'x', 'k'])`, int64(1)},
		{`key_exists('', [])`, int64(0)}, {`key_exists('', '')`, int64(0)},
		{`counter_get('', 'c')`, int64(0)}, {`counter_incr('', 'c', 2) + counter_incr('', 'c', '3')`, int64(7)}, {`counter_incr('', 'c', 'x')`, int64(0)}, {`counter_incr('', 'c', 1.5)`, int64(0)},
		{`is_local_domain('elsewhere.invalid')`, int64(0)}, {`is_local_domain('dir', 'elsewhere.invalid')`, int64(0)}, {`is_local_address('', 'a@elsewhere.invalid')`, int64(0)},
		{`dns_query('example.net', 'mx')`, array{"mx1.example.net", "mx2.example.net"}}, {`dns_query('mx1.example.net', 'ip')`, array{"192.0.2.25", "2001:db8::25"}},
		{`dns_query('example.net', 'txt')`, "v=spf1 mx -all"}, {`dns_query('x', 'loc')`, ""}, {`dns_query('absent.example', 'ipv4')`, array{}}, {`dns_exists('example.net', 'mx')`, int64(1)}, {`dns_exists('tempfail.example', 'mx')`, int64(-1)},
		{`detect_file_type('%PDF-1.7', 'ext')`, "pdf"}, {`is_header_utf8_valid('subject')`, int64(1)}, {`tokenize('a b', 'words')`, array{"a", "b"}}, {`domain_part('mail.example.co.uk', 'sld')`, "example.co.uk"},
		{`uri_part('https://example.org/a', 'host')`, "example.org"}, {`thread_name(['Re: a', 'Fwd: b'])`, array{"a", "b"}}, {`html_to_text('<p>a</p>')`, "a"}, {`print('x')`, int64(1)}, {`has_zwsp('a')`, int64(0)},
		// functions that Stalwart lacks
		{`levenshtein_distance('paypal', 'paypa1') < 2`, int64(1)}, {`client_helo()`, "mx.example.net"}, {`client_tls()`, int64(1)}, {`envelope_param('to', 'NOTIFY')`, ""}, {`join(['1', 'b'], '-')`, "1-b"}, {`fileinto('Lists')`, int64(1)},
	})
}

func TestMatches(t *testing.T) {
	check(t, []row{
		{`matches('^a(b+)(c)?', 'abbd')`, int64(1)}, {`matches('x', 'a')`, int64(0)},
		{`matches('^([^@]+)@(.+)$', 'user@host') && [$0, $1, $2, $3] == ['user@host', 'user', 'host', '']`, int64(1)},
		{`if_then(matches('(a)', 'a') && matches('(b)', 'a') || 1, $1 + '|', 'x')`, "|"},
		{`[matches('(a)', 'xa'), $1, matches('(z)', 'a'), $1]`, array{int64(1), "a", int64(0), ""}},
		{`matches('\.exe$', 'a.exe')`, int64(1)}, {`matches('a' + 'b', 'xabx')`, int64(1)}, {`matches('^b', ['a', 'b'])`, int64(0)}, {`matches('(?m)^b$', 'a` + "\n" + `b')`, int64(1)}, {`matches('5', 15)`, int64(1)},
		{`$1`, ""},
		{`[ { if = "matches('(.*)@', sender) && 0", then = "1" }, { if = "1", then = "'<' + $1 + '>'" } ]`, "<>"},
		{`[ { if = "matches('(.*)@', sender)", then = "$1 + '+x'" }, { else = "''" } ]`, "alice+x"},
	})
}

func TestVariables(t *testing.T) {
	check(t, []row{
		{`sender`, "alice@example.net"}, {`sender_domain`, "example.net"}, {`rcpt`, "bob+news@example.org"}, {`rcpt_domain`, "example.org"}, {`recipients`, array{"bob+news@example.org", "carol@example.com"}},
		{`remote_ip`, "192.0.2.25"}, {`remote_ip.ptr`, "mx.example.net"}, {`helo_domain`, "mx.example.net"}, {`is_tls`, int64(1)}, {`authenticated_as`, ""}, {`listener`, "lmtp"}, {`protocol`, "lmtp"}, {`priority`, int64(0)}, {`asn`, int64(0)}, {`country`, ""},
		{`env_from.local`, "alice"}, {`env_from.domain`, "example.net"}, {`env_to`, array{"bob+news@example.org", "carol@example.com"}},
		{`from`, "alice@example.net"}, {`from.name`, "Alice Example"}, {`from.local`, "alice"}, {`to`, array{"bob@example.org", "carol@example.com"}}, {`to.domain`, array{"example.org", "example.com"}}, {`cc`, array{}}, {`reply_to`, ""},
		{`subject`, "Grüße from the example"}, {`subject.words`, array{"Grüße", "from", "the", "example"}}, {`body`, "Hello Bob,\r\n1/2 price?\r\n"}, {`body.text`, "Hello Bob,\r\n1/2 price?\r\n"}, {`body.html`, ""}, {`size > 100`, int64(1)},
		{`contains(body.words, 'Hello')`, int64(1)}, {`contains(body.to_html, '<')`, int64(1)}, {`body.raw`, "Hello Bob,\r\n1/2 price?\r\n"},
		{`envelope.from`, "alice@example.net"}, {`envelope.to`, "bob+news@example.org"}, {`envelope.ret`, ""}, {`envelope.by_mode`, ""}, {`env.remote_ip.reverse`, "25.2.0.192"}, {`env.now`, int64(1767225600)}, {`env.stage`, "deliver"}, {`env.param.body`, "8BITMIME"}, {`env.param.smtputf8`, ""}, {`env.iprev.result`, "pass"}, {`env.spf.result`, "pass"}, {`env.dmarc.policy`, "reject"}, {`env.dkim.result`, "none"}, {`env.dkim.domains`, array{}}, {`env.arc.result`, ""},
		{`header.to[*].addr.domain`, array{"example.com"}}, {`header.to[*].addr[*].domain`, array{"example.org", "example.com"}}, {`header.to.addr.domain[*]`, array{"example.org", "example.com"}},
		{`header.to.addr`, "carol@example.com"}, {`header.to.addr[1]`, "bob@example.org"}, {`header.to.addr[-2]`, "bob@example.org"}, {`header.to.addr[3]`, ""}, {`header.from:to[1].name[1]`, "Alice Example"}, {`header.from:to[2].name[1]`, "Bob"},
		{`header.x-tag`, "two"}, {`header.x-tag[1]`, "one"}, {`header.x-tag[*]`, array{"one", "two"}}, {`header.X-TAG[-2]`, "one"}, {`header.absent`, ""}, {`header.absent[*]`, array{}}, {`header.x-tag.exists`, int64(1)}, {`header.absent.exists`, int64(0)}, {`'' + count(header.*[*]) + '!'`, "10!"},
		{`header.subject`, "Grüße from the example"}, {`header.subject.raw`, " =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the example"}, {`header.subject.raw_name`, "Subject"}, {`header.date.date`, int64(1767225600)}, {`header.message-id.id`, "example-1@example.net"},
		{`header.content-type.type + '/' + header.content-type.subtype`, "text/plain"}, {`header.content-type.attr.charset`, "utf-8"}, {`header.content-type.attr.x-y`, ""}, {`header.received.rcvd.from`, ""},
		{`header.x-tag[*] + ''`, array{"one", "two", ""}}, {`len(header.x-tag[*] - 'one')`, int64(1)}, {`'' + (to_uppercase(header.x-tag[*]) == ['ONE', 'TWO'])`, int64(1)}, {`header.to[*].addr[*].domain == ['example.org', 'example.com']`, int64(1)}, {`contains(header.to[*].addr[*].domain, 'example.com')`, int64(1)},
	})
}
