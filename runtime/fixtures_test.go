package runtime

import (
	"context"
	"strings"
	"testing"
)

func TestMistakesInFixtures(t *testing.T) {
	for text, want := range map[string]string{
		`{"dsn": {}}`:                                      `fixtures: "dsn" is no table of fixtures; there are dns and http`,
		`{"dns": []}`:                                      `fixtures: "dns" is no table of fixtures`,
		`{"dns": {"a": "gone"}}`:                           `fixtures: dns."a": "gone" is not one of nodata, nxdomain, tempfail`,
		`{"dns": {"a": 1}}`:                                `fixtures: dns."a": expected a table or a status`,
		`{"dns": {"a": {"srv": ["x"]}}}`:                   `fixtures: dns."a": srv: unknown type`,
		`{"dns": {"a": {"a": ["::1"]}}}`:                   `fixtures: dns."a": a: "::1" is no address of this type`,
		`{"dns": {"a": {"aaaa": ["192.0.2.1"]}}}`:          `fixtures: dns."a": aaaa: "192.0.2.1" is no address of this type`,
		`{"dns": {"a": {"mx": ["mx.example"]}}}`:           `fixtures: dns."a": mx: "mx.example": expected a preference and a host`,
		`{"dns": {"a": {"mx": [10]}}}`:                     `fixtures: dns."a": mx: expected texts`,
		`{"dns": {"a": {"mx": 1.5}}}`:                      `fixtures: dns."a": mx: expected a list of records or a status`,
		`{"dns": {"a": {"mx": 1}}}`:                        `fixtures: dns."a": mx: expected records or a status`,
		`{"dns": {"a": {"ttl": -1}}}`:                      `fixtures: dns."a": ttl: expected records or a status`,
		`{"http": {"u": 1}}`:                               `fixtures: http."u": expected a table or tempfail`,
		`{"http": {"u": {"status": 1}}}`:                   `fixtures: http."u": status: expected status, body or headers`,
		`{"http": {"u": {"headers": {"a": 1}}}}`:           `fixtures: http."u": headers: expected texts`,
		`{"http": {"u": {"boddy": "x"}}}`:                  `fixtures: http."u": boddy: expected status, body or headers`,
		`{"dns": {"` + strings.Repeat("a", 500) + `": 1}}`: `fixtures: dns."aaaa`,
	} {
		v, err := ParseLiteral(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewFixtures(v.(map[string]Value)); err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%.60s: got %v, want %s", text, err, want)
		}
	}
}

// FuzzFixtures holds that fixtures are refused, or answer what they can be asked.
func FuzzFixtures(f *testing.F) {
	f.Add(exampleFixtures, "example.net", "mx")
	f.Add(manyNames, "192.0.2.1", "ptr")
	f.Add(`{"dns": {"a": {"cname": ["a"]}, "*": {"cname": ["b", "c"]}}}`, "a", "a")
	f.Add(`{"dns": {"fe80::1%1": {"tlsa": ["x"]}}}`, "fe80::1%1", "tlsa")
	f.Fuzz(func(t *testing.T, text, name, typ string) {
		v, err := ParseLiteral(text)
		if err != nil {
			return
		}
		tree, ok := v.(map[string]Value)
		if !ok {
			return
		}
		fx, err := NewFixtures(tree)
		if err != nil {
			return
		}
		a, err := fx.Lookup(context.Background(), name, typ)
		if err == nil && (a.Status == DNSOK) != (len(a.Values) > 0) || a.Preferences != nil && len(a.Preferences) != len(a.Values) {
			t.Errorf("answer is %+v", a)
		}
		if _, err := fx.Fetch(context.Background(), HTTPRequest{URL: name, MaxSize: 5}); err != nil && strings.Contains(err.Error(), name) && len(name) > 40 {
			t.Error(err)
		}
	})
}
