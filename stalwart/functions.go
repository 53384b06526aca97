package stalwart

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// function is a function as Stalwart has it, on one of the table.
type function struct {
	// args are the parameters: t text, e text whose arrays are changed element by element, i int,
	// b truth, l array, a any value, s the name of a store, d the name of a directory, which is
	// left out. What stands behind ? is optional.
	args string
	// on is the function of the table; "" is that of the same name, "-" says that there is none.
	on string
	// sieve and file say where it is there; neither says everywhere.
	sieve, file bool
	// do is the call, with the arguments converted; nil: that of the table.
	do func(s *state, args []runtime.Value) (runtime.Value, error)
}

// functions are those whose arguments or results differ from the table's. What is not named
// here is a function of the table, whose arguments are converted to the kinds that it declares.
var functions = map[string]function{
	"trim": {args: "e"}, "trim_start": {args: "e"}, "trim_end": {args: "e"}, "to_lowercase": {args: "e"}, "to_uppercase": {args: "e"},
	"is_uppercase": {args: "e"}, "is_lowercase": {args: "e"}, "strip_prefix": {args: "et"}, "strip_suffix": {args: "et"},
	"html_to_text": {args: "e"}, "puny_decode": {args: "e"}, "unicode_skeleton": {args: "e"}, "cure_text": {args: "e"},
	"thread_name": {args: "e"},

	"count": {args: "a"}, "is_empty": {args: "a"}, "is_number": {args: "a"}, "sort": {args: "lb"}, "dedup": {args: "l"},
	"len": {args: "a", on: "-", do: length}, "winnow": {args: "a", do: winnow}, "is_intersect": {args: "aa", do: intersect},
	"if_then":  {args: "aaa", on: "-", do: ifThen},
	"contains": {args: "aa", on: "includes", do: contains("includes")}, "contains_ignore_case": {args: "aa", do: contains("contains_ignore_case")},
	"eq_ignore_case": {args: "tt"}, "starts_with": {args: "tt"}, "ends_with": {args: "tt"}, "substring": {args: "tii"},
	"has_digits": {args: "t"}, "is_ascii": {args: "t"}, "count_spaces": {args: "t"}, "count_uppercase": {args: "t"},
	"count_lowercase": {args: "t"}, "count_chars": {args: "t"}, "lines": {args: "t"}, "split_words": {args: "t"},
	"split": {args: "tt", do: split("split")}, "rsplit": {args: "tt", do: split("rsplit")}, "split_n": {args: "tti", do: split("split_n")},
	"split_once": {args: "tt"}, "rsplit_once": {args: "tt"},
	"is_email": {args: "t"}, "email_part": {args: "tt", do: oneOf("email_part", "local", "domain")},
	"hash":       {args: "tt", do: oneOf("hash", "md5", "sha1", "sha256", "sha512")},
	"is_ip_addr": {args: "t"}, "is_ipv4_addr": {args: "t"}, "is_ipv6_addr": {args: "t"}, "ip_reverse_name": {args: "t"}, "is_ip_in_cidr": {args: "ta"},

	"key_get": {args: "st", do: keyGet}, "key_exists": {args: "sa", do: keyExists}, "key_set": {args: "sta?a", do: keySet},
	"counter_get": {args: "st"}, "counter_incr": {args: "sta", do: counterIncr},
	"is_local_domain": {args: "dt"}, "is_local_address": {args: "dt"},
	"sql_query": {args: "sta", on: "sql_table", do: sqlQuery}, "query": {args: "sta", on: "sql_table", sieve: true, do: sqlQuery},
	"dns_query": {args: "tt", on: "dns_lookup", do: dnsQuery}, "dns_exists": {args: "tt", on: "dns_lookup", do: dnsExists},
	"http_header": {args: "ttt?i"},
	"print":       {args: "t", on: "debug_log"},
	"system":      {args: "t", on: "hostname", file: true, do: system},

	"is_encoding_problem": {on: "-", sieve: true, do: ofPart(encodingProblem)}, "is_attachment": {on: "-", sieve: true, do: ofPart(isAttachment)},
	"is_body": {on: "-", sieve: true, do: ofPart(isBody)}, "attachment_name": {on: "-", sieve: true, do: ofPart(attachmentName)},
	"mime_part_len":        {on: "-", sieve: true, do: ofPart(partLength)},
	"is_header_utf8_valid": {args: "t", on: "-", sieve: true, do: headerUTF8},
	"received_part":        {args: "it", on: "-", sieve: true, do: receivedPart},
	"detect_file_type":     {args: "t", sieve: true, do: ofContent("detect_file_type")},
	"img_metadata":         {args: "t", sieve: true, do: ofContent("img_metadata")},
}

