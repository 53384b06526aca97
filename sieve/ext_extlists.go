package sieve

import (
	"errors"

	"github.com/sluice-mail/sluice/runtime"
)

// extlists asks lists that are kept elsewhere: files, stores. A list that is not there holds
// nothing. The comparator of a test does not matter: lists compare without the case of ASCII.
//
// Spec:   RFC 6134
// Status: complete
func init() {
	names := Arg{Name: "ext-list-names", Kind: ListArgument}
	register(Extension{
		Name: "extlists", Spec: "RFC 6134", Status: "complete; lists are files and key-value stores that the administrator names",
		Limits: "16 MiB a file; as many redirects as a plan may have",

		MatchTypes: []MatchType{{Name: "list", Key: func(_ *Matcher, key string) (Key, error) { return listKey(key), nil }}},
		// redirect [:list] <ext-list-name: string>
		Tags: []Tag{{Name: "list", On: []string{"redirect"}}},
		// valid_ext_list <ext-list-names: string-list>
		Tests: []Test{{Name: "valid_ext_list", Args: []Arg{names}, Bind: func(_ *Binder, c *Call) Check {
			lists := c.Texts("ext-list-names")
			return func(r *Run) (bool, error) {
				for i := range lists {
					v, err := r.task.Invoke("ext_list_valid", lists[i].Value(r))
					if ok, _ := v.(bool); err != nil || !ok {
						return false, r.undecided(err)
					}
				}
				return true, nil
			}
		}}},
	})
}

// listKey is a key of :list, the name of a list.
type listKey string

// Match says whether the list holds the value.
func (k listKey) Match(r *Run, v *Value) bool {
	one := [1]Value{*v}
	return k.matchAny(r, one[:]) == 0
}

// matchAny returns the place of the first value that the list holds, -1 if it holds none.
func (k listKey) matchAny(r *Run, of []Value) int {
	list := make([]runtime.Value, len(of))
	for i := range of {
		list[i] = of[i].Text
	}
	v, err := r.task.Invoke("ext_list_find", string(k), list)
	if err != nil {
		if err = r.undecided(err); err != nil {
			r.Fail(err)
		}
		return -1
	}
	n, ok := v.(int64)
	if !ok {
		r.Note("there is no list %q", clip(string(k)))
		return -1
	}
	if n < 0 || int(n) >= len(of) {
		return -1
	}
	if r.prog.captures {
		r.captures = []string{of[n].Text}
	}
	return int(n)
}

// undecided takes an error of something that a test has asked: it is noted, and the test is
// false. Those that end the run, and those of a store that cannot be reached, are returned.
func (r *Run) undecided(err error) error {
	if err == nil || runtime.EndsRun(err) {
		return err
	}
	r.Note("%s", err)
	return nil
}

// bindRedirectList makes redirect :list, which sends the message to all addresses of a list.
//
// Spec: RFC 6134, section 2.3
func bindRedirectList(c *Call) Do {
	name, edits := c.Text("address"), c.edits
	return func(r *Run) error {
		list := name.Value(r)
		v, err := r.task.Invoke("ext_list_entries", list, int64(r.task.Limits().Redirects+1))
		if err != nil {
			return err
		}
		entries, ok := v.([]runtime.Value)
		if !ok {
			return errors.New("there is no list \"" + clip(list) + "\"")
		}
		for _, e := range entries {
			s, _ := e.(string)
			to, err := r.options.outgoing(s)
			if err != nil {
				r.Note("redirect: %s", err)
				continue
			}
			if err := r.actEdited(runtime.Action{Kind: runtime.Redirect, Address: to}, edits); err != nil {
				return err
			}
		}
		return nil
	}
}

// matchLists asks each list for all values at once.
func matchLists(r *Run, keys []Key, values []Value) bool {
	if len(values) == 0 {
		return false
	}
	for _, k := range keys {
		if list, ok := k.(listKey); ok && list.matchAny(r, values) >= 0 {
			return true
		}
		if r.err != nil {
			return false
		}
	}
	return false
}
