package runtime

import "fmt"

// Value is what scripts and functions exchange: nil, bool, int64, float64, string,
// []byte, []Value or map[string]Value, and nothing else. Lists and maps are shared:
// who receives one does not change it.
type Value = any

// Kind is the kind of a Value.
type Kind uint8

// The kinds. Any is no kind of a value: it stands in declarations only.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Bytes
	List
	Map
	Any
	// Number takes an Int or a Float, Duration seconds as a number or text such as "15m".
	Number
	Duration
)

var kindNames = [...]string{"null", "bool", "int", "float", "string", "bytes", "list", "map", "any", "number", "duration"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// KindOf returns v's kind, and false if v is no Value.
func KindOf(v Value) (Kind, bool) {
	switch v.(type) {
	case nil:
		return Null, true
	case bool:
		return Bool, true
	case int64:
		return Int, true
	case float64:
		return Float, true
	case string:
		return String, true
	case []byte:
		return Bytes, true
	case []Value:
		return List, true
	case map[string]Value:
		return Map, true
	}
	return 0, false
}
