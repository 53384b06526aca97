package runtime

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// Limits of a value that is stored.
const (
	MaxStored      = 64 << 10 // octets of its encoding
	MaxStoredKey   = 1 << 10  // octets of a key together with its namespace
	maxStoredDepth = 16       // lists and maps in each other
)

// ErrTooLarge is wrapped by errors that say that a key or value is over its limit.
var ErrTooLarge = errors.New("too large")

// valueMap is the Go type of maps that are decoded.
var valueMap = reflect.TypeFor[map[string]Value]()

// encMode is the one encoding of values: CBOR's core deterministic form. Equal values
// have equal octets, so that key_cas may compare octets. An integral float stays a float.
var encMode = must(cbor.EncOptions{
	Sort:          cbor.SortBytewiseLexical,
	ShortestFloat: cbor.ShortestFloat16,
	NaNConvert:    cbor.NaNConvert7e00,
	InfConvert:    cbor.InfConvertFloat16,
	IndefLength:   cbor.IndefLengthForbidden,
	TagsMd:        cbor.TagsForbidden,
	NilContainers: cbor.NilContainerAsEmpty,
}.EncMode())

// decMode reads it back. Text may hold any octets: a text that came from mail and is no
// UTF-8 comes back as it was.
var decMode = must(cbor.DecOptions{
	DupMapKey:        cbor.DupMapKeyEnforcedAPF,
	IndefLength:      cbor.IndefLengthForbidden,
	TagsMd:           cbor.TagsForbidden,
	IntDec:           cbor.IntDecConvertSignedOrFail,
	UTF8:             cbor.UTF8DecodeInvalid,
	DefaultMapType:   valueMap,
	MaxNestedLevels:  maxStoredDepth + 1,
	MaxArrayElements: 1 << 17,
	MaxMapPairs:      1 << 17,
}.DecMode())

// EncodeValue returns v as it is stored: CBOR in core deterministic form, which every
// language reads back with its kind. It refuses what is no Value, and with ErrTooLarge
// what is over MaxStored or nested too deeply.
//
// Spec: RFC 8949, section 4.2.1.
func EncodeValue(v Value) ([]byte, error) {
	left := MaxStored
	if err := checkValue(v, maxStoredDepth, &left); err != nil {
		return nil, err
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	if len(b) > MaxStored {
		return nil, storedTooLarge()
	}
	return b, nil
}

func storedTooLarge() error {
	return fmt.Errorf("value is over %d octets: %w", MaxStored, ErrTooLarge)
}

// DecodeValue reads a value that EncodeValue wrote.
func DecodeValue(b []byte) (Value, error) {
	if len(b) > MaxStored {
		return nil, storedTooLarge()
	}
	if v, ok := plainValue(b); ok {
		return v, nil
	}
	var v Value
	if err := decMode.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("row holds no script value: %w", err)
	}
	left := MaxStored
	if err := checkValue(v, maxStoredDepth, &left); err != nil {
		return nil, fmt.Errorf("row holds no script value: %w", err)
	}
	return v, nil
}

// plainValue decodes what most rows hold, which needs no decoder: a text, a small number, a truth value or null.
//
// Spec: RFC 8949, section 3.
func plainValue(b []byte) (Value, bool) {
	if len(b) == 0 {
		return nil, false
	}
	switch h := b[0]; {
	case h == 0xf6 && len(b) == 1:
		return nil, true
	case h&^1 == 0xf4 && len(b) == 1:
		return h == 0xf5, true
	case h < 24 && len(b) == 1:
		return int64(h), true
	case h >= 0x60 && h < 0x78 && len(b) == 1+int(h-0x60):
		return string(b[1:]), true
	case h == 0x78 && len(b) > 2 && len(b) == 2+int(b[1]):
		return string(b[2:]), true
	}
	return nil, false
}

// checkValue says whether v is a Value all the way down, at most depth lists and maps
// deep, and counts down left by its octets.
func checkValue(v Value, depth int, left *int) error {
	*left--
	switch v := v.(type) {
	case nil, bool, int64, float64:
	case string:
		*left -= len(v)
	case []byte:
		*left -= len(v)
	case []Value:
		if depth == 0 {
			return fmt.Errorf("value is nested too deeply: %w", ErrTooLarge)
		}
		for _, e := range v {
			if err := checkValue(e, depth-1, left); err != nil {
				return err
			}
		}
	case map[string]Value:
		if depth == 0 {
			return fmt.Errorf("value is nested too deeply: %w", ErrTooLarge)
		}
		for k, e := range v {
			*left -= len(k) + 1
			if err := checkValue(e, depth-1, left); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%T is no value", v)
	}
	if *left < 0 {
		return fmt.Errorf("value is too long: %w", ErrTooLarge)
	}
	return nil
}

// must returns v, and panics at start where a fixed table makes no sense.
func must[T any](v T, err error) T {
	if err != nil {
		panic("runtime: " + err.Error())
	}
	return v
}
