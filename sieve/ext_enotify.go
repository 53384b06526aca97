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

// checkMethod says what is wrong with the URI of a notification.
func checkMethod(uri string) (*mail.Mailto, error) {
	scheme, _, ok := strings.Cut(uri, ":")
	if !ok || lowerASCII(scheme) != "mailto" {
		return nil, matchError("unknown method \"" + clip(uri) + "\" of a notification; expected mailto:")
	}
	return mail.ParseMailto(uri)
}

func bindValidMethod(_ *Binder, c *Call) Check {
	uris := c.Texts("notification-uris")
	return func(r *Run) (bool, error) {
		for i := range uris {
			if _, err := checkMethod(uris[i].Value(r)); err != nil {
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
		if _, err := checkMethod(uri.Value(r)); err != nil {
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
		if n.uri, err = checkMethod(s); err != nil {
			b.Errorf(n.method.Span, "notify: %s", err)
		}
	}
	if n.from != nil {
		b.checkAddress(*n.from, "notify: :from")
	}
	if n.importance != nil {
		if s, ok := n.importance.Constant(); ok && importances[s] == nil {
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

// importances are the values of Importance and X-Priority.
var importances = map[string][]string{"1": {"High", "1 (Highest)"}, "2": {"Normal", "3 (Normal)"}, "3": {"Low", "5 (Lowest)"}}

// run sends the notification, or says why not.
func (n *notification) run(r *Run) error {
	a := runtime.Action{Kind: runtime.Send, As: runtime.AsNotify}
	uri, err := n.uri, error(nil)
	if uri == nil {
		uri, err = checkMethod(n.method.Value(r))
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
//
// Spec: RFC 5436, section 2.7
func (n *notification) compose(r *Run, uri *mail.Mailto, from mail.Address, to, cc []mail.Address) ([]byte, error) {
	message := ""
	if n.message != nil {
		message = n.message.Value(r)
	}
	subject := "Notification: " + r.subject()
	switch {
	case strings.TrimSpace(message) != "":
		subject = message
	case uri.Subject != nil:
		subject = *uri.Subject
	}
	c := r.compose()
	c.Addresses("From", from)
	c.Addresses("To", to...)
	c.Addresses("Cc", cc...)
	c.Text("Subject", limited(strings.TrimSpace(mail.OneLine(subject)), 256))
	c.autoNotified(r)
	level := importances["2"]
	if n.importance != nil {
		if l := importances[n.importance.Value(r)]; l != nil {
			level = l
		}
	}
	c.Raw("Importance", level[0])
	c.Raw("X-Priority", level[1])
	for _, f := range uri.Fields {
		c.Text(f[0], f[1])
	}
	body := message
	switch {
	case uri.Body != nil:
		body = *uri.Body
	case strings.TrimSpace(message) == "":
		body = "There is a new message."
	}
	c.Body(body)
	if r.err != nil {
		return nil, r.err
	}
	return r.composed(c)
}

// autoNotified writes the fields that keep machines from answering, and say whose script
// it was.
//
// Spec: RFC 5436, section 2.7.1
func (c *composer) autoNotified(r *Run) {
	value := "auto-notified"
	if u := r.userEmail(); u != "" && onlyASCII(u) {
		value += `; owner-email="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(mail.OneLine(u)) + `"`
	}
	c.Raw("Auto-Submitted", value)
	c.Raw("Precedence", "bulk")
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
