package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/authres"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
)

// askedDNS counts the questions that a Resolver is asked.
type askedDNS struct {
	Resolver
	n int
}

func (d *askedDNS) Lookup(ctx context.Context, name, typ string) (DNSAnswer, error) {
	d.n++
	return d.Resolver.Lookup(ctx, name, typ)
}

// runAuth runs a script of an administrator for the example's transaction.
func runAuth(t *testing.T, source string, live *Live, change func(*Transaction)) *Result {
	t.Helper()
	tx := ExampleTransaction()
	if change != nil {
		change(tx)
	}
	return testEngine.Run(t.Context(), compileTiny(t, source), tx, RunOptions{Host: live, Namespace: "admin", Trust: Admin, Record: RecordCalls})
}

func TestARunChecksOnlyOnceWhereItsMessageComesFrom(t *testing.T) {
	asked := func(source string) int {
		dns := &askedDNS{Resolver: ExampleFixtures()}
		if r := runAuth(t, source, &Live{DNS: dns, Auth: checker}, nil); r.Err != nil {
			t.Fatal(r.Err)
		}
		return dns.n
	}
	once := asked("dmarc_check()")
	if many := asked("spf_check()\ndkim_verify()\ndmarc_check()\ndmarc_check()\nauth_results_header()"); once == 0 || many != once {
		t.Errorf("%d questions for one check, %d for five", once, many)
	}
}

func TestResultsThatTheGatewayBringsAreNotAskedFor(t *testing.T) {
	brought := func(tx *Transaction) {
		tx.Auth = &AuthResults{
			SPF:  &SPFResult{Result: "softfail", Domain: "example.net"},
			DKIM: []DKIMResult{{Result: "pass", Domain: "example.net", Selector: "s", Identity: "@example.net", Algorithm: "rsa-sha256"}}, DKIMKnown: true,
			DMARC: &DMARCResult{Result: "pass", Policy: "none", Disposition: "none", Domain: "example.net", DKIMAligned: true},
		}
	}
	for _, tt := range []struct{ source, want string }{
		{"spf_check()", `{"result": "softfail", "domain": "example.net"}`},
		{"dkim_verify()", `[{"result": "pass", "domain": "example.net", "selector": "s", "identity": "@example.net", "algorithm": "rsa-sha256", "partial": false, "testing": false, "error": ""}]`},
		{"dmarc_check()", `{"result": "pass", "policy": "none", "disposition": "none", "domain": "example.net", "spf_aligned": false, "dkim_aligned": true}`},
		{"auth_results_header()", `"mail.example.org; spf=softfail smtp.mailfrom=alice@example.net; dkim=pass header.d=example.net header.s=s header.a=rsa-sha256; dmarc=pass policy.dmarc=none header.from=example.net"`},
	} {
		t.Run(tt.source, func(t *testing.T) {
			r := runAuth(t, tt.source, &Live{NoNetwork: true}, brought)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if want := must(ParseLiteral(tt.want)); !Equal(r.Value, want) {
				t.Errorf("got %s\nwant %s", ValueText(r.Value), tt.want)
			}
			if none := runAuth(t, tt.source, &Live{NoNetwork: true}, nil); !errors.Is(none.Err, ErrRefused) {
				t.Errorf("a dry run without them ends with %v", none.Err)
			}
			again, err := testEngine.Replay(t.Context(), compileTiny(t, tt.source), r.Record, RunOptions{})
			if err != nil || again.Err != nil || !Equal(again.Value, r.Value) {
				t.Errorf("replayed: %v, %v", err, again)
			}
		})
	}
	// What is brought is for the transaction, not for a question about somebody else.
	if r := runAuth(t, `spf_check("192.0.2.1")`, &Live{NoNetwork: true}, brought); !errors.Is(r.Err, ErrRefused) {
		t.Errorf("another client: %v", r.Err)
	}
}

