package kv

import (
	"bytes"
	"errors"
)

// Octets returns k as one key of bytes, as stores with ordered rows keep it: the prefix's octet and the name.
// Such keys are in the order of prefixes and names.
func (k Key) Octets() []byte {
	b := make([]byte, 0, 1+len(k.Name))
	return append(append(b, byte(k.Prefix)), k.Name...)
}

// ParseKey is the reverse of Octets.
func ParseKey(b []byte) (Key, error) {
	if len(b) == 0 {
		return Key{}, errors.New("a row has an empty key")
	}
	return Key{Prefix: Prefix(b[0]), Name: string(b[1:])}, nil
}

// LastKey is behind every key of bytes, also with something of a store's own at its end. It is not to be changed.
var LastKey = bytes.Repeat([]byte{0xff}, MaxName+200)

// Behind returns the least key of bytes that is behind every one that begins with b.
func Behind(b []byte) []byte {
	next := bytes.Clone(b)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i] != 0xff {
			next[i]++
			return next[:i+1]
		}
	}
	return LastKey
}

// PageRange checks the arguments of List and returns the keys of bytes from which to before which the page lies, and
// how many rows it may have.
func PageRange(p Prefix, name, cursor string, limit int) (from, before []byte, size int, err error) {
	if size, err = CheckPage(limit); err != nil {
		return nil, nil, 0, err
	}
	if err := CheckName(name); err != nil {
		return nil, nil, 0, err
	}
	start, resumed, err := ParseCursor(cursor)
	if err != nil {
		return nil, nil, 0, err
	}
	from = Key{p, name}.Octets()
	before = Behind(from)
	if resumed && start >= name {
		from = append(Key{p, start}.Octets(), 0) // the first key behind it
	}
	return from, before, size, nil
}
