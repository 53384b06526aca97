package runtime

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

func init() {
	register(Function{
		Name:   "notify",
		Family: "mail",
		Doc: "Tells somebody about the message, by mail: a `mailto:` URI says whom (to, cc, bcc) and may bring a subject, a body and other fields (RFC 6068). A text takes the place of the subject, and of the body where the URI has none. " +
			"Options: `from` (the address in From; postmaster else) and `importance` (1 high, 2 normal, 3 low). Mail that a machine sent makes no notification, and one address gets one from a run. " +
			"Returns whether one is sent; where not, the plan says why. It leaves the implicit keep alone.",
		Params: []Param{
			{Name: "uri", Kind: String, Doc: "such as mailto:bob@example.org?subject=New%20mail"},
			{Name: "text", Kind: String, Optional: true, Doc: "what it says"},
			{Name: "options", Kind: Map, Optional: true, Doc: "from, importance"},
		},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{
			{Code: `notify("mailto:bob@example.org")`, Want: `true`},
			{Code: `notify("mailto:bob@example.org?cc=eve@example.net", "disk full", {"importance": 1, "from": "watch@example.org"})`, Want: `true`},
			{Setup: []string{`notify("mailto:bob@example.org")`}, Code: `notify("mailto:BOB@example.org")`, Want: `false`},
			{Code: `notify("tel:+49123")`, Error: `notify: argument 1 (uri): unknown method "tel:+49123" of a notification; expected mailto:`},
			{Code: `notify("mailto:nobody")`, Error: `notify: argument 1 (uri): recipient "nobody" is no mail address`},
			{Code: `notify("mailto:bob@example.org", "x", {"importance": 4})`, Error: `notify: option importance: 4 is none; expected 1, 2 or 3`},
			{Code: `notify("mailto:bob@example.org")`, Error: "notify is not lawful at stage rcpt; it is at data, deliver, imap", Stage: StageRcpt},
		},
		Call: notify,
	})
}

func notify(e *Env, a Args) (Value, error) {
	uri, err := NotifyMethod(a.String(0))
	if err != nil {
		return nil, fmt.Errorf("argument 1 (uri): %w", err)
	}
	set := e.settings()
	n := Notification{URI: uri, Message: a.String(1), Owner: e.View.Rcpt.Address, From: mail.Address{Name: "Postmaster", Local: set.Postmaster}}
	if p, err := mail.ParseAddress(set.Postmaster); err == nil {
		n.From.Local, n.From.Domain = p.Local, p.Domain
	}
	if err := n.options(a.Map(2)); err != nil {
		return nil, err
	}
	out := Action{Kind: Send, As: AsNotify}
	var header *mail.Header
	if m := e.View.Mail(); m == nil {
		out.Reason = "there is no message"
	} else if header = m.Header(); AutoSubmitted(header) {
		out.Reason = "the message was sent by a machine"
	}
	if out.Reason == "" {
		n.To, n.Cc = e.run.untold(uri.To), e.run.untold(uri.Cc)
		for _, one := range slices.Concat(n.To, n.Cc, e.run.untold(uri.Bcc)) {
			out.Others = append(out.Others, one.String())
		}
		if len(out.Others) == 0 {
			out.Reason = "its recipients are notified already"
		}
	}
	if out.Reason != "" {
		return false, e.Act(out)
	}
	if len(out.Others) > set.NotifyRecipients {
		return nil, &LimitError{Limit: "recipients of a notification", Max: int64(set.NotifyRecipients)}
	}
	out.Address, out.Others = out.Others[0], out.Others[1:]
	if out.From = ChooseSender(e.View, set.NotifyFrom, set.Postmaster, e.View.Rcpt.Address); out.From == "" {
		out.From = n.From.String()
	}
	if e.View.From.Address == "" {
		out.From = NullSender
	}
	if texts := header.Texts("Subject"); len(texts) > 0 {
		n.Subject = strings.TrimSpace(mail.OneLine(texts[0]))
	}
	c := e.compose()
	n.Write(c)
	if err := e.made(int64(c.Len())); err != nil {
		return nil, err
	}
	out.Raw = c.Bytes()
	return true, e.Act(out)
}

// options reads the options of a notification.
func (n *Notification) options(m map[string]Value) error {
	for name, v := range inOrder(m) {
		switch name {
		case "from":
			s, ok := v.(string)
			if !ok {
				k, _ := KindOf(v)
				return fmt.Errorf("option from: expected string, got %s", k)
			}
			if n.From, ok = mail.ReadMailbox(s); !ok {
				return fmt.Errorf("option from: %q is no mail address", cut(s, 80))
			}
		case "importance":
			i, err := convert(v, Int)
			if err != nil {
				return fmt.Errorf("option importance: %w", err)
			}
			if n.Importance = strconv.FormatInt(i.(int64), 10); Importances[n.Importance][0] == "" {
				return fmt.Errorf("option importance: %d is none; expected 1, 2 or 3", i)
			}
		default:
			return fmt.Errorf("unknown option %q; known are from, importance", cut(name, 40))
		}
	}
	return nil
}

// untold returns those of the addresses that the run has not notified yet, and notes them.
func (r *run) untold(list []mail.Address) (out []mail.Address) {
	for _, a := range list {
		key := strings.ToLower(a.String())
		if r.told[key] {
			continue
		}
		if r.told == nil {
			r.told = map[string]bool{}
		}
		r.told[key] = true
		out = append(out, a)
	}
	return out
}

// compose begins a message of the run: its time and its id, the same ones in a replay.
func (e *Env) compose() *mail.Composer {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte("function\x00"), e.View.Seed), uint64(len(e.run.plan.Actions)))
	sum := sha256.Sum256(append(append(b, e.View.ID...), e.View.Rcpt.Address...))
	host := strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' || strings.ContainsRune("<>()@,;:\\\"", c) {
			return -1
		}
		return c
	}, e.View.Hostname)
	if host == "" {
		host = "localhost"
	}
	c := &mail.Composer{}
	c.Raw("Message-ID", "<"+hex.EncodeToString(sum[:16])+"@"+host+">")
	c.Raw("Date", e.View.Time.Format(time.RFC1123Z))
	return c
}
