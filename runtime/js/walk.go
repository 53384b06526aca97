package js

import (
	"reflect"

	"github.com/dop251/goja/ast"
)

// maxTree is the deepest syntax tree that is compiled.
const maxTree = 5000

// walker goes over a syntax tree. The tree's types are many and only a few matter
// here, so it finds their fields by reflection; it runs once per compilation.
type walker struct {
	enter func(n ast.Node)                      // before the children
	leave func(e ast.Expression) ast.Expression // after them; what it returns takes e's place
	body  func(s ast.Statement) ast.Statement   // after a statement's children
	depth int
	deep  bool // the tree is deeper than maxTree; it was not walked whole
}

var (
	expressionType = reflect.TypeFor[ast.Expression]()
	statementType  = reflect.TypeFor[ast.Statement]()
)

func (w *walker) walk(n ast.Node) { w.value(reflect.ValueOf(n)) }

func (w *walker) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		w.slot(v)
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if w.depth++; w.depth > maxTree {
			w.deep = true
		} else {
			if n, ok := v.Interface().(ast.Node); ok && w.enter != nil {
				w.enter(n)
			}
			w.fields(v.Elem())
		}
		w.depth--
	case reflect.Slice:
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	case reflect.Struct:
		w.fields(v)
	}
}

// slot walks what an interface holds and puts what takes its place into it.
func (w *walker) slot(v reflect.Value) {
	if v.IsNil() {
		return
	}
	w.value(v.Elem())
	if v.Type() == expressionType && w.leave != nil {
		e := v.Interface().(ast.Expression)
		if with := w.leave(e); with != e {
			v.Set(reflect.ValueOf(with))
		}
	}
	if v.Type() == statementType && w.body != nil {
		s := v.Interface().(ast.Statement)
		if with := w.body(s); with != s {
			v.Set(reflect.ValueOf(with))
		}
	}
}

func (w *walker) fields(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	t := v.Type()
	for i := range v.NumField() {
		f := t.Field(i)
		switch f.Type.Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Struct:
			// a DeclarationList repeats what stands in the body
			if f.IsExported() && f.Name != "DeclarationList" && f.Name != "File" {
				w.value(v.Field(i))
			}
		}
	}
}
