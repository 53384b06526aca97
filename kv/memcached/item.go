package memcached

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/sluice-mail/sluice/kv"
)

// The kinds of items.
const (
	kindValue = 'v'
	kindRates = 'r'
)

// maxKey is the longest key that memcached takes.
const maxKey = 250

// itemKey is where a row of k is kept, and the name that the item has to carry: "" if the key says it all.
func (s *Store) itemKey(kind byte, k kv.Key) (key, carried string) {
	head := s.namespace + ":" + string(kind)
	plain := head + ":" + string("0123456789abcdef"[k.Prefix>>4]) + string("0123456789abcdef"[k.Prefix&15]) + k.Name
	if len(plain) <= maxKey && legal(plain) {
		return plain, ""
	}
	carried = string([]byte{byte(k.Prefix)}) + k.Name
	sum := sha256.Sum256([]byte(carried))
	return head + "#" + base64.RawURLEncoding.EncodeToString(sum[:]), carried
}

// legal reports whether memcached takes the octets of key.
func legal(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] == 0x7f {
			return false
		}
	}
	return true
}

func plainNamespace(s string) bool { return s != "" && !strings.Contains(s, ":") }

// item is what an item's octets mean:
//
//	1 version · 1 kind · 8 expiry in unix ms, 0 never · 2 length of name · prefix and name, if hashed · body
type item struct {
	exp  int64
	body []byte
}

const (
	version    = 1
	headerSize = 12
)

var errItem = errors.New("not an item of this store")

// encode returns the octets.
func (it item) encode(kind byte, carried string) []byte {
	b := make([]byte, 0, headerSize+len(carried)+len(it.body))
	b = append(b, version, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(it.exp))
	b = binary.BigEndian.AppendUint16(b, uint16(len(carried)))
	b = append(b, carried...)
	return append(b, it.body...)
}

// decode is the reverse of encode. What belongs to another name is errItem.
func decode(b []byte, kind byte, carried string) (item, error) {
	if len(b) < headerSize || b[0] != version || b[1] != kind {
		return item{}, errItem
	}
	it := item{exp: int64(binary.BigEndian.Uint64(b[2:]))}
	n := int(binary.BigEndian.Uint16(b[10:]))
	b = b[headerSize:]
	if len(b) < n || string(b[:n]) != carried || it.exp < 0 {
		return item{}, errItem
	}
	it.body = b[n:len(b):len(b)]
	return it, nil
}

// allowance is what is kept of one rule.
type allowance struct {
	rule     string
	state    kv.RateState
	deadline int64 // unix ms; the state means nothing after it
}

// maxAllowances is how many rules one key may have at a time: all of them are read and written together.
const maxAllowances = 256

// encodeRates returns the body of all allowances of a key and the latest of their deadlines.
func encodeRates(all []allowance) (body []byte, last int64) {
	for _, a := range all {
		body = append(body, byte(len(a.rule)))
		body = append(body, a.rule...)
		body = binary.BigEndian.AppendUint64(body, uint64(a.deadline))
		body = a.state.Append(body)
		last = max(last, a.deadline)
	}
	return body, last
}

// decodeRates is the reverse of encodeRates.
func decodeRates(b []byte) ([]allowance, error) {
	var all []allowance
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+8+kv.RateStateOctets || len(all) == maxAllowances {
			return nil, errItem
		}
		a := allowance{rule: string(b[1 : 1+n])}
		b = b[1+n:]
		a.deadline = int64(binary.BigEndian.Uint64(b))
		var err error
		if a.state, err = kv.ParseRateState(b[8 : 8+kv.RateStateOctets]); err != nil {
			return nil, err
		}
		b = b[8+kv.RateStateOctets:]
		all = append(all, a)
	}
	return all, nil
}
