package stalwart

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

type read = func(s *state) (runtime.Value, error)

// constants are the bare words that some settings take; each is text of its name.
var constants = []string{
	"relaxed", "strict", "disable", "optional", "require",
	"ipv4_only", "ipv6_only", "ipv4_then_ipv6", "ipv6_then_ipv4", "hourly", "daily", "weekly",
	"login", "plain", "xoauth2", "oauthbearer", "mixer", "stanag4406", "nsep",
}

// ofView is a variable that is read from the transaction.
func ofView(f func(v *runtime.View) runtime.Value) read {
	return func(s *state) (runtime.Value, error) {
		v := f(s.task.View())
		return v, s.held(v)
	}
}

func ofViewText(f func(v *runtime.View) string) read {
	return ofView(func(v *runtime.View) runtime.Value { return f(v) })
}

func domainOf(address string) string {
	_, domain, _ := lastCut(address, "@")
	return domain
}

func localOf(address string) string {
	local, _, ok := lastCut(address, "@")
	if !ok {
		return address
	}
	return local
}

// lastCut is strings.Cut at the last separator.
func lastCut(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", "", false
}

// remoteIP returns the client's address as text.
func remoteIP(v *runtime.View) string {
	if !v.Client.IP.IsValid() {
		return ""
	}
	return v.Client.IP.Unmap().String()
}

func recipientsOf(v *runtime.View) runtime.Value {
	out := make([]runtime.Value, len(v.Rcpts))
	for i, p := range v.Rcpts {
		out[i] = p.Address
	}
	return out
}

// The variables of files, each set from the stage on at which they are known.
var (
	connectVariables = map[string]read{
		"listener": ofViewText(func(v *runtime.View) string { return v.Listener }),
		"protocol": ofViewText(func(v *runtime.View) string {
			if v.Listener == "lmtp" {
				return "lmtp"
			}
			return "smtp"
		}),
		"remote_ip":     ofViewText(remoteIP),
		"remote_ip.ptr": ofViewText(func(v *runtime.View) string { return v.Client.PTR }),
		"is_tls":        ofView(func(v *runtime.View) runtime.Value { return boolean(v.Client.TLS) }),
		"asn":           ofView(func(*runtime.View) runtime.Value { return int64(0) }),
		"country":       ofViewText(func(*runtime.View) string { return "" }),
	}
	ehloVariables = map[string]read{
		"helo_domain": ofViewText(func(v *runtime.View) string { return v.Client.Helo }),
	}
	mailVariables = map[string]read{
		"sender":           ofViewText(func(v *runtime.View) string { return v.From.Address }),
		"sender_domain":    ofViewText(func(v *runtime.View) string { return domainOf(v.From.Address) }),
		"authenticated_as": ofViewText(func(v *runtime.View) string { return v.Client.Authenticated }),
		"env_from":         ofViewText(func(v *runtime.View) string { return v.From.Address }),
		"env_from.local":   ofViewText(func(v *runtime.View) string { return localOf(v.From.Address) }),
		"env_from.domain":  ofViewText(func(v *runtime.View) string { return domainOf(v.From.Address) }),
	}
	rcptVariables = map[string]read{
		"recipients":  ofView(recipientsOf),
		"env_to":      ofView(recipientsOf),
		"rcpt":        ofViewText(func(v *runtime.View) string { return v.Rcpt.Address }),
		"rcpt_domain": ofViewText(func(v *runtime.View) string { return domainOf(v.Rcpt.Address) }),
		"priority":    ofView(priority),
	}
	messageVariables = map[string]read{
		"size": func(s *state) (runtime.Value, error) {
			if m := s.source.Message(); m != nil {
				return m.Size(), nil
			}
			return int64(0), nil
		},
		"subject":        headerVariable("subject", "text", last),
		"subject.thread": invoked("thread_name", headerVariable("subject", "text", last)),
		"subject.words":  invoked("split_words", headerVariable("subject", "text", last)),
		"body":           bodyText("plain", true),
		"body.words":     invoked("split_words", bodyText("plain", true)),
		"body.raw": func(s *state) (runtime.Value, error) {
			m := s.source.Message()
			if m == nil {
				return "", nil
			}
			return string(m.Body()), s.read(len(m.Body()))
		},
	}
	bodyVariables = map[string]read{
		"body.text": bodyText("plain", false), "body.html": bodyText("html", false),
		"body.to_text": bodyText("plain", true), "body.to_html": bodyText("html", true),
	}
)

func init() {
	for name, which := range map[string]index{"from": last, "reply_to": last, "to": {all: true}, "cc": {all: true}, "bcc": {all: true}} {
		field := strings.ReplaceAll(name, "_", "-")
		for suffix, part := range map[string]string{"": "addr", ".name": "name", ".local": "addr.local", ".domain": "addr.domain"} {
			messageVariables[name+suffix] = headerVariable(field, part, which)
		}
	}
}

// headerVariable reads a part of a header field, as a path does.
func headerVariable(name, part string, which index) read {
	h := headerPath{names: []string{name}, part: part, field: which, value: which}
	return h.read
}

// invoked gives a variable to a function of the table; where that is not there the variable
// stays as it is.
func invoked(name string, of read) read {
	return func(s *state) (runtime.Value, error) {
		v, err := of(s)
		if err != nil || runtime.Lookup(name) == nil {
			return v, err
		}
		return s.invoke(name, v)
	}
}

// priority returns the priority that the sender asked for, 0 if it did not.
//
// Spec: RFC 6710, section 4.1
func priority(v *runtime.View) runtime.Value {
	n, _ := strconv.ParseInt(v.From.Params["MT-PRIORITY"], 10, 64)
	return n
}

