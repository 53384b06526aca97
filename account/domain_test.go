package account

import (
	"strings"
	"testing"

	"github.com/sluice-mail/sluice/sqlite"
)

func TestDomainsOfNamesAndAliases(t *testing.T) {
	d := open(t, Options{})
	for _, name := range []string{"bob", "carol@Example.COM", "dave@gone.example"} {
		if _, err := d.Add(t.Context(), name, "secret"); err != nil {
			t.Fatal(err)
		}
	}
	for name, alias := range map[string]string{"bob": "info@alias.example", "dave@gone.example": "dave@dead.example"} {
		if err := d.Alias(t.Context(), name, alias); err != nil {
			t.Fatal(err)
		}
	}
	check := func(domain string, want bool) {
		t.Helper()
		if got, err := d.HasDomain(t.Context(), domain); err != nil || got != want {
			t.Errorf("%q is %v, %v", domain, got, err)
		}
	}
	check("dead.example", true)
	if err := d.Remove(t.Context(), "dave@gone.example"); err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]bool{
		"example.com": true, "EXAMPLE.com.": true, "alias.example": true, "mail.example.org": true, "localhost": true,
		"": false, "com": false, "xample.com": false, "bob": false, "carol@example.com": false, "gone.example": false, "dead.example": false,
		"example.com'": false, strings.Repeat("a", 10_000): false,
	} {
		check(domain, want)
	}
}

// The questions use the indexes: they are asked for each message, of directories of any size.
func TestDomainsAreFoundByIndex(t *testing.T) {
	d := open(t, Options{})
	for _, query := range []string{byAccountDomain, byAliasDomain} {
		err := d.db.Read(t.Context(), func(c *sqlite.Conn) error {
			rows := c.Query("EXPLAIN QUERY PLAN "+query, "example.com")
			defer rows.Close()
			plan := ""
			for rows.Next() {
				var id, parent, unused int64
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				plan += detail + "\n"
			}
			if !strings.Contains(plan, "_domain (<expr>=?)") {
				t.Errorf("the plan of %s is\n%s", query, plan)
			}
			return rows.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
