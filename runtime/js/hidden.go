package js

import (
	"math/big"
	"strconv"

	"github.com/dop251/goja"

	"github.com/sluice-mail/sluice/runtime"
)

// hidden are the functions that only the rewriter calls.
var hidden = map[string]func(r *run, a []goja.Value) goja.Value{
	fnTick:     func(r *run, _ []goja.Value) goja.Value { r.step(1); return goja.Undefined() },
	fnAdd:      (*run).add,
	fnGrow:     (*run).grow,
	fnTemplate: (*run).template,
	fnSpread:   (*run).spread,
	fnArgs:     (*run).args,
	fnKeys:     (*run).keys,
	fnAt:       (*run).at,
	fnKey:      (*run).key,
	fnLength:   (*run).length,
	fnTimes:    (*run).times,
	fnPower:    (*run).power,
	fnShift:    (*run).shift,
	fnPlain:    (*run).plain,
	fnEqual:    compare(4, func(a, b int64) bool { return a == b }),
	fnUnequal:  compare(5, func(a, b int64) bool { return a != b }),
	fnLess:     compare(6, func(a, b int64) bool { return a < b }),
	fnGreater:  compare(7, func(a, b int64) bool { return a > b }),
	fnAtMost:   compare(8, func(a, b int64) bool { return a <= b }),
	fnAtLeast:  compare(9, func(a, b int64) bool { return a >= b }),
	fnSite:     (*run).site,
	fnCall:     (*run).siteCall,
}

// operators does what goja does, for the operands that need no care.
var operators = goja.MustCompile("", `[function(a,b){return a+b},function(a,b){return a*b},function(a,b){return a**b},function(a,b){return a<<b},
function(a,b){return a==b},function(a,b){return a!=b},function(a,b){return a<b},function(a,b){return a>b},function(a,b){return a<=b},function(a,b){return a>=b}]`, true)

// operator applies the operator of that number.
func (r *run) operator(i int, a []goja.Value) goja.Value {
	if r.plus == nil {
		list, err := r.vm.RunProgram(operators)
		if err != nil {
			r.again(err)
		}
		r.plus, r.natives = make([]goja.Callable, 10), list.(*goja.Object)
	}
	if r.plus[i] == nil {
		r.plus[i], _ = goja.AssertFunction(r.natives.Get(strconv.Itoa(i)))
	}
	v, err := r.plus[i](goja.Undefined(), a...)
	if err != nil {
		r.again(err)
	}
	return v
}

// add is `+`. A text counts as the shorter of its parts, so that text which is put
// together bit by bit counts once.
func (r *run) add(a []goja.Value) goja.Value {
	x, ok1 := a[0].(goja.String)
	y, ok2 := a[1].(goja.String)
	if ok1 && ok2 {
		r.output(min(x.Length(), y.Length()))
		r.made(x.Length() + y.Length())
		return x.Concat(y)
	}
	if !ok1 && !ok2 && a[0].ExportType() == intType && a[1].ExportType() == intType {
		return r.vm.ToValue(a[0].ToInteger() + a[1].ToInteger())
	}
	v := r.operator(0, a)
	if s, ok := v.(goja.String); ok {
		switch {
		case ok1:
			r.output(min(s.Length()-x.Length(), x.Length()))
		case ok2:
			r.output(min(s.Length()-y.Length(), y.Length()))
		default:
			r.output(s.Length())
		}
		r.made(s.Length())
	}
	return v
}

// grow counts what `+=` adds to a text.
func (r *run) grow(a []goja.Value) goja.Value {
	if s, ok := a[0].(goja.String); ok {
		r.output(s.Length())
	}
	return a[0]
}

func (r *run) template(a []goja.Value) goja.Value {
	total := 0
	parts := make([]goja.String, len(a))
	for i, v := range a {
		parts[i] = r.str(v)
		total += parts[i].Length()
	}
	r.made(total)
	r.output(total)
	var b goja.StringBuilder
	for _, p := range parts {
		b.WriteString(p)
	}
	return b.String()
}

// listed bounds what is taken apart: the length of an array, or of a text, whose characters
// become texts of their own.
func (r *run) listed(v goja.Value) {
	switch x := v.(type) {
	case goja.String:
		n := int64(x.Length())
		r.step(n >> 6)
		r.hold(n * runtime.ElementSize)
	case *goja.Object:
		if x.ClassName() == "Array" {
			n := x.Get("length").ToInteger()
			r.elements(n)
			r.step(n >> 6)
		}
	}
}

