package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// editDoc is what all functions that edit the header have to say.
const editDoc = " What is read and stored from now on, by later scripts too, has the edited header; a refusal and the peer see nothing of it."

func init() {
	value := Param{Name: "value", Kind: String, Doc: "text; it is encoded where it has to be, and folded; at most 2048 octets, which can be set"}
	for _, f := range []struct {
		name, doc string
		params    []Param
		last      func(a Args) bool
		examples  []Example
	}{
		{"header_add", "Adds a header field, at the top or with `last` at the end; false if the name is protected, which can be set. `Subject` can always be added." + editDoc,
			[]Param{fieldParam, value, {Name: "last", Kind: Bool, Optional: true, Default: false, Doc: "whether it goes to the end"}},
			func(a Args) bool { return a.Bool(2) },
			[]Example{
				{Code: `header_add("X-Spam", "yes")`, Want: `true`},
				{Setup: []string{`header_add("X-Tag", "zero")`}, Code: `header_all("X-Tag")`, Want: `["zero", "one", "two"]`},
				{Setup: []string{`header_add("X-Tag", "grün", true)`}, Code: `header_all("X-Tag")`, Want: `["one", "two", "grün"]`},
				{Setup: []string{`header_add("X-Grün\r\nBcc", "x")`}, Code: `header_count()`, Error: `header_add: argument 1 (name): "X-Grün\r\nBcc" is no name of a header field`},
				{Setup: []string{`header_add("X-One", "a\r\nBcc: b@example.net")`}, Code: `header_names()`, Want: `["X-One", "From", "To", "Subject", "Date", "Message-ID", "List-Id", "X-Tag", "X-Tag", "MIME-Version", "Content-Type"]`},
				{Code: `header_add("X-Sieve-Redirected-From", "a@example.net")`, Want: `false`},
			}},
		{"add_header", "Adds a header field at the top, as `header_add` does; it has the name that Stalwart gives it." + editDoc,
			[]Param{fieldParam, value}, func(Args) bool { return false },
			[]Example{{Code: `add_header("X-Spam", "yes")`, Want: `true`}, {Setup: []string{`add_header("X-Tag", "zero")`}, Code: `header("X-Tag")`, Want: `"zero"`}}},
	} {
		register(Function{
			Name: f.name, Family: "mail", Doc: f.doc, Params: f.params, Result: Bool, Effect: Acts, Stages: filing, Trust: User, Examples: f.examples,
			Call: func(e *Env, a Args) (Value, error) {
				name, v, err := e.newField(a.String(0), a.String(1))
				if s := e.settings(); err != nil || !s.mayAdd(name) {
					return false, err
				}
				return e.run.editHeader(name, func(h *mail.HeaderEditor) { h.Add(name, v, f.last(a)) })
			},
		})
	}
	register(Function{
		Name:   "header_replace",
		Family: "mail",
		Doc: "Puts a value in the place of the header fields of that name: the first keeps its place, the others go; where there is none, it is added at the end. With an index only that field is changed, and none if it is not there. " +
			"Returns whether anything was done; a name that may not be added or deleted is left alone. Received and Auto-Submitted never are." + editDoc,
		Params: []Param{fieldParam, value, {Name: "index", Kind: Int, Optional: true, Doc: "which field of that name: 1 is the first from the top, -1 the last"}},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{
			{Setup: []string{`header_replace("Subject", "[List] hello")`}, Code: `subject()`, Want: `"[List] hello"`},
			{Setup: []string{`header_replace("X-Tag", "only")`}, Code: `header_all("X-Tag")`, Want: `["only"]`},
			{Setup: []string{`header_replace("X-Tag", "last", -1)`}, Code: `header_all("X-Tag")`, Want: `["one", "last"]`},
			{Setup: []string{`header_replace("X-New", "here")`}, Code: `header("X-New")`, Want: `"here"`},
			{Code: `header_replace("Received", "from nowhere")`, Want: `false`},
			{Code: `header_replace("X-Tag", "x", 3)`, Want: `false`},
			{Code: `header_replace("X-Tag", "x", 0)`, Error: `header_replace: argument 3 (index): 0 is no index; the first is 1, the last -1`},
		},
		Call: func(e *Env, a Args) (Value, error) {
			name, v, err := e.newField(a.String(0), a.String(1))
			if s := e.settings(); err != nil || !s.mayAdd(name) || !s.mayDelete(name) {
				return false, err
			}
			if a[2] == nil {
				return e.run.editHeader(name, func(h *mail.HeaderEditor) { h.Set(name, v) })
			}
			i, err := e.fieldNumber(name, a.Int(2))
			if err != nil {
				return nil, fmt.Errorf("argument 3 (index): %w", err)
			}
			if i < 0 {
				return false, nil
			}
			return e.run.editHeader(name, func(h *mail.HeaderEditor) { h.Fields[i] = h.Field(name, v) })
		},
	})
	register(Function{
		Name:   "header_delete",
		Family: "mail",
		Doc: "Deletes header fields of that name and returns how many. Options narrow them down: `index` (1 is the first, -1 the last), `is` (the whole decoded value), `contains` (a part of it, without case), `matches` (a regular expression that it has to have a match of); " +
			"the index counts the fields of that name, and has to meet the others too. Received, Auto-Submitted and what the settings name are never deleted; Subject can be." + editDoc,
		Params: []Param{fieldParam, {Name: "options", Kind: Map, Optional: true, Doc: "any of index, is, contains, matches"}},
		Result: Int, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{
			{Code: `header_delete("X-Tag")`, Want: `2`}, {Code: `header_delete("X-Absent")`, Want: `0`}, {Code: `header_delete("Received")`, Want: `0`, Message: "parts"},
			{Setup: []string{`header_delete("X-Tag", {"index": -1})`}, Code: `header_all("X-Tag")`, Want: `["one"]`},
			{Setup: []string{`header_delete("X-Tag", {"is": "one"})`}, Code: `header_all("X-Tag")`, Want: `["two"]`},
			{Code: `header_delete("X-Tag", {"contains": "TW"})`, Want: `1`}, {Code: `header_delete("X-Tag", {"matches": "^.ne$"})`, Want: `1`},
			{Code: `header_delete("X-Tag", {"index": 1, "is": "two"})`, Want: `0`},
			{Code: `header_delete("X-Tag", {"last": true})`, Error: `header_delete: unknown option "last"; known are index, is, contains, matches`},
		},
		Call: headerDelete,
	})
}

