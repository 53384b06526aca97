package main

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/runtime"
)

func TestQuotasOfUsersScriptsAreSettings(t *testing.T) {
	c, err := sieveConfig(t, "[scripts.user]\nmax-keys = 7\nmax-octets = 0\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.quota(); got != (runtime.QuotaLimits{Keys: 7}) {
		t.Errorf("got %+v", got)
	}
	if got := Default("data").quota(); got != runtime.DefaultQuota {
		t.Errorf("by default %+v", got)
	}
	for text, want := range map[string]string{
		"[scripts.user]\nmax-keys = -1\n":  "scripts.user.max-keys",
		"[scripts.user]\nmax-kyes = 1\n":   "max-keys",
		"[scripts]\nmax-keys = 1\n":        "max-keys",
		"[scripts.admin]\nmax-keys = 10\n": "admin",
	} {
		if _, err := sieveConfig(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error about %s", text, err, want)
		}
	}
}
