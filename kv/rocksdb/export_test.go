//go:build rocksdb

package rocksdb

import "github.com/linxGnu/grocksdb"

// Compact rewrites all files, and so runs the filter over every row.
func (s *Store) Compact() error {
	o := grocksdb.NewDefaultFlushOptions()
	defer o.Destroy()
	if err := s.db.Flush(o); err != nil {
		return err
	}
	c := grocksdb.NewCompactRangeOptions()
	defer c.Destroy()
	c.SetBottommostLevelCompaction(grocksdb.KForce)
	s.db.CompactRangeOpt(grocksdb.Range{}, c)
	return nil
}

// Rows counts what is stored, live or not.
func (s *Store) Rows() (n int) {
	it := s.db.NewIterator(s.native.walk)
	defer it.Close()
	for it.SeekToFirst(); it.Valid(); it.Next() {
		if octets(it.Key())[0] != spaceMeta {
			n++
		}
	}
	return n
}

// SavedClock says what time is on disk.
func (s *Store) SavedClock() int64 { return s.filter.floor.Load() }

// Fail is fail.
func (s *Store) Fail(act string, err error) error { return s.fail(act, err) }
