package kv

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Check refuses names over MaxName. Every backend calls it before it does anything.
func (k Key) Check() error { return CheckName(k.Name) }

// CheckName refuses names over MaxName with ErrTooLarge.
func CheckName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("%w: key of %d octets, at most %d", ErrTooLarge, len(name), MaxName)
	}
	return nil
}

// CheckValue refuses values over MaxValue with ErrTooLarge.
func CheckValue(v []byte) error {
	if len(v) > MaxValue {
		return fmt.Errorf("%w: value of %d octets, at most %d", ErrTooLarge, len(v), MaxValue)
	}
	return nil
}

// CheckMany refuses a batch of more than MaxMany keys, or with one that is too large.
func CheckMany(ks []Key) error {
	if len(ks) > MaxMany {
		return fmt.Errorf("%w: %d keys, at most %d", ErrTooLarge, len(ks), MaxMany)
	}
	for _, k := range ks {
		if err := k.Check(); err != nil {
			return err
		}
	}
	return nil
}

// ParseCounter reads a counter's row: decimal ASCII as FormatCounter writes it, or ErrNotCounter.
// There is one spelling of a number (no +, no leading 0), since backends count by themselves.
func ParseCounter(v []byte) (int64, error) {
	if len(v) == 0 || len(v) > 20 || v[0] == '+' || v[0] == '0' && len(v) > 1 || len(v) > 1 && v[0] == '-' && v[1] == '0' {
		return 0, ErrNotCounter
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0, ErrNotCounter
	}
	return n, nil
}

// CounterOf returns the number in what Get answered: 0 for ErrNotFound, or ErrNotCounter.
func CounterOf(v Value, err error) (int64, error) {
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return ParseCounter(v.Bytes)
}

// FormatCounter writes a counter's row.
func FormatCounter(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// AddCounter returns n+by, or ErrOverflow.
func AddCounter(n, by int64) (int64, error) {
	if (by > 0 && n > math.MaxInt64-by) || (by < 0 && n < math.MinInt64-by) {
		return 0, ErrOverflow
	}
	return n + by, nil
}

// Cursor makes the cursor of a page that ends with name.
func Cursor(name string) string {
	return "c" + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// ParseCursor returns the name that a page begins after; "" is the start, for which
// after is false.
func ParseCursor(cursor string) (name string, after bool, err error) {
	if cursor == "" {
		return "", false, nil
	}
	if cursor[0] == 'c' && len(cursor) <= 2*MaxName {
		if b, err := base64.RawURLEncoding.DecodeString(cursor[1:]); err == nil {
			return string(b), true, nil
		}
	}
	return "", false, fmt.Errorf("%w: cursor is not one that List returned", ErrInvalid)
}

// CheckPage refuses a page size below 1 and cuts one above MaxPage.
func CheckPage(limit int) (int, error) {
	if limit < 1 {
		return 0, fmt.Errorf("%w: page of %d rows, at least 1", ErrInvalid, limit)
	}
	return min(limit, MaxPage), nil
}
