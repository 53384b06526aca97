package postgres

import "strings"

// statements are those of one schema. Each is prepared once on every connection.
//
// In all of them $1 is the time, or NULL for the server's; in those that write, $2 says that the commit need not wait
// for the disk. NOW is the moment in which the statement arrived, before its snapshot; LIVE(r) is whether row r is
// there then, END($n) is when a row ends that lives n milliseconds; NOWAIT is put where something is written.
type statements struct {
	get, many, list, flush          string
	set, setFenced, add, swap, incr string
	deleteOne                       string
	deleteRange, purge, stats       [3]string // one for each of tables
	rate, lease, lock, renew, free  string
}

// tables hold the rows of keys. Statements that delete go through them in this order.
var tables = [3]string{"kv", "rate", "lease"}

const upsert = `INSERT INTO NS.kv AS r (k, v, n, exp, fence) SELECT $3::bytea, $4::bytea, $5::bigint, END($6), `

func statementsIn(namespace string) statements {
	x := func(sql string) string { return expand(namespace, sql) }
	q := statements{
		get:  x(`SELECT v, n, exp, fence FROM NS.kv r WHERE k = $2 AND LIVE(r)`),
		many: x(`SELECT k, v, n, exp, fence FROM NS.kv r WHERE k = ANY ($2) AND LIVE(r)`),
		// Of a page's rows, the first and those that fit: what does not fit is never sent.
		list: x(`SELECT k, v, n, exp, fence, total FROM (
				SELECT k, v, n, exp, fence, row_number() OVER w AS i, sum(coalesce(octet_length(v), 20)) OVER w AS octets, count(*) OVER () AS total FROM (
					SELECT k, v, n, exp, fence FROM NS.kv r WHERE k >= $2 AND k < $3 AND LIVE(r) ORDER BY k LIMIT $4
				) page WINDOW w AS (ORDER BY k ROWS UNBOUNDED PRECEDING)
			) counted WHERE i = 1 OR octets <= $5 ORDER BY k`),
		flush: x(`INSERT INTO NS.meta AS m VALUES ('flush', 1) ON CONFLICT (name) DO UPDATE SET v = m.v + 1`),

		set: x(upsert + `0 ON CONFLICT (k) DO UPDATE
			SET v = excluded.v, n = excluded.n, exp = excluded.exp, fence = CASE WHEN LIVE(r) THEN r.fence ELSE 0 END RETURNING NOWAIT`),
		setFenced: x(upsert + `$7 ON CONFLICT (k) DO UPDATE
			SET v = excluded.v, n = excluded.n, exp = excluded.exp, fence = excluded.fence
			WHERE NOT LIVE(r) OR r.fence <= excluded.fence RETURNING NOWAIT`),
		// A key that is there is seen without a write.
		add: x(upsert + `0 WHERE NOT EXISTS (SELECT FROM NS.kv r WHERE k = $3 AND LIVE(r)) ON CONFLICT (k) DO UPDATE
			SET v = excluded.v, n = excluded.n, exp = excluded.exp, fence = 0
			WHERE NOT LIVE(r) RETURNING NOWAIT`),
		swap: x(`UPDATE NS.kv r SET v = $4, n = $5, exp = END($6)
			WHERE k = $3 AND LIVE(r) AND v IS NOT DISTINCT FROM $7 AND n IS NOT DISTINCT FROM $8 RETURNING NOWAIT`),
		incr: x(`INSERT INTO NS.kv AS r (k, n, exp) VALUES ($3, $4, END($5)) ON CONFLICT (k) DO UPDATE
			SET v = NULL, n = excluded.n + CASE WHEN LIVE(r) THEN r.n ELSE 0 END, exp = CASE WHEN LIVE(r) THEN r.exp ELSE excluded.exp END,
				fence = CASE WHEN LIVE(r) THEN r.fence ELSE 0 END
			WHERE NOT LIVE(r) OR r.n IS NOT NULL RETURNING n, NOWAIT`),
		deleteOne: x(`WITH a AS (DELETE FROM NS.kv r WHERE k = $3 RETURNING LIVE(r) AS live),
			b AS (DELETE FROM NS.rate r WHERE k = $3 RETURNING LIVE(r) AS live),
			c AS (DELETE FROM NS.lease r WHERE k = $3 RETURNING LIVE(r) AS live, durable)
			SELECT (SELECT count(*) FROM a WHERE live) + (SELECT count(*) FROM b WHERE live) + (SELECT count(*) FROM c WHERE live),
				CASE WHEN $2::boolean AND NOT EXISTS (SELECT FROM c WHERE durable) THEN set_config('synchronous_commit', 'off', true) END`),

		rate:  x(`SELECT allowed, remaining, retry FROM NS.take($1, $2, $3, $4, $5, $6, $7, $8)`),
		lease: x(`SELECT owner, fence, exp FROM NS.lease r WHERE k = $2 AND LIVE(r)`),
		lock:  x(`SELECT mine, no, until FROM NS.take_lease($1, $2, $3, $4, $5)`),
		// A lease decides for itself whether it waits for the disk.
		renew: x(`UPDATE NS.lease r SET exp = END($5) WHERE k = $2 AND owner = $3 AND fence = $4 AND LIVE(r)
			RETURNING exp, CASE WHEN NOT durable THEN set_config('synchronous_commit', 'off', true) END`),
		free: x(`DELETE FROM NS.lease r WHERE k = $2 AND owner = $3 AND fence = $4 AND LIVE(r)
			RETURNING CASE WHEN NOT durable THEN set_config('synchronous_commit', 'off', true) END`),
	}
	for i, table := range tables {
		q.deleteRange[i] = strings.ReplaceAll(x(deleteRange), "TABLE", table)
		q.purge[i] = strings.ReplaceAll(x(purgeRange), "TABLE", table)
		q.stats[i] = strings.NewReplacer("TABLE", table, "OCTETS", octets[i]).Replace(x(statsRange))
	}
	return q
}

