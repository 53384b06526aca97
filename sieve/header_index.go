package sieve

// headerIndex gives the names of header fields that a program reads their slots. Most
// programs read few, which are found by comparing; many are found in a map.
type headerIndex struct {
	names   []string       // in lower case, by slot
	slots   map[string]int // by name in lower case; nil as long as there are few
	lengths uint64         // bit n says that a name has n octets; the last stands for all that are longer
}

// fewHeaders is how many names are found without a map.
const fewHeaders = 16

// bit returns the bit of a name's length.
func (*headerIndex) bit(name string) uint64 { return 1 << min(len(name), 63) }

// find returns the slot of a name, which has no case, or -1.
func (x *headerIndex) find(name string) int {
	if x.lengths&x.bit(name) == 0 {
		return -1 // most fields are nothing to the script: no need to look them up
	}
	if x.slots == nil {
		for i, n := range x.names {
			if equalLower(name, n) {
				return i
			}
		}
		return -1
	}
	var room [64]byte
	if slot, ok := x.slots[string(lowerInto(room[:0], name))]; ok {
		return slot
	}
	return -1
}

// slot returns the slot of a name, a new one if it has none.
func (x *headerIndex) slot(name string) int {
	if slot := x.find(name); slot >= 0 {
		return slot
	}
	name = lowerASCII(name)
	slot := len(x.names)
	x.names = append(x.names, name)
	x.lengths |= x.bit(name)
	if x.slots == nil && len(x.names) > fewHeaders {
		x.slots = make(map[string]int, 2*fewHeaders)
		for i, n := range x.names {
			x.slots[n] = i
		}
	} else if x.slots != nil {
		x.slots[name] = slot
	}
	return slot
}

// equalLower says whether s in lower case is lower.
func equalLower(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// lowerInto appends s to b with A to Z as a to z.
func lowerInto(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 0x20
		}
		b = append(b, c)
	}
	return b
}
