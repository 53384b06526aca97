package sieve

import (
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// enotify tells somebody about the message, by mail. A notification that cannot or must not
// be sent is no error: the plan says why it is not.
//
// Mail that a machine sent makes no notification, so that two machines do not notify each
// other for ever. One address gets one notification from a run.
//
// Spec:   RFC 5435; RFC 5436
// Status: complete; the only method is mailto
func init() {
	text := func(name string) []Arg { return []Arg{{Name: name, Kind: StringArgument}} }
	register(Extension{
		Name: "enotify", Spec: "RFC 5435, RFC 5436", Status: "complete, with the method `mailto`",
		Limits: "8 recipients of a notification (can be set), 16 header fields of a URI",

		// notify [":from" string] [":importance" <"1" / "2" / "3">] [":options" string-list]
		//        [":message" string] <method: string>
		Commands: []Command{{
			// The older notify has no argument; see ext_notify.go.
			Name: "notify", Args: []Arg{{Name: "method", Kind: StringArgument, Optional: true}},
			Tags: []Tag{
				{Name: "from", Args: text("from")}, {Name: "importance", Args: text("importance")}, {Name: "message", Args: text("message")},
				{Name: "options", Args: []Arg{{Name: "options", Kind: ListArgument}}},
			},
			Bind: bindNotify,
		}},
		Tests: []Test{
			// valid_notify_method <notification-uris: string-list>
			{Name: "valid_notify_method", Args: []Arg{{Name: "notification-uris", Kind: ListArgument}}, Bind: bindValidMethod},
			// notify_method_capability [COMPARATOR] [MATCH-TYPE] <notification-uri: string>
			//                          <notification-capability: string> <key-list: string-list>
			{
				Name: "notify_method_capability", Match: true, Bind: bindMethodCapability,
				Args: []Arg{{Name: "notification-uri", Kind: StringArgument}, {Name: "notification-capability", Kind: StringArgument}, {Name: "key-list", Kind: ListArgument}},
			},
		},
		Modifiers: []Modifier{{Name: "encodeurl", Precedence: 15, Apply: encodeURL}},
		Excludes:  []string{oldNotify},
	})
}

func bindValidMethod(_ *Binder, c *Call) Check {
	uris := c.Texts("notification-uris")
	return func(r *Run) (bool, error) {
		for i := range uris {
			if _, err := runtime.NotifyMethod(uris[i].Value(r)); err != nil {
				return false, r.err
			}
		}
		return true, r.err
	}
}

// bindMethodCapability: mailto knows only whether somebody is online, and does not know that.
//
// Spec: RFC 5436, section 2.2
func bindMethodCapability(_ *Binder, c *Call) Check {
	uri, capability, m := c.Text("notification-uri"), c.Text("notification-capability"), c.Matcher("key-list")
	return func(r *Run) (bool, error) {
		known := lowerASCII(capability.Value(r)) == "online"
		if _, err := runtime.NotifyMethod(uri.Value(r)); err != nil {
			return false, r.err
		}
		switch {
		case m.Counting():
			n := 0
			if known {
				n = 1
			}
			return m.Count(r, n), nil
		case !known:
			return false, nil
		}
		return m.MatchText(r, "maybe"), nil
	}
}

// notification is one use of notify.
type notification struct {
	method     Text
	uri        *mail.Mailto // nil: method is not constant
	from       *Text
	message    *Text
	importance *Text
	file       fileCopy
}

func bindNotify(b *Binder, c *Call) Do {
	if b.Required(oldNotify) {
		return bindOldNotify(b, c)
	}
	if !c.Given("method") {
		b.Errorf(c.Node.NameSpan, "%q lacks an argument: expected a string (method)", "notify")
		return nil
	}
	n := &notification{method: c.Text("method")}
	text := func(name string) *Text {
		if u := c.Tag(name); u != nil {
			t := u.Text()
			return &t
		}
		return nil
	}
	n.from, n.message, n.importance = text("from"), text("message"), text("importance")
	if s, ok := n.method.Constant(); ok {
		var err error
		if n.uri, err = runtime.NotifyMethod(s); err != nil {
			b.Errorf(n.method.Span, "notify: %s", err)
		}
	}
	if n.from != nil {
		b.checkAddress(*n.from, "notify: :from")
	}
	if n.importance != nil {
		if s, ok := n.importance.Constant(); ok && runtime.Importances[s][0] == "" {
			b.Errorf(n.importance.Span, "notify: importance %q; expected \"1\", \"2\" or \"3\"", clip(s))
		}
	}
	if u := c.Tag("options"); u != nil {
		for _, t := range u.Texts() {
			if s, ok := t.Constant(); ok && !isOption(s) {
				b.Errorf(t.Span, "notify: option %q; expected name=value", clip(s))
			}
		}
	}
	c.lawful()
	n.file = b.fileCopy(c)
	return n.run
}

// isOption says whether an option has its form. None is known to mailto, which does not
// look at them.
//
// Spec: RFC 5435, section 3.5
func isOption(s string) bool {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" || !alphanumeric(name[0]) || strings.ContainsAny(value, "\r\n\x00") {
		return false
	}
	for i := 1; i < len(name); i++ {
		if c := name[i]; !alphanumeric(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return c != '_' && isLetter(c) || '0' <= c && c <= '9' }

// run sends the notification, or says why not.
func (n *notification) run(r *Run) error {
	a := runtime.Action{Kind: runtime.Send, As: runtime.AsNotify}
	uri, err := n.uri, error(nil)
	if uri == nil {
		uri, err = runtime.NotifyMethod(n.method.Value(r))
	}
	var to, cc, bcc []mail.Address
	switch {
	case r.err != nil:
		return r.err
	case err != nil:
		a.Reason = err.Error()
	case runtime.AutoSubmitted(r.header()):
		a.Reason = "the message was sent by a machine"
	default:
		told := r.told()
		to, cc, bcc = told.fresh(uri.To), told.fresh(uri.Cc), told.fresh(uri.Bcc)
		all := slices.Concat(to, cc, bcc)
		for _, one := range all {
			a.Others = append(a.Others, one.String())
		}
		switch most := r.mailOptions().NotifyRecipients; {
		case len(all) == 0:
			a.Reason = "its recipients are notified already"
		case len(all) > most:
			return &runtime.LimitError{Limit: "recipients of a notification", Max: int64(most)}
		default:
			a.Address, a.Others = a.Others[0], a.Others[1:]
		}
	}
	if a.Reason != "" {
		return r.Act(a)
	}
	from, header := r.notifyFrom(n.from)
	a.From = from
	if a.Raw, err = n.compose(r, uri, header, to, cc); err != nil {
		return err
	}
	if err := r.Act(a); err != nil {
		return err
	}
	return n.file.act(r, runtime.AsNotify, a.Raw)
}

// notifyFrom returns the envelope sender of a notification, and its From.
//
// Spec: RFC 5436, section 2.7
func (r *Run) notifyFrom(given *Text) (envelope string, header mail.Address) {
	header = mail.Address{Name: "Postmaster", Local: r.postmaster()}
	if a, err := mail.ParseAddress(r.postmaster()); err == nil {
		header.Local, header.Domain = a.Local, a.Domain
	}
	if given != nil {
		if a, ok := mail.ReadMailbox(given.Value(r)); ok {
			header = a
		}
	}
	envelope = r.choose(r.mailOptions().NotifyFrom)
	if envelope == "" {
		envelope = header.String()
	}
	if r.view.From.Address == "" {
		envelope = runtime.NullSender
	}
	return envelope, header
}

// compose writes the notification.
func (n *notification) compose(r *Run, uri *mail.Mailto, from mail.Address, to, cc []mail.Address) ([]byte, error) {
	out := runtime.Notification{URI: uri, From: from, To: to, Cc: cc, Subject: r.subject(), Owner: r.userEmail()}
	if n.message != nil {
		out.Message = n.message.Value(r)
	}
	if n.importance != nil {
		out.Importance = n.importance.Value(r)
	}
	c := r.compose()
	out.Write(&c.Composer)
	if r.err != nil {
		return nil, r.err
	}
	return r.composed(c)
}

// told are the addresses that a run has notified.
type told map[string]bool

type toldKey struct{}

// OfMessage says that they are forgotten when a test suite sets another message.
func (toldKey) OfMessage() {}

func (r *Run) told() told {
	t, _ := r.Local(toldKey{}).(told)
	if t == nil {
		t = told{}
		r.SetLocal(toldKey{}, t)
	}
	return t
}

// fresh returns those of the addresses that were not told before, and notes them.
func (t told) fresh(list []mail.Address) (out []mail.Address) {
	for _, a := range list {
		key := strings.ToLower(a.String())
		if !t[key] {
			t[key] = true
			out = append(out, a)
		}
	}
	return out
}
