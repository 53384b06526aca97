package gateway

import (
	"testing"

	"github.com/sluice-mail/sluice/kv"
	kvmemory "github.com/sluice-mail/sluice/kv/memory"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
)

// Marks are set after the run, and count against the quota of the account all the same. The mail does not wait.
func TestMarksOfAUsersScriptStayWithinItsQuota(t *testing.T) {
	for trust, want := range map[string]int{"user": 1, "admin": 2} {
		w := newWorld()
		store := kvmemory.New(kvmemory.Options{})
		t.Cleanup(func() { _ = store.Close() })
		language := funcs{"s": both(call("mark", "", "one", int64(1)), call("mark", "", "two", int64(2)))}
		p := startWith(t, w, t.TempDir(), language, func(o *Options) {
			o.Stores = func(string) (kv.Store, error) { return store, nil }
			o.Quotas = runtime.NewQuotas(func() runtime.QuotaLimits { return runtime.QuotaLimits{Keys: 1} })
			o.Library = scripts.New(scripts.Options{Engine: o.Engine})
			s := script("s")
			s.Trust = trust
			if err := o.Library.Load([]scripts.Source{s}); err != nil {
				t.Fatal(err)
			}
		})
		for range 2 { // what is there already may be set again
			p.give(t, plain, "a@remote.example", "anna@example.org")
		}
		items, _, err := store.List(t.Context(), kv.Script, "", "", 10)
		if err != nil || len(items) != want {
			t.Errorf("%s: %d marks are set, %v; want %d", trust, len(items), err, want)
		}
		if s := p.Stats(); s.Failures != 0 || s.Waiting != 0 || s.ScriptErrors != 0 {
			t.Errorf("%s: stats %+v", trust, s)
		}
	}
}
