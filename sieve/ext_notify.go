package sieve

import (
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

const oldNotify = "notify"

// notify is the older form of enotify, from a draft. Notifications go out when the script
// ends, so that denotify can take them back.
//
// Spec:   draft-martin-sieve-notify-01
// Status: complete, with the method mailto; deprecated
func init() {
	text := []Arg{{Name: "text", Kind: StringArgument}}
	const level, match = "importance", "match type"
	on := []string{"notify"}
	levels := func(on []string) []Tag {
		return []Tag{{Name: "low", On: on, Group: level}, {Name: "normal", On: on, Group: level}, {Name: "high", On: on, Group: level}}
	}
	register(Extension{
		Name: oldNotify, Spec: "draft-martin-sieve-notify-01", Status: "complete, with the method `mailto`; deprecated, use `enotify`", Off: true,
		// notify [":method" string] [":id" string] [":low" / ":normal" / ":high"]
		//        [":options" string-list] [":message" string]
		Tags: append(levels(on), Tag{Name: "method", On: on, Args: text}, Tag{Name: "id", On: on, Args: text}),
		// denotify [MATCH-TYPE string] [":low" / ":normal" / ":high"]
		Commands: []Command{{
			Name: "denotify", Bind: bindDenotify,
			Tags: append(levels(nil), Tag{Name: "is", Group: match, Args: text}, Tag{Name: "contains", Group: match, Args: text}, Tag{Name: "matches", Group: match, Args: text}),
		}},
		Excludes: []string{"enotify"},
		Implies:  []string{"enotify"}, // whose command it is
		AtEnd: func(r *Run) {
			list, _ := r.Local(pendingKey{}).([]*oldNotification)
			r.SetLocal(pendingKey{}, []*oldNotification(nil))
			for _, n := range list {
				if err := n.send(r); err != nil {
					r.Fail(err)
					return
				}
			}
		},
	})
}

// oldNotification is one that goes out when the script ends.
type oldNotification struct {
	id, level, message string
	to                 []mail.Address
	reason             string // why it is not sent
}

type pendingKey struct{}

// OfMessage says that they are forgotten when a test suite sets another message.
func (pendingKey) OfMessage() {}

func bindOldNotify(b *Binder, c *Call) Do {
	for _, name := range []string{"from", "importance"} {
		if u := c.Tag(name); u != nil {
			b.Errorf(u.Span, "%q needs require %q", ":"+name, "enotify")
		}
	}
	if c.Given("method") {
		b.Errorf(c.Span("method"), "%q: unexpected string; no more arguments are expected", "notify")
	}
	var method, id, message Text
	for _, tag := range []struct {
		name string
		text *Text
	}{{"method", &method}, {"id", &id}, {"message", &message}} {
		if u := c.Tag(tag.name); u != nil {
			*tag.text = u.Text()
		}
	}
	if c.Tag("message") == nil {
		message = Text{constant: "$from$: $subject$"}
	}
	if s, ok := method.Constant(); ok && s != "" && lowerASCII(s) != "mailto" {
		b.Errorf(method.Span, "notify: unknown method %q; expected mailto", clip(s))
	}
	var to []Text
	if u := c.Tag("options"); u != nil {
		to = u.Texts()
		for _, t := range to {
			b.checkAddress(t, "notify: :options")
		}
	}
	c.lawful()
	level := importanceOf(c)
	return func(r *Run) error {
		n := &oldNotification{id: id.Value(r), level: level, message: message.Value(r)}
		for i := range to {
			if a, ok := mail.ReadMailbox(to[i].Value(r)); ok {
				n.to = append(n.to, a)
			}
		}
		switch {
		case r.err != nil:
			return r.err
		case len(n.to) == 0:
			n.reason = "it has no recipient"
		case runtime.AutoSubmitted(r.header()):
			n.reason = "the message was sent by a machine"
		}
		list, _ := r.Local(pendingKey{}).([]*oldNotification)
		if most := r.task.Limits().Actions; len(list) >= most {
			return &runtime.LimitError{Limit: "actions", Max: int64(most)}
		}
		r.SetLocal(pendingKey{}, append(list, n))
		return nil
	}
}

func importanceOf(c *Call) string {
	for name, level := range map[string]string{"low": "3", "normal": "2", "high": "1"} {
		if c.Tag(name) != nil {
			return level
		}
	}
	return ""
}

func bindDenotify(b *Binder, c *Call) Do {
	var m *Matcher
	for _, kind := range []string{"is", "contains", "matches"} {
		u := c.Tag(kind)
		if u == nil {
			continue
		}
		g := b.lang.registry
		m = &Matcher{Comparator: g.comparator[DefaultComparator].def, kind: g.matchTypes[kind].def, keys: []Text{u.Text()}, ready: make([]Key, 1)}
		if s, ok := m.keys[0].Constant(); ok {
			k, err := m.kind.Key(m, s)
			if err != nil {
				b.Errorf(u.Span, "%s", err)
			}
			m.ready[0] = k
		}
	}
	level := importanceOf(c)
	return func(r *Run) error {
		list, _ := r.Local(pendingKey{}).([]*oldNotification)
		var stay []*oldNotification
		for _, n := range list {
			if (m == nil || m.MatchText(r, n.id)) && (level == "" || level == n.importance()) {
				continue
			}
			stay = append(stay, n)
		}
		r.SetLocal(pendingKey{}, stay)
		return r.err
	}
}

func (n *oldNotification) importance() string {
	if n.level == "" {
		return "2"
	}
	return n.level
}

// send puts the notification into the plan.
func (n *oldNotification) send(r *Run) error {
	a := runtime.Action{Kind: runtime.Send, As: runtime.AsNotify, Reason: n.reason}
	to := n.to
	if a.Reason == "" {
		if to = r.told().fresh(n.to); len(to) == 0 {
			a.Reason = "its recipients are notified already"
		}
	}
	if a.Reason != "" {
		return r.Act(a)
	}
	if most := r.mailOptions().NotifyRecipients; len(to) > most {
		return &runtime.LimitError{Limit: "recipients of a notification", Max: int64(most)}
	}
	for _, one := range to {
		a.Others = append(a.Others, one.String())
	}
	a.Address, a.Others = a.Others[0], a.Others[1:]
	var from mail.Address
	a.From, from = r.notifyFrom(nil)
	c := r.compose()
	c.Addresses("From", from)
	c.Addresses("To", to...)
	c.Text("Subject", "[SIEVE] New mail notification")
	c.Raw("Auto-Submitted", "auto-generated (notify)")
	c.Raw("Precedence", "bulk")
	level := runtime.Importances[n.importance()]
	c.Raw("Importance", level[0])
	c.Raw("X-Priority", level[1])
	c.Body(r.substitute(n.message))
	raw, err := r.composed(c)
	if err != nil {
		return err
	}
	a.Raw = raw
	return r.Act(a)
}

// substitute puts in what the message says for $from$, $env-from$, $subject$, $text$ and $text[n]$.
// What is put in is not looked at again.
func (r *Run) substitute(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		n := strings.IndexByte(s[1:], '$') + 1
		if n == 0 {
			break
		}
		value, ok := r.substitution(s[1:n])
		if !ok {
			b.WriteByte('$')
			s = s[1:]
			continue
		}
		b.WriteString(value)
		s = s[n+1:]
	}
	b.WriteString(s)
	return b.String()
}

func (r *Run) substitution(name string) (string, bool) {
	switch name {
	case "from":
		return first1(r.header().Texts("From")), true
	case "env-from":
		return r.view.From.Address, true
	case "subject":
		return r.subject(), true
	case "text":
		return r.plainText(4 << 10), true
	}
	inner, ok := strings.CutPrefix(name, "text[")
	inner, shut := strings.CutSuffix(inner, "]")
	n, err := strconv.Atoi(inner)
	if !ok || !shut || err != nil || n < 0 {
		return "", false
	}
	return r.plainText(min(n, 64<<10)), true
}

// plainText returns at most n octets of the first part of the message that is plain text.
func (r *Run) plainText(n int) string {
	m := r.view.Mail()
	if m == nil {
		return ""
	}
	for p := range m.Root().All() {
		if p.Type == "text" && p.Subtype == "plain" {
			r.work(len(p.Body()))
			return cutText(p.Text(), n)
		}
	}
	return ""
}
