package langtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
)

// tenant is what an account must not get at by a function: after the account before has run Setup, Code gives the
// other one what it would give in an empty store, and then Still gives the first what it had.
//
// OWNER and FENCE in Code are those of the lock that Setup returned.
type tenant struct {
	Setup, Code, Want, Still, Keeps string
}

// tenants has a case for every function that users' scripts may call and that keeps or finds something in a store.
var tenants = map[string][]tenant{
	"key_get":      {{Setup: `key_set("", "k", 1)`, Code: `key_get("", "k")`, Want: `null`}},
	"key_exists":   {{Setup: `key_set("", "k", 1)`, Code: `key_exists("", "k")`, Want: `false`}},
	"key_ttl":      {{Setup: `key_set("", "k", 1, "1h")`, Code: `key_ttl("", "k")`, Want: `null`}},
	"key_set":      {{Setup: `key_set("", "k", 1)`, Code: `key_set("", "k", 2)`, Want: `true`, Still: `key_get("", "k")`, Keeps: `1`}},
	"key_add":      {{Setup: `key_add("", "k", 1)`, Code: `key_add("", "k", 2)`, Want: `true`, Still: `key_get("", "k")`, Keeps: `1`}},
	"key_cas":      {{Setup: `key_set("", "k", 1)`, Code: `key_cas("", "k", 1, 2)`, Want: `false`, Still: `key_get("", "k")`, Keeps: `1`}},
	"key_delete":   {{Setup: `key_set("", "k", 1)`, Code: `key_delete("", "k")`, Want: `false`, Still: `key_get("", "k")`, Keeps: `1`}},
	"key_get_many": {{Setup: `key_set("", "k", 1)`, Code: `key_get_many("", ["k", "bk", "/k"])`, Want: `[null, null, null]`}},
	"key_list": {
		{Setup: `key_set("", "k", 1)`, Code: `key_list("", "", {"values": true})`, Want: `{"keys": [], "values": [], "cursor": null}`},
		{Setup: `key_set("", "k", 1)`, Code: `key_list("", "k").keys`, Want: `[]`},
		// A store's own cursor of the first account's key.
		{Setup: `key_set("", "k", 1)`, Code: `key_list("", "", {"cursor": "CURSOR"}).keys`, Want: `[]`},
	},
	"key_delete_prefix": {
		{Setup: `key_set("", "k", 1)`, Code: `key_delete_prefix("", "", true)`, Want: `0`, Still: `key_get("", "k")`, Keeps: `1`},
		{Setup: `key_set("", "k", 1)`, Code: `key_delete_prefix("", "k")`, Want: `0`, Still: `key_get("", "k")`, Keeps: `1`},
	},
	"mark": {{Setup: `mark("", "k", 1)`, Code: `key_get("", "k")`, Want: `null`, Still: `key_get("", "k")`, Keeps: `1`},
		{Setup: `key_set("", "k", 1)`, Code: `mark("", "k", 2)`, Want: `true`, Still: `key_get("", "k")`, Keeps: `1`}},

	"counter_get":      {{Setup: `counter_incr("", "k", 5)`, Code: `counter_get("", "k")`, Want: `0`}},
	"counter_get_many": {{Setup: `counter_incr("", "k", 5)`, Code: `counter_get_many("", ["k"])`, Want: `[0]`}},
	"counter_ttl":      {{Setup: `counter_incr("", "k", 5, "1h")`, Code: `counter_ttl("", "k")`, Want: `null`}},
	"counter_incr":     {{Setup: `counter_incr("", "k", 5)`, Code: `counter_incr("", "k")`, Want: `1`, Still: `counter_get("", "k")`, Keeps: `5`}},
	"counter_delete":   {{Setup: `counter_incr("", "k", 5)`, Code: `counter_delete("", "k")`, Want: `false`, Still: `counter_get("", "k")`, Keeps: `5`}},
	"counter_add_many": {{Setup: `counter_add_many("", {"k": 5})`, Code: `counter_add_many("", ["k"])`, Want: `[1]`, Still: `counter_get("", "k")`, Keeps: `5`}},

	"rate_limit": {{Setup: `rate_limit("", "k", "2/1h", 2)`, Code: `rate_limit("", "k", "2/1h", 2).allowed`, Want: `true`, Still: `rate_peek("", "k", "2/1h", 0).remaining`, Keeps: `0`},
		{Setup: `rate_limit("", "k", "2/1h")`, Code: `rate_limit("", "k", "2/1h", 2).allowed`, Want: `true`, Still: `rate_peek("", "k", "2/1h", 0).remaining`, Keeps: `1`}},
	"rate_peek": {{Setup: `rate_limit("", "k", "2/1h", 2)`, Code: `rate_peek("", "k", "2/1h", 0).remaining`, Want: `2`}},

	"lock_try": {{Setup: `lock_try("", "k", "1h", true)`, Code: `lock_try("", "k", "1h") != null`, Want: `true`, Still: `lock_try("", "k", "1h")`, Keeps: `null`}},
	"lock_renew": {{Setup: `lock_try("", "k", "1h", true)`, Code: `lock_renew("", "k", "2h")`, Want: `false`},
		{Setup: `lock_try("", "k", "1h", true)`, Code: `lock_renew("", "k", "2h", {"owner": "OWNER", "fence": FENCE})`, Want: `false`}},
	"lock_release": {{Setup: `lock_try("", "k", "1h", true)`, Code: `lock_release("", "k")`, Want: `false`, Still: `lock_try("", "k", "1h")`, Keeps: `null`},
		{Setup: `lock_try("", "k", "1h", true)`, Code: `lock_release("", "k", {"owner": "OWNER", "fence": FENCE})`, Want: `false`, Still: `lock_try("", "k", "1h")`, Keeps: `null`}},

	"remember":   {{Setup: `remember("duplicate", "k", "1d")`, Code: `remembered("duplicate", "k")`, Want: `false`, Still: `remembered("duplicate", "k")`, Keeps: `true`}},
	"remembered": {{Setup: `remember("vacation", "k", "1d")`, Code: `remembered("vacation", "k")`, Want: `false`, Still: `remembered("vacation", "k")`, Keeps: `true`}},

	"bayes_train":    {{Setup: `bayes_train("spam", "cheap pills")`, Code: `bayes_train("spam", "cheap pills")`, Want: `true`, Still: `bayes_classify("x").learned_spam`, Keeps: `1`}},
	"bayes_untrain":  {{Setup: `bayes_train("spam", "cheap pills")`, Code: `bayes_untrain("spam", "cheap pills")`, Want: `false`, Still: `bayes_classify("x").learned_spam`, Keeps: `1`}},
	"bayes_classify": {{Setup: `bayes_train("spam", "cheap pills")`, Code: `bayes_classify("cheap pills").learned_spam`, Want: `0`}},
}

