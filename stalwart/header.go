package stalwart

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// headerPath is a variable such as header.to[*].addr.domain or header.from:cc[1].name[-1].
type headerPath struct {
	names []string // nil: all fields
	field index
	part  string
	attr  string // of the part attr
	value index
}

// index says which of several values is meant.
type index struct {
	all bool
	n   int // from 1; negative from the end
}

// last is the index where none is written.
var last = index{n: -1}

// headerParts are the parts of a field, and what their values are.
var headerParts = map[string]func(f mail.Field) []runtime.Value{
	"text": func(f mail.Field) []runtime.Value { return []runtime.Value{f.Text()} },
	"raw": func(f mail.Field) []runtime.Value {
		_, v, _ := strings.Cut(string(f.Raw), ":")
		return []runtime.Value{strings.TrimSuffix(strings.TrimSuffix(v, "\n"), "\r")}
	},
	"raw_name":    func(f mail.Field) []runtime.Value { return []runtime.Value{f.Name} },
	"name":        ofAddresses(func(a mail.Address) string { return a.DisplayName() }),
	"addr":        ofAddresses(mail.Address.String),
	"addr.all":    ofAddresses(mail.Address.String),
	"addr.local":  ofAddresses(func(a mail.Address) string { return a.Local }),
	"addr.domain": ofAddresses(func(a mail.Address) string { return a.Domain }),
	"addr.user": ofAddresses(func(a mail.Address) string {
		user, _, _ := strings.Cut(a.Local, "+")
		return user
	}),
	"addr.detail": ofAddresses(func(a mail.Address) string {
		_, detail, _ := strings.Cut(a.Local, "+")
		return detail
	}),
	"type": func(f mail.Field) []runtime.Value {
		first, _ := mail.ParseParams(f.Value())
		first, _, _ = strings.Cut(first, "/")
		return nonEmpty(strings.ToLower(strings.TrimSpace(first)))
	},
	"subtype": func(f mail.Field) []runtime.Value {
		first, _ := mail.ParseParams(f.Value())
		_, sub, _ := strings.Cut(first, "/")
		return nonEmpty(strings.ToLower(strings.TrimSpace(sub)))
	},
	"id": messageIDs,
	"date": func(f mail.Field) []runtime.Value {
		t, err := mail.ParseDate(f.Value())
		if err != nil {
			return nil
		}
		return []runtime.Value{t.Unix()}
	},
	"exists": func(mail.Field) []runtime.Value { return []runtime.Value{int64(1)} },
	"attr":   nil, // with the name behind it
}

func nonEmpty(s string) []runtime.Value {
	if s == "" {
		return nil
	}
	return []runtime.Value{s}
}

func ofAddresses(part func(mail.Address) string) func(mail.Field) []runtime.Value {
	return func(f mail.Field) []runtime.Value {
		var out []runtime.Value
		for _, e := range mail.ParseAddresses(f.Value()).Entries {
			if e.Kind == mail.EntryAddress {
				out = append(out, part(e.Address))
			}
		}
		return out
	}
}

