package idmap

import (
	"fmt"

	"github.com/sluice-mail/sluice/sqlite"
)

// check is a query that returns a text for everything that is not as it must be.
type check struct{ query string }

// checks hold what must be true after every commit.
var checks = []check{
	{`SELECT 'mailbox ' || m.mb || ' says messages ' || m.messages || ', unseen ' || m.unseen || ', deleted ' || m.deleted ||
		', recent ' || m.recent || ', octets ' || m.octets || ', but its rows say ' || r.messages || ', ' || r.unseen || ', ' ||
		r.deleted || ', ' || r.recent || ', ' || r.octets
		FROM mailbox AS m JOIN (
			SELECT m.mb AS mb, count(u.uid) AS messages, coalesce(sum((u.flags & 1) = 0), 0) AS unseen,
				coalesce(sum((u.flags & 16) <> 0), 0) AS deleted, coalesce(sum(u.uid >= m.recent_from), 0) AS recent,
				coalesce(sum(u.size), 0) AS octets
			FROM mailbox AS m LEFT JOIN uid AS u ON u.mb = m.mb GROUP BY m.mb
		) AS r ON r.mb = m.mb
		WHERE m.messages <> r.messages OR m.unseen <> r.unseen OR m.deleted <> r.deleted OR m.recent <> r.recent OR m.octets <> r.octets`},
	{`SELECT 'mailbox ' || m.mb || ': UIDNEXT ' || m.uidnext || ' is not above UID ' || max(u.uid)
		FROM mailbox AS m JOIN uid AS u ON u.mb = m.mb GROUP BY m.mb HAVING max(u.uid) >= m.uidnext`},
	{`SELECT 'mailbox ' || m.mb || ': UIDNEXT ' || m.uidnext || ' is not above vanished UID ' || max(v.hi)
		FROM mailbox AS m JOIN vanished AS v ON v.mb = m.mb GROUP BY m.mb HAVING max(v.hi) >= m.uidnext`},
	{`SELECT 'mailbox ' || m.mb || ': HIGHESTMODSEQ ' || m.highestmodseq || ' is below MODSEQ ' || max(u.modseq)
		FROM mailbox AS m JOIN uid AS u ON u.mb = m.mb GROUP BY m.mb HAVING max(u.modseq) > m.highestmodseq`},
	{`SELECT 'mailbox ' || m.mb || ': HIGHESTMODSEQ ' || m.highestmodseq || ' is below MODSEQ ' || max(v.modseq) || ' of a vanished range'
		FROM mailbox AS m JOIN vanished AS v ON v.mb = m.mb GROUP BY m.mb HAVING max(v.modseq) > m.highestmodseq`},
	{`SELECT 'mailbox ' || mb || ': HIGHESTMODSEQ ' || highestmodseq || ', vanished floor ' || vanished_floor || ', account MODSEQ ' || a.modseq
		FROM mailbox, account AS a WHERE highestmodseq > a.modseq OR vanished_floor > highestmodseq OR createdmodseq > highestmodseq`},
	{`SELECT 'mailbox ' || mb || ': UIDVALIDITY ' || m.uidvalidity || ' is above the last given, ' || a.uidvalidity
		FROM mailbox AS m, account AS a WHERE m.uidvalidity > a.uidvalidity`},
	{`SELECT 'mailbox ' || v.mb || ': UID ' || u.uid || ' lives and is vanished'
		FROM vanished AS v JOIN uid AS u ON u.mb = v.mb AND u.uid BETWEEN v.lo AND v.hi`},
	{`SELECT 'mailbox ' || mb || ': vanished ranges ' || lo || ':' || hi || ' and ' || next || ' overlap' FROM (
			SELECT mb, lo, hi, lead(lo) OVER (PARTITION BY mb ORDER BY lo) AS next FROM vanished)
		WHERE lo > hi OR next <= hi`},
	{`SELECT 'vanished ranges of mailbox ' || mb || ', which is not there' FROM vanished WHERE mb NOT IN (SELECT mb FROM mailbox)`},
	{`SELECT 'mailbox ' || u.mb || ', UID ' || u.uid || ': no such mailbox' FROM uid AS u
		WHERE u.mb NOT IN (SELECT mb FROM mailbox)`},
	{`SELECT 'mailbox ' || u.mb || ', UID ' || u.uid || ': no Email ' || u.eid FROM uid AS u
		WHERE NOT EXISTS (SELECT 1 FROM email AS e WHERE e.eid = u.eid)`},
	{`SELECT 'mailbox ' || u.mb || ', UID ' || u.uid || ': flags, keywords or size differ from Email ' || e.id
		FROM uid AS u JOIN email AS e ON e.eid = u.eid JOIN content AS c ON c.cid = e.cid
		WHERE (u.flags & ~16) <> e.flags OR u.kwset <> e.kwset OR u.size <> c.size`},
	{`SELECT 'Email ' || id || ' is in no mailbox' FROM email AS e
		WHERE NOT EXISTS (SELECT 1 FROM uid AS u INDEXED BY uid_email WHERE u.eid = e.eid)`},
	{`SELECT 'Email ' || id || ' has no content' FROM email AS e WHERE e.cid NOT IN (SELECT cid FROM content)`},
	{`SELECT 'blob ' || blob || ' is dead, but an Email has it' FROM content AS c
		WHERE dead <> 0 AND EXISTS (SELECT 1 FROM email AS e WHERE e.cid = c.cid)`},
	{`SELECT 'blob ' || blob || ' is alive, but no Email has it' FROM content AS c
		WHERE dead = 0 AND NOT EXISTS (SELECT 1 FROM email AS e WHERE e.cid = c.cid)`},
}

// maxProblems bounds what Check says of one kind.
const maxProblems = 20

// Check compares everything that is kept twice, and returns a sentence for each thing
// that is not as it must be. It reads all rows.
func Check(c *sqlite.Conn) ([]string, error) {
	var out []string
	for _, k := range checks {
		n := 0
		rows := c.Query(k.query)
		for rows.Next() && n < maxProblems {
			var text string
			rows.Scan(&text)
			out = append(out, text)
			n++
		}
		if err := rows.Close(); err != nil {
			return out, fmt.Errorf("idmap: check: %w", err)
		}
	}
	known := make(map[uint64]bool)
	rows := c.Query(`SELECT id FROM keyword`)
	for rows.Next() {
		var id uint64
		rows.Scan(&id)
		known[id] = true
	}
	if err := rows.Close(); err != nil {
		return out, fmt.Errorf("idmap: check: %w", err)
	}
	rows = c.Query(`SELECT DISTINCT kwset FROM email`)
	for rows.Next() {
		var set []byte
		rows.Scan(&set)
		for _, id := range unpack(set) {
			if !known[id] {
				out = append(out, fmt.Sprintf("keyword %d has no name", id))
			}
		}
	}
	if err := rows.Close(); err != nil {
		return out, fmt.Errorf("idmap: check: %w", err)
	}
	return out, nil
}
