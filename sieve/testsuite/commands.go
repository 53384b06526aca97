package testsuite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// enter notes which run a command belongs to.
func (s *suite) enter(r *sieve.Run) {
	if s.inner == 0 {
		s.run = r
	}
}

// objects are what test_set may set.
var objects = []string{"message", "envelope.from", "envelope.to", "envelope.orig_to", "envelope.auth",
	"envelope.ret", "envelope.envid", "envelope.by", "envelope.notify", "envelope.orcpt"}

// bindSet makes test_set <object: string> <value: string>.
func (s *suite) bindSet(b *sieve.Binder, c *sieve.Call) sieve.Do {
	object, value := c.Text("object"), c.Text("value")
	name, ok := object.Constant()
	if !ok || !slices.Contains(objects, name) {
		b.Errorf(object.Span, "unknown test object '%s'; expected one of %s", name, strings.Join(objects, ", "))
		return nil
	}
	return func(r *sieve.Run) error {
		s.enter(r)
		v := value.Value(r)
		switch name {
		case "message":
			s.setMessage([]byte(v))
		case "envelope.from":
			s.tx.From.Address = s.envelopeAddress(v)
		case "envelope.to":
			s.setRecipient(s.envelopeAddress(v))
		case "envelope.orig_to":
			s.tx.Rcpt.Original = s.envelopeAddress(v)
		case "envelope.auth":
			s.tx.Client.Authenticated = v
		case "envelope.ret", "envelope.envid", "envelope.by":
			setParam(&s.tx.From, name, v)
		case "envelope.notify", "envelope.orcpt":
			setParam(&s.tx.Rcpt.Path, name, v)
		}
		s.show(r)
		return nil
	}
}

// setParam sets an ESMTP parameter of a path, as a peer writes it; "" takes it away.
func setParam(p *runtime.Path, object, value string) {
	params := maps.Clone(p.Params)
	if params == nil {
		params = map[string]string{}
	}
	name := strings.ToUpper(strings.TrimPrefix(object, "envelope."))
	if params[name] = value; value == "" {
		delete(params, name)
	}
	p.Params = params
}

func (s *suite) bindConfigSet(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	name, value := c.Text("setting"), c.Text("value")
	return func(r *sieve.Run) error {
		s.settings[name.Value(r)] = value.Value(r)
		return nil
	}
}

func (s *suite) bindConfigUnset(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	name := c.Text("setting")
	return func(r *sieve.Run) error {
		delete(s.settings, name.Value(r))
		return nil
	}
}

// bindConfigReload makes test_config_reload [:extension <name: string>]. All settings are read
// again, whatever extension is named.
func (s *suite) bindConfigReload(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	var extension sieve.Text
	if u := c.Tag("extension"); u != nil {
		extension = u.Text()
	}
	return func(r *sieve.Run) error {
		s.enter(r)
		if name := extension.Value(r); name != "" && !s.knows(name) {
			return fmt.Errorf("unknown extension %q", name)
		}
		if err := s.reload(); err != nil {
			return err
		}
		if s.inner > 0 {
			r.SetOptions(s.sieve)
		}
		return nil
	}
}

func (s *suite) knows(extension string) bool {
	return slices.ContainsFunc(s.language.Extensions(), func(e sieve.Extension) bool { return e.Name == extension })
}

func (s *suite) bindReset(*sieve.Binder, *sieve.Call) sieve.Do {
	return func(r *sieve.Run) error {
		s.enter(r)
		s.result.init()
		s.sent = nil
		s.store.close()
		r.Reset()
		r.FlagsFrom(func() []string { return s.flags })
		return nil
	}
}

func (s *suite) bindPrint(text func() string) func(*sieve.Binder, *sieve.Call) sieve.Do {
	return func(*sieve.Binder, *sieve.Call) sieve.Do {
		return func(*sieve.Run) error {
			s.options.Print(text())
			return nil
		}
	}
}

func (s *suite) bindMailboxCreate(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	name := c.Text("mailbox")
	return func(r *sieve.Run) error {
		v := name.Value(r)
		if err := s.store.create(v); err != nil {
			return fmt.Errorf("mailbox %q: %w", v, err)
		}
		return nil
	}
}

func (s *suite) bindMailboxDelete(b *sieve.Binder, c *sieve.Call) sieve.Do {
	at := b.Position(c.Node.NameSpan)
	return func(r *sieve.Run) error { return s.fail(r, at, "test_mailbox_delete is not implemented") }
}

func (s *suite) bindMetadataSet(_ *sieve.Binder, c *sieve.Call) sieve.Do {
	name, value := c.Text("annotation"), c.Text("value")
	var box sieve.Text
	if u := c.Tag("mailbox"); u != nil {
		box = u.Text()
	}
	return func(r *sieve.Run) error {
		m := box.Value(r)
		if m != "" {
			var err error
			if m, err = mailboxName(m); err != nil {
				return err
			}
		}
		s.meta.set(m, strings.ToLower(name.Value(r)), value.Value(r))
		return nil
	}
}

// bindMessage makes the command test_message (:smtp / :folder <mailbox: string>) <index: number>.
func (s *suite) bindMessage(b *sieve.Binder, c *sieve.Call) sieve.Do {
	at := b.Position(c.Node.NameSpan)
	find := s.finder(b, c)
	return func(r *sieve.Run) error {
		ok, what := find(r)
		if !ok {
			return s.fail(r, at, what)
		}
		return nil
	}
}

func (s *suite) bindMessageTest(b *sieve.Binder, c *sieve.Call) sieve.Check {
	find := s.finder(b, c)
	return func(r *sieve.Run) (bool, error) {
		ok, _ := find(r)
		return ok, nil
	}
}

// finder returns what makes a stored or sent message the current one, or says why not.
func (s *suite) finder(b *sieve.Binder, c *sieve.Call) func(r *sieve.Run) (ok bool, why string) {
	index := c.Number("index")
	var box sieve.Text
	folder := c.Tag("folder")
	switch {
	case folder != nil:
		box = folder.Text()
		if name, ok := box.Constant(); ok {
			if _, err := mailboxName(name); err != nil {
				b.Errorf(box.Span, "invalid mailbox name %q", name)
			}
		}
	case c.Tag("smtp") == nil:
		b.Errorf(c.Node.NameSpan, "test_message: expected :smtp or :folder")
	}
	return func(r *sieve.Run) (bool, string) {
		s.enter(r)
		defer s.show(r)
		if folder == nil {
			if index >= uint64(len(s.sent)) {
				return false, fmt.Sprintf("no outgoing message %d", index)
			}
			m := s.sent[index]
			s.setMessage(m.raw)
			s.tx.From.Address = m.from
			s.setRecipient(m.to)
			return true, ""
		}
		name := box.Value(r)
		m, ok := s.store.look(name, index)
		if !ok {
			if !s.store.has(name) {
				s.setMessage([]byte(defaultMessage))
			}
			return false, fmt.Sprintf("no message %d in mailbox %q", index, name)
		}
		s.setMessage(m.raw)
		s.flags = m.flags
		return true, ""
	}
}