func headerDelete(e *Env, a Args) (Value, error) {
	name := a.String(0)
	if !mail.ValidFieldName(name) {
		return nil, errors.New("argument 1 (name): " + noFieldName(name))
	}
	index := int64(0)
	var tests []func(string) (bool, error)
	for option, v := range inOrder(a.Map(1)) {
		kind := String
		if option == "index" {
			kind = Int
		}
		v, err := convert(v, kind)
		if err != nil && contains([]string{"index", "is", "contains", "matches"}, option) {
			return nil, fmt.Errorf("option %s: %w", option, err)
		}
		switch option {
		case "index":
			if index = v.(int64); index == 0 {
				return nil, errors.New("option index: 0 is no index; the first is 1, the last -1")
			}
		case "is":
			tests = append(tests, func(s string) (bool, error) { return s == v, nil })
		case "contains":
			part := strings.ToLower(v.(string))
			tests = append(tests, func(s string) (bool, error) { return strings.Contains(strings.ToLower(s), part), nil })
		case "matches":
			re, err := patterns.compile(v.(string))
			if err != nil {
				return nil, fmt.Errorf("option matches: %w", err)
			}
			tests = append(tests, func(s string) (bool, error) { return re.matches(e, cut(s, maxRegexText)) })
		default:
			return nil, fmt.Errorf("unknown option %q; known are index, is, contains, matches", cut(option, 40))
		}
	}
	if s := e.settings(); !s.mayDelete(name) {
		return int64(0), nil
	}
	h, err := e.header()
	if err != nil {
		return nil, err
	}
	only := -1
	if index != 0 {
		if _, only, _ = pickField(h.Fields(), name, index); only < 0 {
			return int64(0), nil
		}
	}
	doomed := map[int]bool{}
	for i, f := range h.Fields() {
		ok := strings.EqualFold(f.Name, name) && (index == 0 || i == only)
		for _, test := range tests {
			if ok {
				if ok, err = test(f.Text()); err != nil {
					return nil, err
				}
			}
		}
		if ok {
			doomed[i] = true
		}
	}
	if len(doomed) == 0 {
		return int64(0), nil
	}
	_, err = e.run.editHeader(name, func(h *mail.HeaderEditor) {
		i := -1
		h.Fields = slices.DeleteFunc(h.Fields, func(mail.Field) bool { i++; return doomed[i] })
	})
	return int64(len(doomed)), err
}

// fieldNumber returns the number of a field in the header as it is now, -1 if it is not there.
func (e *Env) fieldNumber(name string, index int64) (int, error) {
	h, err := e.header()
	if err != nil {
		return -1, err
	}
	_, i, err := pickField(h.Fields(), name, index)
	return i, err
}

// newField checks the name and the value of a field that a script gives, and counts it.
func (e *Env) newField(name, value string) (string, string, error) {
	if !mail.ValidFieldName(name) {
		return "", "", errors.New("argument 1 (name): " + noFieldName(name))
	}
	// NUL that comes from the message is no fault of the script.
	value = strings.ReplaceAll(value, "\x00", "")
	if most := e.settings().HeaderSize; len(value) > most {
		return "", "", fmt.Errorf("argument 2 (value): it has %d octets, %d are possible", len(value), most)
	}
	if d := &e.run.edit; d.added >= maxAddedFields {
		return "", "", &LimitError{Limit: "header fields", Max: maxAddedFields}
	}
	e.run.edit.added++
	return name, value, nil
}

func noFieldName(name string) string {
	return fmt.Sprintf("%q is no name of a header field", cut(name, 80))
}