// accounts are pairs of ids that a careless key could mix up. A script without an account never runs as a user's.
var accounts = [][2]string{
	{"a", "b"}, {"a", "ab"}, {"ab", "a"}, {"a", "a/"}, {"a", "a/b"}, {"a", "A"}, {" ", "  "}, {"\t", " "}, {"u:", ":"}, {"u:a", "a"}, {"a", "a\x01"}, {"\xff", "\xff\xff"},
	{"é", "e\u0301"}, {"a", "*"}, {"%", "_"}, {"a", "a\x7f"}, {"a:k", "a"}, {"..", "."}, {"1", "01"},
}

// storesKeys are the families of functions that keep or find something under keys.
var storesKeys = []string{"kv", "counter", "rate", "lock", "memory", "learn"}

// Tenants holds every such function to the wall between two accounts. A function without a case fails.
func (r Room) Tenants(t *testing.T) {
	for _, f := range runtime.Functions() {
		named := slices.ContainsFunc(f.Params, func(p runtime.Param) bool { return p.Name == "store" })
		if !named && !slices.Contains(storesKeys, f.Family) {
			continue
		}
		if f.Trust == runtime.Admin {
			if got := r.as(t, newTenants(t), "a", f.Examples[0].Code); got.Err == nil || !strings.Contains(got.Err.Error(), "for administrators' scripts only") {
				t.Errorf("%s: a user's script got %v", f.Name, got.Err)
			}
			continue
		}
		cases := tenants[f.Name]
		if len(cases) == 0 {
			t.Errorf("%s has no case: add one to tenants", f.Name)
		}
		for _, c := range cases {
			for _, pair := range accounts {
				t.Run(fmt.Sprintf("%s %q %q", c.Code, pair[0], pair[1]), func(t *testing.T) { r.apart(t, c, pair[0], pair[1]) })
			}
		}
	}
	for _, name := range []string{"a\x00", "a\x00k", "\x00"} { // could end in another's namespace
		if got := r.as(t, newTenants(t), name, `key_set("", "k", 1)`); got.Err == nil {
			t.Errorf("a script runs for the account %q", name)
		}
	}
}

