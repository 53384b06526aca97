package stalwart

import (
	"strconv"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// envVariables are those of the namespace env.
var envVariables = map[string]read{
	"env.remote_ip":         ofViewText(remoteIP),
	"env.remote_ip.reverse": func(s *state) (runtime.Value, error) { return s.invoke("ip_reverse_name", remoteIP(s.task.View())) },
	"env.helo_domain":       ofViewText(func(v *runtime.View) string { return v.Client.Helo }),
	"env.authenticated_as":  ofViewText(func(v *runtime.View) string { return v.Client.Authenticated }),
	"env.now":               ofView(func(v *runtime.View) runtime.Value { return v.Time.Unix() }),
	"env.asn":               ofView(func(*runtime.View) runtime.Value { return int64(0) }),
	"env.country":           ofViewText(func(*runtime.View) string { return "" }),
	"env.stage":             ofViewText(func(v *runtime.View) string { return string(v.Stage) }),
	"env.from":              ofViewText(func(v *runtime.View) string { return v.From.Address }),
	"env.iprev.ptr":         ofViewText(func(v *runtime.View) string { return v.Client.PTR }),
	"env.iprev.result": ofViewText(func(v *runtime.View) string {
		if v.Client.PTR != "" {
			return "pass"
		}
		return "none"
	}),
	"env.tls.version": ofViewText(func(v *runtime.View) string {
		if v.Client.TLS {
			return "TLS"
		}
		return ""
	}),
	"env.tls.cipher": ofViewText(func(*runtime.View) string { return "" }),
	"env.name":       ofViewText(func(*runtime.View) string { return "Sluice" }),
	"env.location":   ofViewText(func(*runtime.View) string { return "MS" }),
	"env.phase":      ofViewText(func(*runtime.View) string { return "during" }),
}

// checks are the results of checks of the sender: the function that makes them, and how the
// variable is read from what it returns.
var checks = map[string]struct {
	function string
	read     func(s *state, v runtime.Value) (runtime.Value, error)
}{
	"env.spf.result": {"spf_check", ofKey("result")}, "env.dmarc.result": {"dmarc_check", ofKey("result")}, "env.dmarc.policy": {"dmarc_check", ofKey("policy")},
	"env.dkim.result": {"dkim_verify", dkimResult}, "env.dkim.domains": {"dkim_verify", dkimDomains},
}

func ofKey(key string) func(s *state, v runtime.Value) (runtime.Value, error) {
	return func(s *state, v runtime.Value) (runtime.Value, error) {
		m, _ := v.(map[string]runtime.Value)
		return s.receive(m[key])
	}
}

// dkimResult returns pass if a signature does, else the result of the first, none without any.
func dkimResult(_ *state, v runtime.Value) (runtime.Value, error) {
	result := "none"
	signatures, _ := v.([]runtime.Value)
	for _, one := range signatures {
		m, _ := one.(map[string]runtime.Value)
		r, _ := m["result"].(string)
		if r == "pass" || result == "none" {
			result = r
		}
	}
	return result, nil
}

// dkimDomains returns the domains whose signatures pass.
func dkimDomains(s *state, v runtime.Value) (runtime.Value, error) {
	out := []runtime.Value{}
	signatures, _ := v.([]runtime.Value)
	for _, one := range signatures {
		if m, _ := one.(map[string]runtime.Value); m["result"] == "pass" {
			out = append(out, m["domain"])
		}
	}
	return s.receive(out)
}

// envelopeVariables are those of the namespace envelope.
var envelopeVariables = map[string]read{
	"envelope.from": ofViewText(func(v *runtime.View) string { return v.From.Address }),
	"envelope.to": ofView(func(v *runtime.View) runtime.Value {
		if v.Stage == runtime.StageData {
			return recipientsOf(v)
		}
		return v.Rcpt.Address
	}),
	"envelope.notify": rcptParam("NOTIFY"), "envelope.orcpt": rcptParam("ORCPT"),
	"envelope.ret": mailParam("RET"), "envelope.envid": mailParam("ENVID"),
	"envelope.by_time_relative": ofView(func(v *runtime.View) runtime.Value {
		n, _ := byTime(v)
		return n
	}),
	"envelope.by_time_absolute": ofView(func(v *runtime.View) runtime.Value {
		n, ok := byTime(v)
		if !ok {
			return ""
		}
		return addInt(v.Time.Unix(), n.(int64))
	}),
	"envelope.by_mode":  ofViewText(func(v *runtime.View) string { return byMode(v, "NR") }),
	"envelope.by_trace": ofViewText(func(v *runtime.View) string { return byMode(v, "T") }),
}

func mailParam(name string) read {
	return ofViewText(func(v *runtime.View) string { return v.From.Params[name] })
}

func rcptParam(name string) read {
	return ofViewText(func(v *runtime.View) string { return v.Rcpt.Params[name] })
}

// byTime returns the seconds in which the message is to be delivered, "" if the sender asked
// for none.
//
// Spec: RFC 2852, section 4
func byTime(v *runtime.View) (runtime.Value, bool) {
	text, _, _ := strings.Cut(v.From.Params["BY"], ";")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", false
	}
	return n, true
}

// byMode returns those letters of a set that the parameter BY has.
func byMode(v *runtime.View, set string) string {
	_, mode, _ := strings.Cut(strings.ToUpper(v.From.Params["BY"]), ";")
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(set, r) {
			return r
		}
		return -1
	}, mode)
}

// shared binds a name of the namespaces env and envelope, nil if it is none of theirs.
func (p *parser) shared(t token, at place, name string) node {
	if f, ok := envelopeVariables[name]; ok {
		return &variable{at, f}
	}
	if f, ok := envVariables[name]; ok {
		return &variable{at, f}
	}
	if param, ok := strings.CutPrefix(name, "env.param."); ok {
		param = strings.ToUpper(strings.ReplaceAll(param, "_", "-"))
		return &variable{at, ofView(func(v *runtime.View) runtime.Value {
			if s, ok := v.From.Params[param]; ok && s == "" {
				return int64(1)
			} else if ok {
				return s
			}
			return v.Rcpt.Params[param]
		})}
	}
	if name == "env.spf_ehlo.result" || name == "env.arc.result" {
		return &literal{at, ""}
	}
	if c, ok := checks[name]; ok {
		if runtime.CheckCall(c.function, nil, p.c.compile) != nil {
			return &literal{at, ""} // at this stage, or for this script, it is not known
		}
		return &variable{at, func(s *state) (runtime.Value, error) {
			v, err := s.invoke(c.function)
			if err != nil {
				return nil, err
			}
			return c.read(s, v)
		}}
	}
	return nil
}