// gone are functions of Stalwart that are not here, with what to do instead.
var gone = map[string]string{
	"config_get": "configuration values cannot be read here; write the value",
	"metric":     "metrics cannot be read here",
	"exec":       "external programs are not run from expressions; use execute of vnd.dovecot.execute",
	"llm_prompt": "there are no language models here",
	"var_names":  "the names of variables cannot be listed",
}

// call reads the arguments of a function and checks the call.
func (p *parser) call(name token) node {
	if !p.enter(name.at) {
		return nil
	}
	defer p.leave()
	p.advance()
	site := -1
	if !strings.HasPrefix(name.text, "header.") {
		site = p.site(name.at, "call "+name.text)
	}
	if name.text == "matches" {
		return p.matches(name, site)
	}
	args := p.list(")")
	if p.over {
		return nil
	}
	n := &call{place: place{p.place(name.at)}, args: args, site: site}
	f, own := functions[name.text]
	if own && f.sieve && !p.c.sieve && runtime.Lookup(name.text) != nil {
		own = false // of a part in Sieve, of what it is given in a file
	}
	if own && (f.sieve && !p.c.sieve || f.file && p.c.sieve) {
		where := "Sieve scripts"
		if f.file {
			where = "expression files"
		}
		p.note(name.at, "%s is a function of %s", name.text, where)
		return n
	}
	if own {
		p.ownCall(name, n, f)
	} else {
		p.tableCall(name, n)
	}
	return p.node(n)
}

// ownCall binds a call of a function that is described here.
func (p *parser) ownCall(name token, n *call, f function) {
	on := f.on
	if on == "" {
		on = name.text
	}
	kinds, optional, _ := strings.Cut(f.args, "?")
	least, most := len(kinds), len(kinds)+len(optional)
	kinds += optional
	directory := strings.HasPrefix(kinds, "d")
	if directory {
		least--
	}
	if len(n.args) < least || len(n.args) > most {
		wanted := fmt.Sprint(least)
		if most > least {
			wanted = fmt.Sprintf("%d to %d", least, most)
		}
		p.note(name.at, "%s: called with %d arguments, takes %s", name.text, len(n.args), wanted)
		return
	}
	if directory {
		kinds = kinds[1:]
		n.args = n.args[len(n.args)-1:] // accounts are one directory
	}
	if on != "-" && !p.lawful(name, on, n.args, strings.HasPrefix(kinds, "s")) {
		return
	}
	do := f.do
	if do == nil {
		do = func(s *state, args []runtime.Value) (runtime.Value, error) { return s.invoke(on, args...) }
	}
	if strings.HasPrefix(kinds, "e") {
		do = eachText(do)
	}
	n.do = func(s *state, args []runtime.Value) (runtime.Value, error) {
		for i, v := range args {
			var err error
			if args[i], err = s.as(kinds[i], v); err != nil {
				return nil, err
			}
		}
		return do(s, args)
	}
}

// lawful checks what the table says of a function: the stage, the trust, the store.
func (p *parser) lawful(name token, on string, args []node, store bool) bool {
	f := runtime.Lookup(on)
	if f == nil {
		p.note(name.at, "%s is not there in this version", name.text)
		return false
	}
	least, _ := f.Required()
	known := make([]runtime.Value, max(least, 1))
	for i := range known {
		known[i] = runtime.Unknown
	}
	if l, ok := constant(args, 0); store && ok {
		known[0] = storeName(l)
	}
	if len(f.Params) == 0 {
		known = nil
	}
	if err := runtime.CheckCall(on, known, p.c.compile); err != nil {
		p.note(name.at, "%s", err)
		return false
	}
	return true
}

// constant returns argument i if it is text that is known before a run.
func constant(args []node, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	l, ok := args[i].(*literal)
	if !ok {
		return "", false
	}
	s, ok := l.v.(string)
	return s, ok
}

