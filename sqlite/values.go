package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"reflect"
)

// bind turns args into the connection's scratch of driver values.
func (c *Conn) bind(args []any) error {
	c.args = c.args[:0]
	for i, a := range args {
		v, err := argument(a)
		if err != nil {
			return fmt.Errorf("sqlite: argument %d: %w", i+1, err)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return nil
}

func argument(a any) (driver.Value, error) {
	switch a := a.(type) {
	case nil, int64, float64, bool, string, []byte:
		return a, nil
	case int:
		return int64(a), nil
	case uint32:
		return int64(a), nil
	case uint64:
		return unsigned(a)
	}
	v := reflect.ValueOf(a)
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned(v.Uint())
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("type %T cannot be stored", a)
}

func unsigned(n uint64) (driver.Value, error) {
	if n > math.MaxInt64 {
		return nil, fmt.Errorf("%d does not fit a column", n)
	}
	return int64(n), nil
}

var errNull = errors.New("is NULL")

// assign stores the column value v in the variable behind dest.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case *any:
		*d = v
		return nil
	case *[]byte:
		switch v := v.(type) {
		case nil:
			*d = nil
		case []byte:
			*d = v // the driver made a copy for us
		case string:
			*d = []byte(v)
		default:
			return mismatch(dest, v)
		}
		return nil
	case *string:
		switch v := v.(type) {
		case string:
			*d = v
		case []byte:
			*d = string(v)
		case int64:
			*d = fmt.Sprint(v) // PRAGMAs answer with either
		default:
			return mismatch(dest, v)
		}
		return nil
	case *int64:
		n, ok := v.(int64)
		if !ok {
			return mismatch(dest, v)
		}
		*d = n
		return nil
	}
	return assignReflect(dest, v)
}

func assignReflect(dest any, v driver.Value) error {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("%T is not a pointer to a variable", dest)
	}
	d := p.Elem()
	switch d.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, ok := v.(int64)
		if !ok {
			return mismatch(dest, v)
		}
		if d.OverflowInt(n) {
			return fmt.Errorf("%d does not fit %s", n, d.Type())
		}
		d.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, ok := v.(int64)
		if !ok {
			return mismatch(dest, v)
		}
		if n < 0 || d.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d does not fit %s", n, d.Type())
		}
		d.SetUint(uint64(n))
	case reflect.Bool:
		switch v := v.(type) {
		case int64:
			d.SetBool(v != 0)
		case bool:
			d.SetBool(v)
		default:
			return mismatch(dest, v)
		}
	case reflect.Float32, reflect.Float64:
		switch v := v.(type) {
		case float64:
			d.SetFloat(v)
		case int64:
			d.SetFloat(float64(v))
		default:
			return mismatch(dest, v)
		}
	case reflect.String:
		var s string
		if err := assign(&s, v); err != nil {
			return mismatch(dest, v)
		}
		d.SetString(s)
	case reflect.Slice:
		if d.Type().Elem().Kind() != reflect.Uint8 {
			return mismatch(dest, v)
		}
		var b []byte
		if err := assign(&b, v); err != nil {
			return mismatch(dest, v)
		}
		d.SetBytes(b)
	default:
		return mismatch(dest, v)
	}
	return nil
}

func mismatch(dest any, v driver.Value) error {
	if v == nil {
		return errNull
	}
	return fmt.Errorf("%T does not fit %T", v, dest)
}
