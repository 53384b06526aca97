package sieve

// headerIndex gives the names of header fields that a program reads their slots. Most
// programs read few, which are found by comparing; many are found in a map.
type headerIndex struct {
	names   []string       // as a script writes them, by slot
	slots   map[string]int // by name in upper case; nil as long as there are few
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
			if equalASCII(name, n) {
				return i
			}
		}
		return -1
	}
	var room [64]byte
	if slot, ok := x.slots[string(upperInto(room[:0], name))]; ok {
		return slot
	}
	return -1
}

// slot returns the slot of a name, a new one if it has none.
func (x *headerIndex) slot(name string) int {
	if slot := x.find(name); slot >= 0 {
		return slot
	}
	slot := len(x.names)
	if x.names == nil {
		x.names = make([]string, 0, 4)
	}
	x.names = append(x.names, name)
	x.lengths |= x.bit(name)
	if x.slots == nil && len(x.names) > fewHeaders {
		x.slots = make(map[string]int, 2*fewHeaders)
		for i, n := range x.names {
			x.slots[upperASCII(n)] = i
		}
	} else if x.slots != nil {
		x.slots[upperASCII(name)] = slot
	}
	return slot
}

// upperInto appends s to b with a to z as A to Z.
func upperInto(b []byte, s string) []byte {
	b = append(b, s...)
	foldBytes(b[len(b)-len(s):])
	return b
}
