package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// special-use files into the mailbox with an attribute such as \Junk, and asks for such ones.
//
// Spec:   RFC 8579
// Status: complete
func init() {
	register(Extension{
		Name: "special-use", Spec: "RFC 8579", Status: "complete",

		// fileinto [:specialuse <special-use-attr: string>] <mailbox: string>
		Tags: []Tag{{
			Name: "specialuse", On: []string{"fileinto"}, Args: []Arg{{Name: "special-use-attr", Kind: StringArgument}},
			Bind: func(b *Binder, c *Call, u *TagUse) {
				use := u.Text()
				if s, ok := use.Constant(); ok && !isSpecialUse(s) {
					b.Errorf(use.Span, "%q is no special use of a mailbox; expected one such as \"\\\\Junk\"", clip(s))
				}
				c.Edit(func(r *Run, a *runtime.Action) {
					s := use.Value(r)
					if !isSpecialUse(s) {
						r.Note("%q is no special use of a mailbox", clip(s))
						return
					}
					a.SpecialUse = s
				})
			},
		}},
		// specialuse_exists [<mailbox: string>] <special-use-attrs: string-list>
		Tests: []Test{{
			Name: "specialuse_exists", Args: []Arg{{Name: "mailbox", Kind: StringArgument, Optional: true}, {Name: "special-use-attrs", Kind: ListArgument}},
			Bind: bindSpecialUseExists,
		}},
	})
}

func bindSpecialUseExists(b *Binder, c *Call) Check {
	mailbox, uses, any := c.Text("mailbox"), c.Texts("special-use-attrs"), !c.Given("mailbox")
	for _, u := range uses {
		if s, ok := u.Constant(); ok && !isSpecialUse(s) {
			b.Errorf(u.Span, "%q is no special use of a mailbox; expected one such as \"\\\\Junk\"", clip(s))
		}
	}
	return func(r *Run) (bool, error) {
		box := ""
		if !any {
			if box = mailbox.Value(r); !r.mailbox(box) {
				return false, nil
			}
		}
		for i := range uses {
			s := uses[i].Value(r)
			if !isSpecialUse(s) {
				r.Note("%q is no special use of a mailbox", clip(s))
				return false, nil
			}
			v, err := r.task.Invoke("special_use_exists", s, box)
			if ok, _ := v.(bool); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	}
}

// mailbox says whether a text can name a mailbox; that it cannot is noted.
func (r *Run) mailbox(name string) bool {
	err := runtime.CheckMailbox(name)
	if err != nil {
		r.Note("%s", err)
	}
	return err == nil
}

// isSpecialUse says whether a text is an attribute of mailboxes: a backslash and an atom.
//
// Spec: RFC 6154, section 6 (use-attr)
func isSpecialUse(s string) bool {
	if len(s) < 2 || len(s) > 64 || s[0] != '\\' {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f, c == '(' || c == ')' || c == '{' || c == '%' || c == '*' || c == '"' || c == '\\' || c == ']':
			return false
		}
	}
	return true
}
