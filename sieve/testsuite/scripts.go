package testsuite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// compile compiles a script that the file names; its errors go to the log.
func (s *suite) compile(name string) runtime.Program {
	path := s.path(name)
	source, err := os.ReadFile(path)
	if err != nil {
		s.errorf("script %q cannot be read: %v", name, err)
		return nil
	}
	tree, syntax := sieve.ParseWithin(filepath.Base(name), source, s.sieve.Source)
	closing := "validation failed"
	if len(syntax) > 0 {
		closing = "parse failed"
		err = sieve.Errors(syntax)
	} else {
		var p runtime.Program
		if p, err = s.language.Compile(tree.Name, source, s.compileOptions()); err == nil {
			return p
		}
	}
	if list, ok := errors.AsType[sieve.Errors](err); ok {
		for _, e := range list {
			s.errorf("%s", e.Msg)
		}
	} else {
		s.errorf("%v", err)
	}
	s.errorf("%s", closing)
	return nil
}

func (s *suite) bindCompile(_ *sieve.Binder, c *sieve.Call) sieve.Check {
	name := c.Text("script")
	return func(r *sieve.Run) (bool, error) {
		s.enter(r)
		s.log = nil
		p := s.compile(name.Value(r))
		if p == nil {
			return false, nil
		}
		s.script = p
		return true, nil
	}
}

// start runs a script with the current message and puts what it asks for behind what is
// pending. False says that it has failed, which is in the log.
func (s *suite) start(p runtime.Program, tx *runtime.Transaction) bool {
	s.inner++
	res := s.engine.Run(s.ctx, p, tx, s.runOptions())
	s.inner--
	s.notes(res.Record)
	if res.Err == nil {
		plan := s.result.pending
		plan.Actions = slices.Concat(plan.Actions, res.Plan.Actions)
		_, res.Err = runtime.Settle(plan, nil, s.result.done, s.limits)
	}
	if res.Err != nil {
		if !errors.Is(res.Err, errEnd) {
			s.result.failed = res.Err
		}
		s.runError(res.Err)
		return false
	}
	s.result.add(res.Plan, false)
	return true
}

// bindRun makes test_script_run [:append_result].
func (s *suite) bindRun(_ *sieve.Binder, c *sieve.Call) sieve.Check {
	appends := c.Tag("append_result") != nil
	return func(r *sieve.Run) (bool, error) {
		s.enter(r)
		s.log = nil
		if s.script == nil {
			s.errorf("no script was compiled")
			return false, nil
		}
		if !appends {
			s.result.init()
		}
		tx := s.tx
		ok := s.start(s.script, &tx)
		s.show(r)
		return ok, nil
	}
}

// bindMultiscript makes test_multiscript <scripts: string-list>: the scripts of a delivery, one
// after the other as long as the message is kept.
func (s *suite) bindMultiscript(_ *sieve.Binder, c *sieve.Call) sieve.Check {
	names := c.Texts("scripts")
	return func(r *sieve.Run) (bool, error) {
		s.enter(r)
		s.log = nil
		var programs []runtime.Program
		for i := range names {
			p := s.compile(names[i].Value(r))
			if p == nil {
				return false, nil
			}
			programs = append(programs, p)
		}
		s.result.init()
		ok := s.chain(programs)
		s.show(r)
		return ok, nil
	}
}

// chain runs scripts as a delivery does: each is settled behind those before it, and sees the
// message and the flags that they left to an implicit keep. All is carried out at the end.
func (s *suite) chain(programs []runtime.Program) bool {
	var actions []runtime.Action
	for i, p := range programs {
		o := s.runOptions()
		if i > 0 && !o.After(actions) {
			break
		}
		tx := s.tx
		s.inner++
		res := s.engine.Run(s.ctx, p, &tx, o)
		s.inner--
		s.notes(res.Record)
		settled := res.Settle(actions, s.limits)
		if res.Err != nil {
			s.runError(res.Err)
			return false
		}
		for _, a := range res.Plan.Actions {
			s.result.ask(a)
		}
		actions = settled.Actions
		if settled.Refused != nil {
			return s.carryOut(settled)
		}
	}
	return s.carryOut(runtime.Settled{Actions: actions})
}

// bindExecute makes test_result_execute.
func (s *suite) bindExecute(*sieve.Binder, *sieve.Call) sieve.Check {
	return func(r *sieve.Run) (bool, error) {
		s.enter(r)
		s.log = nil
		if err := r.Finish(); err != nil {
			return false, err
		}
		return s.execute(), nil
	}
}

func (s *suite) bindBinarySave(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	name := c.Text("name")
	return func(r *sieve.Run) error {
		if s.script == nil {
			return errors.New("test_binary_save: no script was compiled")
		}
		s.binaries[name.Value(r)] = s.script
		return nil
	}
}

func (s *suite) bindBinaryLoad(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	name := c.Text("name")
	return func(r *sieve.Run) error {
		p, ok := s.binaries[name.Value(r)]
		if !ok {
			return fmt.Errorf("test_binary_load: there is no binary %q", name.Value(r))
		}
		s.script = p
		return nil
	}
}

// bindLines makes a test of a list of lines, of which :index picks one.
func (s *suite) bindLines(lines func() []string) func(*sieve.Binder, *sieve.Call) sieve.Check {
	return func(_ *sieve.Binder, c *sieve.Call) sieve.Check {
		m := c.Matcher("key-list")
		index := uint64(0)
		if u := c.Tag("index"); u != nil {
			index = u.Number()
		}
		return func(r *sieve.Run) (bool, error) {
			list := lines()
			if index > 0 {
				if index > uint64(len(list)) {
					list = nil
				} else {
					list = list[index-1 : index]
				}
			}
			if m.Counting() {
				return m.Count(r, len(list)), nil
			}
			return slices.ContainsFunc(list, func(line string) bool { return m.MatchText(r, line) }), nil
		}
	}
}
