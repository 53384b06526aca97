package runtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fixed returns a host whose network answers from these fixtures.
func fixed(t testing.TB, text string) *Live {
	t.Helper()
	v, err := ParseLiteral(text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFixtures(v.(map[string]Value))
	if err != nil {
		t.Fatal(err)
	}
	return &Live{DNS: f, HTTP: f}
}

func TestTheNetworkIsForAdministrators(t *testing.T) {
	for _, f := range Functions() {
		if f.Asks != "" && (f.Effect != Network || f.Trust != Admin && f.idle == nil) {
			t.Errorf("%s asks %s, with the effect %s, for trust %d", f.Name, f.Asks, f.Effect, f.Trust)
		}
	}
	for _, name := range []string{"dns_query", "dns_lookup", "dns_exists", "dnsbl", "dns_ptr_names", "iprev", "http_get", "http_header"} {
		if err := CheckCall(name, []Value{Unknown, Unknown}, CompileOptions{Trust: User}); err == nil || !strings.HasSuffix(err.Error(), "is for administrators' scripts only") &&
			!strings.Contains(err.Error(), "arguments, takes") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := runTiny(t, `dns_query("example.net", "a")`, RunOptions{Host: fixed(t, `{}`)})
	if r.Err == nil || WithoutPlace(r.Err) != "dns_query is for administrators' scripts only" {
		t.Error(r.Err)
	}
}

func TestDryRunsAskFixturesOnly(t *testing.T) {
	for source, want := range map[string]string{
		`dns_query("example.net", "mx")`:   "dns_query: refused in a dry run",
		`dns_lookup("example.net", "mx")`:  "dns_lookup: refused in a dry run",
		`http_get("https://example.net/")`: "http_get: refused in a dry run",
	} {
		r := runTiny(t, source, RunOptions{Trust: Admin, Host: &Live{NoNetwork: true, DNS: ExampleFixtures(), HTTP: ExampleFixtures()}})
		if !errors.Is(r.Err, ErrRefused) || WithoutPlace(r.Err) != want {
			t.Errorf("%s: %v", source, r.Err)
		}
	}
	h := fixed(t, `{"dns": {"example.net": {"mx": ["0 mx.example.net"]}}}`)
	h.NoNetwork, h.Fixed = true, true
	r := runTiny(t, `dns_query("example.net", "mx")`, RunOptions{Trust: Admin, Host: h})
	if r.Err != nil || !Equal(r.Value, []Value{"mx.example.net"}) {
		t.Error(r.Value, r.Err)
	}
	for _, source := range []string{`dns_query("other.example", "mx")`, `dns_lookup("other.example", "mx")`, `http_get("https://example.net/")`} {
		if r := runTiny(t, source, RunOptions{Trust: Admin, Host: h}); !errors.Is(r.Err, ErrRefused) || !strings.Contains(r.Err.Error(), "no fixture") {
			t.Errorf("%s: %v", source, r.Err)
		}
	}
	for _, source := range []string{`dns_query("example.net", "mx")`, `http_get("https://example.net/")`} {
		if r := runTiny(t, source, RunOptions{Trust: Admin, Host: &Live{}}); r.Err == nil || errors.Is(r.Err, ErrRefused) {
			t.Errorf("%s without a network: %v", source, r.Err)
		}
	}
}

func TestTemporaryFailuresAreForOnStoreError(t *testing.T) {
	h := fixed(t, `{"dns": {"*": "tempfail"}, "http": {"https://x/": "tempfail"}}`)
	for _, source := range []string{`dns_query("a", "a")`, `dns_query("a", "ip")`, `dns_exists("a")`, `dnsbl("192.0.2.1", "a")`, `dns_ptr_names("192.0.2.1")`, `http_get("https://x/")`, `http_header("https://x/", "a")`} {
		r := runTiny(t, source, RunOptions{Trust: Admin, Host: h, Record: RecordCalls})
		if !errors.Is(r.Err, ErrTemporary) || !errors.Is(r.StoreErr, ErrTemporary) {
			t.Errorf("%s: %v, %v", source, r.Err, r.StoreErr)
		}
		again, err := testEngine.Replay(t.Context(), compileTiny(t, source), r.Record, RunOptions{})
		if err != nil || !errors.Is(again.Err, ErrTemporary) {
			t.Errorf("%s: replayed: %v, %v", source, again.Err, err)
		}
	}
	for _, source := range []string{`dns_lookup("a", "a")`, `iprev("192.0.2.1")`, `http_get("https://y/")`} {
		if r := runTiny(t, source, RunOptions{Trust: Admin, Host: h}); r.StoreErr != nil {
			t.Errorf("%s: %v", source, r.StoreErr)
		}
	}
}

func TestWhatBlockListsAnswer(t *testing.T) {
	r := runTiny(t, `dnsbl("192.0.2.2", "bl.example.")`, RunOptions{Trust: Admin,
		Host: fixed(t, `{"dns": {"2.2.0.192.bl.example": {"a": ["198.51.100.1", "127.0.0.4", "127.0.0.2"]}}}`)})
	if r.Err != nil || !Equal(r.Value, []Value{"127.0.0.2", "127.0.0.4"}) {
		t.Error(r.Value, r.Err)
	}
	want := []NoteRecord{{"problem", "dnsbl: bl.example answers 198.51.100.1, which is no code of a block list"}}
	if d := cmp.Diff(want, r.Record.Notes); d != "" {
		t.Error(d)
	}
	for subject, want := range map[string]string{"": `[]`, ".": `[]`, "fe80::1%eth0": `[]`, "::ffff:192.0.2.2": `["127.0.0.2"]`} {
		r := runTiny(t, `dnsbl("`+subject+`", "bl.example")`, RunOptions{Trust: Admin, Host: fixed(t, `{"dns": {"2.2.0.192.bl.example": {"a": ["127.0.0.2"]}}}`)})
		if r.Err != nil || ValueText(r.Value) != want {
			t.Errorf("%q: %s, %v", subject, ValueText(r.Value), r.Err)
		}
	}
}

// manyNames has an address with 20 names, of which the tenth and the eleventh lead back.
const manyNames = `{"dns": {"*": "nxdomain", "192.0.2.1": {"ptr": ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12"]},
	"n1": {"a": ["192.0.2.9"]}, "n2": "tempfail", "n10": {"a": ["192.0.2.9", "192.0.2.1"]}, "n11": {"a": ["192.0.2.1"]}}}`

func TestNamesOfAnAddressAreBoundedAndCount(t *testing.T) {
	h := fixed(t, manyNames)
	r := runTiny(t, `dns_ptr_names("192.0.2.1")`, RunOptions{Trust: Admin, Host: h})
	if r.Err != nil || !Equal(r.Value, []Value{"n10"}) {
		t.Error(r.Value, r.Err)
	}
	for ops, want := range map[int]bool{10: false, 11: true} {
		r := runTiny(t, `iprev("192.0.2.1").result`, RunOptions{Trust: Admin, Host: h, Limits: Limits{Ops: ops}})
		if (r.Err == nil) != want || r.Err != nil && !errors.Is(r.Err, ErrBudget) {
			t.Errorf("%d operations: %v, %v", ops, r.Value, r.Err)
		}
	}
}

func TestAddressesOfBothKinds(t *testing.T) {
	h := fixed(t, `{"dns": {"both": {"a": ["192.0.2.1"], "aaaa": ["2001:db8::1"], "ttl": 60}, "four": {"a": ["192.0.2.1"]}, "six": {"aaaa": ["2001:db8::1"]},
		"half": {"a": ["192.0.2.1"], "aaaa": "tempfail"}, "other": {"a": "tempfail", "aaaa": ["2001:db8::1"]}, "bad": {"a": [], "aaaa": "tempfail"},
		"mail": {"mx": ["1 x"]}, "none": "nxdomain", "odd": {"a": "nodata", "aaaa": "nxdomain"}, "l1": {"cname": ["l2"]}, "l2": {"cname": ["l1"]}}}`)
	for name, want := range map[string]string{
		"both": `ok ["192.0.2.1", "2001:db8::1"] 60`, "four": `ok ["192.0.2.1"] 300`, "six": `ok ["2001:db8::1"] 300`,
		"half": `ok ["192.0.2.1"] 300`, "other": `ok ["2001:db8::1"] 300`, "bad": `tempfail [] 0`,
		"mail": `nodata [] 300`, "none": `nxdomain [] 300`, "odd": `nxdomain [] 300`, "l1": `tempfail [] 0`,
	} {
		r := runTiny(t, `dns_lookup("`+name+`", "ip")`, RunOptions{Trust: Admin, Host: h})
		m, _ := r.Value.(map[string]Value)
		if r.Err != nil || m["status"].(string)+" "+ValueText(m["records"])+" "+ValueText(m["ttl"]) != want {
			t.Errorf("%s: %s, %v", name, ValueText(r.Value), r.Err)
		}
	}
}

// asked is a fetcher that notes what it is asked.
type asked struct {
	HTTPRequest
	answer HTTPResponse
}

func (a *asked) Fetch(_ context.Context, r HTTPRequest) (HTTPResponse, error) {
	a.HTTPRequest = r
	return a.answer, nil
}

func TestOptionsOfHTTPGet(t *testing.T) {
	for _, tt := range []struct {
		options, want string
		request       HTTPRequest
	}{
		{options: `{}`, request: HTTPRequest{MaxSize: 4 << 20}},
		{options: `{"timeout": "2s", "max_size": 10, "redirects": false}`, request: HTTPRequest{Timeout: 2 * time.Second, MaxSize: 10, Stay: true}},
		{options: `{"max_size": 1000000000}`, request: HTTPRequest{MaxSize: 4 << 20}},
		{options: `{"headers": {"accept": "a", "X-Api-Key": "k", "User-Agent": "u"}}`,
			request: HTTPRequest{MaxSize: 4 << 20, Header: map[string]string{"accept": "a", "X-Api-Key": "k", "User-Agent": "u"}}},
		{options: `{"timeout": 0}`, want: "option timeout: must be over 0"},
		{options: `{"timeout": "soon"}`, want: "option timeout: "},
		{options: `{"max_size": -1}`, want: "option max_size: must be over 0"},
		{options: `{"redirects": 1}`, want: "option redirects: expected bool"},
		{options: `{"headers": {"Accept": 1}}`, want: "option headers: expected texts"},
		{options: `{"headers": {"Accept": "a\r\nHost: b"}}`, want: "option headers: the value of Accept holds a control character"},
		{options: `{"headers": {"Host": "b"}}`, want: `option headers: "Host" is not one of`},
		{options: `{"headers": {"Cookie": "b"}}`, want: `option headers: "Cookie" is not one of`},
		{options: `{"headers": {"Proxy-Authorization": "b"}}`, want: `option headers: "Proxy-Authorization" is not one of`},
		{options: `{"headers": {"X-Forwarded-For": "b"}}`, want: `option headers: "X-Forwarded-For" is not one of`},
		{options: `{"headers": {"x-http-method-override": "POST"}}`, want: `option headers: "x-http-method-override" is not one of`},
		{options: `{"headers": {"X-HTTP-Method": "POST"}}`, want: `option headers: "X-HTTP-Method" is not one of`},
		{options: `{"headers": {"X-Original-URL": "/admin"}}`, want: `option headers: "X-Original-URL" is not one of`},
		{options: `{"headers": {"X-Key": "1", "x-key": "2"}}`, want: `option headers: X-Key is there twice`},
		{options: `{"headers": {"X-": "b"}}`, want: `option headers: "X-" is not one of`},
		{options: `{"headers": {"X-A: b\r\nY": "b"}}`, want: `option headers: "X-A: b\r\nY" is not one of`},
		{options: `{"headers": {"X-A": "` + strings.Repeat("x", maxRequestHeader) + `"}}`, want: `option headers: 8195 octets are over 8192`},
	} {
		t.Run(tt.options[:min(len(tt.options), 60)], func(t *testing.T) {
			a := new(asked)
			r := runTiny(t, `http_get("https://x/", `+tt.options+`)`, RunOptions{Trust: Admin, Host: &Live{HTTP: a}})
			tt.request.URL = "https://x/"
			switch {
			case tt.want != "" && (r.Err == nil || !strings.HasPrefix(WithoutPlace(r.Err), "http_get: "+tt.want)):
				t.Errorf("got %v, want %s", r.Err, tt.want)
			case tt.want == "" && (r.Err != nil || !cmp.Equal(a.HTTPRequest, tt.request)):
				t.Error(r.Err, cmp.Diff(tt.request, a.HTTPRequest))
			}
		})
	}
}

func TestWhatHTTPGetReturns(t *testing.T) {
	h := &Live{HTTP: &asked{answer: HTTPResponse{Status: 503, URL: "https://x/y", Header: map[string][]string{"a": {"1", "\xff"}}, Body: []byte("gr\xfc")}}}
	for source, want := range map[string]Value{
		`http_get("https://x/")`:                  map[string]Value{"status": int64(503), "url": "https://x/y", "headers": map[string]Value{"a": "1, \ufffd"}, "body": "gr\ufffd"},
		`http_get("https://x/", {"bytes": true})`: map[string]Value{"status": int64(503), "url": "https://x/y", "headers": map[string]Value{"a": "1, \ufffd"}, "body": []byte("gr\xfc")},
		`http_header("https://x/", "A")`:          "1, \ufffd",
	} {
		if r := runTiny(t, source, RunOptions{Trust: Admin, Host: h}); r.Err != nil || !Equal(r.Value, want) {
			t.Errorf("%s is %s, %v", source, ValueText(r.Value), r.Err)
		}
	}
}
