package runtime

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/mail"
)

// session runs scripts one after the other over one store and clock.
type session struct {
	t    *testing.T
	c    *clock
	host *Live
}

func newSession(t *testing.T) *session {
	c := newClock()
	return &session{t: t, c: c, host: liveOver(newStore(t, c))}
}

func (s *session) run(source string) Value {
	s.t.Helper()
	r := runTiny(s.t, source, RunOptions{Host: s.host, Now: s.c.now})
	if r.Err != nil {
		s.t.Fatal(r.Err)
	}
	return r.Value
}

func (s *session) want(source string, want Value) {
	s.t.Helper()
	if v := s.run(source); !Equal(v, want) {
		s.t.Errorf("%s is %s, want %s", source, ValueText(v), ValueText(want))
	}
}

func TestKeysExpire(t *testing.T) {
	s := newSession(t)
	s.run(`key_set("", "k", {"a": [1, 1.0, null]}, "90s")`)
	s.want(`key_ttl("", "k")`, int64(90))
	s.c.advance(500 * time.Millisecond)
	s.want(`key_ttl("", "k")`, int64(90))
	s.c.advance(89 * time.Second)
	s.want(`key_ttl("", "k")`, int64(1))
	s.want(`key_get("", "k")`, map[string]Value{"a": []Value{int64(1), 1.0, nil}})
	s.want(`key_add("", "k", 1)`, false)
	s.c.advance(500 * time.Millisecond)
	s.want(`key_get("", "k")`, nil)
	s.want(`key_exists("", "k")`, false)
	s.want(`key_ttl("", "k")`, nil)
	s.want(`key_add("", "k", 1, 60)`, true)
	s.run(`key_set("", "k", 2)`)
	s.want(`key_ttl("", "k")`, int64(0))
}

func TestCompareAndSwapKnowsKinds(t *testing.T) {
	s := newSession(t)
	s.run(`key_set("", "k", 1)`)
	s.want(`key_cas("", "k", 1.0, 2)`, false)
	s.want(`key_cas("", "k", null, 2)`, false)
	s.want(`key_cas("", "k", 1, {"b": 1, "a": 2})`, true)
	s.want(`key_cas("", "k", {"a": 2, "b": 1}, 3, "1m")`, true)
	s.want(`key_ttl("", "k")`, int64(60))
}

func TestRowsOfOthersAreNoValues(t *testing.T) {
	s := newSession(t)
	store, err := s.host.Stores("")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Set(t.Context(), ScriptKey(kv.Script, "admin", "k"), []byte{0xff}, 0); err != nil {
		t.Fatal(err)
	}
	r := runTiny(t, `key_get("", "k")`, RunOptions{Host: s.host})
	if r.Err == nil || !strings.Contains(r.Err.Error(), "row holds no script value") {
		t.Errorf("error is %v", r.Err)
	}
}

func TestCountersDoNotSlide(t *testing.T) {
	s := newSession(t)
	s.want(`counter_incr("", "c", 1, "1h")`, int64(1))
	s.c.advance(59 * time.Minute)
	s.want(`counter_incr("", "c", 1, "1h")`, int64(2))
	s.c.advance(time.Minute)
	s.want(`counter_get("", "c")`, int64(0))
	s.want(`counter_incr("", "c", -3)`, int64(-3))
}

func TestRateLimits(t *testing.T) {
	s := newSession(t)
	for i := range 3 {
		s.want(`rate_limit("", "k", "3/1m").remaining`, int64(2-i))
	}
	s.want(`rate_limit("", "k", "3/1m", 0).allowed`, true)
	s.want(`rate_limit("", "k", "3/1m").allowed`, false)
	if v := s.run(`rate_limit("", "k", "3/1m").retry_after`); number(v) < 1 || number(v) > 120 {
		t.Errorf("retry after %v seconds", v)
	}
	s.want(`rate_limit("", "other", "3/1m").allowed`, true)
	s.want(`rate_limit("", "k", "1/1h burst 2", 2).allowed`, true)
	s.want(`rate_limit("", "k", "1/1h burst 2").retry_after`, int64(3600))
}

