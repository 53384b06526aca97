package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

const stalwartExpressionsName = "vnd.stalwart.expressions"

// StalwartExpressions compiles expressions in the language of Stalwart.
type StalwartExpressions interface {
	// Compile returns an expression. known says whether the script has a variable of a name, in
	// lower case; global.name is one that scripts share. The places of every
	// *runtime.SourceError in its error count within source.
	Compile(name, source string, known func(variable string) bool, o runtime.CompileOptions) (StalwartExpression, error)
	// Text returns a value as text, and false if that is longer than limit octets.
	Text(v runtime.Value, limit int) (string, bool)
}

// StalwartExpression is a compiled expression. Many runs may use it at once.
type StalwartExpression interface {
	// Eval returns its value: a number, text, a list of values, or a map.
	Eval(t *runtime.Task, from StalwartSource) (runtime.Value, error)
}

// StalwartSource is what an expression reads of a run.
type StalwartSource interface {
	Variable(name string) runtime.Value
	Capture(n int) string
	Fields() []mail.Field
	Message() *mail.Message
	Part() *mail.Part
}

// vnd.stalwart.expressions takes scripts that were written for Stalwart: eval and let in its
// expression language, whose values keep their types, and its variables such as
// env.remote_ip, envelope.from and header.to[*].addr.domain, in strings too.
//
//	let "domains" "dedup(header.to:cc[*].addr[*].domain)";
//	if eval "count(domains) > 20 && !key_exists('', envelope.from)" { ... }
//
// A variable whose text is a number as it is printed is a number in expressions.
func init() {
	source := Arg{Name: "expression", Kind: StringArgument}
	local := Tag{Name: "local", On: []string{"set"}, Bind: bindLocal}
	register(Extension{
		Name: stalwartExpressionsName, Spec: "Stalwart", Status: "complete; differences are listed below",
		Limits:   "the limits of the run; text is cut as a variable is, arrays count as memory",
		Excludes: []string{expressionsName}, Shares: []string{expressionsName, "include", dovecotEnvironmentName},

		// let [":local"] <name: string> <expression: string>
		// eval <expression: string>
		Commands: []Command{
			{Name: "let", Args: []Arg{{Name: "name", Kind: StringArgument}, source}, Tags: []Tag{{Name: "local", Bind: bindLocal}}, Bind: bindStalwartLet},
			{Name: "eval", Args: []Arg{source}, Bind: func(b *Binder, c *Call) Do {
				x := b.stalwart(c)
				return func(r *Run) error {
					_, err := x.eval(r)
					return err
				}
			}},
		},
		// eval <expression: string>
		Tests: []Test{{Name: "eval", Args: []Arg{source}, Bind: func(b *Binder, c *Call) Check {
			x := b.stalwart(c)
			return func(r *Run) (bool, error) {
				v, err := x.eval(r)
				return Truth(v), err
			}
		}}},
		// :local makes a variable of the script of a name that scripts share.
		Tags: []Tag{local},
		Hooks: []Hook{{On: []string{"reject", "ereject"}, Bind: func(_ *Binder, c *Call) {
			c.Edit(func(_ *Run, a *runtime.Action) { replyCode(a) })
		}}},
		Namespaces: []Namespace{
			{Name: "global", Read: readShared, Write: writeShared}, {Name: "t", Read: readShared, Write: writeShared},
			{Name: "env", Read: readPath("env")}, {Name: "header", Read: readPath("header")}, {Name: "body", Read: readPath("body")},
			{Name: "part", Read: readPath("part")},
			{Name: "envelope", Read: readPath("envelope"), Write: func(b *Binder, _ string, at Span) func(*Run, string) error {
				b.Errorf(at, noEnvelope)
				return nil
			}},
		},
	})
}

const noEnvelope = "the envelope cannot be changed: it is that of the mail server in front"

// stalwartExpression is an expression of a script. It is compiled when all variables are known.
type stalwartExpression struct {
	compiled StalwartExpression
	slots    map[string]int
	globals  map[string]int // by global.name
}

// stalwart compiles the argument expression of a command or test.
func (b *Binder) stalwart(c *Call) *stalwartExpression {
	arg := &c.argument("expression").Strings[0]
	if strings.Contains(arg.Value, "${") {
		b.Errorf(arg.Span, "an expression is constant: write the name of a variable in it, not ${name}")
		return nil
	}
	x := &stalwartExpression{slots: b.variableSlots()}
	b.Later(func() {
		b.prog.captures = true
		x.compile(b, arg.Value, func(err error) { b.expressionError(arg, err) })
	})
	return x
}

