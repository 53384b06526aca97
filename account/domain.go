package account

import (
	"context"
	"strings"

	"github.com/sluice-mail/sluice/sqlite"
)

// indexDomains has the domains of names and aliases found: what stands behind the last @ of a key.
const indexDomains = `
CREATE INDEX account_domain ON account (substr(key, length(rtrim(key, replace(key, '@', ''))) + 1)) WHERE removed = 0 AND instr(key, '@') > 0;
CREATE INDEX alias_domain ON alias (substr(key, length(rtrim(key, replace(key, '@', ''))) + 1)) WHERE instr(key, '@') > 0;
`

const (
	byAccountDomain = `SELECT EXISTS (SELECT 1 FROM account
		WHERE substr(key, length(rtrim(key, replace(key, '@', ''))) + 1) = ? AND removed = 0 AND instr(key, '@') > 0)`
	byAliasDomain = `SELECT EXISTS (SELECT 1 FROM alias l JOIN account a ON a.id = l.account
		WHERE substr(l.key, length(rtrim(l.key, replace(l.key, '@', ''))) + 1) = ? AND instr(l.key, '@') > 0 AND a.removed = 0)`
)

// HasDomain says whether there is a name or an alias in the domain, or the domain is the host name
// or localhost. It is compared as the domains of addresses are.
func (d *Directory) HasDomain(ctx context.Context, domain string) (bool, error) {
	domain = fold(strings.TrimSuffix(domain, "."))
	switch {
	case domain == "" || len(domain) > 4*maxName || strings.Contains(domain, "@"):
		return false, nil
	case domain == d.o.Hostname || domain == "localhost":
		return true, nil
	}
	has := 0
	err := d.db.Read(ctx, func(c *sqlite.Conn) error {
		if err := c.QueryRow(byAccountDomain, domain).Scan(&has); err != nil || has == 1 {
			return err
		}
		return c.QueryRow(byAliasDomain, domain).Scan(&has)
	})
	return has == 1, wrap("has domain", err)
}
