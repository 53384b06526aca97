package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
)

func TestScriptCountsAreMetrics(t *testing.T) {
	var m runtime.Metrics
	var b bytes.Buffer
	writeScriptCounts(&b, &m)
	if b.Len() > 0 {
		t.Errorf("nothing was counted, but\n%s", b.String())
	}
	_ = m.Count("spam.high", 2)
	_ = m.Count("ham", 1)
	writeScriptCounts(&b, &m)
	want := "# TYPE sluice_script_count counter\nsluice_script_count{name=\"ham\"} 1\nsluice_script_count{name=\"spam.high\"} 2\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDryRunsCountNothing(t *testing.T) {
	n, err := openNode(t.Context(), Default(t.TempDir()), nodeOptions{logger: quietLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer n.close(t.Context())
	if n.host(runtime.Admin).(*runtime.Live).Metrics != &n.counted {
		t.Error("a real run does not count")
	}
	if n.hostOver(runtime.Admin, n.store).Metrics != nil {
		t.Error("a dry run counts")
	}
}

func TestActionSettings(t *testing.T) {
	c := Default("data")
	c.Actions.Quarantine, c.Sieve.EditHeader.ForbidAdd, c.Sieve.Postmaster = "Held", []string{"X-No"}, "pm@example.org"
	if s := c.mailSettings(); s.Quarantine != "Held" || s.ForbidAdd[0] != "X-No" || s.HeaderSize != 2048 || s.NotifyRecipients != 8 || s.Postmaster != "pm@example.org" {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{"", "inbox", "a\nb"} {
		c.Actions.Quarantine = bad
		if err := c.check(origins{}); err == nil || !strings.Contains(err.Error(), "actions.quarantine") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
