//go:build rocksdb

package rocksdb

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// The key spaces, by first octet.
const (
	spaceValue = 'k'
	spaceLease = 'l'
	spaceMeta  = 'm'
	spaceRate  = 'r'
)

const (
	version    = 1
	headerSize = 17
)

var errRow = errors.New("damaged row in file")

// row is what a row of any space but meta means.
type row struct {
	exp   int64 // unix ms, 0 is never
	fence uint64
	body  []byte // a value, a kv.RateState, or a lease's owner
}

func (r row) value() kv.Value {
	return kv.Value{Bytes: r.body, Expires: kv.Moment(r.exp), Fence: r.fence}
}

// encode returns the row's octets.
func (r row) encode() []byte {
	b := make([]byte, 0, headerSize+len(r.body))
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(r.exp))
	b = binary.BigEndian.AppendUint64(b, r.fence)
	return append(b, r.body...)
}

// decode is the reverse of encode. The body is part of b.
func decode(b []byte) (row, error) {
	exp, ok := expiry(b)
	if !ok {
		return row{}, errRow
	}
	return row{exp, binary.BigEndian.Uint64(b[9:]), b[headerSize:]}, nil
}

// expiry returns the expiry in a row's octets; ok is false if they are none.
func expiry(b []byte) (exp int64, ok bool) {
	if len(b) < headerSize || b[0] != version {
		return 0, false
	}
	exp = int64(binary.BigEndian.Uint64(b[1:]))
	return exp, exp >= 0
}

// rowKey is where a value or a lease of k stands.
func rowKey(space byte, k kv.Key) []byte {
	b := make([]byte, 0, 2+len(k.Name))
	return append(append(b, space, byte(k.Prefix)), k.Name...)
}

// keyOf is the reverse of rowKey.
func keyOf(b []byte) (kv.Key, error) {
	if len(b) < 2 {
		return kv.Key{}, errRow
	}
	return kv.Key{Prefix: kv.Prefix(b[1]), Name: string(b[2:])}, nil
}

// ratesUnder is what keys of allowances begin with whose names begin with name.
func ratesUnder(p kv.Prefix, name string) []byte {
	b := make([]byte, 0, 2+len(name)+strings.Count(name, "\x00")+2+32)
	b = append(b, spaceRate, byte(p))
	for i := range len(name) {
		b = append(b, name[i])
		if name[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return b
}

// ratesOf is what the keys of all allowances of k begin with, and no others.
func ratesOf(k kv.Key) []byte { return append(ratesUnder(k.Prefix, k.Name), 0, 1) }

// rateName returns how many octets of an allowance's key stand for its name and rule, as others count them.
func rateName(key []byte) int {
	n := len(key) - 2
	for i := 2; i+1 < len(key); i++ {
		if key[i] == 0 {
			n-- // the octet that follows a 0
			i++
		}
	}
	return n
}