func (x *stalwartExpression) compile(b *Binder, source string, failed func(error)) {
	var err error
	x.compiled, err = b.lang.options.Stalwart.Compile(b.script.Name, source, func(name string) bool {
		if rest, ok := strings.CutPrefix(name, "global."); ok {
			if !isIdentifier(rest) {
				return false
			}
			if x.globals == nil {
				x.globals = map[string]int{}
			}
			x.globals[name] = b.globalSlot(rest, Span{})
			return true
		}
		_, ok := b.slots[name]
		return ok
	}, b.options)
	if err != nil {
		failed(err)
	}
}

func (x *stalwartExpression) eval(r *Run) (runtime.Value, error) {
	return r.shared(func() (runtime.Value, error) { return x.compiled.Eval(r.task, &stalwartSource{r, x}) })
}

// text evaluates an expression as text.
func (x *stalwartExpression) text(r *Run) (string, error) {
	v, err := x.eval(r)
	if err != nil {
		return "", err
	}
	return r.stalwartText(v)
}

func (r *Run) stalwartText(v runtime.Value) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	limit := r.task.Limits().Output
	s, ok := r.prog.limits.Stalwart.Text(v, int(limit))
	if !ok {
		return "", &runtime.LimitError{Limit: "output", Max: limit}
	}
	return s, r.task.Output(len(s))
}

// stalwartSource is what an expression reads of a run.
type stalwartSource struct {
	r *Run
	x *stalwartExpression
}

func (s *stalwartSource) Variable(name string) runtime.Value {
	slot, ok := s.x.slots[name]
	if !ok {
		if slot, ok = s.x.globals[name]; !ok {
			return ""
		}
	}
	return s.r.typedValue(slot)
}

func (s *stalwartSource) Capture(n int) string {
	if n < len(s.r.captures) {
		return s.r.captures[n]
	}
	return ""
}

// Fields returns the header of the part that a loop is at, else that of the message as it is.
func (s *stalwartSource) Fields() []mail.Field {
	m := s.r.structure()
	if m == nil {
		return nil
	}
	if p := s.r.msg.part; p != nil && p != m.Root() {
		return p.Header().Fields()
	}
	if e := s.r.msg.edit; e != nil && e.header != nil {
		return e.header.Fields
	}
	return m.Header().Fields()
}

func (s *stalwartSource) Message() *mail.Message { return s.r.structure() }
func (s *stalwartSource) Part() *mail.Part       { return s.r.msg.part }

func bindStalwartLet(b *Binder, c *Call) Do {
	store := b.typedVariable(c.Text("name"))
	x := b.stalwart(c)
	if store == nil {
		return nil
	}
	return func(r *Run) error {
		v, err := x.eval(r)
		if err != nil {
			return err
		}
		return store(r, v)
	}
}

// bindLocal makes the name that a command sets one of the script, though it was global before.
func bindLocal(b *Binder, c *Call, _ *TagUse) {
	name := c.Text("name")
	s, ok := name.Constant()
	if !ok || !isIdentifier(s) {
		return
	}
	key := lowerASCII(s)
	if slot, global := b.library.globals[key]; global && b.slots[key] == slot {
		delete(b.slots, key)
	}
}

// readShared reads a variable that the scripts of a program share.
func readShared(b *Binder, name string, at Span) func(r *Run) string {
	slot, ok := b.namespaceGlobal(name, at)
	if !ok {
		return nil
	}
	return func(r *Run) string { return r.vars[slot] }
}

func writeShared(b *Binder, name string, at Span) func(r *Run, value string) error {
	slot, ok := b.namespaceGlobal(name, at)
	if !ok {
		return nil
	}
	return func(r *Run, value string) error {
		r.assign(slot, value)
		return nil
	}
}

// readPath reads a variable of a namespace of Stalwart in a string.
func readPath(space string) func(b *Binder, name string, at Span) func(r *Run) string {
	return func(b *Binder, name string, at Span) func(r *Run) string {
		x := &stalwartExpression{slots: b.variableSlots()}
		x.compile(b, space+"."+name, func(err error) {
			b.Errorf(at, "\"${%s.%s}\" is no variable: %s", space, clip(name), firstMessage(err))
		})
		return func(r *Run) string {
			s, err := x.text(r)
			if err != nil {
				r.Fail(err)
			}
			return s
		}
	}
}

// replyCode takes a reply code of SMTP, and an enhanced status code, off the reason of a
// refusal. A code that begins with 4 makes it a temporary failure.
func replyCode(a *runtime.Action) {
	code, rest, ok := strings.Cut(a.Reason, " ")
	if !ok || len(code) != 3 || !isNumber(code) || code[0] != '4' && code[0] != '5' {
		return
	}
	if code[0] == '4' {
		a.Kind = runtime.TempFail
	}
	a.Reason = rest
	status, text, ok := strings.Cut(rest, " ")
	if parts := strings.Split(status, "."); ok && len(parts) == 3 && parts[0] == code[:1] && isNumber(parts[1]) && isNumber(parts[2]) {
		a.Reason = text
	}
}