// key bounds an assignment to an element: target, key.
func (r *run) key(a []goja.Value) goja.Value {
	o, ok := a[0].(*goja.Object)
	if !ok || o.ClassName() != "Array" {
		return r.at(a[1:])
	}
	switch a[1].ExportType() {
	case intType:
		if n := a[1].ToInteger(); n >= 0 {
			r.elements(n)
		}
	default:
		k := r.str(a[1])
		if k.String() == "length" {
			panic(r.vm.NewTypeError("the length of an array is set as .length"))
		}
		if n := k.ToNumber().ToInteger(); n >= 0 {
			r.elements(n)
		}
		return k
	}
	return a[1]
}

// length bounds what is assigned to a property of that name.
func (r *run) length(a []goja.Value) goja.Value {
	if t := a[0].ExportType(); t == intType || t == floatType {
		r.elements(a[0].ToInteger())
	}
	return a[0]
}

// maxBig bounds a BigInt, in bits. Those of the function table have 64.
const maxBig = 1 << 14

func bigs(a []goja.Value) (x, y *big.Int, ok bool) {
	if a[0].ExportType() != bigType || a[1].ExportType() != bigType {
		return nil, nil, false
	}
	return a[0].Export().(*big.Int), a[1].Export().(*big.Int), true
}

func (r *run) bits(n int64) {
	if n > maxBig {
		panic(r.rangeError("BigInt is too large"))
	}
}

// digits bounds a text that is about to be read as a BigInt, which takes time with the square
// of its length. An object is read as the text that it stands for.
func (r *run) digits(v goja.Value) goja.Value {
	if _, ok := v.(*goja.Object); ok {
		v = r.operator(0, []goja.Value{v, r.vm.ToValue("")})
	}
	if s, ok := v.(goja.String); ok {
		r.bits(int64(s.Length()))
	}
	return v
}

func (r *run) rangeError(text string) goja.Value {
	o, err := r.vm.New(r.vm.Get("RangeError"), r.vm.ToValue(text))
	if err != nil {
		r.again(err)
	}
	return o
}

// plain refuses a BigInt where what it is multiplied with cannot be looked at.
func (r *run) plain(a []goja.Value) goja.Value {
	if a[0].ExportType() == bigType {
		panic(r.vm.NewTypeError("a BigInt is assigned so only to a name"))
	}
	return a[0]
}

// compare is a comparison that lets no BigInt meet a text of any length.
func compare(i int, ints func(a, b int64) bool) func(r *run, a []goja.Value) goja.Value {
	return func(r *run, a []goja.Value) goja.Value {
		switch x, y := a[0].ExportType(), a[1].ExportType(); {
		case x == intType && y == intType:
			return r.vm.ToValue(ints(a[0].ToInteger(), a[1].ToInteger()))
		case x == bigType:
			r.comparable(a[1])
		case y == bigType:
			r.comparable(a[0])
		}
		return r.operator(i, a)
	}
}

func (r *run) comparable(v goja.Value) {
	switch x := v.(type) {
	case goja.String:
		r.bits(int64(x.Length()))
	case *goja.Object:
		panic(r.vm.NewTypeError("a BigInt is not compared with an object"))
	}
}

func (r *run) times(a []goja.Value) goja.Value {
	if x, y, ok := bigs(a); ok {
		r.bits(int64(x.BitLen()) + int64(y.BitLen()))
	}
	return r.operator(1, a)
}

func (r *run) power(a []goja.Value) goja.Value {
	if x, y, ok := bigs(a); ok && x.BitLen() > 1 {
		if !y.IsInt64() || y.Int64() > maxBig {
			r.bits(maxBig + 1)
		}
		r.bits(int64(x.BitLen()) * y.Int64())
	}
	return r.operator(2, a)
}

func (r *run) shift(a []goja.Value) goja.Value {
	if x, y, ok := bigs(a); ok {
		if !y.IsInt64() || y.Int64() > maxBig {
			r.bits(maxBig + 1)
		}
		r.bits(int64(x.BitLen()) + y.Int64())
	}
	return r.operator(3, a)
}
