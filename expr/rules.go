package expr

import (
	"fmt"

	"github.com/sluice-mail/sluice/runtime"
)

// A file of rules is a list of tables in TOML, whose texts are expressions:
//
//	[[rule]]
//	name = "lists"                       # shown with its outcome
//	when = 'header_exists("List-Id")'    # left out: always
//	then = ['flag_set("\\Seen")', 'fileinto("Lists")']
//	else = 'log("no list")'              # what is done where it does not hold
//	continue = true                      # the rules behind it are asked as well
//
// The rules are asked in their order, up to the first whose condition holds and which does not
// continue. A script is such a file if it begins with [[rule]].

// rulesProgram is a compiled file of rules. It is immutable.
type rulesProgram struct {
	name  string
	rules []rule
	sites []runtime.Site
}

// rule is a table of such a file.
type rule struct {
	when            *Program // nil: always
	site            int      // of the condition; -1: none
	then, otherwise []*Program
	goesOn          bool
}

// Language returns "expr".
func (p *rulesProgram) Language() string { return "expr" }

// Name returns the script's name as errors show it.
func (p *rulesProgram) Name() string { return p.name }

// Sites returns the sites of all rules in the order of the source.
func (p *rulesProgram) Sites() []runtime.Site { return p.sites }

// Run asks the rules and returns what the last expression that was evaluated for a then or else
// gave, null if there was none.
func (p *rulesProgram) Run(t *runtime.Task) (last runtime.Value, err error) {
	s := newState(t, nil)
	defer s.done()
	for _, r := range p.rules {
		if err := t.Step(1); err != nil {
			return nil, err
		}
		holds, err := r.holds(s)
		if err != nil {
			return nil, err
		}
		list := r.then
		if !holds {
			list = r.otherwise
		}
		for _, e := range list {
			if last, err = e.evalIn(s); err != nil {
				return nil, err
			}
		}
		if holds && !r.goesOn {
			break
		}
	}
	return last, nil
}

// holds asks a rule's condition.
func (r *rule) holds(s *state) (bool, error) {
	holds := true
	if r.when != nil {
		v, err := r.when.evalIn(s)
		if err != nil {
			return false, err
		}
		var ok bool
		if holds, ok = v.(bool); !ok {
			line, col := r.when.lines.at(0)
			return false, &runtime.SourceError{File: r.when.name, Line: line, Col: col, Msg: fmt.Sprintf("when: expected bool, got %s", kind(v))}
		}
	}
	if r.site >= 0 {
		s.task.Hit(r.site, outcome(holds))
	}
	return holds, nil
}