func TestBroughtResultsCrossAPipe(t *testing.T) {
	tx := ExampleTransaction()
	tx.Auth = &AuthResults{SPF: &SPFResult{Result: "fail", Domain: "a.example", Explanation: "no"}, DKIMKnown: true}
	b, err := MarshalRecord(&Record{View: &View{Transaction: *tx}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := UnmarshalRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tx.Auth, r.View.Auth); diff != "" {
		t.Error(diff)
	}
}

func TestChecksWithFixturesAloneAreLawfulInADryRun(t *testing.T) {
	fixed := must(NewFixtures(must(ParseLiteral(`{"dns": {"example.net": {"txt": ["v=spf1 -all"]}}}`)).(map[string]Value)))
	live := &Live{DNS: fixed, Auth: checker, NoNetwork: true, Fixed: true}
	r := runAuth(t, "spf_check()", live, nil)
	if want := must(ParseLiteral(`{"result": "fail", "domain": "example.net"}`)); r.Err != nil || !Equal(r.Value, want) {
		t.Errorf("got %s, %v", ValueText(r.Value), r.Err)
	}
	// What the fixtures lack is told, and is no temporary failure.
	r = runAuth(t, "dmarc_check()", live, nil)
	if want := `dmarc_check: no fixture for "_dmarc.example.net": refused in a dry run`; r.Err == nil || !strings.HasSuffix(r.Err.Error(), want) {
		t.Errorf("got %v, want %s", r.Err, want)
	}
	if r := runAuth(t, "spf_check()", &Live{}, nil); r.Err == nil || !strings.HasSuffix(r.Err.Error(), "spf_check: no DNS here") {
		t.Errorf("without DNS: %v", r.Err)
	}
}

func TestUsersScriptsAskNobodyWhereMailComesFrom(t *testing.T) {
	for _, f := range Functions() {
		if f.Family == "auth" && (f.Trust != Admin || f.Effect != Network) {
			t.Errorf("%s: trust %v, effect %v", f.Name, f.Trust, f.Effect)
		}
	}
}

// A peer chooses the names in the field, and must not add a result to it.
func TestAuthResultsCannotBeForged(t *testing.T) {
	v := &View{Transaction: Transaction{Hostname: "mail.example.org", From: Path{Address: "\"a; dmarc=pass\"@evil.example\r\nX: y"}}}
	forged := "x; spf=pass (really) smtp.mailfrom=boss@bank.example"
	text := authHeader(v, SPFResult{Result: "fail", Domain: forged}, []DKIMResult{
		{Result: "permerror", Domain: forged, Selector: `a"b\`, Identity: "@" + forged, Algorithm: "\x00ü", Signature: "ab/+=", Error: "no \"key\"\n"},
	}, &DMARCResult{Result: "fail", Policy: "reject", Domain: "evil.example"})
	if strings.ContainsAny(text, "\r\n\x00") {
		t.Errorf("%q holds control characters", text)
	}
	// Cut at semicolons outside of quoted strings.
	var parts []string
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ';' && !quoted:
			parts, start = append(parts, strings.TrimSpace(text[start:i])), i+1
		}
	}
	parts = append(parts, strings.TrimSpace(text[start:]))
	if len(parts) != 4 || quoted || !strings.HasPrefix(parts[1], "spf=fail ") || !strings.HasPrefix(parts[2], "dkim=permerror ") || !strings.HasPrefix(parts[3], "dmarc=fail ") {
		t.Errorf("%q has the parts %q", text, parts)
	}
}

func TestAnotherProgramReadsOurAuthResults(t *testing.T) {
	v := &View{Transaction: *ExampleTransaction()}
	text := authHeader(v, SPFResult{Result: "pass", Domain: "example.net"}, []DKIMResult{
		{Result: "pass", Domain: "example.net", Selector: "s1", Identity: "alice@news.example.net", Algorithm: "rsa-sha256", Signature: "AbCd12/+"},
	}, &DMARCResult{Result: "pass", Policy: "reject", Domain: "example.net"})
	server, results, err := authres.Parse(text)
	if err != nil || server != "mail.example.org" || len(results) != 3 {
		t.Fatalf("%q is read as %q, %v, %v", text, server, results, err)
	}
	want := []authres.Result{
		&authres.SPFResult{Value: authres.ResultPass, From: "alice@example.net"},
		&authres.DKIMResult{Value: authres.ResultPass, Domain: "example.net", Identifier: "alice@news.example.net"},
		&authres.DMARCResult{Value: authres.ResultPass, From: "example.net"},
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestBeforeThereIsAMessageTheFieldTellsOfSPFAlone(t *testing.T) {
	r := runAuth(t, "auth_results_header()", &Live{DNS: ExampleFixtures(), Auth: checker}, func(tx *Transaction) {
		tx.Stage, tx.Message, tx.From.Address = StageMail, (*mail.Message)(nil), ""
	})
	if r.Err != nil || r.Value != "mail.example.org; spf=none smtp.helo=mx.example.net" {
		t.Errorf("got %v, %v", r.Value, r.Err)
	}
}
