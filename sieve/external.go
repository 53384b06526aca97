package sieve

import (
	"errors"
	"log/slog"

	"github.com/sluice-mail/sluice/runtime"
)

// The extensions that run external programs.
const (
	pipeName    = "vnd.dovecot.pipe"
	filterName  = "vnd.dovecot.filter"
	executeName = "vnd.dovecot.execute"
)

// executeOutput is how much execute reads of a program where the options do not say, in octets.
const executeOutput = 1 << 20

// programFolder returns the folder of the programs of an extension; false: it runs none.
func (o *Options) programFolder(extension string) (folder string, ok bool) {
	switch extension {
	case pipeName:
		return o.PipeFolder, true
	case filterName:
		return o.FilterFolder, true
	case executeName:
		return o.ExecuteFolder, true
	}
	return "", false
}

// programArgs are the positional arguments of pipe, filter and execute.
var programArgs = []Arg{
	{Name: "program-name", Kind: StringArgument}, {Name: "arguments", Kind: ListArgument, Optional: true},
}

// external is a use of an external program in a script.
type external struct {
	command string // pipe, filter or execute
	name    string
	args    []Text
}

// external reads the positional arguments of a command that runs a program. It reports what is
// known to be wrong with them. The name has to be constant, so that no message chooses what
// is run.
func (b *Binder) external(c *Call) *external {
	x := &external{command: c.name}
	name := c.Text("program-name")
	s, ok := b.constantText(name, "the name of a program")
	if ok {
		if err := runtime.CheckProgram(s); err != nil {
			b.Errorf(name.Span, "%s: %s", c.name, err)
		}
	}
	x.name = s
	if !c.Given("arguments") {
		return x
	}
	x.args = c.Texts("arguments")
	if err := runtime.CheckProgramArgs(make([]string, len(x.args))); err != nil {
		b.Errorf(c.Span("arguments"), "%s: %s", c.name, err)
	}
	for i := range x.args {
		if s, ok := x.args[i].Constant(); ok {
			if err := runtime.CheckProgramArg(s); err != nil {
				b.Errorf(x.args[i].Span, "%s: %s", c.name, err)
			}
		}
	}
	return x
}

// arguments returns the arguments for a run. Those that no program may get are an error of
// the script.
func (x *external) arguments(r *Run) ([]string, error) {
	var args []string
	for i := range x.args {
		args = append(args, x.args[i].Value(r))
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := runtime.CheckProgramArgs(args); err != nil {
		return nil, matchError(x.command + ": " + err.Error())
	}
	return args, nil
}

// run runs the program. ok says that it has ended well. That it is not there is an error of
// the script where strict says so; that it failed never is.
func (x *external) run(r *Run, c runtime.ExternalCall, strict bool) (output []byte, ok bool, err error) {
	if c.Args, err = x.arguments(r); err != nil {
		return nil, false, err
	}
	c.Name = x.name
	res, failure, err := r.task.RunExternal(c)
	if err != nil {
		return nil, false, err
	}
	if res.Errors != "" {
		r.options.Logger.Info("external program "+x.name+" writes to the standard error", slog.String("account", r.view.Rcpt.Name),
			slog.String("script", r.prog.name), slog.String("message_id", r.view.ID), slog.String("err", res.Errors))
	}
	switch {
	case failure == nil:
		return res.Output, res.Exit == 0, nil
	case strict && errors.Is(failure, runtime.ErrNoProgram):
		return nil, false, matchError(x.command + ": " + failure.Error())
	}
	r.options.Logger.Warn("external program failed", slog.String("account", r.view.Rcpt.Name),
		slog.String("script", r.prog.name), slog.String("message_id", r.view.ID), slog.Any("err", failure))
	r.Note("%s: %s", x.command, failure)
	return nil, false, r.err
}

// feed gives a program the message as it is now.
func (r *Run) feed(c *runtime.ExternalCall) error {
	if r.msg.edit == nil {
		c.Message = true
		return nil
	}
	c.Input = r.Message().Raw()
	return r.err
}