// messageIDs returns the ids of a field such as References, without brackets.
func messageIDs(f mail.Field) []runtime.Value {
	v := f.Value()
	var out []runtime.Value
	for {
		start := strings.IndexByte(v, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(v[start:], '>')
		if end < 0 {
			break
		}
		if id := strings.TrimSpace(v[start+1 : start+end]); id != "" {
			out = append(out, id)
		}
		v = v[start+end+1:]
	}
	if out == nil {
		return nonEmpty(strings.TrimSpace(v))
	}
	return out
}

// parseHeaderPath reads what stands behind `header.`. Its error has an offset in path.
func parseHeaderPath(path string) (*headerPath, int, error) {
	h := &headerPath{field: last, value: last, part: "text"}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	if names := path[:end]; names != "*" {
		for name := range strings.SplitSeq(names, ":") {
			if name == "" {
				return nil, 0, fmt.Errorf("expected the name of a header field behind \"header.\"")
			}
			h.names = append(h.names, name)
		}
	}
	rest, at := path[end:], end
	var err error
	if h.field, rest, err = readIndex(rest); err != nil {
		return nil, at, err
	}
	at = len(path) - len(rest)
	part := ""
	indexed := false
	for rest != "" {
		if rest[0] == '[' {
			if indexed || part == "" {
				return nil, at, fmt.Errorf("unexpected place %s", clip(rest))
			}
			if h.value, rest, err = readIndex(rest); err != nil {
				return nil, at, err
			}
			indexed = true
			continue
		}
		rest = rest[1:]
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if part != "" {
			part += "."
		}
		part += rest[:end]
		rest = rest[end:]
	}
	if part == "" {
		return h, 0, nil
	}
	part, attr, isAttr := strings.Cut(part, ".")
	switch {
	case strings.EqualFold(part, "attr"):
		if !isAttr || attr == "" {
			return nil, at, fmt.Errorf("attr needs the name of a parameter, such as attr.charset")
		}
		h.part, h.attr = "attr", strings.ToLower(attr)
		return h, 0, nil
	case isAttr:
		part += "." + attr
	}
	part = strings.ToLower(part)
	if headerParts[part] == nil && !isReceivedPart(part) {
		return nil, at, fmt.Errorf("a header field has no part %q", clip(part))
	}
	h.part = part
	return h, 0, nil
}

// readIndex reads a place in brackets, the last one where there is none.
func readIndex(s string) (index, string, error) {
	if s == "" || s[0] != '[' {
		return last, s, nil
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return last, s, fmt.Errorf("expected ]")
	}
	text := strings.TrimSpace(s[1:end])
	if text == "*" {
		return index{all: true}, s[end+1:], nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n == 0 || n > 1<<20 || n < -1<<20 {
		return last, s, fmt.Errorf("%q is no place; expected a number from 1, a negative one from the end, or *", clip(text))
	}
	return index{n: n}, s[end+1:], nil
}

// pick returns the places of an index in a list of n: the first and the one behind the last.
func (x index) pick(n int) (from, to int) {
	switch {
	case x.all:
		return 0, n
	case x.n > 0 && x.n <= n:
		return x.n - 1, x.n
	case x.n < 0 && -x.n <= n:
		return n + x.n, n + x.n + 1
	}
	return 0, 0
}

// read returns the value of the path: an array where one of its places is *, else one value,
// "" if it is not there.
func (h *headerPath) read(s *state) (runtime.Value, error) {
	fields := s.source.Fields()
	if err := s.task.Step(int64(len(fields))/8 + 1); err != nil {
		return nil, err
	}
	var found []mail.Field
	for _, f := range fields {
		if h.has(f.Name) {
			found = append(found, f)
		}
	}
	if h.part == "exists" {
		return boolean(len(found) > 0), nil
	}
	of := headerParts[h.part]
	switch {
	case h.part == "attr":
		of = func(f mail.Field) []runtime.Value {
			_, params := mail.ParseParams(f.Value())
			return nonEmpty(params[h.attr])
		}
	case of == nil:
		of = func(f mail.Field) []runtime.Value { return receivedValues(f, h.part) }
	}
	var out []runtime.Value
	from, to := h.field.pick(len(found))
	for _, f := range found[from:to] {
		if err := s.read(len(f.Raw)); err != nil {
			return nil, err
		}
		values := of(f)
		first, end := h.value.pick(len(values))
		out = append(out, values[first:end]...)
	}
	if err := s.elements(len(out)); err != nil {
		return nil, err
	}
	if h.field.all || h.value.all {
		if out == nil {
			out = []runtime.Value{}
		}
		return out, nil
	}
	if len(out) == 0 {
		return "", nil
	}
	return out[0], nil
}

func (h *headerPath) has(name string) bool {
	if h.names == nil {
		return true
	}
	for _, n := range h.names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// read counts n octets of the message that are decoded.
func (s *state) read(n int) error {
	if err := s.task.Step(1 + int64(n)>>10); err != nil {
		return err
	}
	return s.hold(int64(n))
}
