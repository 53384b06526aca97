package sieve

import (
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// vnd.dovecot.execute runs an external program for its exit status and what it prints, which
// goes to a variable. If the program fails or says no, the variable keeps its value.
//
// Spec:   Pigeonhole, spec-bosch-sieve-extprograms, sections 7 and 8
// Status: complete
func init() {
	const input = "input of the program"
	text := func(name string) []Arg { return []Arg{{Name: name, Kind: StringArgument}} }
	tags := []Tag{
		{Name: "input", Group: input, Args: text("input-data")}, {Name: "pipe", Group: input},
		{Name: "output", Args: text("varname"), Bind: func(b *Binder, _ *Call, u *TagUse) {
			if !b.Required("variables") {
				b.needs(u.Span, "tag", ":output", &Extension{Name: "variables"})
			}
		}},
	}
	register(Extension{
		Name: executeName, Spec: "Pigeonhole, spec-bosch-sieve-extprograms", Status: "complete; offered where a folder of programs is configured",
		Limits: "16 arguments of 1,024 octets; 10 s and 1 MiB of output (can be set), within the time of the run; as much as a variable holds", Off: true,

		// execute [:input <input-data: string> / :pipe] [:output <varname: string>]
		//         <program-name: string> [<arguments: string-list>]
		Commands: []Command{{Name: "execute", Args: programArgs, Tags: tags, Bind: func(b *Binder, c *Call) Do {
			execute := bindExecute(b, c, true)
			return func(r *Run) error {
				_, err := execute(r)
				return err
			}
		}}},
		Tests: []Test{{Name: "execute", Args: programArgs, Tags: tags, Bind: func(b *Binder, c *Call) Check { return bindExecute(b, c, false) }}},
	})
}

func bindExecute(b *Binder, c *Call, strict bool) Check {
	x, input, message := b.external(c), c.optionalText("input"), c.Tag("pipe") != nil
	var store func(r *Run, value string) error
	if u := c.Tag("output"); u != nil {
		store = b.Variable(u.Text())
	}
	return func(r *Run) (bool, error) {
		call := runtime.ExternalCall{Folder: r.options.ExecuteFolder, Options: r.options.ExecuteOptions}
		if call.Options.Output <= 0 {
			call.Options.Output = executeOutput
		}
		call.Output = store != nil
		switch {
		case input != nil:
			call.Input = []byte(input.Value(r))
		case message:
			if err := r.feed(&call); err != nil {
				return false, err
			}
		}
		out, ok, err := x.run(r, call, strict)
		if err != nil || !ok || store == nil {
			return ok, err
		}
		s := strings.ToValidUTF8(string(out), "\uFFFD")
		s = cutText(s, r.options.VariableSize)
		if err := r.task.Output(len(s)); err != nil {
			return false, err
		}
		return true, store(r, s)
	}
}
