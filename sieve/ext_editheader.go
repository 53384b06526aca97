package sieve

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// editheader adds and deletes fields of the message's header. Tests and actions that follow
// see the header with the changes; what the script gets back as a whole after an error, and
// what a refusal quotes, has the header as it was received.
//
// Some fields are protected. To edit one is no error: it does nothing.
//
// Spec:   RFC 5293
// Status: complete
func init() {
	name := Arg{Name: "field-name", Kind: StringArgument}
	register(Extension{
		Name: "editheader", Spec: "RFC 5293", Status: "complete",
		Limits: "values up to 2,048 octets (can be set); `Received` and `Auto-Submitted` are not deleted, " +
			"`X-Sieve-Redirected-From` is not edited; more can be protected, but not `Subject`",
		Commands: []Command{
			// addheader [:last] <field-name: string> <value: string>
			{
				Name: "addheader", Args: []Arg{name, {Name: "value", Kind: StringArgument}},
				Tags: []Tag{{Name: "last"}}, Bind: bindAddHeader,
			},
			// deleteheader [:index <fieldno: number> [:last]] [COMPARATOR] [MATCH-TYPE]
			//              <field-name: string> [<value-patterns: string-list>]
			{
				Name: "deleteheader", Args: []Arg{name, {Name: "value-patterns", Kind: ListArgument, Optional: true}}, Match: true,
				Tags: []Tag{
					{Name: "index", Args: []Arg{{Name: "fieldno", Kind: NumberArgument}}, Bind: bindIndex},
					{Name: "last", Bind: bindLast},
				},
				Bind: bindDeleteHeader,
			},
		},
	})
}

// checkFieldName returns an error if a text can be no name of a field.
//
// Spec: RFC 5322, section 2.2
func checkFieldName(s string) error {
	ok := s != "" && len(s) <= 900 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ':' })
	if !ok {
		return matchError("field name " + strconv.Quote(clip(s)) + " is invalid; expected printable ASCII without blanks and colons")
	}
	return nil
}

// checkFieldValue returns an error if a text can be no value of a field. Line ends are no
// error: the field is folded there.
func checkFieldValue(s string, most int) error {
	if strings.IndexByte(s, 0) >= 0 { // in a constant
		return matchError("the value " + strconv.Quote(clip(s)) + " of a field is invalid: it holds NUL")
	}
	if len(s) > most {
		return &runtime.LimitError{Limit: "header size", Max: int64(most)}
	}
	return nil
}

// fieldName binds the name of a field that is edited.
func (b *Binder) fieldName(t Text) {
	if s, ok := t.Constant(); ok {
		if err := checkFieldName(s); err != nil {
			b.Errorf(t.Span, "%s", err)
		}
	}
}

func bindAddHeader(b *Binder, c *Call) Do {
	name, value, last := c.Text("field-name"), c.Text("value"), c.Tag("last") != nil
	b.fieldName(name)
	if s, ok := value.Constant(); ok {
		if err := checkFieldValue(s, b.lang.options.HeaderSize); err != nil {
			b.Errorf(value.Span, "%s", err)
		}
	}
	return func(r *Run) error {
		// NUL that comes from the message is no fault of the script.
		n, v := name.Value(r), strings.ReplaceAll(value.Value(r), "\x00", "")
		if err := checkFieldName(n); err != nil {
			return err
		}
		if err := checkFieldValue(v, r.options.HeaderSize); err != nil {
			return err
		}
		lower := lowerASCII(n)
		if lower != "subject" && (lower == redirectedFrom || containsFold(r.options.ForbidAdd, n)) {
			return nil
		}
		if err := r.task.Output(len(n) + len(v)); err != nil {
			return err
		}
		r.editHeader(lower, func(h *mail.HeaderEditor) { h.Add(n, v, last) })
		return nil
	}
}

// redirectedFrom is the field by which a redirect that comes back is known again.
const redirectedFrom = "x-sieve-redirected-from"

// mayDelete says whether deleteheader touches fields of that name, in lower case.
//
// Spec: RFC 5293, section 5
func (r *Run) mayDelete(lower string) bool {
	switch lower {
	case "subject":
		return true
	case "received", "auto-submitted", redirectedFrom:
		return false
	}
	return !containsFold(r.options.ForbidDelete, lower)
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return strings.EqualFold(one, s) })
}

func bindDeleteHeader(b *Binder, c *Call) Do {
	name, pick := c.Text("field-name"), c.pick
	b.fieldName(name)
	var m *Matcher
	if c.Given("value-patterns") {
		m = c.Matcher("value-patterns")
	}
	return func(r *Run) error {
		n := name.Value(r)
		if err := checkFieldName(n); err != nil {
			return err
		}
		lower := lowerASCII(n)
		if r.view.Mail() == nil || !r.mayDelete(lower) {
			return r.err
		}
		// The patterns of an action leave the captures of the last test alone.
		captures := r.captures
		doomed := r.doomed(n, &pick, m)
		r.captures = captures
		if len(doomed) == 0 || r.err != nil {
			return r.err
		}
		r.editHeader(lower, func(h *mail.HeaderEditor) {
			i := -1
			h.Fields = slices.DeleteFunc(h.Fields, func(mail.Field) bool {
				i++
				_, ok := slices.BinarySearch(doomed, i)
				return ok
			})
		})
		return nil
	}
}

// doomed returns the numbers of the fields that are to be deleted, ascending.
func (r *Run) doomed(name string, pick *fieldPick, m *Matcher) []int {
	var found []int
	list := r.listed(&r.top)
	r.work(8 * len(list))
	for i, f := range list {
		if strings.EqualFold(f.Name, name) {
			found = append(found, i)
		}
	}
	if pick.index > 0 {
		n := pick.index - 1
		if pick.last {
			n = len(found) - pick.index
		}
		if n < 0 || n >= len(found) {
			return nil
		}
		found = found[n : n+1]
	}
	switch {
	case m == nil:
		return found
	case m.Counting():
		if m.Count(r, len(found)) {
			return found
		}
		return nil
	}
	return slices.DeleteFunc(found, func(i int) bool {
		r.work(len(list[i].Raw))
		return !m.MatchText(r, list[i].Text())
	})
}