// storeName returns the table's name of a store: "*" is the default one, too.
func storeName(s string) string {
	if s == "*" {
		return ""
	}
	return s
}

// tableCall binds a call of a function of the table that Stalwart does not have, or that it
// has as it is.
func (p *parser) tableCall(name token, n *call) {
	f := runtime.Lookup(name.text)
	if f == nil {
		if why, ok := gone[name.text]; ok {
			p.note(name.at, "%s: %s", name.text, why)
			return
		}
		known := map[string]bool{}
		for name := range functions {
			known[name] = true
		}
		for _, f := range runtime.Functions() {
			known[f.Name] = true
		}
		p.note(name.at, "unknown function %q%s", clip(name.text), runtime.Meant(name.text, maps.Keys(known), min(2, len(name.text)-1)))
		return
	}
	args := make([]runtime.Value, len(n.args))
	for i := range args {
		args[i] = runtime.Unknown
		if s, ok := constant(n.args, i); ok && i < len(f.Params) && f.Params[i].Name == "store" {
			args[i] = storeName(s)
		}
	}
	if err := runtime.CheckCall(f.Name, args, p.c.compile); err != nil {
		p.note(name.at, "%s", err)
		return
	}
	n.do = func(s *state, args []runtime.Value) (runtime.Value, error) {
		for i, v := range args {
			param := f.Params[min(i, len(f.Params)-1)]
			kind := kindLetters[param.Kind]
			if param.Name == "store" {
				kind = 's'
			}
			if kind == 0 {
				continue
			}
			var err error
			if args[i], err = s.as(kind, v); err != nil {
				return nil, err
			}
		}
		return s.invoke(f.Name, args...)
	}
}

// kindLetters are the conversions for parameters of the table; other kinds are given as they are.
var kindLetters = map[runtime.Kind]byte{
	runtime.String: 't', runtime.Bytes: 't', runtime.Int: 'i', runtime.Bool: 'b', runtime.List: 'l', runtime.Float: 'f', runtime.Number: 'n',
}

// as converts an argument.
func (s *state) as(kind byte, v runtime.Value) (runtime.Value, error) {
	switch kind {
	case 't':
		return s.text(v)
	case 'e':
		if _, ok := v.([]runtime.Value); ok {
			return v, nil
		}
		return s.text(v)
	case 's':
		t, err := s.text(v)
		return storeName(t), err
	case 'i':
		return wholeNumber(v), nil
	case 'f':
		return toFloat(toNumber(v)), nil
	case 'n':
		return toNumber(v), nil
	case 'b':
		return Truth(v), nil
	case 'l':
		return asList(v), nil
	}
	return v, nil
}

// wholeNumber returns a value as int: a float without what follows the point.
func wholeNumber(v runtime.Value) runtime.Value {
	switch n := toNumber(v).(type) {
	case float64:
		return toInt(math.Trunc(n))
	default:
		return n
	}
}

// invoke calls a function of the table.
func (s *state) invoke(name string, args ...runtime.Value) (runtime.Value, error) {
	v, err := s.task.Invoke(name, args...)
	if err != nil {
		return nil, err
	}
	f := runtime.Lookup(name)
	if f.Effect == runtime.Pure && f.Family == "text" {
		if n := runtime.SizeOf(v); n > 0 {
			if err := s.task.Output(int(n)); err != nil {
				return nil, err
			}
		}
	}
	return s.receive(v)
}

// eachText does a function for a text, or for each element of an array.
func eachText(do func(*state, []runtime.Value) (runtime.Value, error)) func(*state, []runtime.Value) (runtime.Value, error) {
	return func(s *state, args []runtime.Value) (runtime.Value, error) {
		items, ok := args[0].([]runtime.Value)
		if !ok {
			return do(s, args)
		}
		if err := s.elements(len(items)); err != nil {
			return nil, err
		}
		out := make([]runtime.Value, len(items))
		for i, e := range items {
			t, err := s.text(e)
			if err != nil {
				return nil, err
			}
			one := append([]runtime.Value{t}, args[1:]...)
			if out[i], err = do(s, one); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// temporary says whether an error is a temporary failure of somebody who was asked.
func temporary(err error) bool {
	return errors.Is(err, runtime.ErrTemporary) && !errors.Is(err, runtime.ErrBudget)
}