// deleteRange deletes from $3 to before $4 in a table, $5 rows and their successor at most, and returns how many of them
// were live and the last key if there is more behind it.
const deleteRange = `WITH h AS (SELECT k FROM NS.TABLE WHERE k >= $3 AND k < $4 ORDER BY k OFFSET $5 LIMIT 1),
	d AS (DELETE FROM NS.TABLE r WHERE k >= $3 AND k < $4 AND k <= coalesce((SELECT k FROM h), $4) RETURNING LIVE(r) AS live)
	SELECT count(*) FILTER (WHERE live), (SELECT k FROM h), NOWAIT FROM d`

// purgeRange deletes what is expired behind $2 in a table, among $3 rows, and returns how many went and the last key that was
// looked at if there is more behind it. The expiry is compared again with a row that was written meanwhile.
const purgeRange = `WITH h AS (SELECT k FROM NS.TABLE WHERE k > $2 ORDER BY k OFFSET $3 LIMIT 1),
	d AS (DELETE FROM NS.TABLE r WHERE k > $2 AND k <= coalesce((SELECT k FROM h), $4) AND NOT LIVE(r) RETURNING 1)
	SELECT count(*), (SELECT k FROM h), set_config('synchronous_commit', 'off', true) FROM d`

// statsRange counts $3 rows behind $2 in a table by prefix. Its last row has no prefix but the last key that was looked at if there is
// more behind it.
const statsRange = `WITH h AS (SELECT k FROM NS.TABLE WHERE k > $2 ORDER BY k OFFSET $3 LIMIT 1)
	SELECT get_byte(k, 0)::bigint, count(*), sum(octet_length(k) - 1 + OCTETS)::bigint, NULL FROM NS.TABLE r
	WHERE k > $2 AND k <= coalesce((SELECT k FROM h), $4) AND LIVE(r) GROUP BY 1
	UNION ALL SELECT -1, 0, 0, (SELECT k FROM h)`

// octets is what a row of each table holds beside its key.
var octets = [3]string{`coalesce(octet_length(v), octet_length(n::text))`, `octet_length(rule) + 40`, `octet_length(owner) + 8`}

// expand puts the schema's name and what the short words mean into a statement.
func expand(namespace, sql string) string {
	sql = in(namespace, sql)
	sql = call(sql, "LIVE", `(%.exp = 0 OR %.exp > NOW)`)
	sql = call(sql, "END", `CASE WHEN %::bigint = 0 THEN 0 ELSE NOW + % END`)
	return strings.NewReplacer(
		`NOWAIT`, `CASE WHEN $2::boolean THEN set_config('synchronous_commit', 'off', true) END`,
		`NOW`, `coalesce($1::bigint, floor(extract(epoch FROM now()) * 1000)::bigint)`,
	).Replace(sql)
}

// call replaces name(x) by text with x for every %.
func call(sql, name, text string) string {
	for {
		before, rest, found := strings.Cut(sql, name+"(")
		if !found {
			return sql
		}
		arg, after, _ := strings.Cut(rest, ")")
		sql = before + strings.ReplaceAll(text, "%", arg) + after
	}
}
