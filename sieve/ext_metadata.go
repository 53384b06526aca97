package sieve

import (
	"errors"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// mboxmetadata and servermetadata test annotations of mailboxes and of the account. What there is
// not matches nothing.
//
// Spec:   RFC 5490, sections 4 and 5
// Status: complete
func init() {
	mailbox, name := Arg{Name: "mailbox", Kind: StringArgument}, Arg{Name: "annotation-name", Kind: StringArgument}
	names, keys := Arg{Name: "annotation-names", Kind: ListArgument}, Arg{Name: "key-list", Kind: ListArgument}
	register(Extension{
		Name: "mboxmetadata", Spec: "RFC 5490, section 4", Status: "complete",
		Tests: []Test{
			// metadata [MATCH-TYPE] [COMPARATOR] <mailbox: string> <annotation-name: string> <key-list: string-list>
			{Name: "metadata", Args: []Arg{mailbox, name, keys}, Match: true, Bind: bindMetadata(true)},
			// metadataexists <mailbox: string> <annotation-names: string-list>
			{Name: "metadataexists", Args: []Arg{mailbox, names}, Bind: bindMetadataExists(true)},
		},
	})
	register(Extension{
		Name: "servermetadata", Spec: "RFC 5490, section 5", Status: "complete",
		Tests: []Test{
			// servermetadata [MATCH-TYPE] [COMPARATOR] <annotation-name: string> <key-list: string-list>
			{Name: "servermetadata", Args: []Arg{name, keys}, Match: true, Bind: bindMetadata(false)},
			// servermetadataexists <annotation-names: string-list>
			{Name: "servermetadataexists", Args: []Arg{names}, Bind: bindMetadataExists(false)},
		},
	})
}

func bindMetadata(ofMailbox bool) func(*Binder, *Call) Check {
	return func(_ *Binder, c *Call) Check {
		box, name, m := c.annotated(ofMailbox), c.Text("annotation-name"), c.Matcher("key-list")
		return func(r *Run) (bool, error) {
			s, ok, err := r.metadata(box, name.Value(r))
			switch {
			case err != nil || !ok && !m.Counting():
				return false, err
			case m.Counting() && ok:
				return m.Count(r, 1), nil
			case m.Counting():
				return m.Count(r, 0), nil
			}
			return m.MatchText(r, s), nil
		}
	}
}

func bindMetadataExists(ofMailbox bool) func(*Binder, *Call) Check {
	return func(_ *Binder, c *Call) Check {
		box, names := c.annotated(ofMailbox), c.Texts("annotation-names")
		return func(r *Run) (bool, error) {
			for i := range names {
				if _, ok, err := r.metadata(box, names[i].Value(r)); err != nil || !ok {
					return false, err
				}
			}
			return true, nil
		}
	}
}

// annotated returns the mailbox that a test asks for, nil for the account.
func (c *Call) annotated(ofMailbox bool) *Text {
	if !ofMailbox {
		return nil
	}
	t := c.Text("mailbox")
	return &t
}

// metadata returns an annotation; false says that there is none.
func (r *Run) metadata(mailbox *Text, name string) (string, bool, error) {
	box := ""
	if mailbox != nil {
		if box = mailbox.Value(r); !r.mailbox(box) {
			return "", false, nil
		}
	}
	if err := checkAnnotation(name); err != nil {
		r.Note("%s", err)
		return "", false, nil
	}
	var v runtime.Value
	var err error
	if mailbox != nil {
		v, err = r.task.Invoke("metadata_get", box, name)
	} else {
		v, err = r.task.Invoke("server_metadata_get", name)
	}
	s, ok := v.(string)
	return s, ok, err
}

// checkAnnotation says what is wrong with the name of an annotation.
//
// Spec: RFC 5464, section 3.2
func checkAnnotation(name string) error {
	lower := lowerASCII(name)
	rest, ok := strings.CutPrefix(lower, "/private/")
	if !ok {
		rest, ok = strings.CutPrefix(lower, "/shared/")
	}
	bad := strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c >= 0x7f || c == '*' || c == '%' })
	if !ok || rest == "" || bad || strings.Contains(lower, "//") || strings.HasSuffix(lower, "/") {
		return errors.New("\"" + clip(name) + "\" is no name of an annotation; expected one such as \"/private/comment\"")
	}
	return nil
}