// sets are the variables of files and the stages from which on they are known.
var sets = []struct {
	variables map[string]read
	stages    []runtime.Stage // nil: all
}{
	{connectVariables, smtpStages(runtime.StageConnect)},
	{ehloVariables, smtpStages(runtime.StageEhlo)},
	{mailVariables, append(smtpStages(runtime.StageMail), runtime.StageIMAP)},
	{rcptVariables, append(smtpStages(runtime.StageRcpt), runtime.StageIMAP)},
	{messageVariables, messageStages}, {bodyVariables, messageStages},
}

// messageStages are those at which there is a message to read.
var messageStages = []runtime.Stage{runtime.StageData, runtime.StageDeliver, runtime.StageIMAP}

// smtpStages are the stages of a transaction from one on.
func smtpStages(from runtime.Stage) []runtime.Stage {
	stages := []runtime.Stage{runtime.StageConnect, runtime.StageEhlo, runtime.StageMail, runtime.StageRcpt, runtime.StageData, runtime.StageDeliver}
	return stages[slices.Index(stages, from):]
}

// unknown are variables of Stalwart that cannot be known here, with the reason.
var unknown = map[string]string{
	"remote_port": "the connection is the mail server's in front", "local_ip": "the connection is the mail server's in front",
	"local_port": "the connection is the mail server's in front; listener says where the mail came in",
	"retry_num":  "there is no queue here", "notify_num": "there is no queue here", "expires_in": "there is no queue here",
	"last_status": "there is no queue here", "last_error": "there is no queue here", "queue_name": "there is no queue here", "queue_age": "there is no queue here",
	"source": "there is no queue here", "mx": "there is no queue here", "received_from_ip": "it is remote_ip here", "received_via_port": "there is no queue here",
	"url": "there are no requests of HTTP here", "url_path": "there are no requests of HTTP here", "path": "there are no requests of HTTP here",
	"headers": "there are no requests of HTTP here", "method": "there are no requests of HTTP here", "location": "it is not known where a value stands",
	"values": "there are no elements of a spam filter here",
}

// variable binds a name.
func (p *parser) variable(t token, at place) node {
	name := t.text
	if len(name) > len("header.") && strings.EqualFold(name[:len("header.")], "header.") {
		h, offset, err := parseHeaderPath(name[len("header."):])
		switch {
		case err != nil:
			p.note(t.at+len("header.")+offset, "%s", err)
		case !p.c.sieve && !p.c.at(messageStages):
			p.note(t.at, "%s is not known at stage %s", clip(name), p.c.compile.Stage)
		}
		if err != nil {
			return nil
		}
		return &variable{at, h.read}
	}
	lower := strings.ToLower(name)
	switch lower {
	case "true", "false":
		return &literal{at, boolean(lower == "true")}
	}
	if p.c.sieve {
		return p.sieveVariable(t, at, lower)
	}
	for _, set := range sets {
		if f, ok := set.variables[name]; ok {
			if !p.c.at(set.stages) {
				p.note(t.at, "%s is not known at stage %s", name, p.c.compile.Stage)
			}
			return &variable{at, f}
		}
	}
	if n := p.shared(t, at, lower); n != nil {
		return n
	}
	if slices.Contains(constants, name) {
		return &literal{at, name}
	}
	known := map[string]bool{}
	for _, set := range sets {
		for n := range set.variables {
			known[n] = true
		}
	}
	p.unknownName(t, known)
	return nil
}

// at says whether the script may run at one of these stages.
func (c *compilation) at(stages []runtime.Stage) bool {
	return c.compile.Stage == "" || stages == nil || slices.Contains(stages, c.compile.Stage)
}

func (p *parser) unknownName(t token, known map[string]bool) {
	if why, ok := unknown[t.text]; ok {
		p.note(t.at, "%s is not known here: %s", t.text, why)
		return
	}
	if runtime.Lookup(t.text) != nil || functions[t.text].args != "" {
		p.note(t.at, "%s is a function; call it: %s(...)", t.text, t.text)
		return
	}
	p.note(t.at, "unknown variable %q%s", clip(t.text), runtime.Meant(t.text, maps.Keys(known), min(2, len(t.text)-1)))
}

// sieveVariable binds a name in a Sieve script: a variable of the script goes first.
func (p *parser) sieveVariable(t token, at place, name string) node {
	if space, rest, ok := strings.Cut(name, "."); ok && (space == "global" || space == "t") {
		return p.global(t, at, rest)
	}
	if p.c.known(name) {
		return named(at, name)
	}
	if n := p.shared(t, at, name); n != nil {
		return n
	}
	if f, ok := bodyVariables[name]; ok {
		return &variable{at, f}
	}
	if f, ok := partVariables[name]; ok {
		return &variable{at, f}
	}
	if slices.Contains(constants, name) {
		return &literal{at, name}
	}
	known := map[string]bool{}
	for _, set := range []map[string]read{bodyVariables, partVariables, envVariables, envelopeVariables} {
		for n := range set {
			known[n] = true
		}
	}
	p.unknownName(t, known)
	return nil
}

func named(at place, name string) node {
	return &variable{at, func(s *state) (runtime.Value, error) {
		v := s.source.Variable(name)
		return v, s.held(v)
	}}
}

// global binds a variable that the scripts of a program share.
func (p *parser) global(t token, at place, name string) node {
	name = "global." + strings.ToLower(name)
	if !p.c.known(name) {
		p.note(t.at, "%q is no variable; expected letters, digits and _ behind \"global.\"", clip(t.text))
		return nil
	}
	return named(at, name)
}
