package js

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// maxSafe is the largest int that is a number in JavaScript.
const maxSafe = 1 << 53

var (
	intType   = reflect.TypeFor[int64]()
	floatType = reflect.TypeFor[float64]()
	boolType  = reflect.TypeFor[bool]()
	bigType   = reflect.TypeFor[*big.Int]()

	stringType = reflect.TypeFor[string]()
)

func argumentError(f *runtime.Function, i int, err error) error {
	if errors.Is(err, runtime.ErrBudget) {
		return err
	}
	return fmt.Errorf("%s: argument %d: %w", f.Name, i+1, err)
}

// load returns a Value as the script sees it. Lists, maps and bytes are copies, which the
// script may change.
func (r *run) load(v runtime.Value) goja.Value {
	switch v := v.(type) {
	case nil:
		return goja.Null()
	case int64:
		if v > maxSafe || v < -maxSafe {
			return r.vm.ToValue(big.NewInt(v))
		}
		return r.vm.ToValue(v)
	case []byte:
		r.withLists()
		buffer := r.vm.ToValue(r.vm.NewArrayBuffer(slices.Clone(v)))
		o, err := r.vm.New(r.vm.Get("Uint8Array"), buffer)
		if err != nil {
			r.raise(err)
		}
		return o
	case []runtime.Value:
		r.withLists()
		items := make([]any, len(v))
		for i, e := range v {
			items[i] = r.load(e)
		}
		return r.vm.NewArray(items...)
	case map[string]runtime.Value:
		names := make([]string, 0, len(v))
		for k := range v {
			names = append(names, k)
		}
		slices.Sort(names)
		o := r.vm.NewObject()
		for _, k := range names { // "__proto__" is a name like any other here
			_ = o.DefineDataProperty(k, r.load(v[k]), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
		}
		return o
	}
	return r.vm.ToValue(v)
}

// export returns what a script made as a Value that shares nothing with it. It runs
// getters, whose exceptions pass through it; a limit ends the run.
func (r *run) export(v goja.Value) (runtime.Value, error) { return r.exportIn(v, nil) }

func (r *run) exportIn(v goja.Value, path []*goja.Object) (runtime.Value, error) {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return nil, nil
	}
	switch x := v.(type) {
	case *goja.Object:
		return r.exportObject(x, path)
	case goja.String:
		return x.String(), nil
	case *goja.Symbol:
		return nil, errors.New("a symbol is no value of the function table")
	}
	switch v.ExportType() {
	case boolType:
		return v.ToBoolean(), nil
	case intType:
		return number(float64(v.ToInteger())), nil
	case floatType:
		return number(v.ToFloat()), nil
	case bigType:
		b := v.Export().(*big.Int)
		if !b.IsInt64() {
			return nil, errors.New("BigInt is beyond 64 bits")
		}
		return b.Int64(), nil
	}
	return nil, fmt.Errorf("%s is no value of the function table", v.ExportType())
}

// number returns a number as an int where it is whole and no larger than 2^53, else as a float.
func number(f float64) runtime.Value {
	if f == math.Trunc(f) && math.Abs(f) <= maxSafe && !(f == 0 && math.Signbit(f)) {
		return int64(f)
	}
	return f
}

func (r *run) exportObject(o *goja.Object, path []*goja.Object) (runtime.Value, error) {
	if slices.Contains(path, o) {
		return nil, errors.New("value contains itself")
	}
	if len(path) >= r.limits.Nesting {
		return nil, &runtime.LimitError{Limit: "nesting", Max: int64(r.limits.Nesting)}
	}
	if _, ok := goja.AssertFunction(o); ok {
		return nil, errors.New("a function is no value of the function table")
	}
	switch class := o.ClassName(); class {
	case "Array":
		return r.exportList(o, append(path, o))
	case "Object", "Arguments":
		switch x := exported(o).(type) {
		case goja.ArrayBuffer:
			return r.octets(x.Bytes()), nil
		case []byte:
			return r.octets(x), nil
		}
		return r.exportMap(o, append(path, o))
	case "String", "Number", "Boolean":
		return r.exportIn(r.primitive(o), path)
	case "ArrayBuffer":
		if b, ok := exported(o).(goja.ArrayBuffer); ok {
			return r.octets(b.Bytes()), nil
		}
		fallthrough
	default:
		return nil, fmt.Errorf("a %s is no value of the function table", class)
	}
}

// exported returns what goja makes of a typed array or buffer, nil of other objects, of
// which it would copy the whole tree.
func exported(o *goja.Object) any {
	switch o.ExportType() {
	case reflect.TypeFor[[]byte](), reflect.TypeFor[goja.ArrayBuffer]():
		return o.Export()
	}
	return nil
}

func (r *run) octets(b []byte) runtime.Value {
	r.hold(int64(len(b)))
	return slices.Clone(b)
}

// primitive returns what an object such as new String("x") wraps.
func (r *run) primitive(o *goja.Object) goja.Value {
	switch o.ClassName() {
	case "Number":
		return r.vm.ToValue(o.ToFloat())
	case "Boolean":
		if b, ok := o.Export().(bool); ok {
			return r.vm.ToValue(b)
		}
	}
	return o.ToString()
}

// str turns a value into text as JavaScript does; it may run the script's own toString.
func (r *run) str(v goja.Value) goja.String {
	if _, ok := v.(*goja.Symbol); ok {
		panic(r.vm.NewTypeError("Cannot convert a Symbol value to a string"))
	}
	v = v.ToString()
	if s, ok := v.(goja.String); ok {
		return s
	}
	return r.vm.ToValue(v.String()).(goja.String)
}

func (r *run) exportList(o *goja.Object, path []*goja.Object) (runtime.Value, error) {
	n := o.Get("length").ToInteger()
	r.elements(n)
	r.step(n)
	r.hold(n * runtime.ElementSize)
	list := make([]runtime.Value, n)
	for i := range list {
		v, err := r.exportIn(o.Get(strconv.Itoa(i)), path)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

func (r *run) exportMap(o *goja.Object, path []*goja.Object) (runtime.Value, error) {
	names := o.Keys()
	r.step(int64(len(names)))
	r.hold(int64(len(names)) * runtime.ElementSize)
	m := make(map[string]runtime.Value, len(names))
	for _, k := range names {
		v, err := r.exportIn(o.Get(k), path)
		if err != nil {
			return nil, err
		}
		m[k] = v
	}
	return m, nil
}