// apart runs one case.
func (r Room) apart(t *testing.T, c tenant, one, other string) {
	h := newTenants(t)
	value := func(account, code, want string) runtime.Value {
		t.Helper()
		got := r.as(t, h, account, code)
		if got.Err != nil {
			t.Fatalf("%q: %s: %v", account, code, got.Err)
		}
		if want == "" {
			return got.Value
		}
		literal, err := runtime.ParseLiteral(want)
		if err != nil {
			t.Fatal(err)
		}
		if r.Literal != nil {
			literal = r.Literal(literal)
		}
		if !runtime.Equal(got.Value, literal) {
			t.Errorf("%q: %s gives %#v, want %s", account, code, got.Value, want)
		}
		return got.Value
	}
	set := value(one, c.Setup, "")
	code := strings.ReplaceAll(c.Code, "CURSOR", kv.Cursor(userNamespace(one)+"\x00"))
	if lock, ok := set.(map[string]runtime.Value); ok && strings.Contains(code, "OWNER") {
		code = strings.NewReplacer("OWNER", lock["owner"].(string), "FENCE", fmt.Sprint(lock["fence"])).Replace(code)
	}
	value(other, code, c.Want)
	if c.Still != "" {
		value(one, c.Still, c.Keeps)
	}
}

// tenantHost is a host whose stores all accounts share.
type tenantHost struct {
	host  *runtime.Live
	store kv.Store
}

func newTenants(t *testing.T) tenantHost {
	host, s := Live(t)
	host.Quotas = runtime.NewQuotas(func() runtime.QuotaLimits { return runtime.DefaultQuota })
	return tenantHost{host, s}
}

func userNamespace(account string) string { return "u:" + account }

// as runs code as a script of an account, and sets the marks that it asked for.
func (r Room) as(t *testing.T, h tenantHost, account, code string) *runtime.Result {
	t.Helper()
	tx := runtime.ExampleTransaction()
	tx.Rcpt.Account, tx.Rcpt.Address = account, account+"@example.org"
	if r.Leaves != nil {
		code = r.Leaves(code)
	}
	p, err := r.Language.Compile(r.Script, []byte(code), runtime.CompileOptions{Trust: runtime.User})
	if err != nil {
		return &runtime.Result{Err: err}
	}
	got := runtime.NewEngine().Run(t.Context(), p, tx, runtime.RunOptions{Host: h.host, Trust: runtime.User, Namespace: userNamespace(account)})
	for _, a := range got.Plan.Actions {
		if a.Kind != runtime.Mark || got.Err != nil {
			continue
		}
		v, err := runtime.EncodeValue(a.Value)
		if err != nil {
			t.Fatal(err)
		}
		k := runtime.ScriptKey(kv.Script, a.Namespace, a.Key)
		if a.Prefix != 0 {
			k = runtime.MemoryKey(a.Prefix, a.Key)
		}
		if err := h.store.Set(t.Context(), k, v, a.TTL); err != nil {
			t.Fatal(err)
		}
	}
	if r.Leaves != nil && got.Err == nil {
		k := runtime.ScriptKey(kv.Script, userNamespace(account), "result")
		v, err := h.store.Get(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		if got.Value, err = runtime.DecodeValue(v.Bytes); err != nil {
			t.Fatal(err)
		}
		if _, err := h.store.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	return got
}
