package sieve

import (
	"github.com/sluice-mail/sluice/runtime"
)

// fcc files a copy of what vacation and notify send. Where nothing is sent, nothing is
// filed. It takes the tags of fileinto that say where and how.
//
// Spec:   RFC 8580
// Status: complete
func init() {
	on := []string{"vacation", "notify"}
	// The tags that others hang on fileinto are used with their capability only.
	borrowed := func(name, capability string, args ...Arg) Tag {
		return Tag{Name: name, On: on, Args: args, Bind: func(b *Binder, c *Call, u *TagUse) {
			switch e, ok := b.lang.registry.extensions[capability]; {
			case !b.Required(capability) && ok:
				b.needs(u.Span, "tag", ":"+name, e)
			case c.Tag("fcc") == nil:
				b.Errorf(u.Span, "%q needs %q here", ":"+name, ":fcc")
			}
		}}
	}
	register(Extension{
		Name: "fcc", Spec: "RFC 8580", Status: "complete",
		Limits: "without the mailbox, and without `:create`, no copy is filed",
		Tags: []Tag{
			{Name: "fcc", On: on, Args: []Arg{{Name: "mailbox", Kind: StringArgument}}},
			borrowed("flags", "imap4flags", Arg{Name: "list-of-flags", Kind: ListArgument}),
			borrowed("create", "mailbox"),
			borrowed("specialuse", "special-use", Arg{Name: "special-use-attr", Kind: StringArgument}),
			borrowed("mailboxid", "mailboxid", Arg{Name: "mailboxid", Kind: StringArgument}),
		},
	})
}

// fileCopy is what :fcc of a command asks for.
type fileCopy struct {
	mailbox    *Text // nil: nothing
	flags      []Text
	specialUse *Text
	id         *Text
	create     bool
}

// fileCopy reads the tags of fcc.
func (b *Binder) fileCopy(c *Call) (f fileCopy) {
	text := func(name string) *Text {
		if u := c.Tag(name); u != nil {
			t := u.Text()
			return &t
		}
		return nil
	}
	if f.mailbox = text("fcc"); f.mailbox == nil {
		return f
	}
	if s, ok := f.mailbox.Constant(); ok {
		if err := runtime.CheckMailbox(s); err != nil {
			b.Errorf(f.mailbox.Span, "%s: :fcc: %s", c.name, err)
		}
	}
	f.specialUse, f.id, f.create = text("specialuse"), text("mailboxid"), c.Tag("create") != nil
	if u := c.Tag("flags"); u != nil {
		f.flags = u.Texts()
	}
	return f
}

// act files a message, if :fcc asks for it.
func (f *fileCopy) act(r *Run, as string, raw []byte) error {
	if f.mailbox == nil {
		return nil
	}
	a := runtime.Action{Kind: runtime.FileCopy, As: as, Mailbox: f.mailbox.Value(r), Create: f.create, Raw: raw}
	if f.flags != nil {
		a.Flags = r.flagList(f.flags)
	}
	if f.specialUse != nil {
		a.SpecialUse = f.specialUse.Value(r)
	}
	if f.id != nil {
		a.MailboxID = f.id.Value(r)
	}
	if r.err != nil {
		return r.err
	}
	if runtime.CheckMailbox(a.Mailbox) != nil {
		return nil // a name from the message that nothing can be filed under
	}
	return r.Act(a)
}
