package sieve

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/sluice-mail/sluice/runtime"
)

const expressionsName = "vnd.sluice.expressions"

// Expressions compiles the expressions of let and eval.
type Expressions interface {
	// Compile returns an expression. variables are the names, in lower case, that it may
	// read beside the functions of the runtime table. Every *runtime.SourceError in its
	// error, whose place counts within source, is placed in the script.
	Compile(name, source string, variables []string, o runtime.CompileOptions) (Expression, error)
}

// Expression is a compiled expression. Many runs may use it at once.
type Expression interface {
	// Eval returns its value. variable returns the value of the variable of that name.
	// Of a *runtime.SourceError in its error the script's owner is told the Msg alone,
	// with the place of the command or test.
	Eval(t *runtime.Task, variable func(name string) runtime.Value) (runtime.Value, error)
}

// vnd.sluice.expressions lets a script call every function of the runtime table.
//
//	let "seen" "key_get('', lower(sender))";
//	if eval "int(seen) > 3 && key_exists('', 'x')" { ... }
//
// The source of an expression is constant: variables are read by their names, so that no
// message can write into an expression. A variable is a string; match is the list of what
// :matches captured last. A variable with the name of a function cannot be read.
func init() {
	source := Arg{Name: "expression", Kind: StringArgument}
	register(Extension{
		Name: expressionsName, Spec: "Sluice", Status: "complete", Limits: "the limits of the run; a value is cut as a variable is",
		Excludes: []string{stalwartExpressionsName},

		// let <name: string> <expression: string>
		// eval <expression: string>
		Commands: []Command{
			{Name: "let", Args: []Arg{{Name: "name", Kind: StringArgument}, source}, Bind: bindLet},
			{Name: "eval", Args: []Arg{source}, Bind: func(b *Binder, c *Call) Do {
				x := b.expression(c)
				return func(r *Run) error {
					_, err := x.eval(r)
					return err
				}
			}},
		},
		// eval <expression: string>
		Tests: []Test{{Name: "eval", Args: []Arg{source}, Bind: func(b *Binder, c *Call) Check {
			x := b.expression(c)
			return func(r *Run) (bool, error) {
				v, err := x.eval(r)
				return Truth(v), err
			}
		}}},
	})
}

func bindLet(b *Binder, c *Call) Do {
	store := b.Variable(c.Text("name"))
	x := b.expression(c)
	if store == nil {
		return nil
	}
	return func(r *Run) error {
		v, err := x.eval(r)
		if err != nil {
			return err
		}
		s := ToText(v)
		if err := r.task.Output(len(s)); err != nil {
			return err
		}
		return store(r, s)
	}
}

// expression is an expression of a script. It is compiled when all variables are known.
type expression struct {
	compiled Expression
	slots    map[string]int
}

func (b *Binder) expression(c *Call) *expression {
	arg := &c.argument("expression").Strings[0]
	if b.Required("variables") && b.references(arg.Value, arg.Span) != nil {
		b.Errorf(arg.Span, "an expression is constant: write the name of a variable in it, not ${name}")
	}
	x := &expression{slots: b.variableSlots()}
	b.Later(func() {
		// A name that is a function stays one: a variable must not hide it.
		variables := slices.DeleteFunc(append(names(b.slots), "match"), func(s string) bool { return runtime.Lookup(s) != nil })
		compiled, err := b.lang.options.Expressions.Compile(b.script.Name, arg.Value, sorted(variables), b.options)
		if err != nil {
			b.expressionError(arg, err)
		}
		x.compiled = compiled
		b.prog.captures = true
	})
	return x
}

// expressionError places the error of an expression in the script: exactly, where the
// expression stands in the source as it is.
func (b *Binder) expressionError(s *String, err error) {
	if all, ok := errors.AsType[runtime.SourceErrors](err); ok {
		for _, one := range all {
			b.expressionError(s, one)
		}
		return
	}
	e, ok := errors.AsType[*runtime.SourceError](err)
	if !ok {
		b.Errorf(s.Span, "in the expression: %s", err)
		return
	}
	exact := !s.Multiline && s.End-s.Start == len(s.Value)+2
	if !exact || e.Line != 1 {
		b.Errorf(s.Span, "in line %d, column %d of the expression: %s", e.Line, e.Col, e.Msg)
		return
	}
	offset := s.Start + 1
	for range e.Col - 1 {
		_, n := utf8.DecodeRuneInString(b.script.Source[offset : s.End-1])
		offset += n
	}
	b.Errorf(Span{offset, s.End - 1}, "in the expression: %s", e.Msg)
}

func (x *expression) eval(r *Run) (runtime.Value, error) {
	return r.shared(func() (runtime.Value, error) {
		return x.compiled.Eval(r.task, func(name string) runtime.Value {
			if slot, ok := x.slots[name]; ok {
				return r.vars[slot]
			}
			if name == "match" {
				return values(r.captures)
			}
			return ""
		})
	})
}

// Truth says whether a value counts as true: not null, false, zero or empty.
func Truth(v runtime.Value) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []byte:
		return len(v) > 0
	case []runtime.Value:
		return len(v) > 0
	case map[string]runtime.Value:
		return len(v) > 0
	}
	return false
}

// ToText returns a value as Sieve knows it: a bool is "1" or "", null is "", a list or map
// is JSON.
func ToText(v runtime.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "1"
		}
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return floatText(v)
	case string:
		return v
	case []byte:
		return string(v)
	}
	out, err := json.Marshal(jsonValue(v))
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(out)
}

func floatText(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// jsonValue makes a value such that JSON can hold it: octets that are no text are base64,
// numbers that are none are null.
func jsonValue(v runtime.Value) any {
	switch v := v.(type) {
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return base64.StdEncoding.EncodeToString(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case []runtime.Value:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonValue(e)
		}
		return out
	case map[string]runtime.Value:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonValue(e)
		}
		return out
	}
	return v
}
