package runtime

import (
	"errors"
	"time"
)

func init() {
	register(Function{
		Name: "external", Family: ownFamily, Doc: "Runs an external program, as ExternalCall says.",
		Params: []Param{{Name: "call", Kind: Map, Doc: "what ExternalCall makes"}},
		Result: Map, Effect: Network, Trust: User,
		Call: func(e *Env, a Args) (Value, error) {
			c := Args{}
			for _, name := range externalFields {
				c = append(c, a.Map(0)[name])
			}
			o := ExternalOptions{Time: time.Duration(c.Int(4)) * time.Millisecond, Output: int(c.Int(5)), LF: c.Bool(6), Home: c.String(7)}
			o = o.withDefaults()
			o.Output = int(min(int64(o.Output), e.run.limits.Memory))
			x := External{Name: c.String(1), Env: ExternalEnv(&e.View.Transaction), Output: c.Bool(9)}
			for _, v := range c.List(2) {
				s, ok := v.(string)
				if !ok {
					return nil, errors.New("an argument is no text")
				}
				x.Args = append(x.Args, s)
			}
			x.Input, _ = c[3].([]byte)
			if c.Bool(8) {
				if x.Input = []byte{}; e.View.Mail() != nil {
					x.Input = e.View.Mail().Raw()
				}
			}
			res, err := o.Run(e.Context, c.String(0), x)
			if err != nil && e.Context.Err() != nil {
				return nil, err
			}
			out := map[string]Value{"exit": int64(res.Exit), "output": res.Output, "errors": res.Errors}
			if err != nil {
				out["failure"], out["missing"] = err.Error(), errors.Is(err, ErrNoProgram)
			}
			return out, nil
		},
	})
}

// externalFields are the fields of the map that ExternalCall gives the function.
var externalFields = []string{"folder", "program", "args", "input", "time", "output_limit", "lf", "home", "message", "output"}

// ExternalCall is a run of an external program that a script asks for.
type ExternalCall struct {
	Folder  string
	Options ExternalOptions
	External
	// Message says that the input is the message as it came, in place of Input.
	Message bool
}

// RunExternal runs an external program. It is for the code of a Composer. A dry run refuses it,
// and a replay gives what is recorded. Errors end the run; that a program failed or is not
// there is a failure, which wraps ErrProgramFailed or ErrNoProgram.
func (t *Task) RunExternal(c ExternalCall) (res ExternalResult, failure, err error) {
	args := make([]Value, len(c.Args))
	for i, a := range c.Args {
		args[i] = a
	}
	m := map[string]Value{"folder": c.Folder, "program": c.Name, "args": args}
	set := func(name string, v Value, wanted bool) {
		if wanted {
			m[name] = v
		}
	}
	set("input", c.Input, c.Input != nil && !c.Message)
	set("time", c.Options.Time.Milliseconds(), c.Options.Time != 0)
	set("output_limit", int64(c.Options.Output), c.Options.Output > 0)
	set("lf", true, c.Options.LF)
	set("home", c.Options.Home, c.Options.Home != "")
	set("message", true, c.Message)
	set("output", true, c.Output)
	v, err := t.Invoke("external", m)
	if err != nil {
		return res, nil, err
	}
	r := Args{v}.Map(0)
	f := Args{r["exit"], r["errors"], r["failure"], r["missing"]}
	res.Output, _ = r["output"].([]byte)
	res.Exit, res.Errors = int(f.Int(0)), f.String(1)
	if s := f.String(2); s != "" {
		kind := ErrProgramFailed
		if f.Bool(3) {
			kind = ErrNoProgram
		}
		failure = &externalFailure{s, kind}
	}
	return res, failure, nil
}

// externalFailure is the error of a program as a record holds it.
type externalFailure struct {
	text string
	kind error
}

func (e *externalFailure) Error() string { return e.text }

func (e *externalFailure) Unwrap() error { return e.kind }
