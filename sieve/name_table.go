package sieve

// nameTable finds declarations by names of scripts, which have no case.
type nameTable[T any] struct{ rows [][]namedEntry[T] } // as many as a power of two

type namedEntry[T any] struct {
	name string // in lower case
	of   *T
}

// newNameTable returns a table of what a map holds by names in lower case.
func newNameTable[T any](m map[string]T) nameTable[T] {
	rows := 1
	for rows < 2*len(m) {
		rows *= 2
	}
	t := nameTable[T]{make([][]namedEntry[T], rows)}
	for name, o := range m {
		row := t.row(name)
		*row = append(*row, namedEntry[T]{name, &o})
	}
	return t
}

// row returns where a name is, if it is in the table.
func (t *nameTable[T]) row(name string) *[]namedEntry[T] {
	if name == "" {
		return &t.rows[0]
	}
	first, middle, last := name[0]|0x20, name[len(name)/2]|0x20, name[len(name)-1]|0x20
	return &t.rows[(len(name)+5*int(first)+11*int(middle)+23*int(last))&(len(t.rows)-1)]
}

// find returns a name in lower case and what is declared by it, nil if nothing is.
func (t *nameTable[T]) find(name string) (lower string, of *T) {
	row := *t.row(name)
	for i := range row {
		if e := &row[i]; e.name == name || equalASCII(name, e.name) {
			return e.name, e.of
		}
	}
	return lowerASCII(name), nil
}
