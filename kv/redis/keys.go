package redis

import (
	"hash/fnv"
	"strconv"

	"github.com/sluice-mail/sluice/kv"
)

// buckets is how many slots a prefix is spread over. It is part of the format.
const buckets = 16

// allBuckets is how many there are of all prefixes; bucket n belongs to prefix n / buckets.
const allBuckets = 256 * buckets

// bucketOf returns the number of k's bucket.
func bucketOf(k kv.Key) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.Name))
	sum := h.Sum32()
	sum ^= sum >> 16 // the low bits of FNV alone hardly depend on short names
	sum ^= sum >> 8
	sum ^= sum >> 4
	return int(k.Prefix)*buckets + int(sum%buckets)
}

// base begins all keys of a bucket. What stands in braces decides the slot.
func (s *Store) base(bucket int) string {
	b := make([]byte, 0, len(s.space)+10)
	b = append(b, s.space...)
	b = append(b, ":{"...)
	b = strconv.AppendInt(b, int64(bucket/buckets), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(bucket%buckets), buckets)
	return string(append(b, '}'))
}

// key returns the key of k's row of a kind: v or r.
func (s *Store) key(k kv.Key, kind string) string { return s.base(bucketOf(k)) + kind + k.Name }

// behind returns the first text behind all that begin with name; "" if there is none.
func behind(name string) string {
	b := []byte(name)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}