func TestLocksAreGivenBack(t *testing.T) {
	s := newSession(t)
	first := s.run(`lock_try("", "k", "10m")`).(map[string]Value)
	second := s.run(`lock_try("", "k", "10m")`).(map[string]Value)
	if number(second["fence"]) <= number(first["fence"]) || first["owner"] == second["owner"] {
		t.Errorf("locks are %v, then %v", first, second)
	}
	for _, source := range []string{"fail x", "boom", "spin"} {
		runTiny(t, "lock_try(\"\", \"k\", \"10m\")\n"+source, RunOptions{Host: s.host, Limits: Limits{Steps: 1000}})
		s.want(`is_empty(lock_try("", "k", 10))`, false)
	}
	store, err := s.host.Stores("")
	if err != nil {
		t.Fatal(err)
	}
	lease, err := store.Lock(t.Context(), ScriptKey(kv.ScriptLock, "admin", "k"), time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	s.want(`lock_try("", "k", 10)`, nil)
	s.want(`lock_release("", "k")`, false)
	s.want(`lock_renew("", "k", 10)`, false)
	if err := store.Unlock(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	s.want("lock_try(\"\", \"k\", 10)\nlock_release(\"\", \"k\")\nlock_renew(\"\", \"k\", 10)", false)
}

func TestEndOfRunSurvivesPanics(t *testing.T) {
	s := newSession(t)
	s.want("lock_try(\"\", \"k\", 10)\ntest_at_end()", true)
	s.want(`is_empty(lock_try("", "k", 10))`, false)
}

func TestMailActions(t *testing.T) {
	r := runTiny(t, `
		fileinto("A/B", {"flags": ["\\Seen $X"], "create": true, "copy": true})
		redirect("bob@Example.ORG", {"copy": true})
		reply("a\r\nBcc: x@y", "text")
		mark("", "k", [1], "1d")
		tempfail("later")`, RunOptions{Namespace: "ns"})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	want := []Action{
		{Kind: FileInto, Mailbox: "A/B", Flags: []string{`\Seen`, "$X"}, Create: true, Copy: true},
		{Kind: Redirect, Address: "bob@Example.ORG", Copy: true},
		{Kind: Reply, Subject: "a  Bcc: x@y", Reason: "text"},
		{Kind: Mark, Key: "k", Value: []Value{int64(1)}, TTL: 24 * time.Hour, Namespace: "ns"},
		{Kind: TempFail, Reason: "later"},
	}
	if d := cmp.Diff(want, r.Plan.Actions); d != "" {
		t.Errorf("plan (-want +got):\n%s", d)
	}
	r = runTiny(t, `reject("`+strings.Repeat("é", 8000)+`")`, RunOptions{})
	if n := len(r.Plan.Actions[0].Reason); n != maxReason {
		t.Errorf("reason of %d octets", n)
	}
}

func TestHostsAnswerForAccounts(t *testing.T) {
	s := newSession(t)
	s.host.Mailboxes = func(_ context.Context, account, path string) (bool, error) {
		return account == "a1" && path == "A", nil
	}
	s.host.IsLocal = func(_ context.Context, address string) (bool, error) { return address == "bob@here", nil }
	s.want(`mailbox_exists("A")`, true)
	s.want(`mailbox_exists("B")`, false)
	s.want(`is_local_address("bob@here")`, true)
	s.want(`is_local_address("eve@here")`, false)
}

func TestTextFunctionsAtTheirEdges(t *testing.T) {
	s := newSession(t)
	for code, want := range map[string]string{
		`substring("grün", -5, 2)`:                          `"gr"`,
		`substring("grün", 2, -1)`:                          `""`,
		`substring("grün", 9)`:                              `""`,
		`split_n("a,b,c", ",", 0)`:                          `["a,b,c"]`,
		`split("", ",")`:                                    `[""]`,
		`split_once("abc", "")`:                             `null`,
		`lines("a\r\n\nb\r")`:                               `["a", "", "b\r"]`,
		`len(null)`:                                         `0`,
		`len({"a": 1})`:                                     `1`,
		`sort(["b", 2, "a", 1.5])`:                          `[1.5, 2, "a", "b"]`,
		`dedup([1, 1.0, "1", 1, [1], [1]])`:                 `[1, 1.0, "1", [1]]`,
		`is_intersect([1, 2], [1.0])`:                       `false`,
		`includes([1, [2]], [2])`:                           `true`,
		`includes("abc", "")`:                               `true`,
		`eq_ignore_case("ß", "SS")`:                         `false`,
		`contains_ignore_case(["a", 1], "A")`:               `true`,
		`email_part("no address", "local")`:                 `""`,
		`email_part(" \"a@b\"@example.org ", "local")`:      `"\"a@b\""`,
		`is_email("a@b@c.org")`:                             `false`,
		`is_ip_in_cidr("::ffff:192.0.2.1", "192.0.2.0/24")`: `true`,
		`is_ip_in_cidr("no", "192.0.2.0/24")`:               `false`,
		`ip_reverse_name("2001:db8::1")`:                    `"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"`,
		`ip_reverse_name("no")`:                             `""`,
		`replace("aaa", "", "-")`:                           `"-a-a-a-"`,
		`strip_suffix("a.eml", ".eml")`:                     `"a"`,
		`count_chars("")`:                                   `0`,
		`is_uppercase("1 2")`:                               `true`,
		`hash("", "sha1")`:                                  `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`,
		`levenshtein_distance("kitten", "sitting")`:         `3`,
		`header_all("x-tag")`:                               `["one", "two"]`,
		`header_addresses("X-Absent")`:                      `[]`,
	} {
		v, err := ParseLiteral(want)
		if err != nil {
			t.Fatal(err)
		}
		s.want(code, v)
	}
}

func TestLongTextsAreBounded(t *testing.T) {
	long := strings.Repeat("ab ", 400_000)
	tx := ExampleTransaction()
	tx.Message = mail.New([]byte("Subject: x\r\n\r\n" + long))
	started := time.Now()
	for _, source := range []string{
		`cosine_similarity(body_text(), body_text())`, `matches_regex("(a|b|c)*d$", body_text())`,
		`count(split_words(body_text()))`, `regex_captures("(.*)x", body_text())`,
	} {
		if r := testEngine.Run(t.Context(), compileTiny(t, source), tx, RunOptions{Limits: Limits{Time: time.Minute}}); r.Err != nil {
			t.Errorf("%s: %v", source, r.Err)
		}
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestPatternsAreForgotten(t *testing.T) {
	c := regexCache{byText: map[string]*pattern{}}
	for i := range 3 * maxPatterns {
		if _, err := c.compile(fmt.Sprint("p", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.order) > maxPatterns {
		t.Errorf("%d patterns are kept", len(c.order))
	}
}

func TestFunctionsBeforeThereIsAMessage(t *testing.T) {
	tx := ExampleTransaction()
	tx.Stage, tx.Message = StageIMAP, nil
	for code, want := range map[string]Value{
		`header("Subject")`: "", `subject()`: "", `body_text()`: "", `size()`: int64(0), `header_exists("To")`: false,
		`len(header_all("To"))`: int64(0), `len(attachment_names())`: int64(0), `len(header_addresses("To"))`: int64(0),
	} {
		r := testEngine.Run(t.Context(), compileTiny(t, code), tx, RunOptions{})
		if r.Err != nil || !Equal(r.Value, want) {
			t.Errorf("%s is %v, %v", code, r.Value, r.Err)
		}
	}
	tx = &Transaction{Stage: StageConnect, Time: time.Unix(5, 0)}
	for code, want := range map[string]Value{
		`client_ip()`: "", `sender()`: "", `recipient()`: "", `len(recipients())`: int64(0), `now()`: int64(5),
		`envelope_param("to", "X")`: nil,
	} {
		r := testEngine.Run(t.Context(), compileTiny(t, code), tx, RunOptions{})
		if r.Err != nil || !Equal(r.Value, want) {
			t.Errorf("%s is %v, %v", code, r.Value, r.Err)
		}
	}
}
