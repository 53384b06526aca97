package mysql

import (
	"context"

	"github.com/sluice-mail/sluice/kv"
)

const statQuery = `SELECT ASCII(k), COUNT(*), SUM(LENGTH(k) - 1 + IF(n IS NULL, size, LENGTH(n)))
	FROM {rows} WHERE k >= :from AND k < :to AND {live} GROUP BY ASCII(k) ORDER BY 1`

// Stats counts live rows of all kinds and their octets by prefix. It walks the rows in parts, each as it is at its
// moment, and never reads a value.
func (s *Store) Stats(ctx context.Context) ([]kv.PrefixStats, error) {
	var stats []kv.PrefixStats
	for from, more := []byte{}, true; more; {
		var to []byte
		var err error
		if to, more, err = s.part(ctx, "stats", from, kv.LastKey, statRows); err != nil {
			return nil, err
		}
		var part []kv.PrefixStats
		err = s.call(ctx, "stats", func(ctx context.Context) error {
			part = part[:0]
			return s.each(ctx, statQuery, args{"from": from, "to": to}, func(scan func(...any) error) error {
				var st kv.PrefixStats
				err := scan(&st.Prefix, &st.Rows, &st.Octets)
				part = append(part, st)
				return err
			})
		})
		if err != nil {
			return nil, err
		}
		for _, st := range part {
			if n := len(stats); n > 0 && stats[n-1].Prefix == st.Prefix {
				stats[n-1].Rows += st.Rows
				stats[n-1].Octets += st.Octets
			} else {
				stats = append(stats, st)
			}
		}
		from = to
	}
	return stats, nil
}
